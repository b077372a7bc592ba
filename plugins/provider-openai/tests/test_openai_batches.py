"""Batches at OpenAI, against a server on the loopback address that answers as OpenAI does."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from attrs import define, field
from litellm_gateway import (
    InvalidRequestError,
    LiteLLMGateway,
    MalformedResponseError,
    ProviderConnectionError,
    RateLimitError,
    create_gateway,
)
from litellm_gateway.batch_errors import (
    BatchFailedError,
    BatchItemDroppedError,
    BatchNotDoneError,
    BatchNotFoundError,
    BatchUncertainError,
)
from litellm_gateway.batch_records import BatchItem, BatchSubmission
from litellm_gateway.messages import Message
from litellm_gateway.requests import GenerateRequest
from litellm_gateway.responses import EmbedResponse, GenerateResponse
from litellm_gateway.testing.batch_suite import BatchSuite, lines, reply
from litellm_gateway.testing.loopback import LoopbackServer
from litellm_gateway_dialect_openai.batches import OpenAIBatchDialect
from litellm_gateway_provider_openai import plugin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from litellm_gateway.testing.loopback import Exchange

KEY = "sk-proj-0123456789abcdefghijklmnopqrstuvwxyz"
CHAT = "/v1/chat/completions"
BYTES = {"content-type": "application/octet-stream"}


def chat_body(text: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-5.6-luna-2026-05-01",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }  # fmt: skip


def line(custom_id: str, body: dict[str, Any] | None, *, status: int = 200, error: Any = None) -> bytes:
    response = None if body is None else {"status_code": status, "request_id": "req_1", "body": body}
    return json.dumps({"id": "batch_req_1", "custom_id": custom_id, "response": response, "error": error}).encode()


@define
class OpenAI:
    """Keeps one batch; what a test wants else it puts into ``batch``, ``files`` and ``answers``."""

    batch: dict[str, Any] = field(factory=dict)
    files: dict[str, bytes] = field(factory=dict)
    answers: dict[str, list[tuple[int, bytes]]] = field(factory=dict)
    seen: list[Exchange] = field(factory=list)

    async def __call__(self, exchange: Exchange) -> None:
        self.seen.append(exchange)
        asked = f"{exchange.method} {exchange.path}"
        if self.answers.get(asked):
            status, body = self.answers[asked].pop(0)
            if status == 0:
                exchange.reset()
                return
            await exchange.respond(body, status=status)
        elif asked == "POST /v1/files":
            await exchange.respond(b'{"id": "file-in", "object": "file", "purpose": "batch"}')
        elif asked == "POST /v1/batches":
            made = json.loads(exchange.body)
            self.batch = {"id": "batch_1", "object": "batch", "status": "validating", **made, **self.batch}
            await exchange.respond(json.dumps(self.batch).encode())
        elif exchange.path.startswith("/v1/batches/batch_1"):
            await exchange.respond(json.dumps({"id": "batch_1", "object": "batch", **self.batch}).encode())
        elif exchange.path.startswith("/v1/batches?"):
            await exchange.respond(json.dumps({"object": "list", "data": [self.batch], "has_more": False}).encode())
        elif (file_id := exchange.path.removeprefix("/v1/files/").removesuffix("/content")) in self.files:
            await exchange.respond(self.files[file_id], headers=BYTES)
        else:
            await exchange.respond(
                b'{"error": {"message": "No such object", "type": "invalid_request_error"}}', status=404
            )

    def paths(self) -> list[str]:
        return [f"{exchange.method} {exchange.path}" for exchange in self.seen]


@asynccontextmanager
async def serving(openai: OpenAI, **settings: Any) -> AsyncIterator[LiteLLMGateway]:
    async with LoopbackServer(openai) as server:
        gateway = create_gateway(provider="openai", api_key=KEY, base_url=f"{server.url}/v1", **settings)
        async with gateway:
            yield gateway
        assert await server.settled() == 0
        assert server.errors == []


def lines_of(exchange: Exchange) -> list[dict[str, Any]]:
    """Read the uploaded file out of the form, as a server would."""
    boundary = exchange.headers["content-type"].partition("boundary=")[2].encode()
    parts = (b"\r\n" + exchange.body).split(b"\r\n--" + boundary)
    assert parts[0] == b""
    assert parts[-1] == b"--\r\n"
    purpose, file = (part.split(b"\r\n\r\n", 1)[1] for part in parts[1:-1])
    assert purpose == b"batch"
    return [json.loads(each) for each in file.split(b"\n") if each]


async def test_requests_go_up_as_a_file_and_become_a_batch() -> None:
    """Upload, then the batch of it; the key is in its header and nowhere else."""
    openai = OpenAI()

    async with serving(openai) as gateway:
        batch = await gateway.batches.submit_async(["Hello\r\n--gateway-batch-file", "Ünï"], max_tokens=9, label="mine")

    upload, made = openai.seen
    lines = lines_of(upload)
    assert openai.paths() == ["POST /v1/files", "POST /v1/batches"]
    assert [each["custom_id"] for each in lines] == ["request-000000", "request-000001"]
    assert {(each["method"], each["url"]) for each in lines} == {("POST", CHAT)}
    assert lines[0]["body"]["messages"] == [{"role": "user", "content": "Hello\r\n--gateway-batch-file"}]
    assert lines[1]["body"]["max_completion_tokens"] == 9
    assert json.loads(made.body) == {
        "input_file_id": "file-in", "endpoint": CHAT, "completion_window": "24h", "metadata": {"label": "mine"},
    }  # fmt: skip
    assert {each.headers["authorization"] for each in openai.seen} == {f"Bearer {KEY}"}
    assert KEY.encode() not in upload.body + made.body
    assert (batch.id, batch.state, batch.raw_state, batch.label) == ("openai:batch_1", "queued", "validating", "mine")


async def test_what_only_responses_can_say_takes_the_batch_there() -> None:
    """A batch has one endpoint: that of the request that needs it."""
    openai = OpenAI()
    tool = {"name": "look", "description": "", "parameters": {"type": "object", "properties": {}}}

    async with serving(openai, providers={"openai": {"api": "responses"}}) as gateway:
        await gateway.batches.submit_async(["Hi", {"prompt": "Look", "tools": [tool]}])

    lines = lines_of(openai.seen[0])
    assert {each["url"] for each in lines} == {"/v1/responses"}
    assert all("input" in each["body"] and each["body"]["store"] is False for each in lines)
    assert json.loads(openai.seen[1].body)["endpoint"] == "/v1/responses"


async def test_embeddings_are_a_batch_of_their_own_endpoint() -> None:
    """Vectors come back as from a single request."""
    vector = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 1.0]}],
              "model": "text-embedding-3-small", "usage": {"prompt_tokens": 2, "total_tokens": 2}}  # fmt: skip
    openai = OpenAI(files={"file-out": line("request-000000", vector)})

    async with serving(openai) as gateway:
        batch = await gateway.batches.submit_async([{"texts": "a"}])
        openai.batch |= {"status": "completed", "output_file_id": "file-out"}
        results = [result async for result in gateway.batches.results_async(batch.id)]

    assert json.loads(openai.seen[1].body)["endpoint"] == "/v1/embeddings"
    assert isinstance(results[0].response, EmbedResponse)
    assert list(results[0].response[0]) == [0.5, 1.0]
    assert results[0].response.usage.total_tokens == 2


async def test_partial_failures_come_from_both_files() -> None:
    """Answers, refusals, what expired and what cannot be read: each is one result, and none hides another."""
    refused = {"error": {"message": f"bad {KEY}", "type": "invalid_request_error", "param": "stop", "code": "wrong"}}
    limited = {"error": {"message": "slow down", "type": "tokens", "code": "rate_limit_exceeded"}}
    openai = OpenAI(
        batch={
            "status": "expired", "endpoint": CHAT, "output_file_id": "out", "error_file_id": "err",
            "request_counts": {"total": 6, "completed": 2, "failed": 4},
        },
        files={
            "out": b"\n".join([line("good", chat_body("Hi")), b"", line("odd", {"choices": "none"}), b'{"custom_id": '])
            + b"\n",
            "err": b"\n".join(
                [
                    line("refused", refused, status=400),
                    line("limited", limited, status=429),
                    line("late", None, error={"code": "batch_expired", "message": "not in time"}),
                    line("stopped", None, error={"code": "batch_cancelled", "message": "stopped"}),
                ]
            ),
        },
    )  # fmt: skip

    async with serving(openai) as gateway:
        found = [result async for result in gateway.batches.results_async("openai:batch_1")]
        batch = await gateway.batches.status_async("openai:batch_1")

    results = {result.custom_id: result for result in found}
    assert len(found) == 7
    good = results["good"].response
    assert isinstance(good, GenerateResponse)
    assert (good.text, good.usage.total_tokens, good.metadata["provider_request_id"]) == ("Hi", 110, "req_1")
    assert good.metadata["cost"] is not None
    assert isinstance(results["odd"].error, MalformedResponseError)
    assert isinstance(results[None].error, MalformedResponseError)
    assert isinstance(results["refused"].error, InvalidRequestError)
    assert results["refused"].error.parameter == "stop"
    assert KEY not in str(results["refused"].error)
    assert isinstance(results["limited"].error, RateLimitError)
    assert isinstance(results["late"].error, BatchItemDroppedError)
    assert (results["late"].error.code, results["stopped"].error.code) == ("expired", "cancelled")  # type: ignore[union-attr]
    assert (batch.state, batch.done, batch.counts.total, batch.counts.finished) == ("expired", True, 6, 6)


async def test_a_batch_with_an_error_file_only_has_results() -> None:
    """Every request failed: that is no failure of the batch."""
    failed = line("a", {"error": {"message": "no", "type": "invalid_request_error"}}, status=400)
    openai = OpenAI(batch={"status": "completed", "output_file_id": None, "error_file_id": "e"}, files={"e": failed})

    async with serving(openai) as gateway:
        results = [result async for result in gateway.batches.results_async("openai:batch_1")]

    assert [type(result.error) for result in results] == [InvalidRequestError]


async def test_a_batch_that_failed_as_a_whole_says_why() -> None:
    """The file was not what it should be: the provider's reasons, with their lines."""
    faults = {"object": "list", "data": [{"code": "invalid_json_line", "line": 3, "message": "not JSON"}]}
    openai = OpenAI(batch={"status": "failed", "errors": faults})

    async with serving(openai) as gateway:
        with pytest.raises(BatchFailedError, match="line 3: not JSON") as caught:
            [result async for result in gateway.batches.results_async("openai:batch_1")]

    assert caught.value.reasons == ("line 3: not JSON",)


