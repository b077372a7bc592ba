"""Remember the heads of requests that keep coming alike, so that each is checked and written once; bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from litellm_gateway.addressing import steady_headers

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.addressing import HeaderPairs, Target
    from litellm_gateway.secrets import Secret
    from litellm_gateway.wire import WireRequest

    SecretHeaders = tuple[tuple[str, Secret], ...]

T = TypeVar("T")
_MOST = 64


class KnownHeads(Generic[T]):
    """The heads of a transport's requests in the form its engine wants; keys are unwrapped in them.

    Args:
        write: Gives headers that were checked in that form.
    """

    def __init__(self, write: Callable[[HeaderPairs], T]) -> None:
        self._write = write
        self._known: dict[tuple[str, tuple[tuple[str, str], ...], int], tuple[SecretHeaders, T]] = {}

    def get(self, request: WireRequest, target: Target, agent: str) -> T:
        """Give a request's head but for the length of its body; raises as ``request_headers`` does."""
        secrets = request.secret_headers
        key = (target.netloc, request.headers, id(secrets))  # hashing what is secret would take longer than all else
        known = self._known.get(key)
        if known is not None and known[0] is secrets:
            return known[1]
        head = self._write(steady_headers(request, target, agent))
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key] = secrets, head
        return head
