"""A stream that breaks tells what came of it, and no more of that than the guardrails have let pass."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from litellm_gateway import (
    GatewayError,
    GuardrailError,
    LiteLLMGateway,
    ProviderOverloadedError,
    StreamInterruptedError,
    create_gateway,
)
from litellm_gateway.contracts import Allow, Block, GuardrailOffer, Modify, Verdict
from litellm_gateway.errors import ProviderConnectionError
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.responses import StreamChunk
from litellm_gateway.testing.scripted_provider import ScriptedProvider, pieces


class Redactor:
    """A guardrail that takes a word out."""

    def __init__(self, window: int | None) -> None:
        self.window = window

    @hookimpl
    def gateway_guardrail(self) -> GuardrailOffer:
        return GuardrailOffer(name="redactor", summary="", build=lambda settings, context: self, window=self.window)

    async def check_input(self, text: str, call: Any) -> Verdict:
        return Allow()

    async def check_output(self, text: str, call: Any) -> Verdict:
        return Modify(text.replace("secret", "***")) if "secret" in text else Allow()

    async def aclose(self) -> None:
        return


CUT = ProviderConnectionError("reset")
BROKEN = [*pieces("the secret ", "is kept, and ", "the rest comes ", finish=None), CUT]


def make(step: Any, window: int | None, **settings: Any) -> LiteLLMGateway:
    plugins = [ScriptedProvider(step), Redactor(window)]
    return create_gateway(
        provider="scripted", plugins=plugins, discover=False, guardrails=["redactor"], max_retries=0, **settings
    )


async def read(gateway: LiteLLMGateway) -> tuple[str, GatewayError]:
    """Give what a reader got before the stream broke, and how it broke."""
    got: list[str] = []
    with pytest.raises(GatewayError) as caught:
        async for piece in gateway.generate_stream_async("x"):
            got.append(piece)
    return "".join(got), caught.value


@pytest.mark.parametrize(("window", "seen"), [(None, ""), (8, "the *** is kept, and the res"), (0, None)])
async def test_what_is_left_of_a_broken_stream_has_passed_the_guardrails(window: int | None, seen: str | None) -> None:
    """What was held back for them, changed or still unjudged, is not in ``partial`` either."""
    gateway = make(BROKEN, window)

    got, error = await read(gateway)

    assert isinstance(error, StreamInterruptedError)
    assert error.partial is not None
    assert error.partial.text == got == ("the *** is kept, and the rest comes " if seen is None else seen)
    assert error.partial.metadata["partial"] is True


async def test_nothing_that_hangs_on_the_error_tells_the_rest() -> None:
    """Neither its cause nor its context has another ``partial``."""
    gateway = make(BROKEN, None)

    _, error = await read(gateway)

    chained: BaseException | None = error.__cause__ or error.__context__
    assert isinstance(chained, ProviderConnectionError)
    while chained is not None:
        assert getattr(chained, "partial", None) is None
        chained = chained.__cause__ or chained.__context__


async def test_an_error_the_provider_names_shows_no_more() -> None:
    """It stays of its own kind, with its own fields."""
    gateway = make([StreamChunk("a secret"), ProviderOverloadedError("busy", status_code=529)], None)

    got, error = await read(gateway)

    assert type(error) is ProviderOverloadedError
    assert (error.status_code, error.partial and error.partial.text) == (529, got)


async def test_each_reader_of_a_shared_stream_has_an_error_of_its_own() -> None:
    """What one was shown is not what the other was."""

    async def slowly(_request: Any) -> Any:
        await asyncio.sleep(0.01)
        return BROKEN

    gateway = make(slowly, 8, enable_request_deduplication=True)

    (first, one), (second, other) = await asyncio.gather(read(gateway), read(gateway))

    assert one is not other
    assert one.partial is not None
    assert other.partial is not None
    assert (one.partial.text, other.partial.text) == (first, second)


class Censor(Redactor):
    """A guardrail that blocks a word."""

    async def check_output(self, text: str, call: Any) -> Verdict:
        return Block("a word") if "secret" in text else Allow()


async def test_a_blocked_stream_tells_what_was_shown() -> None:
    """The error is the guardrail's own; ``partial`` is what the reader has."""
    step = pieces("a word, ", "and another, ", "then the secret ", "and more")
    gateway = create_gateway(
        provider="scripted", plugins=[ScriptedProvider(step), Censor(4)], discover=False, guardrails=["redactor"]
    )

    got, error = await read(gateway)

    assert isinstance(error, GuardrailError)
    assert error.partial is not None
    assert error.partial.text == got
    assert got.startswith("a word, ")
