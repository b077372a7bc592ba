"""The gateway's calls as a user makes them, over a provider that plays a script."""

from __future__ import annotations

import asyncio
from array import array
from decimal import Decimal
from typing import Any

import pytest
from litellm_gateway import (
    AuthenticationError,
    CacheConfig,
    GatewayConfig,
    GatewayError,
    GuardrailError,
    InvalidRequestError,
    LiteLLMGateway,
    Message,
    ProviderConnectionError,
    ProviderError,
    ProviderOverloadedError,
    RateLimitConfig,
    RateLimitError,
    StreamInterruptedError,
    TokenUsage,
    create_gateway,
    generate_text,
    generate_text_async,
)
from litellm_gateway.cache_mechanism import CacheMechanism
from litellm_gateway.contracts import Allow, Block, Call, GuardrailOffer, Modify, Offer, Verdict
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.responses import EmbedResponse, StreamChunk
from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer, pieces


class Recorder:
    """A telemetry sink that keeps every event."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    @hookimpl
    def gateway_telemetry_sink(self) -> Offer[Any]:
        return Offer(name="recorder", summary="", build=lambda settings, context: self)

    def record(self, event: Any) -> None:
        self.events.append(event)

    async def aclose(self) -> None:
        return

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]


class Censor:
    """A guardrail that blocks ``secret`` and softens ``damn``."""

    @hookimpl
    def gateway_guardrail(self) -> GuardrailOffer:
        return GuardrailOffer(name="censor", summary="", build=lambda settings, context: self, window=8)

    async def check_input(self, text: str, call: Call) -> Verdict:
        return self.judge(text)

    async def check_output(self, text: str, call: Call) -> Verdict:
        return self.judge(text)

    def judge(self, text: str) -> Verdict:
        if "secret" in text:
            return Block("it speaks of secrets")
        return Modify(text.replace("damn", "darn")) if "damn" in text else Allow()

    async def aclose(self) -> None:
        return


def make(*steps: Any, plugins: tuple[Any, ...] = (), **settings: Any) -> tuple[LiteLLMGateway, ScriptedProvider]:
    provider = ScriptedProvider(*steps)
    gateway = create_gateway(provider="scripted", plugins=[provider, *plugins], discover=False, **settings)
    return gateway, provider


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_generate_gives_the_documented_answer() -> None:
    """Text, model, usage, finish reason and metadata are those of the user's guide."""
    gateway, _ = make(answer("hello", tokens=3))

    response = gateway.generate(prompt="hi", max_tokens=5, temperature=0.7, tenant_id="tenant_123")

    assert (response.text, response.model, response.finish_reason) == ("hello", "scripted", "stop")
    assert response.usage.to_dict() == {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}
    assert response.metadata["provider"] == "scripted"
    assert response.metadata["request_id"].startswith("req_")
    assert response.metadata["latency"] > 0
    assert response.to_dict()["text"] == "hello"


async def test_every_way_of_asking_gives_the_same_text() -> None:
    """Blocking and awaited, method and function, prompt and messages: one answer."""
    gateway, provider = make(answer("same"))

    texts = [
        gateway.generate("hi").text,
        (await gateway.generate_async("hi")).text,
        generate_text(gateway, prompt="hi").text,
        (await generate_text_async(gateway, prompt="hi")).text,
        gateway.generate(messages=[{"role": "user", "content": "hi"}]).text,
        gateway.generate(messages=[Message(role="user", content="hi")]).text,
    ]

    assert texts == ["same"] * 6
    assert {request.messages for request in provider.requests} == {(Message(role="user", content="hi"),)}


async def test_a_stream_prints_as_text_and_gives_the_whole_answer_at_its_end() -> None:
    """Pieces join to the text; usage and finish come once each; ``response()`` has it all."""
    gateway, provider = make(pieces("Hel", "lo"))

    stream = gateway.generate_stream_async("hi")
    got = [piece async for piece in stream]
    response = await stream.response()

    assert "".join(got) == response.text == "Hello"
    assert [piece.kind for piece in got] == ["start", "text", "text", "usage", "finish"]
    assert response.usage.total_tokens == 3
    assert provider.open_streams == 0


def test_a_blocking_stream_does_the_same() -> None:
    """``for piece in gateway.generate_stream(...)`` works without a loop."""
    gateway, _ = make(pieces("a", "b", "c"))

    stream = gateway.generate_stream("hi")

    assert "".join(stream) == "abc"
    assert stream.response().text == "abc"


