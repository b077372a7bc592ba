"""The suite passes a provider that answers several prompts by one request, and catches one that does it wrong."""

from __future__ import annotations

import json
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway import json_codec
from litellm_gateway.contracts import ProviderOffer
from litellm_gateway.dialects import DialectProvider
from litellm_gateway.errors import ContentFilteredError
from litellm_gateway.responses import GenerateResponse, TokenUsage
from litellm_gateway.testing.provider_suite import ProviderSuite
from litellm_gateway.wire import WireRequest, WireResponse
from litellm_gateway_dialect_openai import OpenAIChatDialect

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from litellm_gateway.contracts import Call
    from litellm_gateway.requests import GenerateRequest


class Joining(DialectProvider):
    """Speaks of several prompts as ``{"prompts": [...]}`` and ``{"answers": [{"text"} or {"error"}]}``."""

    async def generate_many(self, requests: Sequence[GenerateRequest], call: Call) -> Sequence[Any]:
        write = partial(self.write, requests)
        return await self.ask(write, partial(self.read, requests), call, requests[0].model)

    def write(self, requests: Sequence[GenerateRequest]) -> WireRequest:
        body = {"prompts": [request.messages[0].text for request in requests]}
        return WireRequest(url="https://many.example/v1", body=json_codec.encode(body))

    def read(self, requests: Sequence[GenerateRequest], response: WireResponse) -> Sequence[Any]:
        answers = json_codec.decode(response.body)["answers"]
        if len(answers) != len(requests):
            raise ValueError("wrong number of answers")
        return [self.one(each) for each in answers]

    def one(self, answer: Any) -> Any:
        if "error" in answer:
            return ContentFilteredError(str(answer["error"]))
        return GenerateResponse(text=answer["text"], model="m", usage=TokenUsage(input_tokens=1, output_tokens=1))


class Turned(Joining):
    """Gives the answers in the wrong order."""

    def read(self, requests: Sequence[GenerateRequest], response: WireResponse) -> Sequence[Any]:
        return list(reversed(super().read(requests, response)))


class Trusting(Joining):
    """Makes answers of whatever comes."""

    def read(self, requests: Sequence[GenerateRequest], response: WireResponse) -> Sequence[Any]:
        return [self.one({"text": response.body.decode("utf-8", "replace")}) for _ in requests]


def suite_of(kind: type[DialectProvider], folder: Path) -> Any:
    exchange = {
        "id": "many", "provider": "many", "api": "many",
        "request": {"json": {"prompts": ["One", "Two", "Three"]}},
        "response": {
            "status": 200, "headers": {"content-type": "application/json"},
            "body": json.dumps({"answers": [{"text": "1"}, {"error": "no"}, {"text": "3"}]}),
        },
        "derived": {"texts": ["1", None, "3"]},
    }  # fmt: skip
    failure = {**exchange, "id": "error", "response": {"status": 503, "headers": {}, "body": "{}"}}
    for each in (exchange, failure):
        (folder / f"{each['id']}.json").write_text(json.dumps(each))

    def build(_settings: Any, context: Any) -> DialectProvider:
        return kind(OpenAIChatDialect(base_url="https://many.example/v1", api_key=None), context)

    def offer() -> ProviderOffer:
        return ProviderOffer(name="many", summary="Several at once", build=build)

    plugin = SimpleNamespace(gateway_provider=offer)
    return type("Suite", (ProviderSuite,), {"plugin": plugin, "recordings": folder})()


def test_a_provider_that_keeps_the_promise_passes(tmp_path: Path) -> None:
    """Answers, an error among them, failures and garbage: all checks hold."""
    suite = suite_of(Joining, tmp_path)

    suite.test_p16_an_answer_for_each_in_order()
    suite.test_p16_a_failure_of_the_whole_is_raised()
    suite.test_p16_garbage_is_no_answer()


def test_answers_in_the_wrong_order_are_caught(tmp_path: Path) -> None:
    """Each prompt's answer is compared with the recording's second reading."""
    suite = suite_of(Turned, tmp_path)

    with pytest.raises(AssertionError):
        suite.test_p16_an_answer_for_each_in_order()


def test_answers_made_of_garbage_are_caught(tmp_path: Path) -> None:
    """A body that holds no answers must not become one for everybody."""
    suite = suite_of(Trusting, tmp_path)

    with pytest.raises(AssertionError):
        suite.test_p16_garbage_is_no_answer()


def test_a_provider_without_the_ability_is_passed_over(tmp_path: Path) -> None:
    """It has no such method, and no such promise."""
    suite = suite_of(DialectProvider, tmp_path)

    with pytest.raises(pytest.skip.Exception):
        suite.test_p16_an_answer_for_each_in_order()