async def test_results_that_are_gone_are_told_apart_from_a_batch_that_is() -> None:
    """The batch is known and its file is not; or neither is."""
    openai = OpenAI(batch={"status": "completed", "output_file_id": "deleted"})

    async with serving(openai) as gateway:
        with pytest.raises(BatchNotFoundError, match="keeps no results"):
            [result async for result in gateway.batches.results_async("openai:batch_1")]
        with pytest.raises(BatchNotFoundError, match="knows no batch 'batch_2'"):
            await gateway.batches.status_async("openai:batch_2")


async def test_results_are_not_there_before_the_batch_is_done() -> None:
    """Nothing is read while it is worked on."""
    openai = OpenAI(batch={"status": "finalizing"})

    async with serving(openai) as gateway:
        with pytest.raises(BatchNotDoneError):
            [result async for result in gateway.batches.results_async("openai:batch_1")]


async def test_a_lost_answer_is_told_and_never_sent_again() -> None:
    """The connection breaks after the batch was asked for: one request, one error that says what may exist."""
    openai = OpenAI(answers={"POST /v1/batches": [(0, b"")]})

    async with serving(openai, max_retries=4) as gateway:
        with pytest.raises(BatchUncertainError, match="file-in") as caught:
            await gateway.batches.submit_async(["a"], label="mine")

    assert openai.paths() == ["POST /v1/files", "POST /v1/batches"]
    assert (caught.value.label, caught.value.provider) == ("mine", "openai")
    assert isinstance(caught.value.__cause__, ProviderConnectionError)


