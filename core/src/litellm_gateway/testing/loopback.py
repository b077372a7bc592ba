"""A small HTTP server on the loopback address that does what a script says, byte by byte, faults included.

It speaks to sockets only and knows nothing of the gateway.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING
from weakref import WeakSet

from attrs import define, field

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Iterator
    from typing import Self

    Script = Callable[["Exchange"], Awaitable[None]]


@define(eq=False)
class Exchange:
    """One request a client sent, and the means to answer it, well or badly.

    Attributes:
        method, path, headers, body: The request as it came; header names in lower case.
        connection: Number of the connection it came on, from 0.
        number: Number of the request on its connection, from 0.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    number: int
    _reader: asyncio.StreamReader = field(repr=False)
    _writer: asyncio.StreamWriter = field(repr=False)

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)
        await self._writer.drain()

    async def respond(self, body: bytes = b"{}", *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Send a whole response with a ``content-length``."""
        fields = {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}
        await self.send(_head(status, fields) + body)

    async def start(self, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Send the head of a chunked response."""
        fields = {"content-type": "text/event-stream", "transfer-encoding": "chunked", **(headers or {})}
        await self.send(_head(status, fields))

    async def chunk(self, data: bytes) -> None:
        """Send one chunk of a response that :meth:`start` began."""
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def finish(self) -> None:
        """End a chunked response."""
        await self.send(b"0\r\n\r\n")

    def close(self) -> None:
        """Close the connection in good order."""
        self._writer.close()

    def reset(self) -> None:
        """Break the connection: the client sees a reset."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def wait_closed(self, seconds: float = 5.0) -> bool:
        """Tell whether the client closed the connection within ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                while await self._reader.read(65536):
                    pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True


@define(eq=False)
class LoopbackServer:
    """Serves ``script`` on 127.0.0.1; an asynchronous context manager.

    Attributes:
        script: Called for every request.
        tls: TLS context, for https.
        requests: Every request so far, in order.
        connections: Connections accepted so far.
        open: Connections open now.
        alive: Their numbers.
        most_open: Most connections that were open at once.
        errors: What scripts raised, connection errors aside.
    """

    script: Script
    tls: ssl.SSLContext | None = None
    requests: list[Exchange] = field(factory=list, repr=False)
    connections: int = 0
    open: int = 0
    alive: set[int] = field(factory=set)
    most_open: int = 0
    errors: list[BaseException] = field(factory=list)
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(factory=set, repr=False)
    _transports: WeakSet[asyncio.WriteTransport] = field(factory=WeakSet, repr=False)

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._server is not None, "the server has not been started"
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0, backlog=2048, ssl=self.tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for transport in list(self._transports):  # one with bytes that nobody took would stay
            transport.abort()
        # Sockets are closed by the loop's next turns.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def settled(self, open_connections: int = 0, seconds: float = 5.0) -> int:
        """Wait until no more than ``open_connections`` are open; give how many are."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.open > open_connections:  # noqa: ASYNC110 - a test may wait so
                    await asyncio.sleep(0.005)
        return self.open

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._transports.add(writer.transport)
        connection = self.connections
        self.connections += 1
        self.open += 1
        self.alive.add(connection)
        self.most_open = max(self.most_open, self.open)
        try:
            await self._serve_requests(reader, writer, connection)
        except (OSError, asyncio.IncompleteReadError):
            pass
        except Exception as error:
            self.errors.append(error)
        finally:
            self.open -= 1
            self.alive.discard(connection)
            writer.close()

    async def _serve_requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> None:
        number = 0
        while not writer.is_closing():
            method, path, headers = _parse(await reader.readuntil(b"\r\n\r\n"))
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            exchange = Exchange(
                method=method, path=path, headers=headers, body=body, connection=connection, number=number,
                reader=reader, writer=writer,
            )  # fmt: skip
            self.requests.append(exchange)
            await self.script(exchange)
            number += 1


@contextlib.contextmanager
def in_thread(server: LoopbackServer) -> Iterator[LoopbackServer]:
    """Run a server on an event loop of its own, for tests that start and end loops themselves."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="loopback", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _head(status: int, fields: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _parse(head: bytes) -> tuple[str, str, dict[str, str]]:
    first, *rest = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in rest if line)
    return method, path, {name.lower(): value.strip() for name, _, value in pairs}
