"""Count limits in Redis or Valkey: one script, and so one round trip, per question.

Not the windows of the ``limits`` library: its sliding counter guesses what left the window and needs a question
per limit, its moving window keeps one entry per token. Here a window is 120 slots, all limits of a request are
taken in one step, and no window ever holds more than its limit.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

from litellm_gateway.limit_store import Granted, Refused
from litellm_gateway_client_redis import RedisClient, Script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_gateway.limit_store import Demand, Settlement

# One place in a cluster, as a script may touch only keys that are together.
_PREFIX = "{litellm-gateway-limits}:"
_SETTLED_AT_ONCE = 200


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
        folder = resources.files(__package__)
        self._take, self._settle = (Script((folder / f"{name}.lua").read_text()) for name in ("take", "settle"))
        self._client = RedisClient(uri, timeout=timeout, setting="rate_limit_config.storage")

    async def take(self, demand: Demand) -> Granted | Refused:
        """Count all of a demand or nothing of it."""
        keys = [charge.key for charge in demand.charges] + [place.key for place in demand.places]
        arguments: list[Any] = [len(demand.charges), 1 + len(demand.further), round(demand.lease * 1000)]
        arguments += (demand.id, *demand.further)
        for charge in demand.charges:
            arguments += (round(charge.seconds * 1000), charge.limit, charge.amount)
        arguments += [place.limit for place in demand.places]
        answer = await self._client.run(self._take, [_PREFIX + key for key in keys], arguments)
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
            await self._client.run(self._settle, keys, arguments)

    async def aclose(self) -> None:
        """Close the connections; what was counted stays."""
        await self._client.aclose()

    def __repr__(self) -> str:
        return "RedisLimits()"
