"""Errors that travel to another process."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest
from litellm_gateway import error_codec, errors
from litellm_gateway.errors import AllRoutesFailedError, GatewayError, MalformedResponseError, ProviderError

NEEDED: dict[str, Any] = {
    "guardrail": "size", "stage": "input", "reason": "too long", "retry_after": 1.5, "scope": "gateway",
    "phase": "connect", "path": "a.b", "plugin": "p", "distribution": "d", "parameter": "seed", "content_type": "x/y",
}  # fmt: skip
KINDS = [
    kind
    for kind in vars(errors).values()
    if inspect.isclass(kind) and issubclass(kind, GatewayError) and kind is not errors.StructuredOutputError
]


class OfAPlugin(ProviderError):
    """A class of somebody's own."""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_class_arrives_with_its_fields(kind) -> None:
    """Class, message and every plain field are the same on the other side."""
    own = [name for name in inspect.signature(kind.__init__).parameters if name in NEEDED]
    fields = {"provider": "acme", "status_code": 418, "request_id": "r1", "model": "m", "code": "c"}
    error = kind("what happened", **fields, **{name: NEEDED[name] for name in own})

    arrived = error_codec.decode(error_codec.encode(error))

    assert type(arrived) is kind
    assert {name: value for name, value in vars(arrived).items() if name != "attempts"} == {
        name: value for name, value in vars(error).items() if name != "attempts"
    }
    assert str(arrived) == "what happened"


def test_a_class_of_a_plugin_becomes_its_nearest_public_one() -> None:
    """Nobody imports a class by the name another process gives."""
    arrived = error_codec.decode(error_codec.encode(OfAPlugin("no", retry_after=3.0)))

    assert type(arrived) is ProviderError
    assert arrived.retry_after == 3.0


def test_bodies_and_answers_stay_here() -> None:
    """No first bytes of a body, no partial answer, no response is written."""
    malformed = MalformedResponseError("html", body=b"canary-body", content_type="text/html")
    partial = errors.StreamInterruptedError("cut", partial="canary-partial")  # type: ignore[arg-type]
    unfit = errors.StructuredOutputError("unfit", response="canary-response")  # type: ignore[arg-type]

    written = b"".join(map(error_codec.encode, (malformed, partial, unfit)))

    assert b"canary" not in written
    assert type(error_codec.decode(error_codec.encode(unfit))) is GatewayError


def test_the_attempts_of_all_routes_travel_too() -> None:
    """Each of them, as far as they are not many."""
    error = AllRoutesFailedError("all", attempts=[ProviderError(f"{number}", provider="p") for number in range(50)])

    arrived = error_codec.decode(error_codec.encode(error))

    assert isinstance(arrived, AllRoutesFailedError)
    assert [each.message for each in arrived.attempts] == [f"{number}" for number in range(16)]


def test_long_texts_are_cut() -> None:
    """What travels is bounded."""
    assert len(error_codec.encode(ProviderError("x" * 10**6, code="y" * 10**6))) < 5000


@pytest.mark.parametrize(
    "written",
    [
        {"error": "SystemExit", "message": "x"},
        {"error": "StructuredOutputError", "message": "x"},
        {"error": ["GatewayError"], "message": "x"},
        {"error": "GatewayError"},
        {"error": "GatewayError", "message": 3},
        {"error": "GatewayError", "message": "x", "body": "y"},
        {"error": "GatewayError", "message": "x", "retry_after": 1},
        {"error": "ProviderError", "message": "x", "retry_after": "soon"},
        {"error": "ProviderError", "message": "x", "retry_after": True},
        {"error": "GuardrailError", "message": "x"},
        {"error": "AllRoutesFailedError", "message": "x", "attempts": [{"error": "os.system"}]},
        {"error": "GatewayError", "message": "x", "__class__": "y"},
        {"message": "x"},
        [],
        None,
        3,
        "GatewayError",
    ],
)
def test_what_is_no_error_is_refused(written) -> None:
    """Unknown classes, unknown fields and wrong kinds make no object."""
    with pytest.raises(ValueError, match=r"."):
        error_codec.decode(json.dumps(written).encode())


def test_what_is_no_json_is_refused() -> None:
    """Neither is anything else."""
    for data in (b"", b"\xff", b"{", b"[" * 100_000):
        with pytest.raises(ValueError, match=r"."):
            error_codec.decode(data)
