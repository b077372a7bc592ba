"""Batches of the Gemini API, against a server on the loopback address that answers as Google does."""

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
    UnsupportedParameterError,
    create_gateway,
)
from litellm_gateway.batch_errors import BatchFailedError, BatchNotDoneError, BatchNotFoundError
from litellm_gateway.responses import EmbedResponse, GenerateResponse
from litellm_gateway.testing.batch_suite import BatchSuite, reply
from litellm_gateway.testing.loopback import LoopbackServer
from litellm_gateway_provider_google import plugin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from litellm_gateway.testing.loopback import Exchange

KEY = "AIzaSy0123456789abcdefghijklmnopqrstuvw"
MODEL = "/v1beta/models/gemini-3.8-flash"


def text(words: str) -> dict[str, Any]:
    return {
        "candidates": [{"content": {"role": "model", "parts": [{"text": words}]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 10, "totalTokenCount": 110},
        "modelVersion": "gemini-3.8-flash",
    }


def inlined(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"inlinedResponses": {"inlinedResponses": list(entries)}}


@define
class Google:
    """Keeps one operation, and what it cancelled."""

    operation: dict[str, Any] = field(factory=dict)
    state: str = "BATCH_STATE_PENDING"
    file: bytes = b""
    seen: list[Exchange] = field(factory=list)

    async def __call__(self, exchange: Exchange) -> None:
        self.seen.append(exchange)
        described = {
            "name": "batches/abc-1",
            "metadata": {
                "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
                "model": "models/gemini-3.8-flash", "displayName": "mine", "state": self.state,
                "createTime": "2026-11-20T10:00:00.123456789Z",
                "batchStats": {"requestCount": "2", "pendingRequestCount": "2", "successfulRequestCount": "0"},
            },
            **self.operation,
        }  # fmt: skip
        if exchange.path == "/v1beta/batches/abc-1:cancel":
            self.state = "BATCH_STATE_CANCELLED"
            await exchange.respond(b"{}")
        elif exchange.path.startswith("/download/v1beta/files/out-1:download"):
            await exchange.respond(self.file, headers={"content-type": "application/octet-stream"})
        elif exchange.path.startswith("/v1beta/batches?"):
            await exchange.respond(json.dumps({"operations": [described]}).encode())
        elif exchange.method == "POST" or exchange.path == "/v1beta/batches/abc-1":
            await exchange.respond(json.dumps(described).encode())
        else:
            await exchange.respond(b'{"error":{"code":404,"message":"no","status":"NOT_FOUND"}}', status=404)


@asynccontextmanager
async def serving(google: Google) -> AsyncIterator[LiteLLMGateway]:
    async with LoopbackServer(google) as server:
        async with create_gateway(provider="google", api_key=KEY, base_url=server.url) as gateway:
            yield gateway
        assert await server.settled() == 0


async def results_of(gateway: LiteLLMGateway) -> list[Any]:
    return [result async for result in gateway.batches.results_async("google:abc-1")]


async def test_requests_go_into_the_batch_under_their_keys() -> None:
    """One body, the model in the address."""
    google = Google()

    async with serving(google) as gateway:
        batch = await gateway.batches.submit_async(
            ["Hello", {"prompt": "Hi", "custom_id": "b"}], max_tokens=9, label='my "label"'
        )

    (made,) = google.seen
    assert (made.path, made.headers["x-goog-api-key"]) == (f"{MODEL}:batchGenerateContent", KEY)
    hello = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}], "generationConfig": {"maxOutputTokens": 9}}
    body = json.loads(made.body)
    assert body["batch"]["displayName"] == 'my "label"'
    assert body["batch"]["inputConfig"]["requests"]["requests"][0] == {
        "request": hello,
        "metadata": {"key": "request-000000"},
    }
    assert body["batch"]["inputConfig"]["requests"]["requests"][1]["metadata"] == {"key": "b"}
    assert (batch.id, batch.state, batch.raw_state) == ("google:abc-1", "queued", "BATCH_STATE_PENDING")
    assert (batch.model, batch.label, batch.counts.total) == ("gemini-3.8-flash", "mine", 2)
    assert batch.created_at is not None


async def test_embeddings_have_a_method_of_their_own() -> None:
    """One text to a request; several are refused before anything is sent."""
    google = Google()

    async with serving(google) as gateway:
        await gateway.batches.submit_async([{"texts": "a", "dimensions": 8}], model="gemini-embedding-001")
        with pytest.raises(UnsupportedParameterError, match="one text"):
            await gateway.batches.submit_async([{"texts": ["a", "b"]}], model="gemini-embedding-001")

    (made,) = google.seen
    assert made.path == "/v1beta/models/gemini-embedding-001:asyncBatchEmbedContent"
    (entry,) = json.loads(made.body)["batch"]["inputConfig"]["requests"]["requests"]
    assert entry["request"]["content"] == {"parts": [{"text": "a"}]}
    assert entry["request"]["outputDimensionality"] == 8


