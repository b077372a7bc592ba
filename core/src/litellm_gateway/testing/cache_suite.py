"""What every cache backend must do, as tests to subclass; the numbers are those of ``docs/reference/contracts.md``.

::

    class TestAcmeCache(CacheBackendSuite):
        def make_backend(self):
            return AcmeCache("acme://127.0.0.1:7000")
"""

from __future__ import annotations

import asyncio
import logging
import pickle
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from secrets import token_hex
from typing import TYPE_CHECKING

from litellm_gateway.contracts import CacheBackend, CacheKey, LocalCache
from litellm_gateway.kept_form import kept_form
from litellm_gateway.responses import GenerateResponse
from litellm_gateway.testing.log_ear import heard

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_LONG = 3600.0
_CANARY = b"canary-4f1d"
_AWKWARD_TENANTS = ("", ":", "a:b", "a", "A", "a ", "b", "*", "\0", "x\ny", "../..", "ünï", "t" * 500)


class CacheBackendSuite(ABC):
    """Subclass it, name it ``Test...``, and say how to make a backend.

    Attributes:
        short_ttl: The shortest time, in seconds, for which the backend can keep something.
        large: Size in bytes of a value that strains the backend; one it will not keep is welcome here.
    """

    short_ttl: float = 0.2
    large: int = 4 * 1024 * 1024

    @abstractmethod
    def make_backend(self) -> CacheBackend:
        """Give a fresh backend; called inside a running event loop. A store behind it may be shared."""

    async def pass_time(self, seconds: float) -> None:
        """Let time go by for the backend; override it where the clock is a fake."""
        await asyncio.sleep(seconds)

    def test_p1_bytes_come_back_as_they_were(self) -> None:
        """P1: what was set comes back unchanged, whatever bytes it is, and a second ``set`` replaces it."""

        async def check(backend: CacheBackend) -> None:
            assert isinstance(backend, CacheBackend)
            key = _key()
            for value in (b"plain", b"", bytes(range(256)), b"\r\n\0", b"x" * 100_000):
                await backend.set(key, value, _LONG)

                assert await backend.get(key) == value

        self._run(check)

    def test_p2_unknown_is_none(self) -> None:
        """P2: a key never set gives None."""

        async def check(backend: CacheBackend) -> None:
            assert await backend.get(_key()) is None

        self._run(check)

    def test_p3_time_to_live(self) -> None:
        """P3: an entry is there until its time is up, and gone afterwards; a new ``set`` starts its time anew."""

        async def check(backend: CacheBackend) -> None:
            brief, lasting, renewed = _key(), _key(), _key()
            await backend.set(brief, b"1", self.short_ttl)
            await backend.set(lasting, b"2", _LONG)
            await backend.set(renewed, b"3", self.short_ttl)
            await backend.set(renewed, b"4", _LONG)

            assert await backend.get(brief) == b"1"
            await self.pass_time(self.short_ttl * 1.5)
            assert await backend.get(brief) is None
            assert await backend.get(lasting) == b"2"
            assert await backend.get(renewed) == b"4"

        self._run(check)

    def test_p4_tenants_never_meet(self) -> None:
        """P4: one digest under two tenants is two entries, however alike or odd the tenants' names are."""

        async def check(backend: CacheBackend) -> None:
            run, digest = token_hex(4), token_hex(32)
            keys = [CacheKey(f"{run}{name}", digest) for name in _AWKWARD_TENANTS]
            for number, key in enumerate(keys):
                assert await backend.get(key) is None
                await backend.set(key, b"%d" % number, _LONG)

            found = [await backend.get(key) for key in keys]

            assert found == [b"%d" % number for number in range(len(keys))]

        self._run(check)

    def test_p5_delete(self) -> None:
        """P5: ``delete`` forgets that entry and no other; one that is not there is no error."""

        async def check(backend: CacheBackend) -> None:
            one, other = _key("t"), _key("t")
            await backend.set(one, b"1", _LONG)
            await backend.set(other, b"2", _LONG)

            await backend.delete(one)
            await backend.delete(one)

            assert await backend.get(one) is None
            assert await backend.get(other) == b"2"

        self._run(check)

    def test_p6_clear(self) -> None:
        """P6: ``clear`` forgets all of one tenant and nothing of any other, even one whose name begins alike."""

        async def check(backend: CacheBackend) -> None:
            tenant = token_hex(4)
            mine = [CacheKey(tenant, token_hex(32)) for _ in range(20)]
            others = [CacheKey(tenant + end, token_hex(32)) for end in ("x", ":", "*", "?")]
            for key in (*mine, *others):
                await backend.set(key, b"1", _LONG)

            await backend.clear(tenant)
            await backend.clear(tenant)

            assert [await backend.get(key) for key in mine] == [None] * 20
            assert [await backend.get(key) for key in others] == [b"1"] * 4

        self._run(check)

    def test_p7_no_old_value_behind_a_refused_one(self) -> None:
        """P7: a value too large to keep is no error, and the one before it is not given in its place."""

        async def check(backend: CacheBackend) -> None:
            key, value = _key(), b"x" * self.large
            await backend.set(key, b"old", _LONG)

            await backend.set(key, value, _LONG)

            assert await backend.get(key) in (None, value)

        self._run(check)

    def test_p8_many_calls_at_once(self) -> None:
        """P8: calls side by side on one instance never get each other's values."""

        async def check(backend: CacheBackend) -> None:
            await asyncio.gather(*(_write_and_read(backend, b"%d" % number) for number in range(100)))

        self._run(check)

    def test_p9_many_event_loops(self) -> None:
        """P9: one instance serves several threads, each with its event loop, at once."""

        async def check(backend: CacheBackend) -> None:
            def in_a_loop(number: int) -> None:
                asyncio.run(_write_and_read(backend, b"%d" % number))

            with ThreadPoolExecutor(4) as threads:
                running = [asyncio.wrap_future(threads.submit(in_a_loop, number)) for number in range(16)]
                await asyncio.gather(*running)

        self._run(check)

    def test_p10_bytes_are_never_run(self) -> None:
        """P10: stored bytes are not interpreted: a pickle that would act when loaded comes back as it was."""

        async def check(backend: CacheBackend) -> None:
            key, value = _key(), pickle.dumps(_Trap())
            await backend.set(key, value, _LONG)

            assert await backend.get(key) == value

        self._run(check)

    def test_p11_cancelled_calls_leave_it_usable(self) -> None:
        """P11: a call cancelled at any await leaves the backend working."""

        async def check(backend: CacheBackend) -> None:
            for steps in range(5):
                writing = asyncio.ensure_future(_write_and_read(backend, b"%d" % steps))
                for _ in range(steps):
                    await asyncio.sleep(0)
                writing.cancel()
                with suppress(asyncio.CancelledError):
                    await writing

            await _write_and_read(backend, b"after")

        self._run(check)

    def test_p12_values_are_not_shown(self) -> None:
        """P12: no stored value is in ``repr`` or in a log."""

        async def check(backend: CacheBackend) -> None:
            with heard(logging.DEBUG) as lines:
                await backend.set(_key(), _CANARY, _LONG)

            assert _CANARY.decode() not in "\n".join((repr(backend), *lines))

        self._run(check)

    def test_p13_closing(self) -> None:
        """P13: closing works on an unused backend, and twice."""

        async def check(backend: CacheBackend) -> None:
            await backend.aclose()

        self._run(check)

    def test_p14_kept_answers_are_found(self) -> None:
        """P14: a backend that keeps answers gives them again, by the same rules as bytes."""

        async def check(backend: CacheBackend) -> None:
            if not isinstance(backend, LocalCache):
                return
            answer, digest = kept_form(GenerateResponse(text="kept", model="m")), token_hex(32)
            assert answer is not None
            mine, other, brief, large = CacheKey("t", digest), CacheKey("u", digest), _key(), _key()
            backend.keep(mine, answer, _LONG)
            backend.keep(brief, answer, self.short_ttl)
            backend.keep(large, answer, _LONG)
            backend.keep(large, answer._replace(size=2**62), _LONG)
            await backend.set(other, b"set", _LONG)

            assert backend.find(mine) is backend.find(brief) is answer
            assert (backend.find(other), backend.find(large), backend.find(_key())) == (b"set", None, None)
            await self.pass_time(self.short_ttl * 1.5)
            assert backend.find(brief) is None
            await backend.clear("t")
            assert (backend.find(mine), backend.find(other)) == (None, b"set")

        self._run(check)

    def _run(self, check: Callable[[CacheBackend], Awaitable[None]]) -> None:
        async def run() -> None:
            backend = self.make_backend()
            try:
                async with asyncio.timeout(30):
                    await check(backend)
            finally:
                await backend.aclose()

        asyncio.run(run())


class _Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return _spring, ()


def _spring() -> None:
    raise AssertionError("the backend unpickled a stored value")


def _key(tenant: str = "tenant") -> CacheKey:
    return CacheKey(tenant, token_hex(32))


async def _write_and_read(backend: CacheBackend, value: bytes) -> None:
    key = _key()
    await backend.set(key, value, _LONG)
    assert await backend.get(key) == value