async def test_a_long_blocking_stream_keeps_its_order() -> None:
    """Thousands of pieces cross the thread in order and none is lost."""
    texts = [f"{number} " for number in range(5000)]
    gateway, _ = make(pieces(*texts))

    got = await asyncio.to_thread(lambda: [str(piece) for piece in gateway.generate_stream("hi") if piece])

    assert got == texts


@pytest.mark.parametrize("errors", [1, 2])
async def test_a_stream_that_fails_before_content_is_retried(errors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first content a failure is invisible to the reader."""
    monkeypatch.setattr("litellm_gateway.attempts.FIRST_PAUSE", 0.001)
    broken = [[StreamChunk(kind="start"), ProviderError("down")]] * errors
    gateway, provider = make(*broken, pieces("fine"))

    got = [piece async for piece in gateway.generate_stream_async("hi")]

    assert "".join(got) == "fine"
    assert len(provider.requests) == errors + 1


async def test_a_stream_that_breaks_after_content_is_never_retried() -> None:
    """The reader gets ``StreamInterruptedError`` with what came, and the provider got one request."""
    gateway, provider = make([StreamChunk("half"), ProviderConnectionError("gone")])
    got = []

    with pytest.raises(StreamInterruptedError) as caught:
        async for piece in gateway.generate_stream_async("hi"):
            got.append(piece)

    assert "".join(got) == "half"
    assert caught.value.partial is not None
    assert caught.value.partial.text == "half"
    assert len(provider.requests) == 1


async def test_a_stream_that_just_ends_is_no_success() -> None:
    """Without its finish piece an answer counts as cut off."""
    gateway, _ = make(pieces("half", finish=None))

    with pytest.raises(StreamInterruptedError) as caught:
        await gateway.generate_stream_async("hi").response()

    assert caught.value.partial is not None
    assert caught.value.partial.text == "half"


async def test_an_error_the_provider_names_in_a_stream_keeps_its_type() -> None:
    """After content an overload is still an overload, with the partial answer, and not retried."""
    gateway, provider = make([StreamChunk("half"), ProviderOverloadedError("busy")])

    with pytest.raises(ProviderOverloadedError) as caught:
        await gateway.generate_stream_async("hi").response()

    assert caught.value.partial is not None
    assert caught.value.partial.text == "half"
    assert len(provider.requests) == 1


async def test_usage_is_estimated_when_the_provider_tells_none() -> None:
    """A stream without usage still ends with one usage piece, marked as estimated."""
    gateway, _ = make([StreamChunk("four words are here"), StreamChunk(kind="finish", finish_reason="stop")])

    response = await gateway.generate_stream_async("hi").response()

    assert response.usage.estimated
    assert response.usage.output_tokens > 0


async def test_breaking_off_closes_the_providers_stream() -> None:
    """``async with`` leaves nothing open behind a reader who stops reading."""
    gateway, provider = make(pieces(*["x"] * 100))

    async with gateway.generate_stream_async("hi") as stream:
        async for piece in stream:
            if piece:
                break

    assert provider.open_streams == 0
    assert gateway.get_health()["in_flight"] == 0


async def test_breaking_off_a_bare_loop_closes_it_too() -> None:
    """Dropping the stream is enough; the loop's own clean-up closes it."""
    gateway, provider = make(pieces(*["x"] * 100))

    async for piece in gateway.generate_stream_async("hi"):
        if piece:
            break
    await asyncio.sleep(0.01)

    assert provider.open_streams == 0


async def test_embeddings_come_back_in_order() -> None:
    """``embed(...)[i]`` is the vector of the i-th text."""
    vectors = (array("f", [1.0]), array("f", [2.0]))
    gateway, provider = make(EmbedResponse(vectors=vectors, model="e", usage=TokenUsage(input_tokens=4)))

    response = await gateway.embed_async(texts=["a", "b"])

    assert [list(vector) for vector in response] == [[1.0], [2.0]]
    assert response.usage.total_tokens == 4
    assert provider.requests[0].texts == ("a", "b")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": "   "}, "prompt"),
        ({}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": "hi", "messages": [{"role": "user", "content": "x"}]}, "prompt"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages"),
        ({"prompt": "hi", "temperature": 2.1}, "temperature"),
        ({"prompt": "hi", "temperature": -0.1}, "temperature"),
        ({"prompt": "hi", "temperature": float("nan")}, "temperature"),
        ({"prompt": "hi", "temperature": "warm"}, "temperature"),
        ({"prompt": "hi", "max_tokens": 0}, "max_tokens"),
        ({"prompt": "hi", "max_tokens": 1.5}, "max_tokens"),
        ({"prompt": "hi", "max_tokens": True}, "max_tokens"),
        ({"prompt": "hi", "model": ""}, "model"),
        ({"prompt": "hi", "timeout": 0}, "timeout"),
        ({"prompt": "hi", "tenant_id": ""}, "tenant_id"),
        ({"prompt": "hi", "maxtokens": 5}, "maxtokens"),
        ({"prompt": "hi", "extra_headers": {"x": "a\r\nb"}}, "extra_headers"),
        ({"prompt": "hi", "tools": [{"description": "nameless"}]}, "tools"),
    ],
)
async def test_a_wrong_request_is_refused_before_anything_is_sent(arguments: dict[str, Any], culprit: str) -> None:
    """Each mistake is named by its parameter, whole and streamed, and the provider never hears of it."""
    gateway, provider = make(answer())

    with pytest.raises(InvalidRequestError) as whole:
        await gateway.generate_async(**arguments)
    with pytest.raises(InvalidRequestError) as streamed:
        [piece async for piece in gateway.generate_stream_async(**arguments)]

    assert whole.value.parameter == streamed.value.parameter == culprit
    assert provider.requests == []


