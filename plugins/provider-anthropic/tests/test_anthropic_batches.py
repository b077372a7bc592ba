"""Message batches, against a server on the loopback address that answers as Anthropic does."""

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
    ProviderOverloadedError,
    UnsupportedParameterError,
    create_gateway,
)
from litellm_gateway.batch_errors import BatchItemDroppedError, BatchNotFoundError, BatchUncertainError
from litellm_gateway.responses import GenerateResponse
from litellm_gateway.testing.batch_suite import BatchSuite, lines, reply
from litellm_gateway.testing.loopback import LoopbackServer
from litellm_gateway_provider_anthropic import plugin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from litellm_gateway.testing.loopback import Exchange

KEY = "sk-ant-api03-0123456789abcdefghijklmnopqrstuvwxyz"
BATCHES = "/v1/messages/batches"
OWN = f"{BATCHES}/msgbatch_1"
LINES = {"content-type": "application/x-jsonl"}


def message(text: str) -> dict[str, Any]:
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5-5",
        "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": 100, "output_tokens": 10},
    }  # fmt: skip


def result(custom_id: str, kind: str, **more: Any) -> bytes:
    return json.dumps({"custom_id": custom_id, "result": {"type": kind, **more}}).encode()


@define
class Anthropic:
    """Keeps one batch and the file of its results."""

    batch: dict[str, Any] = field(factory=dict)
    results: bytes = b""
    seen: list[Exchange] = field(factory=list)

    async def __call__(self, exchange: Exchange) -> None:
        self.seen.append(exchange)
        described = {
            "id": "msgbatch_1", "type": "message_batch", "processing_status": "in_progress",
            "request_counts": {"processing": 2, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0},
            "created_at": "2026-11-20T10:00:00.123456Z", "expires_at": "2026-11-21T10:00:00Z", "results_url": None,
            **self.batch,
        }  # fmt: skip
        if exchange.path == OWN + "/results":
            await exchange.respond(self.results, headers=LINES)
        elif exchange.path in (BATCHES, OWN, OWN + "/cancel"):
            await exchange.respond(json.dumps(described).encode())
        elif exchange.path == BATCHES + "?limit=2":
            await exchange.respond(json.dumps({"data": [described], "has_more": False}).encode())
        else:
            await exchange.respond(b'{"type":"error","error":{"type":"not_found_error","message":"no"}}', status=404)


@asynccontextmanager
async def serving(anthropic: Anthropic, **settings: Any) -> AsyncIterator[tuple[LiteLLMGateway, LoopbackServer]]:
    async with LoopbackServer(anthropic) as server:
        gateway = create_gateway(provider="anthropic", api_key=KEY, base_url=server.url, **settings)
        async with gateway:
            yield gateway, server
        assert await server.settled() == 0


async def results_of(gateway: LiteLLMGateway, batch_id: str = "anthropic:msgbatch_1") -> dict[str | None, Any]:
    return {result.custom_id: result async for result in gateway.batches.results_async(batch_id)}


async def test_requests_go_into_the_batch_itself() -> None:
    """One body with all of them, several models allowed."""
    anthropic = Anthropic()

    async with serving(anthropic) as (gateway, _):
        batch = await gateway.batches.submit_async(
            ["Hello", {"prompt": "Hi", "model": "claude-haiku-4-5", "custom_id": "mine"}], max_tokens=9
        )

    (made,) = anthropic.seen
    assert (made.method, made.path, made.headers["x-api-key"]) == ("POST", BATCHES, KEY)
    assert json.loads(made.body) == {
        "requests": [
            {
                "custom_id": "request-000000",
                "params": {
                    "model": "claude-sonnet-5-5", "max_tokens": 9,
                    "messages": [{"role": "user", "content": "Hello"}],
                },
            },
            {
                "custom_id": "mine",
                "params": {
                    "model": "claude-haiku-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]
                },
            },
        ]
    }  # fmt: skip
    assert (batch.id, batch.state, batch.raw_state) == ("anthropic:msgbatch_1", "running", "in_progress")
    assert batch.label is None
    assert batch.created_at is not None
    assert batch.created_at.microsecond == 123456


@pytest.mark.parametrize(("sampling", "version"), [({}, "2026-10-21"), ({"temperature": 0.5}, "2023-06-01")])
async def test_one_version_holds_for_all_requests(sampling: dict[str, Any], version: str) -> None:
    """The last one with sampling, when any of them samples."""
    anthropic = Anthropic()

    async with serving(anthropic) as (gateway, _):
        await gateway.batches.submit_async(["a", {"prompt": "b", **sampling}], model="claude-haiku-4-5")

    assert anthropic.seen[0].headers["anthropic-version"] == version


