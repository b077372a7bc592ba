"""Drive one provider without a gateway: build it on a given transport, ask it, and keep what comes back."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from attrs import field, frozen

from litellm_gateway.answer_builder import AnswerBuilder
from litellm_gateway.config import from_mapping
from litellm_gateway.contracts import BuildContext, Call
from litellm_gateway.errors import GatewayError
from litellm_gateway.messages import Message
from litellm_gateway.requests import GenerateRequest
from litellm_gateway.wire import Timeouts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from litellm_gateway.contracts import Provider, ProviderOffer, Transport
    from litellm_gateway.responses import GenerateResponse, StreamChunk

HELLO = GenerateRequest(
    model="some-model", messages=(Message(role="user", content="Hello"),), max_tokens=16, temperature=0.0
)


@frozen(kw_only=True)
class Outcome:
    """What came of one request: pieces of a stream as far as they came, the whole answer, or the error."""

    streamed: bool = False
    pieces: tuple[StreamChunk, ...] = ()
    answer: GenerateResponse | None = field(default=None, repr=False)
    error: GatewayError | None = None

    @property
    def finished(self) -> bool:
        """Whether it was a success: an answer, or a stream with its finish piece, and no error."""
        ended = not self.streamed or (bool(self.pieces) and self.pieces[-1].kind == "finish")
        return ended and self.error is None

    @property
    def content(self) -> tuple[Any, ...]:
        """Text, refusal, reasoning and tool calls: what must be the same however the network cut it."""
        if self.answer is None:
            return ()
        calls = tuple((call.name, call.arguments) for call in self.answer.tool_calls)
        reasoning = "".join(part.text for part in self.answer.reasoning)
        return self.answer.text, self.answer.refusal, reasoning, calls


def build(offer: ProviderOffer, settings: Mapping[str, Any], transport: Transport) -> Provider:
    """Build a provider on a transport."""
    context = BuildContext(
        name=offer.name,
        transport=lambda: transport,
        timeouts=Timeouts(),
        clock=time.monotonic,
        sleep=asyncio.sleep,
        random=random.Random(0),  # noqa: S311 - no secret is made of it
    )
    return offer.build(from_mapping(offer.settings, settings, path=f"providers.{offer.name}"), context)


def new_call(seconds: float = 20.0) -> Call:
    """Give a call that may take some seconds and retries nothing."""
    now = time.monotonic()
    return Call(
        id="req_" + "0" * 24,
        tenant="",
        deadline=now + seconds,
        retries_left=0,
        clock=time.monotonic,
        started_at=now,
    )


async def ask(provider: Provider, request: GenerateRequest = HELLO) -> Outcome:
    """Ask for a whole answer; an error that is not typed goes through."""
    try:
        return Outcome(answer=await provider.generate(request, new_call()))
    except GatewayError as error:
        return Outcome(error=error)


async def ask_streamed(provider: Provider, request: GenerateRequest = HELLO) -> Outcome:
    """Ask for a stream and put its pieces together; an error that is not typed goes through."""
    builder, pieces = AnswerBuilder(), []
    error: GatewayError | None = None
    try:
        async with aclosing(open_stream(provider, request)) as stream:
            async for piece in stream:
                pieces.append(piece)
                builder.take(piece)
    except GatewayError as failure:
        error = failure
    answer = builder.build(model=request.model, metadata={})
    return Outcome(streamed=True, pieces=tuple(pieces), answer=answer, error=error)


def open_stream(provider: Provider, request: GenerateRequest = HELLO) -> AsyncGenerator[StreamChunk, None]:
    """Give a stream that can be closed early."""
    return cast("AsyncGenerator[StreamChunk, None]", provider.stream(request, new_call()))
