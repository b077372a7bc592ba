"""What a made stream says, what a reader made of it, and the gateway's own reading of its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, field, frozen
from litellm_gateway.answer_builder import AnswerBuilder
from litellm_gateway.errors import GatewayError, MalformedResponseError
from litellm_gateway.framing import reader_for
from litellm_gateway.testing.provider_driver import HELLO
from litellm_gateway.wire import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from choices_from_bytes import Choices
    from litellm_gateway.responses import StreamChunk

UNREADABLE = (ValueError, KeyError, TypeError, IndexError, AttributeError)
"""What a decoder may raise beside typed errors; the provider around it turns these into ``MalformedResponseError``."""

FINISHED, CUT, BROKEN, REFUSED = "finished", "cut", "broken", "refused"
"""How a stream can end: as it should, too early, unreadable, or with an error the provider names."""


@define
class Reading:
    """What came out of a stream; arguments and texts joined, token counts as input and output in total."""

    end: str = CUT
    finish: str | None = None
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: list[tuple[str | None, str, str]] = field(factory=list)
    usage: tuple[int, int] | None = None

    def open_call(self, call_id: str | None, name: str, arguments: str = "") -> None:
        """Begin a call."""
        self.calls.append((call_id, name, arguments))

    def add_arguments(self, index: int, arguments: str) -> None:
        """Go on with one."""
        call_id, name, so_far = self.calls[index]
        self.calls[index] = (call_id, name, so_far + arguments)

    def settled(self) -> Reading:
        """Give it with ``{}`` for calls without arguments, as answers have it."""
        self.calls = [(call_id, name, arguments or "{}") for call_id, name, arguments in self.calls]
        return self


@frozen
class Made:
    """A stream's events, and what somebody who reads them all must understand."""

    events: list[tuple[str, Any]]
    told: Reading


class Wire(Protocol):
    """One provider's way to stream.

    Attributes:
        error: An event by which it says that it failed.
    """

    error: tuple[str, Any]

    def make(self, choices: Choices) -> Made:
        """Think up an answer and write its events."""
        ...

    def write(self, events: list[tuple[str, Any]], choices: Choices) -> bytes:
        """Write the bytes of a body, with whatever its framing allows between events."""
        ...

    def read(self, body: bytes) -> Reading:
        """Read a whole body, or what there is of it, in the plainest way there is."""
        ...

    def dialect(self) -> Any:
        """Give what is tested."""
        ...


def decode(dialect: Any, parts: Iterable[bytes]) -> Reading:
    """Read a stream through the gateway's framing and decoder, and hold these to what they promise."""
    reader, decoder = reader_for(dialect.framing, Limits()), dialect.stream_decoder(HELLO)
    pieces: list[StreamChunk] = []
    end = ""
    try:
        for part in parts:
            for event in reader.feed(part):
                pieces += decoder.feed(event)
        for event in reader.close():
            pieces += decoder.feed(event)
        pieces += decoder.close()
    except MalformedResponseError:
        end = BROKEN
    except GatewayError:
        end = REFUSED
    except UNREADABLE:
        end = BROKEN
    check_order(pieces, broke=bool(end))
    return _reading(pieces, end)


def check_order(pieces: list[StreamChunk], *, broke: bool) -> None:
    """At most one start, one usage and one finish; the finish last, right after the usage, and never with an error."""
    kinds = [piece.kind for piece in pieces]
    assert kinds.count("start") <= 1, kinds
    assert kinds.count("usage") <= 1, kinds
    assert kinds.count("finish") <= 1, kinds
    assert "finish" not in kinds[:-1], kinds
    assert not (broke and "finish" in kinds), kinds
    if "usage" in kinds and "finish" in kinds:
        assert kinds[-2] == "usage", kinds


def _reading(pieces: list[StreamChunk], end: str) -> Reading:
    builder = AnswerBuilder()
    for piece in pieces:
        builder.take(piece)
    answer = builder.build(model="m", metadata={})
    assert answer.text == "".join(pieces)
    finish = builder.finish
    usage = builder.usage
    return Reading(
        end=end or (CUT if finish is None else FINISHED),
        finish=None if finish is None else finish.raw_finish_reason,
        text=answer.text,
        reasoning="".join(part.text for part in answer.reasoning),
        refusal=answer.refusal or "",
        calls=[(call.id, call.name, call.arguments) for call in answer.tool_calls],
        usage=None if usage is None else (usage.prompt_tokens, usage.completion_tokens),
    )
