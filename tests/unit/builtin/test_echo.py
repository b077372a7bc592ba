"""The echo answers with what was said to it, whole, streamed and as vectors."""

from __future__ import annotations

import asyncio
import math
import random
import subprocess
import sys
import time
from array import array
from typing import TYPE_CHECKING

import pytest
from litellm_gateway.builtin import echo
from litellm_gateway.builtin.echo import EchoProvider, EchoSettings
from litellm_gateway.contracts import BuildContext, Embedder, Provider
from litellm_gateway.messages import Message, TextPart
from litellm_gateway.requests import EmbedRequest, GenerateRequest
from litellm_gateway.responses import TokenUsage
from litellm_gateway.testing.provider_driver import new_call
from litellm_gateway.wire import Timeouts

if TYPE_CHECKING:
    from collections.abc import Sequence


def _provider(sleeps: list[float] | None = None, **settings: float) -> EchoProvider:
    async def sleep(seconds: float) -> None:
        assert sleeps is not None
        sleeps.append(seconds)

    context = BuildContext(
        name="echo",
        transport=lambda: pytest.fail("the echo opens no transport"),
        timeouts=Timeouts(),
        clock=time.monotonic,
        sleep=sleep,
        random=random.Random(0),
    )
    return EchoProvider(EchoSettings(**settings), context)  # type: ignore[arg-type]


def _likeness(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def _request(text: str = "say it  again\nplease ", **options: object) -> GenerateRequest:
    messages = (
        Message(role="system", content="be an echo"),
        Message(role="user", content="before"),
        Message(role="assistant", content="before"),
        Message(role="user", content=(TextPart(text=text),)),
    )
    return GenerateRequest(model="echo", messages=messages, **options)  # type: ignore[arg-type]


async def test_answers_with_the_last_user_message() -> None:
    """The answer is what the user said last, white space inside included, without what trails it."""
    answer = await _provider().generate(_request(), new_call())

    assert answer.text == "say it  again\nplease"
    assert answer.finish_reason == "stop"
    assert answer.usage == TokenUsage(input_tokens=9, output_tokens=4)
    assert answer.metadata["provider"] == "echo"


async def test_streams_the_same_answer_word_by_word() -> None:
    """The joined pieces are the whole answer; usage comes once, the finish once and last."""
    provider, request = _provider(), _request()
    whole = await provider.generate(request, new_call())

    pieces = [piece async for piece in provider.stream(request, new_call())]

    assert "".join(pieces) == whole.text
    assert [piece.kind for piece in pieces] == ["start", "text", "text", "text", "text", "usage", "finish"]
    assert pieces[-2].usage == whole.usage
    assert pieces[-1].finish_reason == "stop"


@pytest.mark.parametrize(
    ("options", "text", "finish_reason"),
    [
        ({"max_tokens": 2}, "say it", "length"),
        ({"max_tokens": 4}, "say it  again\nplease", "stop"),
        ({"stop": ("again", "it")}, "say", "stop"),
        ({"stop": ("",)}, "say it  again\nplease", "stop"),
    ],
)
async def test_keeps_max_tokens_and_stop(options: dict[str, object], text: str, finish_reason: str) -> None:
    """A word counts as a token, and a stop text ends the answer before it."""
    answer = await _provider().generate(_request(**options), new_call())

    assert (answer.text, answer.finish_reason) == (text, finish_reason)


async def test_nothing_said_nothing_answered() -> None:
    """Without a user message the answer is empty."""
    request = GenerateRequest(model="echo", messages=(Message(role="system", content="be quiet"),))

    answer = await _provider().generate(request, new_call())

    assert (answer.text, answer.usage.output_tokens) == ("", 0)


async def test_waits_as_long_as_told() -> None:
    """``delay`` is slept before a whole answer, and before each word of a streamed one."""
    sleeps: list[float] = []
    provider = _provider(sleeps, delay=0.25)

    await provider.generate(_request("two words"), new_call())
    async for _ in provider.stream(_request("two words"), new_call()):
        pass

    assert sleeps == [0.25, 0.25, 0.25]


async def test_vectors_are_unit_vectors_that_mean_something() -> None:
    """One buffer of 32-bit floats of length one per text, in order; like texts lie closer than others."""
    texts = ("the quick brown fox", "the quick brown foxes", "zebras never whisper", "", "\ud800")

    answer = await _provider().embed(EmbedRequest(model="echo", texts=texts), new_call())

    assert len(answer) == 5
    for vector in answer:
        assert isinstance(vector, array)
        assert (vector.typecode, len(vector)) == ("f", 64)
        assert math.isclose(math.hypot(*vector), 1.0, rel_tol=1e-5)
    assert _likeness(answer[0], answer[1]) > 0.8 > 0.4 > abs(_likeness(answer[0], answer[2]))
    assert answer.usage.prompt_tokens == 4 + 4 + 3 + 0 + 1


async def test_dimensions_can_be_asked_for() -> None:
    """A request may name the number of dimensions."""
    answer = await _provider().embed(EmbedRequest(model="echo", texts=("a",), dimensions=7), new_call())

    assert len(answer[0]) == 7


def test_vectors_are_the_same_in_every_process() -> None:
    """Python's own hash differs between processes; the vectors do not."""
    code = (
        "import asyncio, types; from litellm_gateway.builtin.echo import *; "
        "from litellm_gateway.requests import EmbedRequest; "
        "provider = EchoProvider(EchoSettings(), types.SimpleNamespace(name='echo', sleep=None)); "
        "request = EmbedRequest(model='echo', texts=('abc',)); "
        "call = types.SimpleNamespace(id='x'); "
        "print(list(asyncio.run(provider.embed(request, call))[0]))"
    )

    shown = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }

    assert len(shown) == 1


def test_offer_needs_no_key_and_costs_nothing() -> None:
    """The offer is whole: models by default, no key, a price of zero."""
    offer = echo.gateway_provider()

    assert offer.name == "echo"
    assert offer.key_env == ()
    assert offer.default_model == offer.default_embedding_model == "echo"
    assert offer.prices is not None
    price = offer.prices("echo")
    assert price is not None
    assert (price.input, price.output) == (0, 0)


def test_fulfils_both_contracts() -> None:
    """The echo answers and embeds, and closes without a trace."""
    provider = _provider()

    asyncio.run(provider.aclose())

    assert isinstance(provider, Provider)
    assert isinstance(provider, Embedder)
