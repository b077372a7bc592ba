"""Loopback servers that stand in for providers, so that a page's blocks stay what a reader writes."""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import answers
from answers import Answer
from kept_batches import KeptBatches

VARIABLES = {
    "openai": {"OPENAI_API_KEY": "sk-proj-0123456789abcdefghijklmn", "OPENAI_BASE_URL": "{}/v1"},
    "anthropic": {"ANTHROPIC_API_KEY": "sk-ant-0123456789abcdefghijklmn", "ANTHROPIC_BASE_URL": "{}"},
    "google": {"GOOGLE_API_KEY": "AIza0123456789abcdefghijklmn", "GOOGLE_GEMINI_BASE_URL": "{}"},
    "cohere": {"CO_API_KEY": "co-0123456789abcdefghijklmn", "CO_API_URL": "{}"},
    "groq": {"GROQ_API_KEY": "gsk_0123456789abcdefghijklmn"},
    "ollama": {"OLLAMA_HOST": "{}"},
}
"""What leads each provider to its stand-in; ``{}`` is where it listens. One without an address is never asked."""


class StandIn:
    """A server that speaks the wires of several providers.

    Attributes:
        requests: The JSON body of every request so far.
        batches: What was submitted as a batch.
        base_url: Where it listens, with the version OpenAI's clients put there.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.batches = KeptBatches()
        self._failures: deque[tuple[int, dict[str, str]]] = deque()
        self._answers: deque[Answer] = deque()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.base_url = f"{self.url}/v1"

    def fail(self, status: int, *, times: int = 1, **headers: str) -> None:
        """Answer the next requests with an error; an underscore in a header's name stands for a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._failures.extend([(status, named)] * times)

    def say(self, text: str = "", **fields: Any) -> None:
        """Answer the next prompt with this; see :class:`Answer`."""
        self._answers.append(Answer(text=text, **fields))

    def next_failure(self) -> tuple[int, dict[str, str]] | None:
        """Give the error to answer with, None to answer well."""
        return self._failures.popleft() if self._failures else None

    def next_answer(self) -> Answer:
        """Give what to say to a prompt."""
        return self._answers.popleft() if self._answers else Answer()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def start(name: str) -> StandIn:
    """Start the stand-in of a provider and point its environment variables to it."""
    server = StandIn()
    for variable, value in VARIABLES[name].items():
        os.environ[variable] = value.format(server.url)
    return server


def reply(path: str, body: dict[str, Any], owner: StandIn) -> dict[str, Any] | list[bytes]:
    """Answer a request: the body of a whole answer, or the pieces of a stream.

    Raises:
        LookupError: No wire has such a path.
    """
    if "/messages/batches" in path:
        return owner.batches.reply(path, body)
    action = path.partition("?")[0].rpartition("/")[2].rpartition(":")[2]
    if action in _PLAIN:
        return _PLAIN[action](body, path)
    if action not in _PROMPTS:
        raise LookupError(f"no stand-in answers {path}")
    whole, pieces = _PROMPTS[action]
    answer = owner.next_answer()
    if body.get("stream") or action == "streamGenerateContent":
        return pieces(answer, body)
    return whole(answer, body)


_PROMPTS: dict[str, tuple[Any, Any]] = {
    "completions": (answers.openai_whole, answers.openai_pieces),
    "messages": (answers.anthropic_whole, answers.anthropic_pieces),
    "generateContent": (lambda answer, body: answers.google_whole(answer), None),
    "streamGenerateContent": (None, lambda answer, body: answers.sse(answers.google_whole(answer))),
    "chat": (lambda answer, body: answers.cohere_whole(answer), lambda answer, body: answers.cohere_pieces(answer)),
}
_PLAIN: dict[str, Any] = {
    "embeddings": lambda body, path: answers.openai_embeddings(body),
    "moderations": lambda body, path: answers.moderation(body),
    "count_tokens": lambda body, path: {"input_tokens": answers.PROMPT_TOKENS},
    "countTokens": lambda body, path: {"totalTokens": answers.PROMPT_TOKENS},
    "embedContent": lambda body, path: {"embedding": {"values": answers.vector_of(str(body["content"]))}},
    "batchEmbedContents": lambda body, path: {
        "embeddings": [{"values": answers.vector_of(str(one["content"]))} for one in body["requests"]]
    },
    "embed": lambda body, path: answers.cohere_embeddings(body),
    "rerank": lambda body, path: answers.rerank(body),
    "models": lambda body, path: answers.models(prefix="models/" if "v1beta" in path else ""),
}


def _handler(owner: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])) or b"{}")
            owner.requests.append(body)
            failure = owner.next_failure()
            if failure is not None:
                error = {"message": "stand-in", "type": "error", "code": None}
                self._send(failure[0], "application/json", [json.dumps({"error": error}).encode()], failure[1])
            else:
                self._reply(body)

        def do_GET(self) -> None:
            self._reply({})

        def _reply(self, body: dict[str, Any]) -> None:
            answer = reply(self.path, body, owner)
            if isinstance(answer, list):
                self._send(200, "text/event-stream", answer)
            else:
                self._send(200, "application/json", [json.dumps(answer).encode()])

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
