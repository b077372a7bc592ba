"""Each row of the data file is a whole offer, and says of its server what the server wants."""

from __future__ import annotations

import asyncio
import json
from importlib.metadata import distribution
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from litellm_gateway import create_gateway
from litellm_gateway.config import from_mapping
from litellm_gateway.contracts import Embedder, ModelLister, Moderator, ProviderOffer
from litellm_gateway.discovery import known_plugins
from litellm_gateway.errors import ConfigurationError
from litellm_gateway.messages import Message, Tool, ToolCall, ToolChoice
from litellm_gateway.requests import GenerateRequest
from litellm_gateway.testing.loopback import LoopbackServer
from litellm_gateway.testing.provider_driver import ask, build
from litellm_gateway.testing.wire_player import Reply, WirePlayer
from litellm_gateway_dialect_openai import ChatQuirks
from litellm_gateway_provider_openai_compatible import plugin
from litellm_gateway_provider_openai_compatible.endpoints import careful_quirks, endpoint, names
from litellm_gateway_provider_openai_compatible.plugin import plugin_of
from litellm_gateway_provider_openai_compatible.settings import EndpointSettings

if TYPE_CHECKING:
    from litellm_gateway.testing.loopback import Exchange

KEY = "key-0123456789abcdef"
USER = Message(role="user", content="Hello")
NAMES = names()
VARIABLES = {variable for name in NAMES for variable in (*endpoint(name).key_env, *endpoint(name).base_url_env)}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES | {"OPENAI_API_VERSION", "AZURE_OPENAI_AD_TOKEN"}:
        monkeypatch.delenv(variable, raising=False)


def _offer(name: str) -> ProviderOffer:
    return plugin_of(name).gateway_provider()


def _sent(name: str, settings: dict[str, Any] | None = None, **fields: Any) -> Any:
    """Give the request a provider sends."""
    player = WirePlayer(Reply(status=500))
    key = {} if settings and "api_key" in settings else {"api_key": KEY}
    request = GenerateRequest(**{"model": "m", "messages": (USER,), **fields})
    asyncio.run(ask(build(_offer(name), {**key, **(settings or {})}, player), request))
    [wire] = player.requests
    return wire


def _body(name: str, **fields: Any) -> dict[str, Any]:
    settings = {"base_url": "http://127.0.0.1:1/v1"} if endpoint(name).base_url is None else {}
    body: dict[str, Any] = json.loads(_sent(name, settings, **fields).body)
    return body


def test_every_row_is_an_entry_point() -> None:
    """The rows, the entry points and what the core knows of this package are the same names."""
    mine = distribution("litellm-gateway-provider-openai-compatible")
    points = {point.name: point for point in mine.entry_points if point.group == "litellm_gateway.providers"}
    known = {name for name, package in known_plugins()["packages"]["provider"].items() if package == mine.name}

    assert set(points) == set(NAMES) == known
    assert all(point.load() is plugin_of(name) for name, point in points.items())


def test_no_other_name_is_there() -> None:
    """The module of the entry points has an attribute per row, and no more."""
    with pytest.raises(AttributeError, match="grok"):
        plugin.grok  # noqa: B018 - asked for on purpose


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_whole(name: str) -> None:
    """A row names its server, its quirks are known ones, and its patterns end in known words."""
    row = endpoint(name)

    assert row.summary
    assert row.base_url or row.base_url_env
    assert row.key_env
    assert set(row.quirks) <= set(attrs.fields_dict(ChatQuirks))
    assert _offer(name).name == name


@pytest.mark.parametrize("name", NAMES)
def test_what_a_model_takes_is_in_known_words(name: str) -> None:
    """Every word of the capability data is one that requests are held against."""
    from litellm_gateway.fitting import CONTENT, PARAMETERS

    families = endpoint(name).catalog["families"]

    for family in families:
        assert set(family["without"]) <= {*PARAMETERS, *CONTENT}, family["match"]
        assert set(family) <= {"match", "without", "context", "max_output"}


