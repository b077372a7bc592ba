"""Keep entries and boards in Redis or Valkey: one script, and so one round trip, per question.

Time is the server's own. Who waits or listens has a channel named like the key, and looks again when it is called.
"""

from __future__ import annotations

import asyncio
from importlib import resources
from typing import TYPE_CHECKING, Any

from litellm_gateway.shared_state import Entry, Posting
from litellm_gateway_client_redis import RedisClient, Script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

# One place in a cluster, as a script may touch only keys that are together.
_PREFIX = "{litellm-gateway-state}:"
_SCRIPTS = ("put", "replace", "remove", "extend", "read", "post", "board")


class RedisState:
    """Entries and boards for all gateways that name the same server and database.

    Args:
        uri: ``redis://``, ``rediss://``, ``unix://`` or the same with ``valkey``; password and options as the
            client ``redis`` reads them.
        timeout: Seconds to wait for a connection or an answer.
    """

    def __init__(self, uri: str, *, timeout: float) -> None:
        folder = resources.files(__package__)
        self._scripts = {name: Script((folder / f"{name}.lua").read_text()) for name in _SCRIPTS}
        self._client = RedisClient(uri, timeout=timeout, setting="shared_state")

    async def put(self, key: str, tag: str, value: bytes, seconds: float) -> Entry | None:
        """Put an entry unless there is one; give the one that is there, None when it was put."""
        return _entry(await self._run("put", [_place(key)], tag, value, _milliseconds(seconds)))

    async def replace(self, key: str, old: str, tag: str, value: bytes, seconds: float) -> bool:
        """Put an entry in the place of one with the tag ``old``; say whether that was there."""
        return bool(await self._run("replace", [_place(key)], old, tag, value, _milliseconds(seconds)))

    async def remove(self, key: str, tag: str) -> bool:
        """Remove the entry if it has this tag; say whether it had."""
        return bool(await self._run("remove", [_place(key)], tag))

    async def extend(self, claims: Sequence[tuple[str, str]], seconds: float) -> Sequence[bool]:
        """Let entries last so long from now; say which were there."""
        if not claims:
            return ()
        keys = [_place(key) for key, _ in claims]
        kept = await self._run("extend", keys, _milliseconds(seconds), *(tag for _, tag in claims))
        return [bool(each) for each in kept]

    async def wait(self, key: str, tag: str, seconds: float) -> Entry | None:
        """Wait for at most so long until no entry with this tag is there; give what is there then."""
        if seconds <= 0:
            return await self._read(key)
        try:
            async with asyncio.timeout(seconds) as patience, self._client.hear(_place(key)) as ear:
                while (found := await self._read(key)) is not None and found.tag == tag:
                    await ear.next()
                return found
        except TimeoutError:
            if not patience.expired():
                raise
        return await self._read(key)

    async def post(self, board: str, name: str, value: bytes, seconds: float) -> None:
        """Write a line on a board and tell all who listen."""
        await self._run("post", _board(board), name, value, _milliseconds(seconds))

    async def listen(self, board: str) -> AsyncIterator[tuple[Posting, ...]]:
        """Give all lines of a board first, then each that is written."""
        async with self._client.hear(_board(board)[0]) as ear:
            lines = await self._run("board", _board(board))
            yield tuple(
                Posting(_text(name), value, left / 1000)
                for name, value, left in zip(lines[::3], lines[1::3], lines[2::3], strict=True)
            )
            while True:
                yield (_posting(await ear.next()),)

    async def aclose(self) -> None:
        """Close the connections; what is kept stays."""
        await self._client.aclose()

    def __repr__(self) -> str:
        return "RedisState()"

    async def _read(self, key: str) -> Entry | None:
        return _entry(await self._run("read", [_place(key)]))

    async def _run(self, script: str, keys: list[str], *arguments: Any) -> Any:
        return await self._client.run(self._scripts[script], keys, list(arguments))


def _place(key: str) -> str:
    return f"{_PREFIX}entry:{key}"


def _board(board: str) -> list[str]:
    return [f"{_PREFIX}board:{board}", f"{_PREFIX}times:{board}"]


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _entry(found: list[Any] | None) -> Entry | None:
    if not found:
        return None
    tag, value, left = found
    return Entry(_text(tag), value, max(0, left) / 1000)


def _posting(message: bytes) -> Posting:
    """Read ``<length of the name> <milliseconds> <name><value>``."""
    length, left, rest = message.split(b" ", 2)
    return Posting(_text(rest[: int(length)]), rest[int(length) :], int(left) / 1000)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")
