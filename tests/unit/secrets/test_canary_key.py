"""A key is looked for everywhere it could show: errors, tracebacks with all their locals, reprs, reports, events."""

from __future__ import annotations

import copy
import json
import traceback
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from attrs import field, frozen
from attrs.validators import instance_of
from litellm_gateway import ConfigurationError, GatewayConfig, GatewayError, LiteLLMGateway, create_gateway
from litellm_gateway.contracts import Offer, ProviderOffer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.secrets import Secret, as_secret
from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "sk-canary-0123456789abcdef"


@frozen(kw_only=True)
class Settings:
    api_key: Secret | None = field(default=None, converter=as_secret)
    base_url: str = "https://api.example"
    size: int = field(default=1, validator=instance_of(int))


class Keyed(ScriptedProvider):
    """A provider with a key, which may fail to be built and tell on it."""

    def __init__(self, *, tells: bool = False) -> None:
        super().__init__(answer())
        self._tells = tells

    @hookimpl
    def gateway_provider(self) -> ProviderOffer:
        return ProviderOffer(
            name="keyed", summary="", build=self.build, settings=Settings, key_env=("KEYED_API_KEY",),
            default_model="m",
        )  # fmt: skip

    def build(self, settings: Settings, _context: Any) -> Keyed:
        if self._tells:
            assert settings.api_key is not None
            raise ValueError(f"cannot use {settings.api_key.reveal()}")
        return self


@frozen(kw_only=True)
class SinkSettings:
    password: Any = field(default=0, validator=instance_of(int))
    secret_token: Any = field(default=0, validator=instance_of(int))
    size: int = 1


class Sink:
    @hookimpl
    def gateway_telemetry_sink(self) -> Offer[Any]:
        return Offer(name="sink", summary="", build=lambda settings, context: self, settings=SinkSettings)

    def record(self, event: Any) -> None:
        return

    async def aclose(self) -> None:
        return


def make(**settings: Any) -> LiteLLMGateway:
    return create_gateway(**{"plugins": [Keyed()], "discover": False, **settings})


def ways_to_fail() -> list[Callable[[], Any]]:
    holder = {"key": KEY}  # the test's own frame must not be where the key is found
    key = lambda: holder["key"]  # noqa: E731
    return [
        lambda: make(provider="keyed", api_key=key() + "\n"),
        lambda: make(provider="keyed", api_key="é" + key()),
        lambda: make(provider="keyed", api_key="sk-ant-" + key()),
        lambda: make(provider="keyed", api_key=key(), timeout=-1),
        lambda: make(provider="keyed", api_key=key(), providers={"keyed": {"sise": 2}}),
        lambda: make(provider="keyed", providers={"keyed": {"api_key": key(), "size": "2"}}),
        lambda: make(provider="keyed", providers={"keyed": {"api_key": key() + " "}}),
        lambda: make(provider="nobody", api_key=key()),
        lambda: make(api_key=key(), provider="keyed", transport="none"),
        lambda: make(provider="keyed", api_key=key(), plugins=[Keyed(tells=True)]),
        lambda: make(provider="keyed", api_key=key().encode()),
        lambda: make(provider="keyed", api_key=[key()]),
        lambda: make(provider="keyed", providers={"keyed": {"api_key": {"key": key()}}}),
    ]


@pytest.mark.parametrize("way", range(len(ways_to_fail())))
def test_no_error_of_composing_shows_the_key(way: int) -> None:
    """Neither its words, nor those of its causes, nor a traceback with every local variable of the package."""
    with pytest.raises(GatewayError) as caught:
        ways_to_fail()[way]()

    told = traceback.TracebackException.from_exception(caught.value, capture_locals=False)
    assert KEY not in "".join(told.format())
    assert KEY not in repr(vars(caught.value))
    assert KEY not in locals_of(caught.value)


@pytest.mark.parametrize("name", ["password", "secret_token"])
def test_a_settings_own_complaint_quotes_no_secret(name: str) -> None:
    """What an attrs validator says holds the value; where the setting sounds secret, it is masked."""
    settings = {name: KEY, "size": 2}

    with pytest.raises(ConfigurationError, match="must be") as caught:
        make(provider="keyed", api_key=KEY, plugins=[Keyed(), Sink()], telemetry_settings={"sink": settings})

    told = "".join(traceback.TracebackException.from_exception(caught.value).format())
    assert name in str(caught.value)
    assert KEY not in told


def test_no_error_about_keys_of_the_environment_shows_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the key was read, and where several were found."""

    class Other(Keyed):
        @hookimpl
        def gateway_provider(self) -> ProviderOffer:
            return attrs.evolve(super().gateway_provider(), name="other", key_env=("OTHER_API_KEY",))

    monkeypatch.setenv("KEYED_API_KEY", KEY + "\x01")
    with pytest.raises(ConfigurationError) as wrong:
        make(provider="keyed")
    monkeypatch.setenv("OTHER_API_KEY", KEY)
    with pytest.raises(ConfigurationError) as several:
        make(plugins=[Keyed(), Other()])

    for caught in (wrong, several):
        assert KEY not in str(caught.value)
        assert KEY not in locals_of(caught.value)


async def test_nothing_of_a_gateway_shows_the_key() -> None:
    """Its repr, health, description, configuration, settings, and what is known of each provider."""
    gateway = make(provider="keyed", api_key=KEY, providers={"keyed": {"size": 3}})
    second = make(provider="keyed", providers={"keyed": {"api_key": KEY}})
    await gateway.generate_async("hi")

    for each in (gateway, second):
        shown = [
            repr(each), str(each.config), repr(attrs.asdict(each.config)), repr(vars(each)),
            json.dumps(each.describe(), default=repr), json.dumps(each.get_health(), default=repr),
            repr(copy.copy(each.config)),
        ]  # fmt: skip
        assert not [text for text in shown if KEY in text]


def test_a_configuration_keeps_the_key_and_hides_it() -> None:
    """A nested key is a secret from the moment the configuration is made."""
    config = GatewayConfig.from_dict({"providers": {"keyed": {"api_key": KEY}}})

    assert isinstance(config.providers["keyed"]["api_key"], Secret)
    assert KEY not in repr(attrs.asdict(config))


def locals_of(error: BaseException) -> str:
    """Give every local variable of the package's own frames, along all causes."""
    found: list[str] = []
    pending: list[BaseException | None] = [error]
    while pending:
        each = pending.pop()
        if each is None:
            continue
        pending += [each.__cause__, None if each.__suppress_context__ else each.__context__]
        for frame, _ in traceback.walk_tb(each.__traceback__):
            if "/litellm_gateway/" in frame.f_code.co_filename:
                found += [repr(value) for value in frame.f_locals.values()]
    return "\n".join(found)