async def test_every_way_a_request_can_end() -> None:
    """Succeeded, errored, canceled, expired, and what cannot be read."""
    fault = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
    refusal = {"type": "error", "error": {"type": "invalid_request_error", "message": f"max_tokens: no {KEY}"}}
    anthropic = Anthropic(results=b"\n".join([
        result("good", "succeeded", message=message("Hi")), result("busy", "errored", error=fault),
        result("wrong", "errored", error=refusal), result("stopped", "canceled"), result("late", "expired"),
        result("odd", "succeeded", message={"content": 7}), b"[]", b"",
    ]))  # fmt: skip

    async with serving(anthropic) as (gateway, server):
        anthropic.batch = {"processing_status": "ended", "results_url": f"{server.url}{OWN}/results"}
        results = await results_of(gateway)

    good = results["good"].response
    assert isinstance(good, GenerateResponse)
    assert (good.text, good.usage.total_tokens) == ("Hi", 110)
    assert good.metadata["price_factor"] * 2 == 1
    assert isinstance(results["busy"].error, ProviderOverloadedError)
    assert isinstance(results["wrong"].error, InvalidRequestError)
    assert KEY not in str(results["wrong"].error)
    assert isinstance(results["stopped"].error, BatchItemDroppedError)
    assert (results["stopped"].error.code, results["late"].error.code) == ("cancelled", "expired")
    assert isinstance(results["odd"].error, MalformedResponseError)
    assert isinstance(results[None].error, MalformedResponseError)


async def test_the_key_never_goes_to_another_server() -> None:
    """Whatever address an answer names for the results, only the configured server is asked."""
    stranger: list[Exchange] = []

    async def keep(exchange: Exchange) -> None:
        stranger.append(exchange)
        await exchange.respond(b"")

    anthropic = Anthropic(results=result("a", "succeeded", message=message("Hi")))
    async with LoopbackServer(keep) as elsewhere, serving(anthropic) as (gateway, server):
        places = [f"{elsewhere.url}/x", f"http://127.0.0.1:{server.port}@{elsewhere.url.partition('//')[2]}/x"]
        found = []
        for place in places:
            anthropic.batch = {"processing_status": "ended", "results_url": place}
            found.append(list(await results_of(gateway)))

    assert stranger == []
    assert found == [["a"], ["a"]]
    assert [exchange.path for exchange in anthropic.seen] == [OWN, OWN + "/results"] * 2


@pytest.mark.parametrize(
    ("described", "state"),
    [
        ({"processing_status": "canceling"}, "cancelling"),
        ({"processing_status": "ended", "request_counts": {"succeeded": 2}}, "completed"),
        ({"processing_status": "ended", "request_counts": {"succeeded": 1, "expired": 1}}, "expired"),
        (
            {"processing_status": "ended", "cancel_initiated_at": "2026-11-20T10:00:00Z",
             "request_counts": {"succeeded": 1, "canceled": 1}},
            "cancelled",
        ),
        ({"processing_status": "something newer"}, "running"),
    ],
)  # fmt: skip
async def test_states_are_told_in_one_set_of_words(described: dict[str, Any], state: str) -> None:
    """Anthropic tells the ways to end by counting; its own word is kept."""
    anthropic = Anthropic(batch=described)

    async with serving(anthropic) as (gateway, _):
        batch = await gateway.batches.status_async("anthropic:msgbatch_1")

    assert (batch.state, batch.raw_state) == (state, described["processing_status"])


async def test_archived_results_are_gone() -> None:
    """After a month Anthropic names no results any more."""
    anthropic = Anthropic(batch={"processing_status": "ended", "archived_at": "2026-12-20T10:00:00Z"})

    async with serving(anthropic) as (gateway, _):
        with pytest.raises(BatchNotFoundError, match="keeps no results"):
            await results_of(gateway)
        with pytest.raises(BatchNotFoundError, match="knows no batch"):
            await gateway.batches.status_async("anthropic:msgbatch_2")


async def test_cancelling_and_listing() -> None:
    """Both are one request."""
    anthropic = Anthropic(batch={"processing_status": "canceling"})

    async with serving(anthropic) as (gateway, _):
        stopped = await gateway.batches.cancel_async("anthropic:msgbatch_1")
        listed = await gateway.batches.list_async(limit=2)

    assert [(each.method, each.path) for each in anthropic.seen] == [
        ("POST", OWN + "/cancel"),
        ("GET", BATCHES + "?limit=2"),
    ]
    assert stopped.state == "cancelling"
    assert [each.id for each in listed] == ["anthropic:msgbatch_1"]


async def test_embeddings_are_refused_before_sending() -> None:
    """Anthropic makes none, in batches neither."""
    anthropic = Anthropic()

    async with serving(anthropic) as (gateway, _):
        with pytest.raises(UnsupportedParameterError, match="is for generate, not embed"):
            await gateway.batches.submit_async([{"texts": ["a"], "model": "m"}])

    assert anthropic.seen == []


class TestAnthropicBatches(BatchSuite):
    plugin = plugin
    submitted = (reply({"id": "msgbatch_1", "processing_status": "in_progress"}),)
    finished = (
        reply({"id": "msgbatch_1", "processing_status": "ended", "results_url": "https://api.anthropic.com/v1/x"}),
        lines([json.loads(result("one", "succeeded", message=message("Hi"))), json.loads(result("two", "expired")), 7]),
    )
    finished_ids: ClassVar[set[str]] = {"one", "two"}


async def test_a_server_that_was_not_reached_made_no_batch() -> None:
    """A refused connection is told as it is, and tried again: nothing was sent."""
    gateway = create_gateway(provider="anthropic", api_key=KEY, base_url="http://127.0.0.1:9", max_retries=1)

    async with gateway:
        with pytest.raises(ProviderConnectionError) as caught:
            await gateway.batches.submit_async(["a"])

    assert not isinstance(caught.value, BatchUncertainError)
    assert caught.value.phase == "connect"