async def test_an_upload_is_tried_again() -> None:
    """A file nobody refers to costs nothing."""
    openai = OpenAI(answers={"POST /v1/files": [(503, b'{"error": {"message": "later"}}')]})

    async with serving(openai, max_retries=2) as gateway:
        await gateway.batches.submit_async(["a"])

    assert openai.paths() == ["POST /v1/files", "POST /v1/files", "POST /v1/batches"]


def test_too_many_bytes_are_refused_while_they_are_written() -> None:
    """The error says from which request on it is too much."""
    dialect = OpenAIBatchDialect(base_url="https://api.openai.com/v1", wants_responses=lambda request: False)
    request = GenerateRequest(model="m", messages=(Message(role="user", content="x" * 300),))
    items = tuple(BatchItem(custom_id=f"request-{number:06d}", request=request) for number in range(5))

    with pytest.raises(InvalidRequestError, match="1000 bytes the provider does, from request 3 of 5"):
        dialect.encode_batch_input(BatchSubmission(items=items, model="m", label="", most_bytes=1000))


async def test_many_requests_are_one_file() -> None:
    """They are written apart from the loop, in their order."""
    openai = OpenAI()

    async with serving(openai) as gateway:
        batch = await gateway.batches.submit_async([f"number {number}" for number in range(1500)])

    lines = lines_of(openai.seen[0])
    assert [each["body"]["messages"][0]["content"] for each in lines] == [f"number {number}" for number in range(1500)]
    assert batch.counts.total == 1500


