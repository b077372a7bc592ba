"""The provider ``echo``: answers with what was said to it, for examples, tests and measuring the gateway itself.

It is also the exemplar of a provider that speaks to no HTTP API: it fulfils the contract directly.
"""

from __future__ import annotations

import math
import re
from array import array
from typing import TYPE_CHECKING
from zlib import crc32

from attrs import field, frozen

from litellm_gateway.contracts import ProviderOffer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.responses import EmbedResponse, GenerateResponse, Price, StreamChunk, TokenUsage
from litellm_gateway.setting_checks import not_negative, positive, whole

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from litellm_gateway.contracts import BuildContext, Call, Provider
    from litellm_gateway.requests import EmbedRequest, GenerateRequest


@frozen(kw_only=True)
class EchoSettings:
    """How the echo behaves.

    Attributes:
        delay: Seconds before a whole answer, and before each word of a streamed one.
        dimensions: Numbers per embedding, unless a request names another count.
    """

    delay: float = field(default=0.0, validator=not_negative)
    dimensions: int = field(default=64, validator=[whole, positive])


class EchoProvider:
    """Answers with the text of the last user message. A word counts as a token.

    ``max_tokens`` and ``stop`` are kept; there is nothing the other parameters could change.
    """

    def __init__(self, settings: EchoSettings, context: BuildContext) -> None:
        self._settings = settings
        self._name = context.name
        self._sleep = context.sleep

    async def generate(self, request: GenerateRequest, call: Call) -> GenerateResponse:
        """Give the whole answer."""
        await self._wait()
        words, finish_reason = _answer(request)
        return GenerateResponse(
            text="".join(words),
            model=request.model,
            usage=_usage(request, words),
            finish_reason=finish_reason,
            raw_finish_reason=finish_reason,
            metadata={"provider": self._name, "request_id": call.id},
        )

    async def stream(self, request: GenerateRequest, call: Call) -> AsyncIterator[StreamChunk]:
        """Give the answer word by word."""
        words, finish_reason = _answer(request)
        yield StreamChunk(kind="start", model=request.model, response_id=call.id)
        for word in words:
            await self._wait()
            yield StreamChunk(word)
        yield StreamChunk(kind="usage", usage=_usage(request, words))
        yield StreamChunk(kind="finish", finish_reason=finish_reason, raw_finish_reason=finish_reason)

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        """Give one vector per text: texts that share letters in the same order lie close together."""
        await self._wait()
        dimensions = request.dimensions or self._settings.dimensions
        return EmbedResponse(
            vectors=tuple(_vector(text, dimensions) for text in request.texts),
            model=request.model,
            usage=TokenUsage(input_tokens=sum(len(text.split()) for text in request.texts)),
            metadata={"provider": self._name, "request_id": call.id},
        )

    async def aclose(self) -> None:
        """Nothing to free."""

    async def _wait(self) -> None:
        if self._settings.delay:
            await self._sleep(self._settings.delay)


_WORD = r"\s*\S+"
"""A word with the white space before it, so that the words of a text join to it again."""


def _answer(request: GenerateRequest) -> tuple[Sequence[str], str]:
    """Give the words of the answer and why it ends."""
    text = next((message.text for message in reversed(request.messages) if message.role == "user"), "")
    for stop in request.stop:
        text = text.partition(stop)[0] if stop else text
    words = re.findall(_WORD, text.rstrip())
    if request.max_tokens is not None and len(words) > request.max_tokens:
        return words[: request.max_tokens], "length"
    return words, "stop"


def _usage(request: GenerateRequest, words: Sequence[str]) -> TokenUsage:
    said = sum(len(message.text.split()) for message in request.messages)
    return TokenUsage(input_tokens=said, output_tokens=len(words))


def _vector(text: str, dimensions: int) -> array[float]:
    """Count each run of three characters in the place its checksum names, and scale to length one."""
    counts = [0.0] * dimensions
    padded = f"  {text.lower()}  ".encode("utf-8", "replace")
    for start in range(len(padded) - 2):
        checksum = crc32(padded[start : start + 3])
        counts[checksum % dimensions] += 1.0 if checksum & 0x8000_0000 else -1.0
    length = math.sqrt(sum(count * count for count in counts))
    if length == 0.0:  # all runs cancelled out: any fixed direction will do
        counts[0] = length = 1.0
    return array("f", [count / length for count in counts])


def _price(_model: str) -> Price:
    from decimal import Decimal

    return Price(input=Decimal(0), output=Decimal(0), source="an echo costs nothing")


def build(settings: EchoSettings, context: BuildContext) -> Provider:
    """Build the provider."""
    return EchoProvider(settings, context)


@hookimpl
def gateway_provider() -> ProviderOffer:
    """Offer the provider; it needs no key."""
    return ProviderOffer(
        name="echo",
        summary="Answers with what was said to it; for examples and tests",
        settings=EchoSettings,
        build=build,
        default_model="echo",
        default_embedding_model="echo",
        prices=_price,
    )
