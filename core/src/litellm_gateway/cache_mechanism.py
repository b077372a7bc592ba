"""Keep answers and give them again: makes the key, looks up, stores. A cache that fails never fails a call.

Where the bytes live is the backend's business; which answers are worth keeping is the pipeline's.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attrs import define

from litellm_gateway import answer_codec
from litellm_gateway.bounded_wait import within
from litellm_gateway.config import CacheConfig
from litellm_gateway.contracts import CacheKey, LocalCache
from litellm_gateway.errors import ConfigurationError, PluginError
from litellm_gateway.kept_form import KeptAnswer, kept_form
from litellm_gateway.request_digest import request_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.contracts import CacheBackend
    from litellm_gateway.requests import EmbedRequest, GenerateRequest
    from litellm_gateway.responses import EmbedResponse, GenerateResponse

__all__ = ["CacheConfig", "CacheMechanism", "CacheStats"]

_SHARED = "\0shared"
_UNFINISHED = frozenset({"error", "content_filter"})
_CLEARING = 60.0


@define
class CacheStats:
    """What the cache did so far; ``errors``: the backend failed, or an entry could not be read or written.

    ``last_error`` is the class of the error that came last: its words might quote an answer.
    """

    hits: int = 0
    misses: int = 0
    stores: int = 0
    errors: int = 0
    last_error: str | None = None


class CacheMechanism:
    """The response cache.

    Args:
        config: How long and how much to keep.
        backend: Where to keep it; without one the gateway attaches the backend its own settings name.
        clock: Monotonic clock, in seconds.
        patience: Seconds a call waits for the backend at most; longer counts as a miss.
        pause: Seconds a backend that was too slow is left alone, so that not every call waits for it in vain.

    Attributes:
        stats: What it did so far.
        is_local: The backend keeps answers within this process, so that :meth:`find` and :meth:`keep` do; never for a
            subclass, whose own ways to look up and to store are to be asked.

    Example:
        >>> cache = CacheMechanism(CacheConfig(default_ttl=3600))
    """

    def __init__(
        self,
        config: CacheConfig | None = None,
        *,
        backend: CacheBackend | None = None,
        clock: Callable[[], float] = time.monotonic,
        patience: float = 1.0,
        pause: float = 5.0,
    ) -> None:
        self.config = config or CacheConfig()
        self.stats = CacheStats()
        self._backend: CacheBackend | None = None
        self._local: LocalCache | None = None
        self.is_local = False
        self._clock = clock
        self._patience = patience
        self._pause = pause
        self._left_alone_until: float | None = None
        if backend is not None:
            self.attach(backend)

    def __repr__(self) -> str:
        return f"CacheMechanism({self.config!r}, backend={type(self._backend).__name__})"

    @property
    def backend(self) -> CacheBackend | None:
        """Where answers are kept; None until one is attached."""
        return self._backend

    def attach(self, backend: CacheBackend) -> None:
        """Take this backend unless there is one already."""
        if self._backend is None:
            self._backend = backend
            self._local = backend if isinstance(backend, LocalCache) else None
            self.is_local = self._local is not None and type(self) is CacheMechanism

    def key(self, tenant: str, route: str, request: GenerateRequest | EmbedRequest) -> CacheKey:
        """Name the answer to a request.

        Args:
            tenant: Who asks; tenants never see each other's answers unless the configuration shares them.
            route: Who would answer: provider, model and address, in one text.
            request: The request, of which every field counts.

        Raises:
            InvalidRequestError: The request holds something that is not plain data.
        """
        return CacheKey(self._space(tenant), request_digest(route, request))

    async def look_up(self, key: CacheKey) -> GenerateResponse | EmbedResponse | None:
        """Give the answer stored under the key; None when there is none, or the backend fails.

        Raises:
            ConfigurationError: No backend is attached.
        """
        if self._local is not None:
            return CacheMechanism.find(self, key)  # a subclass may have a ``find`` and a ``keep`` of its own
        backend, answer = self._attached(), None
        if not self._resting():
            try:
                found = await within(self._patience, backend.get(key))
                answer = None if found is None else answer_codec.decode(key, found)
            except Exception as error:
                self._note(error)
        return self._counted(answer)

    def find(self, key: CacheKey) -> GenerateResponse | EmbedResponse | None:
        """Give what :meth:`look_up` gives, at once; for a backend within this process only."""
        assert self._local is not None, "only a local backend answers at once"
        answer: GenerateResponse | EmbedResponse | None = None
        try:
            found = self._local.find(key)
            if found is not None:
                answer = found.answer() if isinstance(found, KeptAnswer) else answer_codec.decode(key, found)
        except Exception as error:
            self._note(error)
        return self._counted(answer)

    async def store(self, key: CacheKey, response: GenerateResponse | EmbedResponse, ttl: float | None = None) -> None:
        """Keep a whole answer for ``ttl`` seconds, by default as configured; zero or less keeps nothing.

        Answers that ended in an error or in a content filter are not kept.

        Raises:
            ConfigurationError: No backend is attached.
        """
        backend = self._attached()
        seconds = self.config.default_ttl if ttl is None else ttl
        if CacheMechanism.keep(self, key, response, ttl) or seconds <= 0 or _is_unfinished(response) or self._resting():
            return
        try:
            await within(self._patience, backend.set(key, answer_codec.encode(key, response), seconds))
        except Exception as error:
            self._note(error)
        else:
            self.stats.stores += 1

    def keep(self, key: CacheKey, response: GenerateResponse | EmbedResponse, ttl: float | None = None) -> bool:
        """Do what :meth:`store` does, at once; False, and nothing done, where that is not possible.

        It is with a backend within this process, for an answer that can be kept as it is.
        """
        seconds = self.config.default_ttl if ttl is None else ttl
        if self._local is None or seconds <= 0 or _is_unfinished(response):
            return False
        try:
            kept = kept_form(response)
            if kept is None:
                return False
            self._local.keep(key, kept, seconds)
        except Exception as error:
            self._note(error)
        else:
            self.stats.stores += 1
        return True

    async def clear(self, tenant: str) -> None:
        """Forget every answer of one tenant; with ``shared_tenants`` that is everybody's.

        Raises:
            ConfigurationError: No backend is attached.
            PluginError: The backend failed, so answers may still be there.
        """
        backend = self._attached()
        try:
            await within(_CLEARING, backend.clear(self._space(tenant)))
        except Exception as error:
            raise PluginError(
                f"the cache backend {type(backend).__name__} failed to forget a tenant's answers "
                f"({type(error).__name__}); they may still be there. Try again."
            ) from error

    async def aclose(self) -> None:
        """Close the backend; none there is no error."""
        if self._backend is not None:
            await self._backend.aclose()

    def _counted(self, answer: GenerateResponse | EmbedResponse | None) -> GenerateResponse | EmbedResponse | None:
        if answer is None:
            self.stats.misses += 1
        else:
            self.stats.hits += 1
        return answer

    def _attached(self) -> CacheBackend:
        if self._backend is None:
            raise ConfigurationError(
                "the cache has no backend yet; pass it to create_gateway(..., cache=cache), "
                "or give one: CacheMechanism(config, backend=...)",
                path="cache",
            )
        return self._backend

    def _space(self, tenant: str) -> str:
        """Give the name a tenant's answers are kept under; no tenant's own name can be the shared one."""
        if self.config.shared_tenants:
            return _SHARED
        return "\0" + tenant if tenant.startswith("\0") else tenant

    def _resting(self) -> bool:
        return self._left_alone_until is not None and self._clock() < self._left_alone_until

    def _note(self, error: Exception) -> None:
        self.stats.errors += 1
        self.stats.last_error = type(error).__name__
        if isinstance(error, TimeoutError):
            self._left_alone_until = self._clock() + self._pause


def _is_unfinished(response: GenerateResponse | EmbedResponse) -> bool:
    return getattr(response, "finish_reason", None) in _UNFINISHED
