"""The conformance suites catch plugins that break a promise, each by the check that carries its number."""

from __future__ import annotations

import asyncio
import logging
import pickle
import time
from typing import TYPE_CHECKING

import pytest
from litellm_gateway.builtin.memory_cache import MemoryCache, MemoryCacheSettings
from litellm_gateway.contracts import Allow, Block, CacheKey, GuardrailOffer, Modify
from litellm_gateway.testing.cache_suite import CacheBackendSuite
from litellm_gateway.testing.guardrail_suite import GuardrailSuite
from litellm_gateway.testing.telemetry_suite import TelemetrySinkSuite

if TYPE_CHECKING:
    from litellm_gateway.contracts import Call, Verdict

CAUGHT = (AssertionError, ValueError, TypeError, RuntimeError, AttributeError, KeyError)


class Good(MemoryCache):
    def __init__(self) -> None:
        super().__init__(MemoryCacheSettings(max_bytes=2_000_000), time.monotonic)


class Tenantless(Good):
    """Looks at the digest alone."""

    async def get(self, key: CacheKey) -> bytes | None:
        return await super().get(CacheKey("", key.digest))

    async def set(self, key: CacheKey, value: bytes, ttl: float) -> None:
        await super().set(CacheKey("", key.digest), value, ttl)


class Joined(Good):
    """Builds a name that two tenants can share."""

    async def get(self, key: CacheKey) -> bytes | None:
        return await super().get(CacheKey(key.tenant.strip(), key.digest))

    async def set(self, key: CacheKey, value: bytes, ttl: float) -> None:
        await super().set(CacheKey(key.tenant.strip(), key.digest), value, ttl)


class Immortal(Good):
    async def set(self, key: CacheKey, value: bytes, ttl: float) -> None:
        await super().set(key, value, 1e9)


class Texts(Good):
    async def set(self, key: CacheKey, value: bytes, ttl: float) -> None:
        await super().set(key, value.decode("utf-8", "replace").encode(), ttl)


class Unpickling(Good):
    async def get(self, key: CacheKey) -> bytes | None:
        value = await super().get(key)
        if value is not None and value.startswith(b"\x80"):
            pickle.loads(value)
        return value


class Stale(Good):
    """Keeps the old value when the new one is too large."""

    async def set(self, key: CacheKey, value: bytes, ttl: float) -> None:
        if len(value) < 2_000_000:
            await super().set(key, value, ttl)


class PrefixClearing(Good):
    async def clear(self, tenant: str) -> None:
        for key in [key for key in self._entries if key.tenant.startswith(tenant)]:
            await self.delete(key)


class Crossed(Good):
    """Remembers the key it works on in the instance."""

    async def set(self, key: CacheKey, value: bytes, ttl: float) -> None:
        self.current = key
        await asyncio.sleep(0)
        await super().set(self.current, value, ttl)


class Bound(Good):
    """Belongs to the event loop it was first used in."""

    loop: asyncio.AbstractEventLoop | None = None

    async def get(self, key: CacheKey) -> bytes | None:
        self.loop = self.loop or asyncio.get_running_loop()
        if self.loop is not asyncio.get_running_loop():
            raise RuntimeError("attached to a different loop")
        return await super().get(key)


class Chatty(Good):
    async def set(self, key: CacheKey, value: bytes, ttl: float) -> None:
        logging.getLogger("chatty").debug("storing %r", value)
        await super().set(key, value, ttl)


class Locked(Good):
    """A cancelled call leaves it locked."""

    busy = False

    async def set(self, key: CacheKey, value: bytes, ttl: float) -> None:
        if self.busy:
            raise RuntimeError("busy")
        self.busy = True
        await asyncio.sleep(0)
        await super().set(key, value, ttl)
        self.busy = False


class Refusing(Good):
    async def delete(self, key: CacheKey) -> None:
        if await self.get(key) is None:
            raise KeyError(key)
        await super().delete(key)


class ClosingOnce(Good):
    closed = False

    async def aclose(self) -> None:
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True


class Defaulting(Good):
    async def get(self, key: CacheKey) -> bytes | None:
        return await super().get(key) or b""


@pytest.mark.parametrize(
    ("backend", "promise"),
    [
        (Texts, "p1"), (Defaulting, "p2"), (Immortal, "p3"), (Tenantless, "p4"), (Joined, "p4"), (Refusing, "p5"),
        (PrefixClearing, "p6"), (Stale, "p7"), (Crossed, "p8"), (Bound, "p9"), (Unpickling, "p10"), (Locked, "p11"),
        (Chatty, "p12"), (ClosingOnce, "p13"),
    ],
)  # fmt: skip
def test_cache_suite_catches(backend: type[Good], promise: str) -> None:
    """A backend that breaks a promise fails the check of that promise."""

    class Suite(CacheBackendSuite):
        short_ttl = 0.02

        def make_backend(self) -> MemoryCache:
            return backend()

    _fails(Suite(), promise)


class Word:
    """Blocks one word and replaces another."""

    offer = GuardrailOffer(name="word", summary="", build=lambda *_: None, window=8)  # type: ignore[arg-type,return-value]

    async def check_input(self, text: str, call: Call) -> Verdict:
        if "forbidden" in text:
            return Block("a word that is not allowed")
        return Modify(text.replace("secret", "*"), "hidden") if "secret" in text else Allow()

    async def check_output(self, text: str, call: Call) -> Verdict:
        return await self.check_input(text, call)

    async def aclose(self) -> None:
        pass


