"""Read a Markdown page into its code blocks, with what the comments before them ask of the runner.

A comment on the line before a block is its mark::

    <!-- file: src/acme/plugin.py -->    the block is written to that file, not run
    <!-- runs -->                        a shell block is run, not only checked
    <!-- prints -->                      the block is what the block before it prints
    <!-- not run: reason -->             the block is only read

Two comments stand alone: ``<!-- stand-in: openai -->`` asks for a loopback server in that provider's place, and
``<!-- invisible-code-block: python`` holds code that readers do not see, up to ``-->``.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from pathlib import Path

_HIDDEN = re.compile(r"<!-- invisible-code-block: (\w+)$")
_MARK = re.compile(r"<!-- (file|runs|prints|not run)(?:: (.+?))? -->$")
_STAND_IN = re.compile(r"<!-- stand-in: ([\w-]+) -->$", re.MULTILINE)
_FENCE = re.compile(r"(`{3,})(.*)$")


@frozen(kw_only=True)
class Block:
    """One block of code.

    Attributes:
        language: Its first word after the fence, ``""`` if it has none.
        text: What it holds, without the indentation all its lines share.
        line: Line of the page its first line stands on.
        mark, value: The comment before it, taken apart; ``""`` if there is none.
    """

    language: str
    text: str
    line: int
    mark: str = ""
    value: str = ""


@frozen(kw_only=True)
class Page:
    """A page: its blocks in order, and the providers it wants a stand-in for."""

    path: Path
    blocks: tuple[Block, ...]
    stand_ins: tuple[str, ...]


class PageError(Exception):
    """A page holds what the runner cannot make sense of."""


def read_page(path: Path) -> Page:
    """Read one page.

    Raises:
        PageError: A block has no end, or a mark no block.
    """
    text = path.read_text(encoding="utf-8")
    return Page(path=path, blocks=tuple(_blocks(path, text.split("\n"))), stand_ins=tuple(_STAND_IN.findall(text)))


def _blocks(path: Path, lines: list[str]) -> list[Block]:
    blocks: list[Block] = []
    mark = value = ""
    number = 0
    while number < len(lines):
        line = lines[number].strip()
        number += 1
        if found := _MARK.fullmatch(line):
            mark, value = found[1], found[2] or ""
            continue
        if hidden := _HIDDEN.fullmatch(line):
            language, last = hidden[1], "-->"
        elif fence := _FENCE.fullmatch(line):
            language, last = fence[2].split(" ")[0], fence[1]
        else:
            if line and mark:
                raise PageError(f"{path}:{number}: the mark '{mark}' has no block after it")
            continue
        end = _end(path, lines, number, last)
        body = textwrap.dedent("\n".join(lines[number:end]) + "\n")
        blocks.append(Block(language=language, text=body, line=number + 1, mark=mark, value=value))
        mark = value = ""
        number = end + 1
    return blocks


def _end(path: Path, lines: list[str], start: int, last: str) -> int:
    for number in range(start, len(lines)):
        if lines[number].strip() == last:
            return number
    raise PageError(f"{path}:{start}: the block has no end")
