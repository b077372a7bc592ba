"""Google's own manners: settings, environment, addresses, keys, prices."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from litellm_gateway.config import from_mapping
from litellm_gateway.errors import ConfigurationError, InvalidRequestError
from litellm_gateway.messages import Message
from litellm_gateway.requests import GenerateRequest
from litellm_gateway.testing.provider_driver import ask, ask_streamed, build
from litellm_gateway.testing.wire_player import Reply, WirePlayer
from litellm_gateway_provider_google import plugin, vertex_plugin
from litellm_gateway_provider_google.settings import GoogleSettings, VertexSettings

if TYPE_CHECKING:
    from litellm_gateway.wire import WireRequest

KEY, TOKEN = "AIza0123456789abcdefgh", "ya29.0123456789abcdefgh"
ENVIRONMENT = (
    "GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "GOOGLE_GENAI_API_VERSION", "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_CLOUD_LOCATION", "GOOGLE_VERTEX_BASE_URL", "GOOGLE_OAUTH_ACCESS_TOKEN",
)  # fmt: skip
REQUEST = GenerateRequest(model="gemini-3.8-flash", messages=(Message(role="user", content="Hello"),))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


def _sent(module: Any, settings: dict[str, Any], request: GenerateRequest = REQUEST, way: Any = ask) -> WireRequest:
    player = WirePlayer(Reply(status=500))
    asyncio.run(way(build(module.gateway_provider(), settings, player), request))
    return player.requests[0]


def _google(request: GenerateRequest = REQUEST, way: Any = ask, **settings: Any) -> WireRequest:
    return _sent(plugin, {"api_key": KEY, **settings}, request, way)


def _vertex(request: GenerateRequest = REQUEST, way: Any = ask, **settings: Any) -> WireRequest:
    return _sent(vertex_plugin, {"access_token": TOKEN, "project": "p1", **settings}, request, way)


def _secrets(wire: WireRequest) -> list[tuple[str, str]]:
    return [(name, value.reveal()) for name, value in wire.secret_headers]


def test_what_is_sent() -> None:
    """The model is in the path, the key in a header of Google's own."""
    wire = _google()

    assert wire.url == "https://generativelanguage.googleapis.com/v1beta/models/gemini-3.8-flash:generateContent"
    assert _secrets(wire) == [("x-goog-api-key", KEY)]
    assert dict(wire.headers)["content-type"] == "application/json"
    assert KEY not in wire.url


def test_streams_ask_for_events() -> None:
    """Another method, and ``alt=sse``: one JSON array would come else."""
    wire = _google(way=ask_streamed)

    assert wire.url.endswith("/models/gemini-3.8-flash:streamGenerateContent?alt=sse")
    assert dict(wire.headers)["accept"] == "text/event-stream"


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("models/gemini-x", "models/gemini-x"),
        ("tunedModels/my-model-1", "tunedModels/my-model-1"),
        ("gemini x:1", "models/gemini%20x%3A1"),
    ],
)
def test_names_of_models(model: str, path: str) -> None:
    """A bare name is one of Google's models; what could lead elsewhere is quoted."""
    assert _google(evolve(REQUEST, model=model)).url.endswith(f"/v1beta/{path}:generateContent")


@pytest.mark.parametrize("model", ["../files", "a?b=c", "a#b", "a&b", "/models/x", "a\\b"])
def test_names_that_lead_elsewhere(model: str) -> None:
    """Nothing is sent."""
    player = WirePlayer(Reply())
    provider = build(plugin.gateway_provider(), {"api_key": KEY}, player)

    outcome = asyncio.run(ask(provider, evolve(REQUEST, model=model)))

    assert isinstance(outcome.error, InvalidRequestError)
    assert outcome.error.parameter == "model"
    assert not player.requests