class WordSuite(GuardrailSuite):
    blocked = "forbidden"
    changed = "a secret thing"
    kind: type[Word] = Word

    def make_guardrail(self) -> tuple[GuardrailOffer, Word]:
        guardrail = self.kind()
        return guardrail.offer, guardrail


class TestWord(WordSuite):
    """The guardrail the faulty ones are made from keeps every promise."""


class NoStage(Word):
    offer = GuardrailOffer(name="word", summary="", build=lambda *_: None, stages=frozenset())  # type: ignore[arg-type,return-value]


class Suspicious(Word):
    async def check_input(self, text: str, call: Call) -> Verdict:
        return Block("no") if "Good" in text else await super().check_input(text, call)


class Quoting(Word):
    async def check_input(self, text: str, call: Call) -> Verdict:
        return Block(f"found {text}") if "forbidden" in text else await super().check_input(text, call)


class Growing(Word):
    async def check_input(self, text: str, call: Call) -> Verdict:
        return Modify(text + "!") if "secret" in text else await super().check_input(text, call)


class Remembering(Word):
    """Carries one text into the verdict on the next."""

    last = ""

    async def check_input(self, text: str, call: Call) -> Verdict:
        self.last, before = text, self.last
        return await super().check_input(text if before != "forbidden" else before, call)


class Brittle(Word):
    async def check_input(self, text: str, call: Call) -> Verdict:
        text.encode()
        return await super().check_input(text, call)


class BoundWord(Word):
    loop: asyncio.AbstractEventLoop | None = None

    async def check_input(self, text: str, call: Call) -> Verdict:
        self.loop = self.loop or asyncio.get_running_loop()
        if self.loop is not asyncio.get_running_loop():
            raise RuntimeError("attached to a different loop")
        return await super().check_input(text, call)


class Greedy(Word):
    async def check_input(self, text: str, call: Call) -> Verdict:
        call.retries_left += 1
        return await super().check_input(text, call)


class Shortsighted(Word):
    offer = GuardrailOffer(name="word", summary="", build=lambda *_: None, window=0)  # type: ignore[arg-type,return-value]


class ChattyWord(Word):
    async def check_input(self, text: str, call: Call) -> Verdict:
        logging.getLogger("chatty").debug("judging", extra={"text": text})
        return await super().check_input(text, call)


class ClosingOnceWord(Word):
    closed = False

    async def aclose(self) -> None:
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True


@pytest.mark.parametrize(
    ("guardrail", "promise"),
    [
        (NoStage, "p1"), (Suspicious, "p2"), (Quoting, "p3"), (Growing, "p4"), (Remembering, "p5"), (Brittle, "p6"),
        (BoundWord, "p7"), (Greedy, "p8"), (Shortsighted, "p9"), (Shortsighted, "p10"), (ChattyWord, "p11"),
        (ClosingOnceWord, "p12"),
    ],
)  # fmt: skip
def test_guardrail_suite_catches(guardrail: type[Word], promise: str) -> None:
    """A guardrail that breaks a promise fails the check of that promise."""

    class Suite(WordSuite):
        kind = guardrail

    _fails(Suite(), promise)


class Lines:
    """Writes one line per event."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def record(self, event: object) -> None:
        self.lines.append(ascii(repr(event)))

    async def aclose(self) -> None:
        pass


class Async(Lines):
    async def record(self, event: object) -> None:  # type: ignore[override]
        self.lines.append("x")


class LoopOnly(Lines):
    def record(self, event: object) -> None:
        asyncio.get_running_loop()
        super().record(event)


class Losing(Lines):
    def record(self, event: object) -> None:
        before = list(self.lines)
        time.sleep(0.0001)
        self.lines = [*before, ascii(repr(event))]


class Raw(Lines):
    def record(self, event: object) -> None:
        self.lines.append(f"{event.call_id} {event.tenant}")  # type: ignore[attr-defined]


class Encoding(Lines):
    def record(self, event: object) -> None:
        event.tenant.encode()  # type: ignore[attr-defined]
        super().record(event)


class Slow(Lines):
    def record(self, event: object) -> None:
        time.sleep(0.006)
        super().record(event)


class Forgetting(Lines):
    async def aclose(self) -> None:
        self.lines.clear()


class Strict(Lines):
    closed = False

    def record(self, event: object) -> None:
        if self.closed:
            raise RuntimeError("closed")

    async def aclose(self) -> None:
        self.closed = True


class Silent(Lines):
    def record(self, event: object) -> None:
        pass


@pytest.mark.parametrize(
    ("sink", "promise"),
    [
        (LoopOnly, "p2"), (Losing, "p3"), (Raw, "p4"), (Encoding, "p5"), (Slow, "p6"), (Forgetting, "p7"),
        (Strict, "p8"), (Silent, "p9"),
    ],
)  # fmt: skip
def test_telemetry_suite_catches(sink: type[Lines], promise: str) -> None:
    """A sink that breaks a promise fails the check of that promise."""

    class Suite(TelemetrySinkSuite):
        def make_sink(self) -> Lines:
            self.sink = sink()
            return self.sink

        def written(self) -> str:
            return "\n".join(self.sink.lines)

    _fails(Suite(), promise)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_telemetry_suite_catches_coroutines() -> None:
    """A sink whose ``record`` is a coroutine function fails the first promise."""

    class Suite(TelemetrySinkSuite):
        def make_sink(self) -> Lines:
            return Async()

    _fails(Suite(), "p1")


def _fails(suite: object, promise: str) -> None:
    checks = [getattr(suite, name) for name in dir(suite) if name.startswith(f"test_{promise}_")]

    assert len(checks) == 1
    with pytest.raises(CAUGHT):
        checks[0]()
