"""A scenario: what a server does, and what the client must make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from litellm_gateway.errors import GatewayError
    from litellm_gateway.testing.faults.turn import Turn
    from litellm_gateway.testing.wires.wire import Wire


@frozen(kw_only=True)
class Expected:
    """What a call must end in.

    Attributes:
        errors: One of these errors, or a subclass.
        exactly: No subclass.
        right: The whole right answer; with ``errors`` too, either will do.
        status: The error's ``status_code``.
        retry_after: What the error's ``retry_after`` may be, give or take a second and a half; empty for anything.
        in_message: What the error's message must hold.
        partial: The error must hold the beginning of the answer.
        text: The text (or arguments) wanted in place of the answer's.
    """

    errors: tuple[type[GatewayError], ...] = ()
    exactly: bool = False
    right: bool = False
    status: int | None = None
    retry_after: tuple[float | None, ...] = ()
    in_message: tuple[str, ...] = ()
    partial: bool = False
    text: str | None = None


RIGHT = Expected(right=True)


@frozen(kw_only=True)
class Scenario:
    """One way to answer.

    Attributes:
        name: What it is called; unique.
        group: What it is about, for tables.
        does: Answers one request.
        expects: What a client must make of it, in this format, streamed or whole; None where it makes no sense.
        tool: The answer is a call of a tool.
        calls: Calls in a row that make the point.
        most_requests: Requests these calls may send; None for one each.
        hangs_up: The client must close the connection within a second.
    """

    name: str
    group: str
    does: Callable[[Turn], Awaitable[None]]
    expects: Callable[[Wire, bool], Expected | None]
    tool: bool = False
    calls: int = 1
    most_requests: int | None = None
    hangs_up: bool = False


def always(expected: Expected) -> Callable[[Wire, bool], Expected | None]:
    """Expect the same of every format, streamed and whole."""
    return lambda _wire, _is_stream: expected


def by_mode(
    *, whole: Expected | None = None, stream: Expected | None = None
) -> Callable[[Wire, bool], Expected | None]:
    """Expect one thing of whole answers, another of streams; None where it makes no sense."""
    return lambda _wire, is_stream: stream if is_stream else whole


def text_stream(expected: Expected) -> Callable[[Wire, bool], Expected | None]:
    """Expect it of streams of server-sent events only."""
    return lambda wire, is_stream: expected if is_stream and wire.is_text else None
