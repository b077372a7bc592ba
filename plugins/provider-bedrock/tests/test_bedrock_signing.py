"""Requests without a key are signed with what the standard AWS chain finds."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import hmac
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest
from litellm_gateway.config import from_mapping
from litellm_gateway.errors import AuthenticationError, ConfigurationError, DeadlineExceededError
from litellm_gateway.testing.provider_driver import ask, ask_streamed, build, new_call
from litellm_gateway.testing.wire_player import Reply, WirePlayer
from litellm_gateway_provider_bedrock.plugin import gateway_provider
from litellm_gateway_provider_bedrock.provider import BedrockProvider
from litellm_gateway_provider_bedrock.request_signing import RequestSigner
from litellm_gateway_provider_bedrock.settings import BedrockSettings

if TYPE_CHECKING:
    from pathlib import Path

    from litellm_gateway.wire import WireRequest

KEY_ID = "AKIAEXAMPLE000000001"
SECRET = "secret/0123456789+abcdefghijklmnopqrstuvwx"
TOKEN = "session-token-0123456789"


def sent(**settings: Any) -> WireRequest:
    player = WirePlayer(Reply(status=500))
    asyncio.run(ask(build(gateway_provider(), {"region": "eu-west-1", **settings}, player)))
    return player.requests[0]


def revealed(request: WireRequest) -> dict[str, str]:
    return {name: value.reveal() for name, value in request.secret_headers}


def expected_signature(request: WireRequest, *, secret: str, region: str) -> str:
    """Work the signature out anew, by the rules of AWS's documentation."""
    url, headers = urlsplit(request.url), dict(request.headers)
    signed = {"host": url.netloc, "content-type": headers["content-type"], "x-amz-date": headers["x-amz-date"]}
    token = revealed(request).get("x-amz-security-token")
    if token:
        signed["x-amz-security-token"] = token
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    path = quote(url.path, safe="/~")
    digest = hashlib.sha256(request.body).hexdigest()
    canonical = f"{request.method}\n{path}\n\n{lines}\n{names}\n{digest}"
    day = headers["x-amz-date"][:8]
    scope = f"{day}/{region}/bedrock/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for step in (day, region, "bedrock", "aws4_request"):
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def test_the_signature_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of the environment sign the very request that is sent, model and body included."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)

    request = sent()

    authorization = revealed(request)["authorization"]
    assert authorization.startswith(f"AWS4-HMAC-SHA256 Credential={KEY_ID}/")
    assert authorization.endswith(f"Signature={expected_signature(request, secret=SECRET, region='eu-west-1')}")
    assert revealed(request)["x-amz-security-token"] == TOKEN


def test_credentials_of_the_settings_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that are given are used, and nothing is looked for."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")

    request = sent(access_key_id=KEY_ID, secret_access_key=SECRET)

    signature = expected_signature(request, secret=SECRET, region="eu-west-1")
    assert revealed(request)["authorization"].endswith(f"Signature={signature}")
    assert "x-amz-security-token" not in revealed(request)


def test_profiles(tmp_path: Path) -> None:
    """A profile gives credentials and region."""
    (tmp_path / "credentials").write_text(f"[work]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n")
    (tmp_path / "config").write_text("[profile work]\nregion = ap-south-1\n")

    request = sent(profile="work", region=None)

    assert request.url.startswith("https://bedrock-runtime.ap-south-1.amazonaws.com/")
    assert f"Credential={KEY_ID}/" in revealed(request)["authorization"]


def test_an_unknown_profile_is_refused_when_it_is_needed() -> None:
    """A profile that is not there is named a mistake of the settings, its cause chained."""
    with pytest.raises(ConfigurationError, match="profile"):
        build(gateway_provider(), {"profile": "nobody"}, WirePlayer(Reply()))


@pytest.mark.parametrize("way", [ask, ask_streamed])
def test_no_credentials(way: Any) -> None:
    """Without any the error says what to set, whole and streamed, and nothing is sent."""
    player = WirePlayer(Reply(status=500))

    outcome = asyncio.run(way(build(gateway_provider(), {"region": "us-east-1"}, player)))

    assert isinstance(outcome.error, ConfigurationError)
    assert "AWS_BEARER_TOKEN_BEDROCK" in outcome.error.message
    assert outcome.error.provider == "bedrock"
    assert not player.requests


