"""A gateway that answers from a script, and a runner for the command with that gateway behind it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest
from click.testing import CliRunner, Result
from litellm_gateway.responses import EmbedResponse, GenerateResponse, StreamChunk, TokenUsage
from litellm_gateway_cli.main import main
from litellm_gateway_cli.options import Setup


@attrs.define
class ScriptedStream:
    """Gives its pieces, raising those that are errors."""

    pieces: list[str | BaseException]
    whole: GenerateResponse
    closed: bool = False

    def __iter__(self):
        for piece in self.pieces:
            if isinstance(piece, BaseException):
                raise piece
            yield StreamChunk(piece)

    def response(self) -> GenerateResponse:
        return self.whole

    def close(self) -> None:
        self.closed = True


@attrs.define
class ScriptedGateway:
    """Answers every call with the next script, and keeps what it was asked."""

    scripts: list[list[str | BaseException]]
    answer: dict[str, Any] = attrs.field(factory=dict)
    asked: list[dict[str, Any]] = attrs.field(factory=list)
    config: Any = None
    opened: int = 0
    closed: int = 0
    streams: list[ScriptedStream] = attrs.field(factory=list)
    health: dict[str, Any] = attrs.field(
        factory=lambda: {"status": "healthy", "provider": "acme", "circuit_breaker": {"state": "closed"}}
    )

    refusal: Exception | None = None

    def open(self, config: Any) -> ScriptedGateway:
        if self.refusal:
            raise self.refusal
        self.config = config
        self.opened += 1
        return self

    def __enter__(self) -> ScriptedGateway:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed += 1

    def generate_stream(self, prompt: str | None = None, **options: Any) -> ScriptedStream:
        self.asked.append(options | {"prompt": prompt, "streamed": True})
        pieces = self.scripts.pop(0)
        stream = ScriptedStream(pieces, self._response(pieces))
        self.streams.append(stream)
        return stream

    def generate(self, prompt: str | None = None, **options: Any) -> GenerateResponse:
        self.asked.append(options | {"prompt": prompt, "streamed": False})
        pieces = self.scripts.pop(0)
        for piece in pieces:
            if isinstance(piece, BaseException):
                raise piece
        return self._response(pieces)

    def embed(self, texts: list[str], **options: Any) -> EmbedResponse:
        self.asked.append(options | {"texts": texts})
        return EmbedResponse(vectors=tuple([float(len(text)), 0.5] for text in texts), model="m")

    def describe(self) -> dict[str, Any]:
        return {"default_provider": "acme", "providers": {"acme": "ACME models"}, "transport": "httpx"}

    def get_health(self) -> dict[str, Any]:
        return self.health

    def _response(self, pieces: list[str | BaseException]) -> GenerateResponse:
        fields: dict[str, Any] = {
            "text": "".join(piece for piece in pieces if isinstance(piece, str)),
            "model": "m-1",
            "usage": TokenUsage(input_tokens=3, output_tokens=4),
            "metadata": {"provider": "acme", "latency": 1.25, "cost": Decimal("0.0005")},
        }
        return GenerateResponse(**(fields | self.answer))


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway(scripts=[["Hello", " world"]])


@pytest.fixture
def command(gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch):
    """Run the command with the scripted gateway; standard input is empty unless given."""
    for name in (
        "PROVIDER",
        "DEFAULT_MODEL",
        "DEFAULT_EMBEDDING_MODEL",
        "BASE_URL",
        "TIMEOUT",
        "MAX_RETRIES",
        "TRANSPORT",
    ):
        monkeypatch.delenv(f"LITELLM_GATEWAY_{name}", raising=False)

    def run(*arguments: str, input: str | bytes = "", **extra: Any) -> Result:  # noqa: A002 - click's own word
        return CliRunner().invoke(main, arguments, input=input, obj=Setup(open_gateway=gateway.open), **extra)

    return run
