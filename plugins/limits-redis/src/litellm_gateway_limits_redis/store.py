"""Count limits in Redis or Valkey: one script, and so one round trip, per question; the door to ``redis``.

Not the windows of the ``limits`` library: its sliding counter guesses what left the window and needs a question
per limit, its moving window keeps one entry per token. Here a window is 120 slots, all limits of a request are
taken in one step, and no window ever holds more than its limit.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

from litellm_gateway.errors import ConfigurationError
from litellm_gateway.limit_store import Granted, Refused
from litellm_gateway.per_loop import PerLoop
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_gateway.limit_store import Demand, Settlement

# One place in a cluster, as a script may touch only keys that are together.
_PREFIX = "{litellm-gateway-limits}:"
_CONNECTIONS = 16
_SETTLED_AT_ONCE = 200
_SCHEMES = {"valkey": "redis", "valkeys": "rediss", "redis+unix": "unix"}


class RedisLimits:
    """Counts for all gateways that name the same server and database.

    Args:
        uri: ``redis://``, ``rediss://``, ``unix://`` or the same with ``valkey``; password and options as the
            client ``redis`` reads them.
        timeout: Seconds to wait for a connection or an answer.

    Raises:
        ConfigurationError: The URI cannot be read.
    """

    def __init__(self, uri: str, *, timeout: float) -> None:
        scheme, _, rest = uri.partition("://")
        self._uri = f"{_SCHEMES.get(scheme, scheme)}://{rest}"
        _check(self._uri)
        self._timeout = timeout
        folder = resources.files(__package__)
        self._take, self._settle = (_Script((folder / f"{name}.lua").read_text()) for name in ("take", "settle"))
        self._clients: PerLoop[Redis] = PerLoop(self._connect, _close)

    async def take(self, demand: Demand) -> Granted | Refused:
        """Count all of a demand or nothing of it."""
        keys = [charge.key for charge in demand.charges] + [place.key for place in demand.places]
        arguments: list[Any] = [len(demand.charges), demand.id, round(demand.lease * 1000)]
        for charge in demand.charges:
            arguments += (round(charge.seconds * 1000), charge.limit, charge.amount)
        arguments += [place.limit for place in demand.places]
        answer = await self._run(self._take, [_PREFIX + key for key in keys], arguments)
        if answer[0]:
            return Granted(tuple(answer[1:]))
        return Refused(keys[answer[1] - 1], None if answer[2] < 0 else answer[2] / 1000)

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Correct what was counted and free the places; usually one round trip."""
        for start in range(0, len(settlements), _SETTLED_AT_ONCE):
            keys: list[str] = []
            arguments: list[Any] = []
            for settlement in settlements[start : start + _SETTLED_AT_ONCE]:
                demand = settlement.demand
                keys += [_PREFIX + charge.key for charge in demand.charges]
                keys += [_PREFIX + place.key for place in demand.places]
                arguments += (len(demand.charges), len(demand.places), demand.id)
                for charge, mark, change in zip(demand.charges, settlement.marks, settlement.changes, strict=True):
                    arguments += (round(charge.seconds * 1000), mark, change)
            await self._run(self._settle, keys, arguments)

    async def aclose(self) -> None:
        """Close the connections; what was counted stays."""
        await self._clients.aclose()

    def __repr__(self) -> str:
        return "RedisLimits()"

    async def _run(self, script: _Script, keys: list[str], arguments: list[Any]) -> Any:
        client = self._clients.find() or await self._clients.enter()
        asked: Any = client.evalsha(script.digest, len(keys), *keys, *arguments)
        try:
            return await asked
        except NoScriptError:  # a server that was started anew
            asked = client.eval(script.text, len(keys), *keys, *arguments)
            return await asked

    def _connect(self) -> Redis:
        pool = BlockingConnectionPool.from_url(
            self._uri,
            max_connections=_CONNECTIONS,
            timeout=self._timeout,
            socket_timeout=self._timeout,
            socket_connect_timeout=self._timeout,
            retry=Retry(NoBackoff(), 0),  # a question asked again might count twice
        )
        return Redis(connection_pool=pool)


class _Script:
    """A script and the name a server that has run it knows it by."""

    def __init__(self, text: str) -> None:
        from hashlib import sha1

        self.text = text
        self.digest = sha1(text.encode(), usedforsecurity=False).hexdigest()


def _check(uri: str) -> None:
    """Refuse a URI the client cannot read, without a word of it: it may hold a password."""
    try:
        parse_url(uri)
        return
    except ValueError:
        fault = ConfigurationError(
            "storage is no URI of a Redis or Valkey server; write redis://host:port/0", path="rate_limit_config.storage"
        )
    raise fault


async def _close(client: Redis) -> None:
    await client.aclose()
    await client.connection_pool.disconnect()
