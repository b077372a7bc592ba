"""What reaches the two output streams: answers as they come, notes beside them, no terminal escapes."""

from __future__ import annotations

import io
import os
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from litellm_gateway import GatewayError

# tab and line feed pass; a carriage return would let an answer overwrite what stands on its line
_VISIBLE: dict[int, str] = {
    code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code not in (0x09, 0x0A)
}
_VISIBLE[0x0D] = ""
_NOT_PLAIN_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def harmless(text: str) -> str:
    """Make control characters visible instead of letting a terminal obey them."""
    return text.translate(_VISIBLE)


def one_line(text: str) -> str:
    """Give a message as one harmless line."""
    return harmless(" ".join(text.split()))


def shown(error: GatewayError) -> str:
    """Give an error's message with whose it is, and its status, where the message leaves them out."""
    said = error.message
    if error.provider and error.provider not in said:
        said = f"{error.provider}: {said}"
    if error.status_code and str(error.status_code) not in said:
        said = f"{said} (status {error.status_code})"
    return said


def to_json(value: Any) -> str:
    """Write plain data as one line of JSON that any terminal and any encoding of Unicode takes."""
    import json

    text = json.dumps(value, ensure_ascii=False)
    return _NOT_PLAIN_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a person looks at this stream."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def may_animate(stream: TextIO | None) -> bool:
    """Tell whether cursor movements are understood at the other end."""
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def may_colour(stream: TextIO | None) -> bool:
    """Tell whether colours are wanted: a capable terminal, and NO_COLOR not set."""
    return may_animate(stream) and not os.environ.get("NO_COLOR")


def note(text: str) -> None:
    """Write one line beside the answer, on standard error, dim where colours are wanted."""
    line = harmless(text)
    if may_colour(sys.stderr):
        click.echo(click.style(line, dim=True), err=True, color=True)
    else:
        click.echo(line, err=True)


class AnswerWriter:
    """Writes an answer to standard output piece by piece, each at once."""

    def __init__(self, stream: TextIO | None = None) -> None:
        chosen = sys.stdout if stream is None else stream
        if chosen is None:
            raise OSError("standard output is closed")
        if isinstance(chosen, io.TextIOWrapper):
            chosen.reconfigure(errors="replace")  # a terminal without Unicode shows ? instead of failing
        self._stream = chosen
        self._shown_to_person = is_terminal(chosen)
        self._at_line_start = True

    def write(self, text: str) -> None:
        """Write one piece; for a terminal it is made harmless, for a file or pipe it stays as it is."""
        shown = harmless(text) if self._shown_to_person else text
        if not shown:
            return
        self._stream.write(shown)
        self._stream.flush()
        self._at_line_start = shown.endswith("\n")

    def end_line(self) -> None:
        """Finish the last line if it is not."""
        if not self._at_line_start:
            self.write("\n")


@contextmanager
def waiting(text: str) -> Iterator[Callable[[], None]]:
    """Turn a spinner on standard error until the function it gives is called; nothing where nobody looks."""
    if not may_animate(sys.stderr):
        yield lambda: None
        return
    from rich.console import Console
    from rich.text import Text

    status = Console(stderr=True, no_color=not may_colour(sys.stderr)).status(Text(text))
    status.start()
    try:
        yield status.stop
    finally:
        status.stop()


def print_table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Print rows as a table for a person, or as tab-separated lines for a program."""
    if not is_terminal(sys.stdout):
        for row in rows:
            click.echo("\t".join(one_line(cell) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    Console(no_color=not may_colour(sys.stdout), force_terminal=may_colour(sys.stdout)).print(table)