@pytest.mark.parametrize("texts", [[], "", [""], ["a", "  "], ["a", 5]])
async def test_wrong_texts_are_refused(texts: Any) -> None:
    """Embeddings need texts, all of them non-empty."""
    gateway, provider = make(answer())

    with pytest.raises(InvalidRequestError):
        await gateway.embed_async(texts)

    assert provider.requests == []


async def test_errors_carry_message_provider_and_status() -> None:
    """A caught ``GatewayError`` says what the user's guide prints."""
    gateway, _ = make(AuthenticationError("bad key", status_code=401, provider="scripted"))

    with pytest.raises(GatewayError) as caught:
        await gateway.generate_async("hi")

    assert (caught.value.message, caught.value.provider, caught.value.status_code) == ("bad key", "scripted", 401)


async def test_the_second_identical_request_comes_from_the_cache() -> None:
    """With caching on, a tenant's repeated request makes no call, costs nothing and says so."""
    cache = CacheMechanism(CacheConfig(default_ttl=3600))
    gateway, provider = make(answer("once"), enable_caching=True, cache_ttl=3600, cache=cache)

    first = await gateway.generate_async("What is AI?", tenant_id="t1")
    second = await gateway.generate_async("What is AI?", tenant_id="t1")

    assert first.text == second.text == "once"
    assert (first.metadata["cached"], second.metadata["cached"]) == (False, True)
    assert second.metadata["provider"] == "scripted"
    assert len(provider.requests) == 1


async def test_who_wants_every_parameter_heeded_gets_no_answer_of_who_does_not() -> None:
    """An answer given with leave to drop parameters is not shown to a caller who gave no such leave."""
    gateway, provider = make(answer("less"), answer("all"), enable_caching=True)

    first = await gateway.generate_async("hi", on_unsupported="drop")
    second = await gateway.generate_async("hi")
    again = await gateway.generate_async("hi", on_unsupported="drop")

    assert [response.text for response in (first, second, again)] == ["less", "all", "less"]
    assert len(provider.requests) == 2


async def test_tenants_never_share_the_cache() -> None:
    """Another tenant's identical request is sent."""
    gateway, provider = make(answer(), enable_caching=True)

    for tenant in ("t1", "t2", None):
        await gateway.generate_async("What is AI?", tenant_id=tenant)

    assert len(provider.requests) == 3


async def test_streams_and_whole_answers_share_the_cache() -> None:
    """A streamed answer is stored, and a stored one is streamed."""
    gateway, provider = make(pieces("Hel", "lo"), enable_caching=True)

    streamed = await gateway.generate_stream_async("hi").response()
    whole = await gateway.generate_async("hi")
    again = [piece async for piece in gateway.generate_stream_async("hi")]

    assert streamed.text == whole.text == "".join(again) == "Hello"
    assert len(provider.requests) == 1


async def test_identical_requests_in_flight_make_one_call() -> None:
    """With deduplication on, a hundred equal requests at once reach the provider once."""

    async def slowly(_request: object) -> Any:
        await asyncio.sleep(0.02)
        return answer("shared")

    gateway, provider = make(slowly, enable_request_deduplication=True)

    answers = await asyncio.gather(*(gateway.generate_async("hi", tenant_id="t") for _ in range(100)))

    assert {response.text for response in answers} == {"shared"}
    assert len(provider.requests) == 1


