"""Ask providers from time to time whether they can be reached, in the background, while the gateway is in use.

It asks for their lists of models, which costs nothing. A provider that answers has its open circuits probed at once
instead of after their recovery timeout; one that does not is only reported.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from attrs import frozen

from litellm_gateway.attempts import foreign, within_deadline
from litellm_gateway.contracts import Call, ModelLister
from litellm_gateway.errors import GatewayError
from litellm_gateway.requests import ModelListRequest

if TYPE_CHECKING:
    import asyncio
    import random
    from collections.abc import Callable, Mapping

    from litellm_gateway.attempt import Target
    from litellm_gateway.breaker_table import CircuitBreakers
    from litellm_gateway.route_config import HealthCheckConfig

JITTER = 0.2
"""Share of the interval by which it is lengthened at most, so that many gateways do not ask at once."""
AT_ONCE = 4
"""Providers asked at the same time."""


@frozen(kw_only=True)
class Checked:
    """What came of asking one provider; ``error`` is the class name of what went wrong, None when it answered."""

    at: float
    seconds: float
    error: str | None = None


class HealthChecks:
    """Asks the providers that list models, once in an interval over all event loops.

    A timer runs on each loop the gateway is used on, and only while it is: a round starts with the first use after
    the interval. The timer does not hold the gateway.

    Args:
        config: How often, and how long to wait.
        targets: Providers by name.
        breakers: Circuits to probe early.
        clock: Monotonic seconds.
        random: Source of the jitter.
    """

    def __init__(
        self,
        config: HealthCheckConfig,
        targets: Mapping[str, Target],
        breakers: CircuitBreakers,
        *,
        clock: Callable[[], float],
        random: random.Random,
    ) -> None:
        self._config = config
        self._targets = {name: each for name, each in targets.items() if isinstance(each.provider, ModelLister)}
        self._breakers = breakers
        self._clock = clock
        self._random = random
        self._due = clock() + self._pause()
        self._used = self._closed = False
        self._checked: dict[str, Checked] = {}
        self._start_anew()

    def _start_anew(self) -> None:
        """Hold nothing of another process: a forked child has loops of its own."""
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._timers: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.TimerHandle] = WeakKeyDictionary()
        self._rounds: set[asyncio.Task[None]] = set()

    def used(self) -> None:
        """Note that a call begins on the running loop."""
        import asyncio

        if self._pid != os.getpid():
            self._start_anew()
        self._used = True
        loop = asyncio.get_running_loop()
        if loop not in self._timers and not self._closed and self._targets:
            self._wait(loop)

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Give ``reachable`` (None until asked), ``seconds``, ``age`` and ``error`` per provider that can be asked."""
        now = self._clock()
        return {name: _shown(self._checked.get(name), now) for name in self._targets}

    async def aclose(self) -> None:
        """Stop: nothing is asked any more, and what is being asked is broken off."""
        import asyncio

        self._closed = True
        with self._lock:
            timers, self._timers = list(self._timers.items()), WeakKeyDictionary()
        here = asyncio.get_running_loop()
        for loop, timer in timers:
            if loop is here:
                timer.cancel()
            elif not loop.is_closed():
                loop.call_soon_threadsafe(timer.cancel)
        rounds = [task for task in list(self._rounds) if task.get_loop() is here]
        for task in list(self._rounds):
            loop = task.get_loop()
            if loop is here:
                task.cancel()
            elif not loop.is_closed():
                loop.call_soon_threadsafe(task.cancel)
        if rounds:
            await asyncio.wait(rounds)

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        """Set the loop's timer on the next round, without holding on to this object."""
        with self._lock:
            for ended in [each for each in self._timers if each.is_closed()]:
                del self._timers[ended]
            weak = ref(self)
            self._timers[loop] = loop.call_later(max(0.0, self._due - self._clock()), _tick, weak, self._pid)

    def ring(self, loop: asyncio.AbstractEventLoop) -> None:
        """The loop's timer is over: start a round if one is due and the gateway was used since the last."""
        with self._lock:
            self._timers.pop(loop, None)
            now = self._clock()
            starts = self._used and now >= self._due and not self._closed
            if starts:
                self._used = False
                self._due = now + self._pause()
        if starts:
            task = loop.create_task(self._round())
            self._rounds.add(task)
            task.add_done_callback(self._rounds.discard)

    async def _round(self) -> None:
        """Ask every provider, a few at a time; each has its own time limit, so the round ends."""
        import asyncio

        waiting = list(self._targets.items())

        async def ask_in_turn() -> None:
            while waiting:
                name, target = waiting.pop(0)
                await self._ask(name, target)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(waiting))):
                group.create_task(ask_in_turn())

    async def _ask(self, name: str, target: Target) -> None:
        now = self._clock()
        call = Call(
            id=f"check_{os.urandom(12).hex()}",
            tenant="",
            deadline=now + self._config.timeout,
            retries_left=0,
            clock=self._clock,
            started_at=now,
        )
        failure: GatewayError | None = None
        provider: Any = target.provider
        try:
            await within_deadline(call, provider.list_models(ModelListRequest(), call))
        except GatewayError as error:
            failure = error
        except Exception as error:
            failure = foreign(name, error)
        ended = self._clock()
        error_name = None if failure is None else type(failure).__name__
        self._checked[name] = Checked(at=ended, seconds=ended - now, error=error_name)
        if failure is None:
            self._breakers.probe_now(name)

    def _pause(self) -> float:
        """Give the seconds to the next round: at least as many as one may take, so that they never pile up."""
        longest = self._config.timeout * -(-len(self._targets) // AT_ONCE)
        return max(longest, self._config.interval * (1.0 + JITTER * self._random.random()))


def _tick(weak: ref[HealthChecks], pid: int) -> None:
    import asyncio

    checks = weak()
    if checks is not None and pid == os.getpid():
        checks.ring(asyncio.get_running_loop())


def _shown(checked: Checked | None, now: float) -> dict[str, Any]:
    if checked is None:
        return {"reachable": None, "seconds": None, "age": None, "error": None}
    return {
        "reachable": checked.error is None,
        "seconds": checked.seconds,
        "age": now - checked.at,
        "error": checked.error,
    }