async def test_results_come_within_the_operation() -> None:
    """Answers, errors and what cannot be read, each under its key."""
    entries = (
        {"response": text("Hi"), "metadata": {"key": "good"}},
        {"error": {"code": 3, "message": f"bad {KEY}", "status": "INVALID_ARGUMENT"}, "metadata": {"key": "wrong"}},
        {"response": {"candidates": 7}, "metadata": {"key": "odd"}},
    )
    google = Google(state="BATCH_STATE_SUCCEEDED", operation={"done": True, "response": inlined(*entries)})

    async with serving(google) as gateway:
        results = {result.custom_id: result for result in await results_of(gateway)}

    good = results["good"].response
    assert isinstance(good, GenerateResponse)
    assert (good.text, good.usage.total_tokens, good.metadata["batch_id"]) == ("Hi", 110, "google:abc-1")
    assert good.metadata["cost"] is not None
    assert isinstance(results["wrong"].error, InvalidRequestError)
    assert KEY not in str(results["wrong"].error)
    assert isinstance(results["odd"].error, MalformedResponseError)


async def test_results_are_found_in_the_metadata_too() -> None:
    """Where the operation has no response, its description has the output."""
    vector = {"embedding": {"values": [0.5, 1.0]}, "tokenCount": "3"}
    output = inlined({"response": vector, "metadata": {"key": "a"}})
    metadata = {"state": "JOB_STATE_SUCCEEDED", "model": "models/gemini-embedding-001", "output": output}
    google = Google(operation={"metadata": metadata})

    async with serving(google) as gateway:
        (result,) = await results_of(gateway)

    assert isinstance(result.response, EmbedResponse)
    assert list(result.response[0]) == [0.5, 1.0]
    assert (result.response.model, result.response.usage.total_tokens) == ("gemini-embedding-001", 3)


async def test_results_in_a_file_are_read_line_by_line() -> None:
    """The file is this API's own, whatever its name says."""
    lines = [{"key": "a", "response": text("Hi")}, {"key": "b", "error": {"code": 13, "message": "oh"}}]
    google = Google(
        state="BATCH_STATE_SUCCEEDED",
        operation={"done": True, "response": {"responsesFile": "files/out-1"}},
        file=b"\n".join(json.dumps(each).encode() for each in lines) + b"\nnonsense\n",
    )

    async with serving(google) as gateway:
        results = await results_of(gateway)
        google.operation = {"done": True, "response": {"responsesFile": "files/../../x?y"}}
        with pytest.raises(MalformedResponseError):
            await results_of(gateway)

    assert [result.custom_id for result in results] == ["a", "b", None]
    assert results[0].response.text == "Hi"
    assert all(result.error is not None for result in results[1:])
    assert google.seen[1].path == "/download/v1beta/files/out-1:download?alt=media"


async def test_a_failed_batch_says_why() -> None:
    """Its error is the batch's, and no error of asking for it."""
    google = Google(state="BATCH_STATE_FAILED", operation={"done": True, "error": {"code": 3, "message": "too much"}})

    async with serving(google) as gateway:
        batch = await gateway.batches.status_async("google:abc-1")
        with pytest.raises(BatchFailedError, match="too much"):
            await results_of(gateway)

    assert (batch.state, batch.reasons) == ("failed", ("too much",))


async def test_cancelling_asks_how_it_stands_then() -> None:
    """Google's answer to it is empty."""
    google = Google()

    async with serving(google) as gateway:
        stopped = await gateway.batches.cancel_async("google:abc-1")
        listed = await gateway.batches.list_async(limit=3)
        with pytest.raises(BatchNotFoundError):
            await gateway.batches.status_async("google:gone")

    assert stopped.state == "cancelled"
    assert [each.id for each in listed] == ["google:abc-1"]
    assert [exchange.path for exchange in google.seen[:3]] == [
        "/v1beta/batches/abc-1:cancel",
        "/v1beta/batches/abc-1",
        "/v1beta/batches?pageSize=3",
    ]


async def test_results_are_not_there_before_it_is_done() -> None:
    """A running batch has none."""
    async with serving(Google(state="BATCH_STATE_RUNNING")) as gateway:
        with pytest.raises(BatchNotDoneError):
            await results_of(gateway)


async def test_vertex_has_no_such_batches() -> None:
    """It takes them from buckets only; the error names who can."""
    gateway = create_gateway(providers={"vertex": {"access_token": "ya29.0123456789abcdefghij", "project": "p"}})

    async with gateway:
        with pytest.raises(UnsupportedParameterError, match=r"'vertex' has no batch API.*google"):
            await gateway.batches.submit_async(["a"], model="gemini-3.8-flash")


class TestGoogleBatches(BatchSuite):
    plugin = plugin
    submitted = (reply({"name": "batches/abc", "metadata": {"state": "BATCH_STATE_PENDING"}}),)
    finished = (
        reply(
            {
                "name": "batches/abc", "done": True, "metadata": {"state": "BATCH_STATE_SUCCEEDED"},
                "response": inlined(
                    {"response": text("Hi"), "metadata": {"key": "one"}},
                    {"error": {"code": 3, "message": "no"}, "metadata": {"key": "two"}},
                ),
            }
        ),
    )  # fmt: skip
    finished_ids: ClassVar[set[str]] = {"one", "two"}