async def test_identical_streams_in_flight_make_one_call() -> None:
    """Streams are shared as well."""

    async def slowly(_request: object) -> Any:
        await asyncio.sleep(0.02)
        return pieces("a", "b")

    gateway, provider = make(slowly, enable_request_deduplication=True)

    answers = await asyncio.gather(*(gateway.generate_stream_async("hi").response() for _ in range(20)))

    assert {response.text for response in answers} == {"ab"}
    assert len(provider.requests) == 1


async def test_embeddings_of_several_callers_travel_together() -> None:
    """With batching on, concurrent embeddings make one request and each caller gets its own vectors."""

    async def embed(request: Any) -> EmbedResponse:
        vectors = tuple(array("f", [float(text)]) for text in request.texts)
        return EmbedResponse(vectors=vectors, model="e", usage=TokenUsage(input_tokens=len(vectors)))

    gateway, provider = make(embed, enable_request_batching=True, batch_size=10, batch_timeout=0.05)

    answers = await asyncio.gather(*(gateway.embed_async([str(number)]) for number in range(10)))

    assert [list(response[0]) for response in answers] == [[float(number)] for number in range(10)]
    assert len(provider.requests) == 1


async def test_batched_chat_requests_each_get_their_own_answer() -> None:
    """Chat requests of a batch keep their own prompts and errors."""

    async def reply(request: Any) -> Any:
        if request.messages[0].text == "3":
            raise AuthenticationError("bad key")
        return answer(request.messages[0].text)

    gateway, _ = make(reply, enable_request_batching=True, batch_size=5, batch_timeout=0.05)

    got = await asyncio.gather(*(gateway.generate_async(str(n)) for n in range(5)), return_exceptions=True)

    assert [r.text if not isinstance(r, BaseException) else type(r) for r in got] == [
        "0", "1", "2", AuthenticationError, "4",
    ]  # fmt: skip


async def test_rate_limits_hold_and_can_be_set_while_running() -> None:
    """Without queuing the request over the limit is refused with a time to wait; limits can be lifted again."""
    limits = RateLimitConfig(requests_per_minute=2, enable_queuing=False)
    gateway, _ = make(answer(), rate_limit_config=limits)
    for _ in range(2):
        await gateway.generate_async("hi")

    with pytest.raises(RateLimitError) as caught:
        await gateway.generate_async("hi")
    remaining = gateway.get_health()["rate_limit"]["remaining"]
    gateway.configure_rate_limiting(None)
    await gateway.generate_async("hi")

    assert caught.value.scope == "gateway"
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 0
    assert remaining == 0


async def test_health_has_the_documented_keys() -> None:
    """Status, provider, circuit breaker state and remaining requests are where the user's guide reads them."""
    gateway, _ = make(answer(), rate_limit_config=RateLimitConfig(requests_per_minute=60))
    await gateway.generate_async("hi")

    health = gateway.get_health()

    assert health["status"] == "healthy"
    assert health["provider"] == "scripted"
    assert health["circuit_breaker"]["state"] == "closed"
    assert health["rate_limit"]["remaining"] == 59


async def test_guardrails_block_and_change_both_ways() -> None:
    """A blocked prompt is never sent, a blocked answer never shown, a changed one is shown changed."""
    gateway, provider = make(answer("a secret"), answer("damn it"), plugins=(Censor(),))

    with pytest.raises(GuardrailError) as on_input:
        await gateway.generate_async("tell me the secret")
    with pytest.raises(GuardrailError) as on_output:
        await gateway.generate_async("hi")
    changed = await gateway.generate_async("hi")

    assert (on_input.value.stage, on_output.value.stage) == ("input", "output")
    assert changed.text == "darn it"
    assert len(provider.requests) == 2


async def test_blocked_text_never_reaches_the_reader_of_a_stream() -> None:
    """Not even when it is cut into single letters."""
    gateway, _ = make(pieces(*"this is a secret, you know"), plugins=(Censor(),))
    got = []

    with pytest.raises(GuardrailError):
        async for piece in gateway.generate_stream_async("hi"):
            got.append(piece)

    assert "secret" not in "".join(got)


async def test_a_changed_answer_is_not_cached() -> None:
    """Policy may change, so what a guardrail rewrote is made anew."""
    gateway, provider = make(answer("damn it"), plugins=(Censor(),), enable_caching=True)

    for _ in range(2):
        await gateway.generate_async("hi")

    assert len(provider.requests) == 2


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        ((answer(),), "success"),
        ((InvalidRequestError("no"),), "error"),
    ],
)
async def test_each_call_has_one_first_and_one_last_event(
    steps: tuple[Any, ...], outcome: str, recorder: Recorder
) -> None:
    """Whatever happens, telemetry sees one start and one end, and no prompt."""
    gateway, _ = make(*steps, plugins=(recorder,))

    await asyncio.gather(gateway.generate_async("CANARY-PROMPT"), return_exceptions=True)

    assert recorder.kinds() == ["CallStarted", "AttemptFinished", "CallFinished"]
    assert recorder.events[-1].outcome == outcome
    assert "CANARY" not in repr(recorder.events)


