"""The cache gives again what it was given, keeps tenants apart, and never fails a call."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from array import array

import pytest
from litellm_gateway.builtin.memory_cache import MemoryCache, MemoryCacheSettings
from litellm_gateway.cache_mechanism import CacheConfig, CacheMechanism
from litellm_gateway.contracts import CacheKey
from litellm_gateway.errors import ConfigurationError, PluginError
from litellm_gateway.messages import Message
from litellm_gateway.requests import EmbedRequest, GenerateRequest
from litellm_gateway.responses import EmbedResponse, GenerateResponse

CANARY = "canary-prompt-77aa"
REQUEST = GenerateRequest(model="m", messages=(Message(role="user", content=CANARY),))
ANSWER = GenerateResponse(text="canary-answer", model="m", metadata={"provider": "acme"})


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Broken:
    """A backend that fails in the way it is told to, and counts how often it is asked."""

    def __init__(self, failure: Exception | None = None, *, hang: bool = False) -> None:
        self.failure, self.hang, self.asked = failure, hang, 0
        self.closed = False

    async def _fail(self):
        self.asked += 1
        if self.hang:
            await asyncio.sleep(3600)
        if self.failure is not None:
            raise self.failure

    async def get(self, key: CacheKey) -> bytes | None:
        await self._fail()
        return None

    async def set(self, key: CacheKey, value: bytes, ttl: float) -> None:
        await self._fail()

    async def delete(self, key: CacheKey) -> None:
        await self._fail()

    async def clear(self, tenant: str) -> None:
        await self._fail()

    async def aclose(self) -> None:
        self.closed = True


def _cache(clock: Clock | None = None, **config: object) -> CacheMechanism:
    clock = clock or Clock()
    backend = MemoryCache(MemoryCacheSettings(), clock)
    return CacheMechanism(CacheConfig(**config), backend=backend, clock=clock)  # type: ignore[arg-type]


async def test_gives_again_what_it_was_given() -> None:
    """A stored answer is found under the key of an equal request."""
    cache = _cache()

    await cache.store(cache.key("t", "r", REQUEST), ANSWER)

    assert await cache.look_up(cache.key("t", "r", REQUEST)) == ANSWER
    assert (cache.stats.hits, cache.stats.misses, cache.stats.stores, cache.stats.errors) == (1, 0, 1, 0)


async def test_embeddings_are_kept_too() -> None:
    """Vectors are cached like texts."""
    cache, answer = _cache(), EmbedResponse(vectors=(array("f", [1.0, 2.0]),), model="m")
    key = cache.key("t", "r", EmbedRequest(model="m", texts=("a",)))

    await cache.store(key, answer)

    assert await cache.look_up(key) == answer


async def test_tenants_are_isolated() -> None:
    """What one tenant asked is a miss for every other, even for the tenant without a name."""
    cache = _cache()
    await cache.store(cache.key("alpha", "r", REQUEST), ANSWER)

    for tenant in ("beta", "", "alph", "alpha ", "ALPHA", "\0shared"):
        assert await cache.look_up(cache.key(tenant, "r", REQUEST)) is None
    assert cache.stats.misses == 6


async def test_tenants_share_when_told_to() -> None:
    """With ``shared_tenants`` one tenant's answer serves another."""
    cache = _cache(shared_tenants=True)

    await cache.store(cache.key("alpha", "r", REQUEST), ANSWER)

    assert await cache.look_up(cache.key("beta", "r", REQUEST)) == ANSWER


@pytest.mark.parametrize("tenant", ["", "a", "\0shared", "\0", "\0\0shared"])
def test_no_tenant_can_name_the_shared_space(tenant: str) -> None:
    """No choice of a tenant's name leads into the answers that another gateway shares."""
    shared = CacheMechanism(CacheConfig(shared_tenants=True)).key("any", "r", REQUEST)

    assert CacheMechanism().key(tenant, "r", REQUEST).tenant != shared.tenant


async def test_time_to_live() -> None:
    """The configured time counts, unless the call names another."""
    clock = Clock()
    cache = _cache(clock, default_ttl=100)
    first, second = cache.key("t", "1", REQUEST), cache.key("t", "2", REQUEST)
    await cache.store(first, ANSWER)
    await cache.store(second, ANSWER, ttl=10)

    clock.now += 50

    assert await cache.look_up(first) == ANSWER
    assert await cache.look_up(second) is None


@pytest.mark.parametrize("ttl", [0, -1])
async def test_no_time_keeps_nothing(ttl: float) -> None:
    """A time to live of zero or less stores nothing."""
    cache = _cache()
    key = cache.key("t", "r", REQUEST)

    await cache.store(key, ANSWER, ttl=ttl)

    assert await cache.look_up(key) is None
    assert cache.stats.stores == 0


@pytest.mark.parametrize("finish_reason", ["error", "content_filter"])
async def test_failed_answers_are_not_kept(finish_reason: str) -> None:
    """An answer cut by an error or a filter is not given to the next one who asks."""
    cache = _cache()
    key = cache.key("t", "r", REQUEST)

    await cache.store(key, GenerateResponse(text="so far", model="m", finish_reason=finish_reason))

    assert await cache.look_up(key) is None
    assert cache.stats.stores == 0


