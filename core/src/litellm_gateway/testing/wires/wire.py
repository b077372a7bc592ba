"""What a format is to a test server: how it writes an answer, whole or in frames, and how it reports an error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Kind = Literal["start", "content", "finish", "usage", "end"]


@frozen(kw_only=True)
class Answer:
    """What is to be said: a text, or a call of a tool.

    Attributes:
        text: The text; with ``tool`` the arguments of the call, as JSON.
        tool: Name of the tool called.
        finish: The provider's own word for why it ended, in place of the usual one.
        step: Characters in one piece of a stream.
    """

    text: str
    tool: str | None = None
    finish: str | None = None
    step: int = 24
    input_tokens: int = 5
    output_tokens: int = 7

    def pieces(self) -> list[str]:
        """Give the text as a stream says it."""
        return [self.text[start : start + self.step] for start in range(0, len(self.text), self.step)]


@frozen
class Frame:
    """One event of a stream as its bytes, and what it is there for.

    ``start`` says who answers, ``content`` holds a piece of the answer or frames one, ``finish`` gives the reason,
    ``usage`` the token counts, ``end`` says that nothing more comes. A format may tell several in one frame.
    """

    kind: Kind
    data: bytes


@frozen(kw_only=True)
class Report:
    """An error as a provider reports it: status, body (a JSON value) and headers."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(factory=dict)


USUAL = ("bad_key", "rate_limited", "server_error")
"""What every provider reports; scenarios need a report of each."""


def _with_the_usual(_wire: Wire, _attribute: Any, reports: Mapping[str, Report]) -> None:
    missing = [name for name in USUAL if name not in reports]
    if missing:
        raise ValueError(f"reports has no {', '.join(missing)}; a format must say how its provider reports them")


@frozen(kw_only=True)
class Wire:
    """One provider's format, as far as a server must write it.

    Attributes:
        name: What it is called in tables.
        answers: Does a request to this path speak this format?
        wants_stream: Does a request, by its path and decoded body, ask for a stream?
        whole: Writes an answer as the JSON value of one body.
        streamed: Writes an answer as frames.
        reports: Errors by what they say (see ``TROUBLES``), as far as the provider has them; those of ``USUAL`` it has.
        reported: Writes a report as a frame inside a stream of status 200.
        oddities: Streams that are unusual and right, by what is unusual about them.
        embedded: Writes one vector of two numbers for each text, as the JSON value of one body.
        content_type: Of a stream.
        is_text: Are its frames server-sent events?
        hides_end: Is the end of the body the only sign of the end?
    """

    name: str
    answers: Callable[[str], bool] = field(repr=False)
    wants_stream: Callable[[str, Any], bool] = field(repr=False)
    whole: Callable[[Answer], Any] = field(repr=False)
    streamed: Callable[[Answer], list[Frame]] = field(repr=False)
    reports: Mapping[str, Report] = field(repr=False, validator=_with_the_usual)
    reported: Callable[[Report], Frame] = field(repr=False)
    oddities: Mapping[str, Callable[[Answer], list[Frame]]] = field(factory=dict, repr=False)
    embedded: Callable[[list[str]], Any] | None = field(default=None, repr=False)
    content_type: str = "text/event-stream"
    is_text: bool = True
    hides_end: bool = False


TROUBLES = (
    "bad_request", "unprocessable", "context_too_long", "content_policy", "bad_key", "no_permission", "billing",
    "quota", "not_found", "too_large", "rate_limited", "overloaded", "busy", "server_error", "bad_gateway", "timeout",
    "conflict",
)  # fmt: skip
"""What a provider may report; no provider reports all of it."""


def event(value: Any, *, name: str | None = None) -> bytes:
    """Write one server-sent event."""
    said = value if isinstance(value, str) else as_json(value)
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {said}\n\n".encode()


def as_json(value: Any) -> str:
    """Write JSON with characters as they are."""
    return json.dumps(value, ensure_ascii=False)


def asks_in_body(_path: str, body: Any) -> bool:
    """A request asks for a stream by ``"stream": true``."""
    return isinstance(body, dict) and body.get("stream") is True


def insert(frames: list[Frame], before: Kind, *extra: Frame) -> list[Frame]:
    """Put frames before the first one of a kind."""
    place = next(number for number, frame in enumerate(frames) if frame.kind == before)
    return [*frames[:place], *extra, *frames[place:]]
