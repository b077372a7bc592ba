"""Server-sent events written in every way the HTML standard allows, and read by its letter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from choices_from_bytes import Choices

BOM = b"\xef\xbb\xbf"
BETWEEN = (
    "", ": keep-alive", ":", "id: 7", "retry: 1000", "unknown: field", "event", "event: ping", "id", "no colon here",
    ": data: {}", "\U0001f600: \u2028", "DATA: x", "date: y", " data: z", "error: no object", "error",
)  # fmt: skip
"""Lines that say nothing: comments, other fields, a name without data."""
STYLES: tuple[dict[str, Any], ...] = (
    {"separators": (",", ":"), "ensure_ascii": False},
    {},
    {"ensure_ascii": False},
    {"indent": 1, "ensure_ascii": False},  # one line of data for each line of JSON
)


def write_events(events: list[tuple[str, Any]], choices: Choices) -> bytes:
    """Write events, each a name and what its data says: text as it is, anything else as JSON."""
    line_end = choices.one_of((b"\n", b"\r\n", b"\r"))
    style = choices.one_of(STYLES)
    space = choices.one_of((" ", ""))
    noisy = choices.below(2)
    body = bytearray(BOM if choices.seldom() else b"")
    for name, said in events:
        if noisy and choices.below(2):
            body += choices.one_of(BETWEEN).encode() + line_end * (1 + choices.below(2))
        if noisy and choices.seldom():
            body += b"data" + line_end * 2  # an event without content
        lines = [f"event:{space}{name}"] if name else []
        text = said if isinstance(said, str) else json.dumps(said, **style)
        lines += [f"data:{space}{line}" for line in text.split("\n")]
        if noisy and choices.seldom():
            lines.insert(choices.below(len(lines) + 1), choices.one_of((": in between", "id: 1", "retry: 5", "x")))
        body += line_end.join(line.encode() for line in lines) + line_end * 2
    return bytes(body)


def read_events(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Read a body one line after the other; what stands at its end counts as an event though no blank line follows.

    Beyond the letter of the standard, an object in the field ``error`` is an event of that name where there is no data.
    """
    text = body.removeprefix(BOM).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    name, data, error = b"", [], b""
    for line in [*text.split(b"\n"), b""]:
        field, colon, value = line.partition(b":")
        if not line:
            if data:
                yield name.decode("utf-8", "replace"), b"\n".join(data)
            elif error:
                yield "error", error
            name, data, error = b"", [], b""
        elif field == b"data":
            data.append(value.removeprefix(b" ") if colon else b"")
        elif field == b"event":
            name = value.removeprefix(b" ") if colon else b""
        elif field == b"error" and value.removeprefix(b" ").startswith(b"{"):
            error = value.removeprefix(b" ")
