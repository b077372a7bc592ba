"""The cache in every order of storing, asking, forgetting, damage, slowness and time: the right answer or none."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from how_many import MACHINE
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from litellm_gateway.builtin.memory_cache import MemoryCache, MemoryCacheSettings
from litellm_gateway.cache_mechanism import CacheMechanism
from litellm_gateway.errors import PluginError
from litellm_gateway.messages import Message
from litellm_gateway.requests import GenerateRequest
from litellm_gateway.responses import GenerateResponse
from stepped_loop import ENOUGH, LoopMachine

if TYPE_CHECKING:
    from litellm_gateway.contracts import CacheKey

TENANTS = ("", "one", "two", "\0shared")
PROMPTS = ("a", "b", "c")
MOST, PATIENCE, PAUSE = 4, 1.0, 5.0


class Backend:
    """The memory cache, at times failing or hanging."""

    def __init__(self, inner: MemoryCache) -> None:
        self.inner = inner
        self.mood = "well"
        self.asked = 0

    async def _mood(self) -> None:
        self.asked += 1
        if self.mood == "failing":
            raise OSError("the backend is gone")
        if self.mood == "hanging":
            await asyncio.get_running_loop().create_future()

    async def get(self, key: CacheKey) -> bytes | None:
        await self._mood()
        return await self.inner.get(key)

    async def set(self, key: CacheKey, value: bytes, ttl: float) -> None:
        await self._mood()
        await self.inner.set(key, value, ttl)

    async def delete(self, key: CacheKey) -> None:
        await self.inner.delete(key)

    async def clear(self, tenant: str) -> None:
        await self._mood()
        await self.inner.clear(tenant)

    async def aclose(self) -> None:
        await self.inner.aclose()


class Caching(LoopMachine):
    @initialize()
    def begin(self) -> None:
        memory = MemoryCache(MemoryCacheSettings(max_entries=MOST), self.loop.time)
        self.backend = Backend(memory)
        self.cache = CacheMechanism(backend=self.backend, clock=self.loop.time, patience=PATIENCE, pause=PAUSE)
        self.known: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()
        self.rests_until = 0.0
        self.stored = 0

    def key(self, who: tuple[str, str]) -> CacheKey:
        request = GenerateRequest(model="m", messages=(Message(role="user", content=who[1]),))
        return self.cache.key(who[0], "p/m", request)

    def in_order(self) -> bool:
        return self.backend.mood == "well" and self.loop.now >= self.rests_until

    def ask(self, work: Any) -> Any:
        """Await something; a hanging backend costs its patience, and then rests."""
        asked, task = self.backend.asked, self.start(work)
        self.loop.turn(ENOUGH)
        if self.backend.mood == "hanging" and self.backend.asked > asked:
            assert not task.done()
            self.loop.now += PATIENCE
            self.loop.turn(ENOUGH)
            self.rests_until = self.loop.now + PAUSE
        elif self.loop.now < self.rests_until:
            assert self.backend.asked == asked, "a backend that rests was asked"
        assert task.done()
        return task.result()

    @rule(tenant=st.sampled_from(TENANTS), prompt=st.sampled_from(PROMPTS), ttl=st.sampled_from((0.0, 0.75, 8.0, None)))
    def store(self, tenant: str, prompt: str, ttl: float | None) -> None:
        who, in_order = (tenant, prompt), self.in_order()
        self.stored += 1
        text = f"answer {self.stored}"
        self.ask(self.cache.store(self.key(who), GenerateResponse(text=text, model="m"), ttl))
        if in_order and ttl != 0.0:
            self.known.pop(who, None)
            if len(self.known) == MOST:
                self.known.popitem(last=False)
            self.known[who] = text, self.loop.now + (3600.0 if ttl is None else ttl)

    @rule(tenant=st.sampled_from(TENANTS), prompt=st.sampled_from(PROMPTS))
    def look_up(self, tenant: str, prompt: str) -> None:
        who, in_order = (tenant, prompt), self.in_order()
        expected = self.expected(who) if in_order else None
        found = self.ask(self.cache.look_up(self.key(who)))
        assert (None if found is None else found.text) == expected

    def expected(self, who: tuple[str, str]) -> str | None:
        if who not in self.known:
            return None
        text, until = self.known[who]
        if self.loop.now >= until:
            del self.known[who]
            return None
        self.known.move_to_end(who)
        return text

    @rule(tenant=st.sampled_from(TENANTS))
    def clear(self, tenant: str) -> None:
        if self.backend.mood == "hanging":
            return
        try:
            self.ask_whatever_rests(self.cache.clear(tenant))
        except PluginError:
            assert self.backend.mood == "failing"
            return
        for who in [who for who in self.known if who[0] == tenant]:
            del self.known[who]

    def ask_whatever_rests(self, work: Any) -> Any:
        task = self.start(work)
        self.loop.turn(ENOUGH)
        return task.result()

    @rule(tenant=st.sampled_from(TENANTS), prompt=st.sampled_from(PROMPTS), how=st.integers(0, 2))
    def damage(self, tenant: str, prompt: str, how: int) -> None:
        """Bytes that are no entry, or another's: a miss, never somebody else's answer."""
        who, other = (tenant, prompt), ("one" if tenant == "two" else "two", prompt)
        data: bytes | None = b"{}" if how == 0 else b"\x80\x04."
        if how == 2:
            data = self.call(self.backend.inner.get(self.key(other)))
            self.expected(other)
        if data is not None:
            self.call(self.backend.inner.set(self.key(who), data, 3600.0))
            self.known.pop(who, None)
            if len(self.known) == MOST:
                self.known.popitem(last=False)
            self.known[who] = "", self.loop.now + 3600.0
            assert self.look_up_damaged(who) is None

    def look_up_damaged(self, who: tuple[str, str]) -> Any:
        found = self.ask(self.cache.look_up(self.key(who)))
        self.call(self.backend.inner.delete(self.key(who)))
        del self.known[who]
        return found

    @rule(mood=st.sampled_from(("well", "well", "failing", "hanging")))
    def change(self, mood: str) -> None:
        self.backend.mood = mood

    @rule(tenant=st.sampled_from(TENANTS))
    def leave_while_it_hangs(self, tenant: str) -> None:
        """A caller who is cancelled in the middle of a look-up leaves nothing behind, and no rest is ordered."""
        if self.backend.mood == "hanging" and self.loop.now >= self.rests_until:
            task = self.start(self.cache.look_up(self.key((tenant, "a"))))
            self.loop.turn(2)
            self.cancelled.add(task)
            task.cancel()
            self.loop.turn(ENOUGH)
            assert task.cancelled()

    @invariant()
    def counts_add_up(self) -> None:
        if hasattr(self, "cache"):
            stats = self.cache.stats
            assert min(stats.hits, stats.misses, stats.stores, stats.errors) >= 0

    def teardown(self) -> None:
        if hasattr(self, "cache"):
            self.end_all()
        self.close()


TestCaching = Caching.TestCase
TestCaching.settings = MACHINE
