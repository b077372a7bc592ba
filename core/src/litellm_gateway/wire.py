"""What crosses the HTTP door: requests, open responses, timeouts and limits; it opens nothing itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from attrs import evolve, field, frozen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from litellm_gateway.secrets import Secret


@frozen(kw_only=True)
class Timeouts:
    """Seconds each phase of one request may take; None leaves the phase to the call's deadline.

    Attributes:
        connect: Name resolution, TCP and TLS together.
        first_byte: From the request being sent to the first byte of the response headers, and between
            two pieces of the headers.
        chunk: Between two pieces of the body.
    """

    connect: float | None = 10.0
    first_byte: float | None = None
    chunk: float | None = None


@frozen(kw_only=True)
class Limits:
    """Most bytes the transport takes; more is a ``MalformedResponseError``.

    Attributes:
        headers: All response headers together.
        body: A whole body, after decompression; the largest in use are the vectors of 2,048 texts.
        line: One line of an event stream.
        event: One event of it.
    """

    headers: int = 64 * 1024
    body: int = 48 * 1024 * 1024
    line: int = 8 * 1024 * 1024
    event: int = 16 * 1024 * 1024

    def for_answer(self, request: WireRequest) -> Limits:
        """Give the limits for the answer to one request."""
        return self if request.answer_limit is None else evolve(self, body=request.answer_limit)


@frozen(kw_only=True)
class TransportSettings:
    """What a transport is built from; the gateway fills it from its own configuration.

    Attributes:
        max_connections: Connections open at once, per event loop, over all origins.
        keepalive: Seconds an idle connection is kept.
        trust_env: Use ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``.
        limits: Most bytes to take.
    """

    max_connections: int = 200
    keepalive: float = 30.0
    trust_env: bool = False
    limits: Limits = Limits()


@frozen(kw_only=True)
class WireRequest:
    """One HTTP request as a dialect wants it sent.

    Attributes:
        url: Absolute ``http`` or ``https`` URL.
        body: Body bytes, already encoded.
        headers: Header names and values; never a key.
        secret_headers: Headers whose value is a secret; the transport unwraps them at the socket.
        once: Never send it a second time, not even when a kept-alive connection turns out dead.
        answer_limit: Most bytes of the answer's body, in place of ``Limits.body``; for files read piece by piece.
    """

    method: str = "POST"
    url: str
    body: bytes = field(default=b"", repr=False)
    headers: tuple[tuple[str, str], ...] = ()
    secret_headers: tuple[tuple[str, Secret], ...] = ()
    once: bool = False
    answer_limit: int | None = None


@frozen(kw_only=True)
class WireResponse:
    """One whole HTTP response: status, headers (lower-case names), decompressed body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class OpenResponse(Protocol):
    """A response whose headers have arrived and whose body is still to be read.

    Read it to the end or close it; a body read to its end gives the connection back by itself.
    """

    status: int
    headers: Mapping[str, str]

    async def read(self) -> bytes:
        """Give the whole body, decompressed.

        Raises:
            MalformedResponseError: More than ``Limits.body`` bytes, or broken compression.
            ProviderConnectionError: The connection broke, or ended before the body did.
            ProviderTimeoutError: ``Timeouts.chunk`` passed without a byte.
            DeadlineExceededError: The call's deadline passed.
        """
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Give the body piece by piece as it arrives, decompressed; raises as :meth:`read` does."""
        ...

    async def aclose(self) -> None:
        """Break off: close the connection at once unless the body was read to its end."""
        ...