@pytest.mark.parametrize(
    ("base_url", "version", "root"),
    [
        (None, None, "https://generativelanguage.googleapis.com/v1beta"),
        (None, "v1", "https://generativelanguage.googleapis.com/v1"),
        ("http://127.0.0.1:1/", None, "http://127.0.0.1:1/v1beta"),
        ("http://127.0.0.1:1/v1", None, "http://127.0.0.1:1/v1"),
        ("http://127.0.0.1:1/gemini/v1alpha/", "v1", "http://127.0.0.1:1/gemini/v1alpha"),
    ],
)
def test_base_url_and_version(base_url: str | None, version: str | None, root: str) -> None:
    """A version that ends the base URL counts, else the setting's is appended."""
    assert _google(base_url=base_url, api_version=version).url.startswith(f"{root}/models/")


def test_settings_go_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Address and version are read from the environment where the settings are silent."""
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "https://proxy.example")
    monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "v1")

    silent, outspoken = _google(), _google(base_url="http://127.0.0.1:1", api_version="v1alpha")

    assert silent.url.startswith("https://proxy.example/v1/models/")
    assert outspoken.url.startswith("http://127.0.0.1:1/v1alpha/models/")


def test_the_beta_has_two_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """One variable serves both APIs, which write their beta differently."""
    monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "beta")

    google, vertex = _google(), _vertex()

    assert "/v1beta/models/" in google.url
    assert "/v1beta1/projects/" in vertex.url


def test_keys_are_looked_for_in_order() -> None:
    """``GOOGLE_API_KEY`` goes before ``GEMINI_API_KEY``; a key tells whose it is."""
    offer = plugin.gateway_provider()

    assert tuple(offer.key_env) == ("GOOGLE_API_KEY", "GEMINI_API_KEY")
    assert tuple(offer.key_prefixes) == ("AIza",)


def test_no_key() -> None:
    """Without a key the error names the variable that would hold it."""
    with pytest.raises(ConfigurationError, match="GOOGLE_API_KEY") as caught:
        build(plugin.gateway_provider(), {}, WirePlayer(Reply()))

    assert caught.value.path == "providers.google.api_key"


@pytest.mark.parametrize(
    "settings",
    [
        {"base_url": "generativelanguage.googleapis.com"},
        {"base_url": "https://x.example/ v1"},
        {"api_version": "v1/../files"},
        {"safety_settings": {"hate_speech": 3}},
        {"safety_settings": "BLOCK_NONE"},
        {"schema_dialect": "xml"},
        {"include_thoughts": "yes"},
        {"api_versoin": "v1"},
    ],
)
def test_settings_are_checked(settings: dict[str, Any]) -> None:
    """A wrong setting is refused when it is given, with its path."""
    with pytest.raises(ConfigurationError, match=r"^providers\.google|unknown setting"):
        from_mapping(GoogleSettings, settings, path="providers.google")


def test_settings_show_no_key() -> None:
    """They can be printed."""
    google = from_mapping(GoogleSettings, {"api_key": KEY}, path="providers.google")
    vertex = from_mapping(VertexSettings, {"access_token": TOKEN, "api_key": KEY}, path="providers.vertex")

    assert KEY not in repr(google)
    assert TOKEN not in repr(vertex)
    assert KEY not in repr(vertex)


def test_safety_settings() -> None:
    """Categories may leave out what all their names begin with; the wire's own list is taken too."""
    short = json.loads(_google(safety_settings={"hate_speech": "BLOCK_NONE"}).body)
    full = json.loads(
        _google(safety_settings=[{"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "BLOCK_NONE"}]).body
    )

    assert short == full
    assert short["safetySettings"] == [{"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "BLOCK_NONE"}]


def test_extra_headers() -> None:
    """They win over the usual ones, but never hold the key."""
    wire = _google(evolve(REQUEST, extra_headers={"X-Goog-User-Project": "p2", "Accept": "*/*"}))
    player = WirePlayer(Reply())
    provider = build(plugin.gateway_provider(), {"api_key": KEY}, player)
    refused = asyncio.run(ask(provider, evolve(REQUEST, extra_headers={"X-Goog-Api-Key": "x"})))

    assert dict(wire.headers) == {"content-type": "application/json", "x-goog-user-project": "p2", "accept": "*/*"}
    assert isinstance(refused.error, InvalidRequestError)
    assert not player.requests


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("global", "aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
    ],
)
def test_vertex_locations(location: str, host: str) -> None:
    """Each location has its host, and stands in the path."""
    wire = _vertex(location=location)

    where = f"projects/p1/locations/{location}/publishers/google/models/gemini-3.8-flash"
    assert wire.url == f"https://{host}/v1/{where}:generateContent"
    assert _secrets(wire) == [("authorization", f"Bearer {TOKEN}")]


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("google/gemini-x", "projects/p1/locations/global/publishers/google/models/gemini-x"),
        ("publishers/google/models/gemini-x", "projects/p1/locations/global/publishers/google/models/gemini-x"),
        ("endpoints/123", "projects/p1/locations/global/endpoints/123"),
        ("projects/p2/locations/us-east1/endpoints/4", "projects/p2/locations/us-east1/endpoints/4"),
    ],
)
def test_names_of_vertex_models(model: str, path: str) -> None:
    """Publishers, endpoints and whole resource names are understood."""
    assert _vertex(evolve(REQUEST, model=model)).url == f"https://aiplatform.googleapis.com/v1/{path}:generateContent"


def test_vertex_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Project, location and token are read where the settings are silent."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p-env")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "us-east1")
    monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.environment0123")

    wire = _sent(vertex_plugin, {})

    assert wire.url.startswith("https://us-east1-aiplatform.googleapis.com/v1/projects/p-env/locations/us-east1/")
    assert _secrets(wire) == [("authorization", "Bearer ya29.environment0123")]


