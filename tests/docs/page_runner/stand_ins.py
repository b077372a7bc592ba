"""Loopback servers that stand in for providers, so that a page's blocks stay what a reader writes."""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TEXT = "Artificial intelligence is the study of machines that do what takes people thought."


class StandIn:
    """An OpenAI-compatible server with one answer.

    Attributes:
        requests: The JSON body of every request so far.
        base_url: Where it listens.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self._failures: deque[tuple[int, dict[str, str]]] = deque()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def fail(self, status: int, *, times: int = 1, **headers: str) -> None:
        """Answer the next requests with an error; an underscore in a header's name stands for a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._failures.extend([(status, named)] * times)

    def next_failure(self) -> tuple[int, dict[str, str]] | None:
        """Give the error to answer with, None to answer well."""
        return self._failures.popleft() if self._failures else None

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def start(name: str) -> StandIn:
    """Start the stand-in of a provider and point its environment variables to it."""
    if name != "openai":
        raise LookupError(f"there is no stand-in for '{name}'")
    server = StandIn()
    os.environ["OPENAI_API_KEY"] = "sk-proj-0123456789abcdefghijklmn"
    os.environ["OPENAI_BASE_URL"] = server.base_url
    return server


def _handler(owner: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            owner.requests.append(body)
            failure = owner.next_failure()
            if failure is not None:
                error = {"message": "stand-in", "type": "error", "code": None}
                self._send(failure[0], "application/json", [json.dumps({"error": error}).encode()], failure[1])
            elif self.path.endswith("/embeddings"):
                self._send(200, "application/json", [json.dumps(_embeddings(body)).encode()])
            elif body.get("stream"):
                self._send(200, "text/event-stream", [b"data: %b\n\n" % each for each in _pieces(body)])
            else:
                self._send(200, "application/json", [json.dumps(_answer(body)).encode()])

        def _send(
            self, status: int, content_type: str, chunks: list[bytes], headers: dict[str, str] | None = None
        ) -> None:
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(sum(map(len, chunks))))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            for chunk in chunks:
                self.wfile.write(chunk)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the standard library's
            """Say nothing."""

    return Handler


def _usage() -> dict[str, int]:
    return {"prompt_tokens": 10, "completion_tokens": 15, "total_tokens": 25}


def _answer(body: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": TEXT, "refusal": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": _usage(),
    }


def _pieces(body: dict[str, Any]) -> list[bytes]:
    def piece(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        record = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
        return json.dumps({**record, "choices": choices, **more}).encode()

    words = [word + " " for word in TEXT.split()]
    words[-1] = words[-1].strip()
    pieces = [piece({"role": "assistant", "content": ""}), *(piece({"content": word}) for word in words)]
    return [*pieces, piece({}, "stop"), piece({}, choices=[], usage=_usage()), b"[DONE]"]


def _embeddings(body: dict[str, Any]) -> dict[str, Any]:
    import base64
    from array import array

    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    data = []
    for index, text in enumerate(texts):
        vector = array("f", [len(text) / 100, text.count("e") / 10, 1.0])
        shown = base64.b64encode(vector.tobytes()).decode() if body.get("encoding_format") == "base64" else list(vector)
        data.append({"object": "embedding", "index": index, "embedding": shown})
    usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    return {"object": "list", "model": body["model"], "data": data, "usage": usage}