def test_nothing_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither settings nor requests nor the provider show a credential."""
    settings = {"access_key_id": KEY_ID, "secret_access_key": SECRET, "session_token": TOKEN, "region": "us-east-1"}
    player = WirePlayer(Reply(status=403, pieces=(f'{{"message": "wrong {SECRET}"}}'.encode(),)))
    provider = build(gateway_provider(), settings, player)

    outcome = asyncio.run(ask(provider))

    shown = [repr(from_mapping(BedrockSettings, settings, path="p")), repr(player.requests), repr(vars(provider))]
    assert not [text for text in (*shown, str(outcome.error)) if SECRET in text or TOKEN in text]


def test_half_a_pair_is_refused() -> None:
    """An id without its secret signs nothing."""
    with pytest.raises(ConfigurationError, match="belong together"):
        from_mapping(BedrockSettings, {"access_key_id": KEY_ID}, path="providers.bedrock")


def test_streams_are_signed_too() -> None:
    """The first stream waits for the credentials, the next finds them there."""
    player = WirePlayer(Reply(status=500))
    provider = build(
        gateway_provider(), {"region": "us-east-1", "access_key_id": KEY_ID, "secret_access_key": SECRET}, player
    )

    asyncio.run(ask_streamed(provider))
    asyncio.run(ask_streamed(provider))

    assert [request.url.rpartition("/")[2] for request in player.requests] == ["converse-stream"] * 2
    assert all("authorization" in revealed(request) for request in player.requests)


class _Temporary:
    """Credentials that say when they must be renewed, as botocore's temporary ones do."""

    def __init__(self) -> None:
        self.fetched = 0
        self.stale = False

    def refresh_needed(self) -> bool:
        return self.stale

    def get_frozen_credentials(self) -> Any:
        from botocore.credentials import ReadOnlyCredentials

        self.fetched += 1
        self.stale = False
        return ReadOnlyCredentials(f"AKIA{self.fetched}", SECRET, TOKEN)


def test_credentials_are_renewed_before_they_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are fetched once for many requests, and again when they say that their time is near."""
    source = _Temporary()
    monkeypatch.setattr("botocore.session.Session.get_credentials", lambda self: source)
    player = WirePlayer(Reply(status=500))
    provider = build(gateway_provider(), {"region": "us-east-1"}, player)

    asyncio.run(ask(provider))
    asyncio.run(ask(provider))
    source.stale = True
    asyncio.run(ask(provider))

    used = [revealed(request)["authorization"].split("Credential=")[1].split("/")[0] for request in player.requests]
    assert used == ["AKIA1", "AKIA1", "AKIA2"]


def test_a_failed_renewal_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What botocore cannot renew is an authentication error, so that another route may answer."""
    from botocore.exceptions import UnauthorizedSSOTokenError

    def expired(_: Any) -> Any:
        raise UnauthorizedSSOTokenError

    monkeypatch.setattr("botocore.session.Session.get_credentials", expired)
    provider = build(gateway_provider(), {"region": "us-east-1"}, WirePlayer(Reply()))

    error = asyncio.run(ask(provider)).error

    assert isinstance(error, AuthenticationError)
    assert error.try_next_route
    assert "UnauthorizedSSOTokenError" in error.message


def test_waiting_for_credentials_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source of credentials that hangs cannot hold a call longer than it may take."""
    import threading

    hangs = threading.Event()
    monkeypatch.setattr("botocore.session.Session.get_credentials", lambda self: hangs.wait(5))
    signer = RequestSigner(BedrockSettings(), "us-east-1")

    async def wait() -> None:
        try:
            await signer.prepare(new_call(seconds=0.05))
        finally:
            hangs.set()

    with pytest.raises(DeadlineExceededError) as caught:
        asyncio.run(wait())

    assert caught.value.phase == "credentials"


def test_the_date_is_today() -> None:
    """A signature is good for minutes only: it carries the present time."""
    request = sent(access_key_id=KEY_ID, secret_access_key=SECRET)

    stamp = datetime.datetime.strptime(dict(request.headers)["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(
        tzinfo=datetime.UTC
    )

    assert abs(datetime.datetime.now(datetime.UTC) - stamp) < datetime.timedelta(minutes=5)


def test_it_is_the_provider_of_its_own() -> None:
    """The offer builds a provider that prepares credentials by itself."""
    provider = build(gateway_provider(), {"region": "us-east-1"}, WirePlayer(Reply()))

    assert isinstance(provider, BedrockProvider)