def test_vertex_in_express_mode() -> None:
    """A key stands for project and location; a token given as the key is taken for what it is."""
    express = _sent(vertex_plugin, {"api_key": KEY})
    token = _sent(vertex_plugin, {"api_key": TOKEN, "project": "p1"})

    assert express.url == (
        "https://aiplatform.googleapis.com/v1/publishers/google/models/gemini-3.8-flash:generateContent"
    )
    assert _secrets(express) == [("x-goog-api-key", KEY)]
    assert _secrets(token) == [("authorization", f"Bearer {TOKEN}")]


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({}, "providers.vertex.access_token"),
        ({"access_token": TOKEN}, "providers.vertex.project"),
        ({"access_token": "line\nbreak", "project": "p1"}, "providers.vertex.access_token"),
        ({"access_token": TOKEN, "project": "p1/x"}, "providers.vertex.project"),
        ({"access_token": TOKEN, "project": "p1", "location": "x/y"}, "providers.vertex.location"),
    ],
)
def test_vertex_says_what_is_missing(settings: dict[str, Any], path: str) -> None:
    """The path of the setting to give, and no token in the message."""
    with pytest.raises(ConfigurationError) as caught:
        build(vertex_plugin.gateway_provider(), settings, WirePlayer(Reply()))

    assert caught.value.path == path
    assert TOKEN not in caught.value.message


def test_prices() -> None:
    """Each price has a source and a date; default models have one, unknown models none."""
    offer = plugin.gateway_provider()
    assert offer.prices is not None
    flash = offer.prices("gemini-2.5-flash")

    assert flash is not None
    assert (flash.input, flash.output, flash.cache_read) == (Decimal("0.3"), Decimal("2.5"), Decimal("0.03"))
    assert flash.source
    assert flash.as_of
    assert offer.prices(offer.default_model or "") is not None
    assert offer.prices(offer.default_embedding_model or "") is not None
    assert offer.prices("gemini-99") is None


@pytest.mark.parametrize("module", ["plugin", "vertex_plugin"])
def test_the_offer_is_cheap_to_import(module: str) -> None:
    """Looking at the offer imports neither the dialect nor anything that talks to a network."""
    code = (
        f"import sys, litellm_gateway_provider_google.{module}\n"
        "heavy = {'asyncio', 'httpx', 'ssl', 'litellm_gateway_provider_google.dialect', 'litellm_gateway.dialects'}\n"
        "sys.exit(str(sorted(heavy & set(sys.modules))) if heavy & set(sys.modules) else 0)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_dialect_needs_no_network_and_no_event_loop() -> None:
    """The translation imports neither httpx nor asyncio, and has no clock."""
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "import litellm_gateway_provider_google.dialect\n"
        "sys.exit(1 if {'asyncio', 'httpx', 'socket'} & (set(sys.modules) - before) else 0)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
