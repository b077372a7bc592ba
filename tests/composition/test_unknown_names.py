"""A name nobody offers: the error lists who is there, what comes near, and the command that helps."""

from __future__ import annotations

import pytest
from litellm_gateway.errors import PluginNotInstalledError


def refused(compose, **settings) -> str:
    with pytest.raises(PluginNotInstalledError) as caught:
        compose(**settings)
    return caught.value.message


def test_a_typing_mistake_gets_the_nearest_installed_name(shelf, compose) -> None:
    """The nearest name is suggested and everything installed is listed."""
    shelf.put_provider("acmecorp")

    message = refused(compose, provider="acmecopr")

    assert "did you mean 'acmecorp'?" in message
    assert "Installed providers: " in message
    assert "acmecorp" in message.partition("Installed providers: ")[2]
    assert "echo" in message.partition("Installed providers: ")[2]


def test_a_typing_mistake_in_openai_suggests_openai(compose) -> None:
    """``opneai`` is taken for what it is."""
    assert "did you mean 'openai'?" in refused(compose, provider="opneai")


def test_a_known_provider_that_is_missing_prints_its_pip_command(compose) -> None:
    """Without its package, ``openai`` is a known name, and the command that brings it is printed."""
    message = refused(compose, provider="openai", discover=False)

    assert "`pip install litellm-gateway-provider-openai` installs it" in message


def test_a_typing_mistake_in_a_missing_name_prints_the_pip_command_too(compose) -> None:
    """A near miss of a known name that is not installed: the right name and how to get it."""
    message = refused(compose, provider="opneai", discover=False)

    assert "did you mean 'openai'?" in message
    assert "pip install litellm-gateway-provider-openai" in message


def test_a_name_nobody_knows_gets_the_command_the_naming_rule_implies(compose) -> None:
    """A third party's plugin follows the rule of names, so the command can be told."""
    message = refused(compose, provider="zzyzx")

    assert "pip install litellm-gateway-provider-zzyzx" in message
    assert "did you mean" not in message


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"transport": "htpx"}, "no transport 'htpx' is installed: did you mean 'httpx'?"),
        ({"guardrails": ["sise"]}, "no guardrail 'sise' is installed: did you mean 'size'?"),
        ({"telemetry": ["lgo"]}, "no telemetry 'lgo' is installed: did you mean 'log'?"),
        ({"policies": ["frugal"]}, "no policy 'frugal' is installed."),
        ({"enable_caching": True, "cache_backend": "memroy"}, "no cache 'memroy' is installed: did you mean 'memory'?"),
    ],
    ids=["transport", "guardrail", "telemetry", "policy", "cache"],
)
def test_every_kind_answers_alike(compose, settings, expected: str) -> None:
    """Transports, guardrails, sinks, policies and caches give the same help as providers."""
    assert refused(compose, provider="echo", **settings).startswith(expected)


def test_lists_are_named_in_plain_words(compose) -> None:
    """The list of what is installed is called what people call it."""
    assert "Installed policies: " in refused(compose, provider="echo", policies=["frugal"])


def test_a_provider_of_a_model_is_checked_when_composing(compose) -> None:
    """A default model of a provider that is not installed fails at once, not on the first call."""
    message = refused(compose, default_model="openai/gpt-4", discover=False)

    assert "no provider 'openai'" in message
