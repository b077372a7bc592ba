"""Read what is piped in: UTF-8 text of bounded size."""

from __future__ import annotations

import sys
from typing import BinaryIO

import click

from litellm_gateway_cli.terminal import is_terminal

MOST_BYTES = 16 * 1024 * 1024


def is_piped() -> bool:
    """Tell whether standard input comes from a pipe or a file, not from a keyboard."""
    return sys.stdin is not None and not is_terminal(sys.stdin)


def read_line() -> str | None:
    """Read one line without its line break, None at the end; what is not UTF-8 becomes U+FFFD."""
    if sys.stdin is None:
        return None
    data: bytes = sys.stdin.buffer.readline(MOST_BYTES)
    return data.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r") if data else None


def read_text() -> str:
    """Read standard input to its end, without its last line break.

    Raises:
        click.UsageError: It is not UTF-8, or larger than ``MOST_BYTES``.
    """
    if sys.stdin is None:
        raise click.UsageError("standard input is closed")
    source: BinaryIO = sys.stdin.buffer
    data = source.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise click.UsageError(f"standard input is larger than {MOST_BYTES // 1024 // 1024} MiB")
    try:
        return data.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"standard input is not UTF-8 text (byte {error.start})") from None
