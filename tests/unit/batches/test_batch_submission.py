"""What is checked before a batch is sent, who it goes to, and how it is sent at most once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from litellm_gateway import (
    AuthenticationError,
    GuardrailError,
    InvalidRequestError,
    LiteLLMGateway,
    ProviderConnectionError,
    ProviderError,
    ProviderTimeoutError,
    RateLimitError,
    UnsupportedParameterError,
    create_gateway,
)
from litellm_gateway.batch_errors import BatchUncertainError
from litellm_gateway.contracts import Allow, Block, Capabilities, GuardrailOffer, Modify
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.requests import EmbedRequest, GenerateRequest
from litellm_gateway.testing.scripted_batches import TERMS, ScriptedBatches
from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer


def make(provider: ScriptedProvider | None = None, *more: Any, **settings: Any) -> tuple[LiteLLMGateway, Any]:
    provider = provider or ScriptedBatches()
    plugins = [provider, *more]
    return create_gateway(provider="scripted", plugins=plugins, discover=False, **settings), provider


class Guard:
    """Changes "secret", blocks "forbidden"."""

    @hookimpl
    def gateway_guardrail(self) -> GuardrailOffer:
        return GuardrailOffer(name="guard", summary="", build=lambda settings, context: self)

    async def check_input(self, text: str, call: object) -> Any:
        if "forbidden" in text:
            return Block("not that")
        return Modify(text.replace("secret", "***")) if "secret" in text else Allow()

    check_output = check_input

    async def aclose(self) -> None: ...


class Small(ScriptedBatches):
    """A model that takes no seed."""

    @hookimpl
    def gateway_provider(self) -> Any:
        return evolve(super().gateway_provider(), capabilities=lambda model: Capabilities(without=frozenset({"seed"})))


async def test_prompts_and_arguments_become_requests_under_ids_in_order() -> None:
    """Texts and mappings may stand side by side; what is given for all holds unless one says otherwise."""
    gateway, provider = make()

    batch = await gateway.batches.submit_async(
        [
            "Hello", {"prompt": "Hi", "custom_id": "mine", "max_tokens": 5},
            {"messages": [{"role": "user", "content": "x"}]},
        ],
        max_tokens=10, system="Be brief.", label="mine",
    )  # fmt: skip

    items = provider.submissions[0].items
    assert batch.id == "scripted:batch_1"
    assert (batch.provider, batch.model, batch.label, batch.counts.total) == ("scripted", "scripted", "mine", 3)
    assert [item.custom_id for item in items] == ["request-000000", "mine", "request-000002"]
    assert [item.request.max_tokens for item in items] == [10, 5, 10]
    assert all(item.request.messages[0].role == "system" for item in items)
    assert all(isinstance(item.request, GenerateRequest) for item in items)


async def test_texts_to_embed_are_a_batch_too() -> None:
    """A mapping with texts is a request for embeddings."""
    gateway, provider = make()

    await gateway.batches.submit_async([{"texts": ["a", "b"]}, {"texts": "c", "dimensions": 4}])

    requests = [item.request for item in provider.submissions[0].items]
    assert [type(request) for request in requests] == [EmbedRequest, EmbedRequest]
    assert [request.texts for request in requests] == [("a", "b"), ("c",)]


@pytest.mark.parametrize(
    ("requests", "more", "words"),
    [
        ([], {}, "empty"),
        ("Hello", {}, "list"),
        ([1], {}, r"requests\[0\]"),
        (["a", ""], {}, r"requests\[1\]: prompt is empty"),
        (["a", {"prompt": "b", "temprature": 1}], {}, r"requests\[1\]: unknown argument 'temprature'.*temperature"),
        ([{"prompt": "a", "custom_id": "x"}, {"prompt": "b", "custom_id": "x"}], {}, "given before"),
        ([{"prompt": "a", "custom_id": "request-000001"}, "b"], {}, "given before"),
        ([{"prompt": "a", "custom_id": "no spaces"}], {}, "custom_id must be"),
        ([{"prompt": "a", "custom_id": "x" * 65}], {}, "custom_id must be"),
        ([{"prompt": "a", "custom_id": 7}], {}, "custom_id must be"),
        ([{"prompt": "a", "timeout": 3}], {}, "whole batch"),
        ([{"prompt": "a", "extra_headers": {"x": "y"}}], {}, "headers"),
        (["a"], {"extra_headers": {"x": "y"}}, "headers"),
        (["a", {"texts": ["b"]}], {}, "one kind"),
        (["a", {"prompt": "b", "model": "another"}], {}, "one model"),
        (["a"], {"label": ""}, "label"),
        (["a"], {"label": "x\ny"}, "label"),
        (["a"] * 1001, {}, "at most 1000 requests"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_refused_before_anything_is_sent(requests: Any, more: Any, words: str) -> None:
    """Every request is checked as `generate` checks it, and told by its place."""
    gateway, provider = make()

    with pytest.raises(InvalidRequestError, match=words):
        await gateway.batches.submit_async(requests, **more)

    assert (provider.uploads, provider.submissions) == (0, [])


async def test_texts_over_all_requests_are_counted() -> None:
    """A provider may limit the texts of a batch, whatever requests they come in."""
    gateway, _ = make(ScriptedBatches(terms=evolve(TERMS, texts=3)))

    with pytest.raises(InvalidRequestError, match="at most 3 texts"):
        await gateway.batches.submit_async([{"texts": ["a", "b"]}, {"texts": ["c", "d"]}])


async def test_models_may_differ_where_the_provider_takes_that() -> None:
    """The terms say so; the models arrive as named."""
    gateway, provider = make(ScriptedBatches(terms=evolve(TERMS, mixed_models=True)))

    await gateway.batches.submit_async(["a", {"prompt": "b", "model": "other"}], model="one")

    assert [item.request.model for item in provider.submissions[0].items] == ["one", "other"]


async def test_requests_for_two_providers_are_two_batches() -> None:
    """A batch is at one provider."""
    terms = evolve(TERMS, mixed_models=True)
    one, two = ScriptedBatches(terms=terms, name="one"), ScriptedBatches(terms=terms, name="two")
    gateway = create_gateway(providers={"one": {}, "two": {}}, provider="one", plugins=[one, two], discover=False)

    with pytest.raises(InvalidRequestError, match="several providers"):
        await gateway.batches.submit_async(["a", {"prompt": "b", "model": "two/m"}])

    assert (one.submissions, two.submissions) == ([], [])


async def test_a_model_s_parameters_are_held_against_what_it_takes() -> None:
    """As for `generate`: refused, or left out when asked so."""
    gateway, provider = make(Small())

    with pytest.raises(UnsupportedParameterError, match="seed"):
        await gateway.batches.submit_async([{"prompt": "a", "seed": 1}])
    await gateway.batches.submit_async([{"prompt": "a", "seed": 1}], on_unsupported="drop")

    assert [item.request.seed for item in provider.submissions[0].items] == [None]


async def test_guardrails_see_every_request_before_it_is_sent() -> None:
    """What one changes goes out changed; what one blocks stops the whole batch."""
    gateway, provider = make(None, Guard())

    await gateway.batches.submit_async(["a secret", "plain"])
    with pytest.raises(GuardrailError, match="not that"):
        await gateway.batches.submit_async(["plain", "forbidden"])

    assert len(provider.submissions) == 1
    assert [item.request.messages[0].text for item in provider.submissions[0].items] == ["a ***", "plain"]


async def test_a_provider_without_batches_is_named_with_those_that_have_them() -> None:
    """The error comes before anything is sent, and says who could."""
    able = ScriptedBatches(name="able")
    gateway, provider = make(ScriptedProvider(answer()), able)

    with pytest.raises(UnsupportedParameterError, match=r"'scripted' has no batch API.*: able$") as caught:
        await gateway.batches.submit_async(["a"])

    assert caught.value.provider == "scripted"
    assert provider.requests == []


async def test_terms_name_the_kinds_of_requests() -> None:
    """A batch API for text takes no embeddings."""
    gateway, _ = make(ScriptedBatches(terms=evolve(TERMS, operations=frozenset({"generate"}))))

    with pytest.raises(UnsupportedParameterError, match="is for generate, not embed"):
        await gateway.batches.submit_async([{"texts": ["a"]}])


async def test_a_failed_upload_is_tried_again_and_the_batch_made_once() -> None:
    """The upload makes nothing that costs; the batch itself goes out a single time."""
    gateway, provider = make(max_retries=2)
    provider.faults["prepare_batch"] = [ProviderConnectionError("gone"), ProviderError("500", status_code=500)]

    batch = await gateway.batches.submit_async(["a"])

    assert batch.id == "scripted:batch_1"
    assert (provider.uploads, len(provider.submissions)) == (1, 1)


@pytest.mark.parametrize(
    "lost",
    [
        ProviderConnectionError("hung up"),
        ProviderTimeoutError("slow", phase="first_byte"),
        ProviderError("internal", status_code=500),
        ProviderError("gateway", status_code=503),
    ],
    ids=["hung up", "slow", "500", "503"],
)
async def test_a_lost_answer_is_never_a_second_batch(lost: ProviderError) -> None:
    """The provider may have made it: the error says what to look for, and nothing is sent again."""
    gateway, provider = make(max_retries=5)
    provider.faults["start_batch"] = [lost]

    with pytest.raises(BatchUncertainError, match=r"may exist.*label 'mine'.*'file-1'.*batches.list") as caught:
        await gateway.batches.submit_async(["a"], label="mine")

    assert len(provider.submissions) == 1
    assert (caught.value.label, caught.value.input_id) == ("mine", "file-1")
    assert caught.value.__cause__ is lost
    assert not caught.value.retry_here


def unreached() -> ProviderConnectionError:
    error = ProviderConnectionError("refused")
    error.phase = "connect"
    return error


@pytest.mark.parametrize(
    "refusal",
    [RateLimitError("429", status_code=429, retry_after=0.0), unreached(), ProviderTimeoutError("", phase="connect")],
    ids=["429", "not reached", "connect timeout"],
)
async def test_what_surely_made_no_batch_is_tried_again(refusal: Exception) -> None:
    """A limit, and a connection that never came about, leave nothing behind."""
    gateway, provider = make(max_retries=1)
    provider.faults["start_batch"] = [refusal]

    batch = await gateway.batches.submit_async(["a"])

    assert batch.id == "scripted:batch_2"
    assert provider.uploads == 1


async def test_a_refusal_is_told_as_it_is() -> None:
    """A wrong key made no batch, and nobody wonders whether one exists."""
    gateway, provider = make()
    provider.faults["start_batch"] = [AuthenticationError("no", status_code=401)]

    with pytest.raises(AuthenticationError):
        await gateway.batches.submit_async(["a"])


def test_blocking_calls_do_the_same() -> None:
    """Each call has its blocking form."""
    gateway, provider = make()

    batch = gateway.batches.submit(["a", "b"])
    listed = gateway.batches.list(limit=1)
    seen: list[str] = []
    done = gateway.batches.wait(batch.id, on_progress=lambda each: seen.append(each.state), poll=0.01)
    results = {result.custom_id: result.response.text for result in gateway.batches.results(batch.id)}
    stopped = gateway.batches.cancel(batch.id)
    gateway.close()

    assert [each.id for each in listed] == [batch.id]
    assert (done.state, seen, stopped.state) == ("completed", ["completed"], "cancelled")
    assert results == {
        "request-000000": "answer to request-000000",
        "request-000001": "answer to request-000001",
    }
    assert len(provider.submissions) == 1
    assert TERMS.price == Decimal("0.5")