async def test_clear_forgets_one_tenant() -> None:
    """``clear`` forgets what one tenant asked and nothing else."""
    cache = _cache()
    mine, yours = cache.key("a", "r", REQUEST), cache.key("b", "r", REQUEST)
    await cache.store(mine, ANSWER)
    await cache.store(yours, ANSWER)

    await cache.clear("a")

    assert await cache.look_up(mine) is None
    assert await cache.look_up(yours) == ANSWER


async def test_a_failing_backend_is_a_miss() -> None:
    """Whatever the backend raises, look-up misses, store gives up, and both are counted."""
    cache = CacheMechanism(backend=Broken(ConnectionError("down")))
    key = cache.key("t", "r", REQUEST)

    assert await cache.look_up(key) is None
    await cache.store(key, ANSWER)

    assert (cache.stats.misses, cache.stats.stores, cache.stats.errors) == (1, 0, 2)
    assert cache.stats.last_error == "ConnectionError"


async def test_a_hanging_backend_is_left_alone_for_a_while() -> None:
    """A backend that does not answer costs one short wait, then none until the pause is over."""
    backend, clock = Broken(hang=True), Clock()
    cache = CacheMechanism(backend=backend, clock=clock, patience=0.01, pause=5)
    key = cache.key("t", "r", REQUEST)

    for _ in range(3):
        assert await cache.look_up(key) is None
        await cache.store(key, ANSWER)
    assert (backend.asked, cache.stats.errors, cache.stats.misses) == (1, 1, 3)

    clock.now += 5
    await cache.look_up(key)
    assert backend.asked == 2


async def test_cancelling_reaches_the_backend() -> None:
    """A cancelled call does not go on waiting for the backend, and counts no error."""
    cache = CacheMechanism(backend=Broken(hang=True))
    waiting = asyncio.ensure_future(cache.look_up(cache.key("t", "r", REQUEST)))
    await asyncio.sleep(0)

    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert cache.stats.errors == 0


@pytest.mark.parametrize("value", [b"", b"{}", b"\x80\x04K\x01.", b'{"format":1}', b"x" * 1000])
async def test_a_damaged_entry_is_a_miss(value: bytes) -> None:
    """What cannot be read is not there; it is counted and written over by the next store."""
    backend = MemoryCache(MemoryCacheSettings(), Clock())
    cache = CacheMechanism(backend=backend)
    key = cache.key("t", "r", REQUEST)
    await backend.set(key, value, 100)

    assert await cache.look_up(key) is None
    assert cache.stats.errors == 1

    await cache.store(key, ANSWER)
    assert await cache.look_up(key) == ANSWER


async def test_an_entry_in_the_wrong_place_is_a_miss() -> None:
    """A backend that mixes tenants up does not make the cache hand out another's answer."""

    class Mixing(MemoryCache):
        async def get(self, key: CacheKey) -> bytes | None:
            return await super().get(CacheKey("alpha", key.digest))

    cache = CacheMechanism(backend=Mixing(MemoryCacheSettings(), Clock()))
    await cache.store(cache.key("alpha", "r", REQUEST), ANSWER)

    assert await cache.look_up(cache.key("beta", "r", REQUEST)) is None
    assert cache.stats.errors == 1


async def test_an_answer_that_cannot_be_written_is_not_stored() -> None:
    """Text that UTF-8 cannot carry is counted, not raised."""
    cache = _cache()

    await cache.store(cache.key("t", "r", REQUEST), GenerateResponse(text="\ud800", model="m"))

    assert (cache.stats.stores, cache.stats.errors) == (0, 1)


async def test_clear_says_when_it_failed() -> None:
    """Forgetting is a promise: a backend that fails at it is a typed error."""
    cache = CacheMechanism(backend=Broken(ConnectionError("down")))

    with pytest.raises(PluginError, match="Broken failed to forget"):
        await cache.clear("t")


async def test_the_first_backend_stays() -> None:
    """A backend given by the user is not replaced by the gateway's."""
    mine, other = Broken(), Broken()
    cache = CacheMechanism(backend=mine)

    cache.attach(other)
    await cache.aclose()

    assert cache.backend is mine
    assert mine.closed
    assert not other.closed


async def test_without_a_backend_it_says_so() -> None:
    """A cache nobody gave a backend is a configuration error, not a silent miss; closing it works."""
    cache = CacheMechanism()

    with pytest.raises(ConfigurationError, match="no backend"):
        await cache.look_up(cache.key("t", "r", REQUEST))
    await cache.aclose()


async def test_no_prompt_in_key_repr_or_error() -> None:
    """Neither the prompt nor the answer is in the key, in any repr, or in an error."""
    cache = _cache()
    key = cache.key("t", "r", REQUEST)
    await cache.store(key, ANSWER)

    shown = " ".join(map(repr, (cache, cache.stats, cache.backend, key)))

    assert CANARY not in shown
    assert ANSWER.text not in shown


def test_importing_is_cheap() -> None:
    """Importing the cache loads neither asyncio, nor hashing, nor cachetools."""
    code = (
        "import sys; import litellm_gateway.cache_mechanism; "
        "print(sorted({'asyncio', 'hashlib', 'cachetools', 'httpx', 'limits'} & set(sys.modules)))"
    )

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert loaded.stdout.strip() == "[]"
