"""What the promises of a transport are tested on: the plugin, how it is built, and short ways to ask."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import time
from typing import TYPE_CHECKING, Any, ClassVar

from litellm_gateway.contracts import BuildContext
from litellm_gateway.testing.loopback import Exchange, LoopbackServer
from litellm_gateway.wire import Timeouts, TransportSettings, WireRequest, WireResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    from litellm_gateway.contracts import Transport, TransportOffer
    from litellm_gateway.wire import Limits, OpenResponse

CANARY = "canary0123456789abcdefghijklmnopqrstuv"
"""The secret the suite sends; it must be seen on the wire and nowhere else."""

_LONGEST_TEST = 30.0


class TransportFixture:
    """Says which plugin is tested; ``TransportSuite`` adds the tests.

    Attributes:
        plugin: The module or object that holds ``gateway_transport``.
    """

    plugin: ClassVar[Any] = None

    @property
    def offer(self) -> TransportOffer:
        """The plugin's offer."""
        offer: TransportOffer = self.plugin.gateway_transport()
        return offer

    def make_transport(self, **settings: Any) -> Transport:
        """Build a transport; override it when yours needs more than ``TransportSettings``."""
        context = BuildContext(
            name=self.offer.name,
            transport=_no_other_transport,
            timeouts=Timeouts(),
            clock=time.monotonic,
            sleep=asyncio.sleep,
            random=random.Random(0),  # noqa: S311 - chance for tests
        )
        return self.offer.build(TransportSettings(**settings), context)

    @contextlib.asynccontextmanager
    async def transport(self, *, limits: Limits | None = None, **settings: Any) -> AsyncIterator[Transport]:
        """Give a transport, closed at the end."""
        if limits is not None:
            settings["limits"] = limits
        made = self.make_transport(**settings)
        try:
            yield made
        finally:
            await made.aclose()


def in_a_loop(test: Callable[[Any], Coroutine[Any, Any, None]]) -> Callable[[Any], None]:
    """Run an asynchronous test on an event loop of its own, so that the suite needs no pytest plugin."""

    @functools.wraps(test)
    def run(self: Any) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(_LONGEST_TEST):
                await test(self)

        asyncio.run(bounded())

    return run


async def ask(
    transport: Transport,
    url: str,
    *,
    seconds: float = 10.0,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
    **request: Any,
) -> OpenResponse:
    """Open a request with a deadline in ``seconds``."""
    request.setdefault("body", b"{}" if request.get("method", "POST") == "POST" else b"")
    wire = WireRequest(url=url, **request)
    return await transport.open(wire, timeouts=timeouts, deadline=time.monotonic() + seconds)


async def fetch(transport: Transport, url: str, **request: Any) -> WireResponse:
    """Open a request and read the whole answer."""
    opened = await ask(transport, url, **request)
    try:
        return WireResponse(status=opened.status, headers=opened.headers, body=await opened.read())
    finally:
        await opened.aclose()


async def caught(work: Awaitable[object]) -> BaseException:
    """Give the error that work ends with.

    Raises:
        AssertionError: It ended well.
    """
    try:
        answer = await work
    except Exception as error:
        return error
    raise AssertionError(f"expected an error, got {answer!r}")


async def drained(opened: OpenResponse) -> bytes:
    """Read a body piece by piece."""
    return b"".join([piece async for piece in opened.chunks()])


async def answer_ok(exchange: Exchange) -> None:
    """Answer every request with a short body."""
    await exchange.respond(b'{"ok":true}')


def serve(script: Callable[[Exchange], Coroutine[Any, Any, None]] = answer_ok) -> LoopbackServer:
    """Make a server; enter it with ``async with``."""
    return LoopbackServer(script)


def _no_other_transport() -> Transport:
    raise AssertionError("a transport must not ask for another one")