async def test_cancelling_and_listing() -> None:
    """Both ask OpenAI, and give batches under their whole ids."""
    openai = OpenAI(batch={"id": "batch_1", "status": "cancelling", "created_at": 1711471533})

    async with serving(openai) as gateway:
        stopped = await gateway.batches.cancel_async("openai:batch_1")
        listed = await gateway.batches.list_async(limit=5)

    assert openai.paths() == ["POST /v1/batches/batch_1/cancel", "GET /v1/batches?limit=5"]
    assert stopped.state == "cancelling"
    assert [each.id for each in listed] == ["openai:batch_1"]
    assert listed[0].created_at is not None
    assert listed[0].created_at.isoformat() == "2024-03-26T16:45:33+00:00"


async def test_a_cut_file_is_an_error_after_what_came() -> None:
    """Results before the cut are given; the rest is not taken for the end."""

    async def script(exchange: Exchange) -> None:
        if exchange.path.endswith("/content"):
            whole = line("a", chat_body("Hi")) + b"\n"
            await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + whole + b'{"custom_id": "b"')
            exchange.close()
        else:
            await exchange.respond(json.dumps({"id": "b", "status": "completed", "output_file_id": "f"}).encode())

    seen: list[Any] = []
    async with LoopbackServer(script) as server:
        gateway = create_gateway(provider="openai", api_key=KEY, base_url=f"{server.url}/v1")
        with pytest.raises(ProviderConnectionError):
            async for result in gateway.batches.results_async("openai:b"):
                seen.append(result.custom_id)
        await gateway.aclose()

    assert seen == ["a"]


class TestOpenAIBatches(BatchSuite):
    plugin = plugin
    submitted = (reply({"id": "file-1", "object": "file"}), reply({"id": "batch_1", "status": "validating"}))
    finished = (
        reply({"id": "batch_1", "status": "completed", "endpoint": CHAT, "output_file_id": "o", "error_file_id": "e"}),
        lines([json.loads(line("one", chat_body("Hi"))), json.loads(line("odd", {"choices": 7})), ["no line"]]),
        lines([json.loads(line("two", {"error": {"message": "no"}}, status=400))]),
    )
    finished_ids: ClassVar[set[str]] = {"one", "odd", "two"}
