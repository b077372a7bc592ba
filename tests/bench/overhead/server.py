"""A loopback server for measuring clients: canned answers over keep-alive connections, as little work as can be.

Run as ``python server.py``; it prints its port. ``POST /whole/<milliseconds>`` gives a 1 KB chat answer after a
delay, ``POST /stream/<milliseconds>`` gives 100 chunks, each sent by itself after the delay. A request to
``/v1/...`` is a whole answer, or a stream when its body asks for one.
"""

from __future__ import annotations

import asyncio
import json
import sys

CHUNKS = 100
ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "bench",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 160}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 200, "completion_tokens": 160, "total_tokens": 360},
    }
).encode()


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "bench", "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


WHOLE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " + str(len(ANSWER)).encode() + b"\r\n\r\n"
) + ANSWER
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
PIECES = [_chunked(_event({"content": " word"})) for _ in range(CHUNKS - 3)]
PIECES += [_chunked(_event({}, "stop"))]
PIECES += [
    _chunked(
        b'data: {"id":"1","choices":[],"usage":{"prompt_tokens":200,"completion_tokens":97,"total_tokens":297}}\n\n'
    )
]
PIECES += [_chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n"]


class Connection(asyncio.Protocol):
    """One client connection; requests come one after the other."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lowered = head.lower()
        start = lowered.find(b"content-length:")
        length = int(lowered[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
        if len(rest) < length:
            return
        body, self.buffer = rest[:length], rest[length:]
        path = head.split(b" ", 2)[1].decode()
        kind, _, delay = path.strip("/").partition("/")
        streams = kind == "stream" or b'"stream":true' in body.replace(b" ", b"")
        seconds = int(delay) / 1000 if delay.isdigit() else DELAY / 1000
        loop = asyncio.get_running_loop()
        if streams:
            self.transport.write(HEAD)
            loop.call_later(seconds, self.send_piece, 0, seconds)
        elif seconds:
            loop.call_later(seconds, self.transport.write, WHOLE)
        else:
            self.transport.write(WHOLE)

    def send_piece(self, number: int, seconds: float) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(PIECES[number])
        if number + 1 < len(PIECES):
            asyncio.get_running_loop().call_later(seconds, self.send_piece, number + 1, seconds)


DELAY = int(sys.argv[1]) if sys.argv[1:] and sys.argv[1].isdigit() else 0


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(0)
