"""Errors to bytes and back, for those who wait in another process: the class by its name, and its plain fields.

Only the public classes of ``errors`` are ever made; what a response or body held does not travel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway import errors, json_codec
from litellm_gateway.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS: Mapping[str, type[GatewayError]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, GatewayError) and kind is not errors.StructuredOutputError
}
_TEXTS = (
    "provider", "request_id", "model", "code", "path", "plugin", "distribution", "parameter", "scope", "guardrail",
    "stage", "reason", "phase", "content_type",
)  # fmt: skip
_NUMBERS = ("status_code", "retry_after")
_LONGEST = 2000
_MOST_ATTEMPTS = 16


def encode(error: GatewayError) -> bytes:
    """Write an error; one of a plugin's own class becomes the nearest public one.

    Raises:
        ValueError: It holds something JSON cannot say.
    """
    return json_codec.encode(_written(error))


def decode(data: bytes) -> GatewayError:
    """Read an error.

    Raises:
        ValueError: These bytes are none.
    """
    try:
        return _read(json_codec.decode(data))
    except (LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a written error ({type(error).__name__})") from None


def _written(error: GatewayError) -> dict[str, Any]:
    kind = next((kind for kind in type(error).__mro__ if _KINDS.get(kind.__name__) is kind), GatewayError)
    written: dict[str, Any] = {"error": kind.__name__, "message": str(error.message)[:_LONGEST]}
    for name in _TEXTS:
        value = getattr(error, name, None)
        if isinstance(value, str):
            written[name] = value[:_LONGEST]
    for name in _NUMBERS:
        value = getattr(error, name, None)
        if _is_number(value):
            written[name] = value
    if isinstance(error, errors.AllRoutesFailedError):
        written["attempts"] = [_written(each) for each in error.attempts[:_MOST_ATTEMPTS] if _stands_alone(each)]
    return written


def _stands_alone(error: object) -> bool:
    return isinstance(error, GatewayError) and not isinstance(error, errors.AllRoutesFailedError)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _read(written: Any) -> GatewayError:
    kind = _KINDS[written["error"]]
    fields: dict[str, Any] = {}
    for name, value in written.items():
        if (name in _TEXTS and isinstance(value, str)) or (
            name in _NUMBERS and isinstance(value, int | float) and not isinstance(value, bool)
        ):
            fields[name] = value
        elif name not in ("error", "message", "attempts"):
            raise ValueError(f"holds a {type(value).__name__} that no error has")
    if "attempts" in written:
        fields["attempts"] = [_read(each) for each in written["attempts"]]
    message = written["message"]
    if not isinstance(message, str):
        raise ValueError("holds no message")
    return kind(message, **fields)