@pytest.mark.parametrize("name", NAMES)
def test_prices_name_their_source(name: str) -> None:
    """Every price can be looked up, with where and when it was read."""
    for model in endpoint(name).catalog["models"]:
        price = (_offer(name).prices or (lambda _: None))(model)

        assert price is not None
        assert price.source
        assert price.as_of


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("cerebras", "https://api.cerebras.ai/v1/chat/completions"),
        ("deepseek", "https://api.deepseek.com/chat/completions"),
        ("fireworks", "https://api.fireworks.ai/inference/v1/chat/completions"),
        ("groq", "https://api.groq.com/openai/v1/chat/completions"),
        ("llamacpp", "http://localhost:8080/v1/chat/completions"),
        ("lmstudio", "http://localhost:1234/v1/chat/completions"),
        ("mistral", "https://api.mistral.ai/v1/chat/completions"),
        ("ollama", "http://localhost:11434/v1/chat/completions"),
        ("openrouter", "https://openrouter.ai/api/v1/chat/completions"),
        ("perplexity", "https://api.perplexity.ai/chat/completions"),
        ("together", "https://api.together.xyz/v1/chat/completions"),
        ("vllm", "http://localhost:8000/v1/chat/completions"),
        ("xai", "https://api.x.ai/v1/chat/completions"),
    ],
)
def test_where_requests_go(name: str, url: str) -> None:
    """To the server's own address, with the key as a bearer token."""
    wire = _sent(name)

    assert wire.url == url
    assert [(header, value.reveal()) for header, value in wire.secret_headers] == [("authorization", f"Bearer {KEY}")]


@pytest.mark.parametrize("name", [name for name in NAMES if endpoint(name).key_required])
def test_no_key(name: str) -> None:
    """Where a key is needed, its absence is an error that names the variable."""
    with pytest.raises(ConfigurationError, match=endpoint(name).key_env[0]):
        build(_offer(name), {}, WirePlayer(Reply()))


@pytest.mark.parametrize("name", ["ollama", "vllm", "lmstudio", "llamacpp"])
def test_servers_of_ones_own_want_no_key(name: str) -> None:
    """Without a key, no header for one is sent."""
    assert _sent(name, {"api_key": None}).secret_headers == ()