async def test_an_abandoned_stream_has_its_last_event_too(recorder: Recorder) -> None:
    """Breaking off is told as ``abandoned``."""
    gateway, _ = make(pieces(*["x"] * 50), plugins=(recorder,))

    async with gateway.generate_stream_async("hi") as stream:
        async for piece in stream:
            if piece:
                break

    assert recorder.events[-1].outcome == "abandoned"
    assert recorder.kinds().count("CallFinished") == 1


async def test_a_cancelled_call_has_its_last_event_too(recorder: Recorder) -> None:
    """Cancelling is told as ``cancelled``, and nothing stays in flight."""

    async def hang(_request: object) -> None:
        await asyncio.sleep(30)

    gateway, _ = make(hang, plugins=(recorder,))
    task = asyncio.create_task(gateway.generate_async("hi"))
    await asyncio.sleep(0.01)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert recorder.events[-1].outcome == "cancelled"
    assert gateway.get_health()["in_flight"] == 0


async def test_several_providers_are_told_apart_by_prefix() -> None:
    """``model="provider/name"`` picks one, a bare name goes to the default."""
    first, second = ScriptedProvider(answer("1"), name="first"), ScriptedProvider(answer("2"), name="second")
    config = GatewayConfig(
        provider="first", providers={"first": {}, "second": {}}, plugins=[first, second], discover=False
    )
    gateway = LiteLLMGateway(config=config)

    texts = [(await gateway.generate_async("hi", model=model)).text for model in ("second/big", "big", None)]

    assert texts == ["2", "1", "1"]
    assert [request.model for request in first.requests] == ["big", "scripted"]
    assert second.requests[0].model == "big"


async def test_a_fallback_answers_when_the_first_choice_fails() -> None:
    """``fallbacks`` are asked in order, and the answer says who gave it."""
    first = ScriptedProvider(AuthenticationError("bad key"), name="first")
    second = ScriptedProvider(answer("saved"), name="second")
    gateway = create_gateway(
        provider="first", providers=["first", "second"], fallbacks=["second/other"], plugins=[first, second],
        discover=False,
    )  # fmt: skip

    response = await gateway.generate_async("hi")

    assert response.text == "saved"
    assert response.metadata["provider"] == "second"


async def test_a_bare_name_without_a_default_lists_the_choices() -> None:
    """Several providers and no choice is an error that names them."""
    providers = [ScriptedProvider(answer(), name="one"), ScriptedProvider(answer(), name="two")]
    gateway = create_gateway(providers=["one", "two"], plugins=providers, discover=False)

    with pytest.raises(InvalidRequestError, match="one, two"):
        await gateway.generate_async("hi", model="m")


async def test_a_closed_gateway_says_so() -> None:
    """Calls after ``aclose`` fail with a clear error, and its plugins are closed once."""
    gateway, provider = make(answer())

    async with gateway:
        await gateway.generate_async("hi")

    with pytest.raises(GatewayError, match="closed"):
        await gateway.generate_async("hi")
    assert provider.closed
    assert gateway.get_health()["status"] == "closed"


def test_cost_is_decimal_and_priced_by_plugins() -> None:
    """A policy plugin's price makes the cost, exactly."""
    from litellm_gateway import Price

    class Prices:
        @hookimpl
        def gateway_model_price(self, provider: str, model: str) -> Price | None:
            return Price(input=Decimal(2), output=Decimal(10)) if model == "scripted" else None

    gateway, _ = make(answer(tokens=1), plugins=(Prices(),))

    response = gateway.generate("hi")

    assert response.metadata["cost"] == Decimal("0.000012")


def test_a_blocking_call_from_the_gateways_own_loop_is_refused() -> None:
    """A plugin that blocks inside the loop thread gets an error instead of a deadlock."""
    gateways: list[LiteLLMGateway] = []

    async def nested(_request: object) -> Any:
        gateways[0].generate("again")

    gateway, _ = make(nested, max_retries=0)
    gateways.append(gateway)

    with pytest.raises(GatewayError, match="wait for itself"):
        gateway.generate("hi")
