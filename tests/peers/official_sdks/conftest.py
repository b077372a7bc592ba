"""Record what an official SDK and this gateway send for the same call, and tell what differs.

Each SDK lives in an environment of its own. Both sides talk to one loopback server that answers every endpoint with
the least that is valid.
"""

from __future__ import annotations

import asyncio
import base64
import fnmatch
import json
import re
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from attrs import define, field, frozen
from litellm_gateway.testing.loopback import Exchange, LoopbackServer, in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
SDKS = {
    "openai": "openai==3.54.0",
    "anthropic": "anthropic==2.12.0",
    "google": "google-genai==3.4.0",
    "cohere": "cohere==7.3.1",
}
COMPARED = (
    "authorization", "x-api-key", "x-goog-api-key", "api-key", "anthropic-version", "anthropic-beta", "content-type",
    "openai-organization", "openai-project", "x-own",
)  # fmt: skip
ABSENT = "<absent>"
LEAST_CALLS = 15
TEXT = '{"city": "Paris"}'


@frozen(kw_only=True)
class Sent:
    """One request, reduced to what it means: lists in order, objects without, query and body taken apart."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any

    @classmethod
    def of(cls, exchange: Exchange) -> Sent:
        """Read a recorded request."""
        url, body = urlsplit(exchange.path), json.loads(exchange.body) if exchange.body else None
        return cls(
            method=exchange.method,
            path=unquote(url.path),
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers={name: exchange.headers[name] for name in COMPARED if name in exchange.headers},
            body=_one_spelling(body) if "x-goog-api-key" in exchange.headers else body,
        )

    def flat(self) -> dict[str, Any]:
        """Give every leaf by its path, such as ``body.messages.0.role``."""
        whole = {"method": self.method, "path": self.path, "query": self.query, "headers": self.headers}
        return dict(_leaves({**whole, "body": self.body}, ""))


def _one_spelling(value: Any) -> Any:
    """Write Google's JSON one way: its servers take field names in either case, and bytes in either base64 alphabet."""
    if isinstance(value, list):
        return [_one_spelling(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    written = {}
    for name, inner in value.items():
        camel = re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
        own = camel in ("parametersJsonSchema", "responseJsonSchema", "args", "response")  # the caller's names
        written[camel] = inner if own else _one_spelling(inner)
        if camel == "data" and isinstance(inner, str):
            written[camel] = inner.translate(str.maketrans("-_", "+/"))
    return written


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    if not items:
        yield path, value
    for name, inner in items:
        yield from _leaves(inner, f"{path}.{name}" if path else str(name))


@frozen(kw_only=True)
class Difference:
    """A place where the two say something else, or only one says something."""

    call: str
    path: str
    sdk: Any
    gateway: Any

    def __str__(self) -> str:
        return f"{self.call}: {self.path}: the SDK says {self.sdk!r}, the gateway {self.gateway!r}"


def differences(call: str, sdk: list[Sent], gateway: list[Sent]) -> list[Difference]:
    """Compare what was sent for one call, request by request."""
    if len(sdk) != len(gateway):
        return [Difference(call=call, path="requests", sdk=len(sdk), gateway=len(gateway))]
    found = []
    for one, other in zip(sdk, gateway, strict=True):
        left, right = one.flat(), other.flat()
        for path in sorted(left.keys() | right.keys()):
            ours, theirs = right.get(path, ABSENT), left.get(path, ABSENT)
            if ours != theirs or isinstance(ours, bool) is not isinstance(theirs, bool):
                found.append(Difference(call=call, path=path, sdk=theirs, gateway=ours))
    return found


@define
class Accepted:
    """The differences that are meant, each with its reason, and which of them occurred."""

    rows: list[dict[str, Any]]
    used: set[int] = field(factory=set)

    def without(self, found: list[Difference]) -> list[Difference]:
        """Give the differences that no row accepts."""
        return [difference for difference in found if not self._accepts(difference)]

    def _accepts(self, found: Difference) -> bool:
        for number, row in enumerate(self.rows):
            if not fnmatch.fnmatchcase(found.call, row.get("call", "*")) or not fnmatch.fnmatchcase(
                found.path, row["path"]
            ):
                continue
            if row.get("sdk", found.sdk) == found.sdk and row.get("gateway", found.gateway) == found.gateway:
                self.used.add(number)
                return True
        return False


@define
class Recorder:
    """The loopback server both sides talk to."""

    server: LoopbackServer

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.url

    def since(self, count: int) -> list[Sent]:
        """Give what was sent after the first ``count`` requests."""
        return [Sent.of(exchange) for exchange in self.server.requests[count:]]

    def by_name(self, count: int) -> dict[str, list[Sent]]:
        """Give what was sent after the first ``count`` requests, by the name each call was announced with."""
        named: dict[str, list[Sent]] = {}
        for exchange in self.server.requests[count:]:
            if exchange.path.startswith("/__begin__/"):
                named[exchange.path.rpartition("/")[2]] = current = []
            else:
                current.append(Sent.of(exchange))
        return named


@pytest.fixture(scope="session")
def recorder() -> Iterator[Recorder]:
    """Run the server."""
    with in_thread(LoopbackServer(answer)) as server:
        yield Recorder(server)


@pytest.fixture(scope="session")
def sdk_calls(
    workshop: Any, plain_run: Callable[..., Any], recorder: Recorder
) -> Callable[[str], dict[str, list[Sent]]]:
    """Give what an SDK sends, by the name of the call; it is installed and run once."""
    recorded: dict[str, dict[str, list[Sent]]] = {}

    def calls_of(provider: str) -> dict[str, list[Sent]]:
        if provider not in recorded:
            python = _environment(workshop, SDKS[provider]) / "bin" / "python"
            count = len(recorder.server.requests)
            script = HERE / f"calls_by_{provider}.py"
            done = plain_run([str(python), "-P", str(script), recorder.url], timeout=120, PYTHONPATH=str(HERE))
            assert done.returncode == 0, done.stderr[-3000:]
            assert json.loads(done.stdout.splitlines()[-1]) == {}
            recorded[provider] = recorder.by_name(count)
        return recorded[provider]

    return calls_of


def _environment(workshop: Any, requirement: str) -> Path:
    uv = workshop.program("uv")
    folder: Path = workshop.installed(
        f"{requirement.replace('==', '-')}-py{sys.version_info[0]}.{sys.version_info[1]}",
        lambda target: [
            [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(target)],
            [uv, "pip", "install", "--quiet", "--python", str(target / "bin" / "python"), requirement],
        ],
    )
    return folder


@pytest.fixture(scope="session")
def accepted() -> Callable[[str], Accepted]:
    """Give the accepted differences of a provider."""
    table = json.loads((HERE / "accepted_differences.json").read_text())
    made = {provider: Accepted(rows) for provider, rows in table.items()}
    return made.__getitem__


@pytest.fixture(scope="session")
def material() -> dict[str, Any]:
    """Give the images, documents and schemas both sides use."""
    found: dict[str, Any] = json.loads((HERE / "material.json").read_text())
    return found


@pytest.fixture
def every_call(
    sdk_calls: Callable[[str], dict[str, list[Sent]]], recorder: Recorder, accepted: Callable[[str], Accepted]
) -> Callable[..., Any]:
    """Give the comparison of all calls of a provider."""

    async def compared(provider: str, names: list[str], make: Callable[[str, str], Any]) -> list[str]:
        """Make each call; name the differences no row accepts, the calls without a twin, the rows without use."""
        sdk, table = sdk_calls(provider), accepted(provider)
        wrong = [f"{name}: made by one side only" for name in sorted(set(names) ^ set(sdk))]
        if len(names) < LEAST_CALLS:
            wrong.append(f"only {len(names)} calls")
        for name in (name for name in names if name in sdk):
            count = len(recorder.server.requests)
            await make(name, recorder.url)
            wrong += map(str, table.without(differences(name, sdk[name], recorder.since(count))))
        return wrong + [
            f"not needed any more: {row}" for number, row in enumerate(table.rows) if number not in table.used
        ]

    return compared


async def answer(exchange: Exchange) -> None:
    """Answer any endpoint of any of the providers."""
    path, body = urlsplit(exchange.path).path, json.loads(exchange.body or b"{}")
    for end, reply in REPLIES.items():
        if path.endswith(end):
            said = reply(body)
            break
    else:
        said = {} if path.startswith("/__begin__/") else None
    if isinstance(said, bytes):
        await exchange.respond(said, headers={"content-type": "text/event-stream"})
    else:
        await exchange.respond(json.dumps(said).encode(), status=404 if said is None else 200)
    await asyncio.sleep(0)


def _events(*events: Any, named: bool = True) -> bytes:
    lines = [(f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n" for event in events]
    return "".join(lines).encode()


def _chat(body: dict[str, Any]) -> Any:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    top = {"id": "chatcmpl-1", "created": 1, "model": body["model"]}
    if not body.get("stream"):
        message = {"role": "assistant", "content": TEXT}
        choices = [{"index": index, "message": message, "finish_reason": "stop"} for index in range(body.get("n", 1))]
        return {**top, "object": "chat.completion", "choices": choices, "usage": usage}
    chunk = {**top, "object": "chat.completion.chunk"}
    return _events(
        {**chunk, "choices": [{"index": 0, "delta": {"role": "assistant", "content": TEXT}, "finish_reason": None}]},
        {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {**chunk, "choices": [], "usage": usage},
        named=False,
    ) + b"data: [DONE]\n\n"  # fmt: skip


def _responses(body: dict[str, Any]) -> Any:
    part = {"type": "output_text", "text": TEXT, "annotations": []}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
    usage = {
        "input_tokens": 3, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 5,
    }  # fmt: skip
    whole = {
        "id": "resp_1", "object": "response", "created_at": 1, "model": body["model"], "status": "completed",
        "output": [item], "usage": usage, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
    }  # fmt: skip
    if not body.get("stream"):
        return whole
    begun, place = (
        {**whole, "status": "in_progress", "output": [], "usage": None},
        {"output_index": 0, "item_id": "msg_1"},
    )
    events = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        {"type": "response.content_part.added", **place, "content_index": 0, "part": {**part, "text": ""}},
        {"type": "response.output_text.delta", **place, "content_index": 0, "delta": TEXT, "logprobs": []},
        {"type": "response.output_text.done", **place, "content_index": 0, "text": TEXT, "logprobs": []},
        {"type": "response.content_part.done", **place, "content_index": 0, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    return _events(*({**event, "sequence_number": number} for number, event in enumerate(events)))


def _openai_embeddings(body: dict[str, Any]) -> Any:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    packed = base64.b64encode(struct.pack("<2f", 0.5, -0.5)).decode()
    vector = packed if body.get("encoding_format") == "base64" else [0.5, -0.5]
    data = [{"object": "embedding", "index": index, "embedding": vector} for index in range(len(texts))]
    return {"object": "list", "data": data, "model": body["model"], "usage": {"prompt_tokens": 2, "total_tokens": 2}}


def _moderations(body: dict[str, Any]) -> Any:
    result = {"flagged": False, "categories": {"hate": False}, "category_scores": {"hate": 0.1}}
    return {"id": "modr-1", "model": body["model"], "results": [result for _ in body["input"]]}


def _models(_body: dict[str, Any]) -> Any:
    """One list in everybody's form: OpenAI's and Anthropic's data, Google's and Cohere's models."""
    data = [{
        "id": "m", "object": "model", "type": "model", "created": 1, "owned_by": "x", "display_name": "M",
        "created_at": "2026-01-01T00:00:00Z",
    }]  # fmt: skip
    return {"object": "list", "data": data, "has_more": False, "models": [{"name": "models/m", "endpoints": ["chat"]}]}


def _anthropic(body: dict[str, Any]) -> Any:
    usage = {"input_tokens": 3, "output_tokens": 2}
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "stop_sequence": None,
        "content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn", "usage": usage,
    }  # fmt: skip
    if not body.get("stream"):
        return message
    return _events(
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": TEXT}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    )


def _gemini(_body: dict[str, Any]) -> Any:
    return {
        "candidates": [{"content": {"role": "model", "parts": [{"text": TEXT}]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
        "modelVersion": "m",
        "responseId": "r",
    }


def _cohere(body: dict[str, Any]) -> Any:
    usage = {"billed_units": {"input_tokens": 3, "output_tokens": 2}, "tokens": {"input_tokens": 3, "output_tokens": 2}}
    if not body.get("stream"):
        message = {"role": "assistant", "content": [{"type": "text", "text": TEXT}]}
        return {"id": "c-1", "message": message, "finish_reason": "COMPLETE", "usage": usage}
    return _events(
        {"type": "message-start", "id": "c-1", "delta": {"message": {"role": "assistant"}}},
        {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": TEXT}}}},
        {"type": "content-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}},
    )


def _cohere_embed(body: dict[str, Any]) -> Any:
    kind, texts = body["embedding_types"][0], body["texts"]
    return {
        "id": "e-1", "texts": texts, "embeddings": {kind: [[1, -1] for _ in texts]},
        "response_type": "embeddings_by_type", "meta": {"billed_units": {"input_tokens": 2}},
    }  # fmt: skip


REPLIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "/chat/completions": _chat,
    "/responses": _responses,
    "/embeddings": _openai_embeddings,
    "/moderations": _moderations,
    "/messages": _anthropic,
    "/messages/count_tokens": lambda _: {"input_tokens": 3},
    ":generateContent": _gemini,
    ":streamGenerateContent": lambda body: _events(_gemini(body), named=False),
    ":embedContent": lambda _: {"embedding": {"values": [0.5, -0.5]}},
    ":batchEmbedContents": lambda body: {"embeddings": [{"values": [0.5, -0.5]} for _ in body["requests"]]},
    ":countTokens": lambda _: {"totalTokens": 3},
    "/v2/chat": _cohere,
    "/v2/embed": _cohere_embed,
    "/v2/rerank": lambda _: {"id": "r-1", "results": [{"index": 1, "relevance_score": 0.9}], "meta": {}},
    "/models": _models,
}