def test_any_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server without a row is reached by its address, from the settings or the environment."""
    with pytest.raises(ConfigurationError, match="OPENAI_COMPATIBLE_BASE_URL"):
        _sent("openai-compatible")

    assert (
        _sent("openai-compatible", {"base_url": "http://127.0.0.1:9/x"}).url == "http://127.0.0.1:9/x/chat/completions"
    )
    monkeypatch.setenv("OPENAI_COMPATIBLE_BASE_URL", "http://127.0.0.1:8/v1")
    assert _sent("openai-compatible").url == "http://127.0.0.1:8/v1/chat/completions"


@pytest.mark.parametrize("url", ["api.groq.com", "ftp://x.example", ""])
def test_addresses_are_checked(url: str) -> None:
    """An address that is no URL is refused when the settings are made."""
    with pytest.raises(ConfigurationError, match="base_url"):
        from_mapping(EndpointSettings, {"base_url": url}, path="providers.groq")


def test_quirks_and_headers_can_be_set() -> None:
    """The user knows the server better than its row; a quirk nobody knows is refused with the nearest one."""
    settings = {"quirks": {"max_tokens_field": "max_tokens"}, "headers": {"X-Title": "my app"}}

    wire = _sent("groq", settings, max_tokens=7)

    assert json.loads(wire.body)["max_tokens"] == 7
    assert dict(wire.headers)["x-title"] == "my app"
    with pytest.raises(ConfigurationError, match="did you mean 'top_k'"):
        _sent("groq", {"quirks": {"topk": True}})


def test_the_responses_api_can_be_asked_for() -> None:
    """Servers that have it answer there when told so, with reasoning handed over where there is some."""
    wire = _sent("xai", {"api": "responses"}, model="grok-4.3")

    assert wire.url == "https://api.x.ai/v1/responses"
    assert json.loads(wire.body)["include"] == ["reasoning.encrypted_content"]


def test_abilities() -> None:
    """A provider has the methods of what its server can do, and no others."""
    able = {
        name: {ability for ability in (Embedder, ModelLister, Moderator) if isinstance(_provider(name), ability)}
        for name in ("mistral", "openrouter", "groq", "perplexity")
    }

    assert able == {
        "mistral": {Embedder, ModelLister, Moderator},
        "openrouter": {Embedder, ModelLister},
        "groq": {ModelLister},
        "perplexity": set(),
    }


def _provider(name: str) -> Any:
    return build(_offer(name), {"api_key": KEY}, WirePlayer(Reply()))


@pytest.mark.parametrize("name", NAMES)
def test_careful_quirks_of_strangers(name: str) -> None:
    """What only OpenAI is known to take is sent to no server whose row does not say so."""
    developer = (Message(role="developer", content="Be brief"), USER)

    role = _body(name, messages=developer)["messages"][0]["role"]

    expected = {**careful_quirks(), **endpoint(name).quirks}["developer_role"]
    assert role == ("developer" if expected else "system")


def test_mistral() -> None:
    """Its own words for seed and any tool, ids of nine letters, no field it refuses."""
    body = _body(
        "mistral",
        seed=7,
        user="u",
        tools=(Tool(name="clock"),),
        tool_choice=ToolChoice(mode="required"),
        messages=(
            USER,
            Message(role="assistant", tool_calls=(ToolCall(id="call_0123456789", name="clock"),)),
            Message(role="tool", tool_call_id="call_0123456789", content="noon", name="clock"),
        ),
    )

    assert body["random_seed"] == 7
    assert body["tool_choice"] == "any"
    assert not {"user", "seed", "stream_options"} & set(body)
    call_id = body["messages"][1]["tool_calls"][0]["id"]
    assert len(call_id) == 9
    assert body["messages"][2] == {"role": "tool", "tool_call_id": call_id, "content": "noon", "name": "clock"}


@pytest.mark.parametrize(
    ("name", "model", "refused"),
    [
        ("groq", "llama-3.3-70b-versatile", "logprobs"),
        ("deepseek", "deepseek-v4-flash", "json_schema"),
        ("deepseek", "deepseek-reasoner", "logprobs"),
        ("xai", "grok-4-0709", "reasoning_effort"),
        ("xai", "grok-3-mini", "stop"),
        ("xai", "grok-3", "reasoning_effort"),
        ("perplexity", "sonar", "tools"),
        ("mistral", "mistral-large-latest", "top_k"),
        ("azure", "o4-mini", "temperature"),
        ("cerebras", "gpt-oss-120b", "presence_penalty"),
    ],
)
def test_what_a_server_refuses_is_known(name: str, model: str, refused: str) -> None:
    """Capability data holds what the server would answer with an error."""
    capabilities = _offer(name).capabilities

    assert capabilities is not None
    assert refused in capabilities(model).without


@pytest.mark.parametrize(
    ("name", "model", "taken"),
    [("xai", "grok-3-mini", "reasoning_effort"), ("xai", "grok-3", "stop"), ("azure", "gpt-5.1", "temperature"),
     ("openrouter", "anything/at-all", "top_k"), ("vllm", "any", "logprobs")],
)  # fmt: skip
def test_what_a_server_takes_is_let_through(name: str, model: str, taken: str) -> None:
    """Nothing is refused on a guess."""
    capabilities = _offer(name).capabilities

    assert capabilities is not None
    assert taken not in capabilities(model).without


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        (":11500", "http://127.0.0.1:11500/v1"),
        ("box:11500", "http://box:11500/v1"),
        ("http://box", "http://box/v1"),
        ("https://ollama.com", "https://ollama.com/v1"),
        ("https://ollama.com/v1/", "https://ollama.com/v1"),
        ("[::1]:11434", "http://[::1]:11434/v1"),
    ],
)
def test_ollamas_host(monkeypatch: pytest.MonkeyPatch, host: str, url: str) -> None:
    """``OLLAMA_HOST`` means what it means to Ollama's own tools."""
    monkeypatch.setenv("OLLAMA_HOST", host)

    assert _sent("ollama", {"api_key": None}).url == f"{url}/chat/completions"


def test_a_host_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that is no number is refused when the gateway is made."""
    monkeypatch.setenv("OLLAMA_HOST", "box:eleven")

    with pytest.raises(ConfigurationError, match="OLLAMA_HOST"):
        _sent("ollama", {"api_key": None})


def test_rows_with_batches_have_their_terms() -> None:
    """A row of the table is enough for a server whose batches are OpenAI's; others have none."""
    groq = _offer("groq")
    xai = _offer("xai")

    assert groq.batches is not None
    assert (groq.batches.requests, groq.batches.bytes) == (50_000, 200_000_000)
    assert groq.batches.price is None
    assert xai.batches is None


async def test_a_row_with_batches_submits_them() -> None:
    """Upload and batch go to the server's own address, lines name OpenAI's endpoint."""
    sent: list[tuple[str, bytes]] = []

    async def script(exchange: Exchange) -> None:
        sent.append((exchange.path, exchange.body))
        await exchange.respond(b'{"id": "x1", "status": "validating"}')

    async with LoopbackServer(script) as server:
        base_url = f"{server.url}/openai/v1"
        async with create_gateway(provider="groq", api_key="gsk_0123456789abcdefghij", base_url=base_url) as gateway:
            batch = await gateway.batches.submit_async(["Hello"])

    assert batch.id == "groq:x1"
    assert [path for path, _ in sent] == ["/openai/v1/files", "/openai/v1/batches"]
    assert b'"url":"/v1/chat/completions"' in sent[0][1]
