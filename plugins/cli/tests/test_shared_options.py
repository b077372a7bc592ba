from __future__ import annotations

import pytest


def test_settings_come_from_the_environment(command, gateway, monkeypatch):
    """LITELLM_GATEWAY_* variables are the settings when no option is given."""
    monkeypatch.setenv("LITELLM_GATEWAY_PROVIDER", "acme")
    monkeypatch.setenv("LITELLM_GATEWAY_TIMEOUT", "7.5")

    command("generate", "Hi")

    assert (gateway.config.provider, gateway.config.timeout) == ("acme", 7.5)


def test_options_go_before_the_environment(command, gateway, monkeypatch):
    """An option wins over its variable."""
    monkeypatch.setenv("LITELLM_GATEWAY_PROVIDER", "acme")
    monkeypatch.setenv("LITELLM_GATEWAY_TIMEOUT", "7.5")

    command("generate", "Hi", "--provider", "echo", "--timeout", "2")

    assert (gateway.config.provider, gateway.config.timeout) == ("echo", 2.0)


def test_a_model_with_a_provider_before_the_slash_chooses_it(command, gateway):
    """--model echo/m opens a gateway with the provider echo; the gateway reads the name itself."""
    command("generate", "Hi", "-m", "echo/m")

    assert gateway.config.provider == "echo"
    assert gateway.asked[0]["model"] == "echo/m"


def test_a_slash_belongs_to_the_model_when_the_provider_is_given(command, gateway):
    """-p acme -m openai/gpt asks acme for its model openai/gpt."""
    command("generate", "Hi", "-p", "acme", "-m", "openai/gpt")

    assert gateway.config.provider == "acme"


def test_a_slash_after_no_provider_belongs_to_the_model(command, gateway):
    """meta-llama is no provider: the default one is asked for meta-llama/Llama."""
    command("generate", "Hi", "-m", "meta-llama/Llama")

    assert gateway.config.provider is None


@pytest.mark.parametrize("arguments", [("-p", "echo"), ("-m", "echo/m")])
def test_settings_of_one_provider_are_not_used_for_another(command, gateway, monkeypatch, arguments):
    """Address and default model stay with the provider they were made for."""
    monkeypatch.setenv("LITELLM_GATEWAY_PROVIDER", "openai")
    monkeypatch.setenv("LITELLM_GATEWAY_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("LITELLM_GATEWAY_DEFAULT_MODEL", "gpt-x")

    command("generate", "Hi", *arguments)

    assert (gateway.config.base_url, gateway.config.default_model) == (None, None)


def test_settings_of_the_chosen_provider_are_kept(command, gateway, monkeypatch):
    """Naming the provider that is configured anyway changes nothing else."""
    monkeypatch.setenv("LITELLM_GATEWAY_PROVIDER", "openai")
    monkeypatch.setenv("LITELLM_GATEWAY_DEFAULT_MODEL", "gpt-x")

    command("generate", "Hi", "-p", "openai")

    assert gateway.config.default_model == "gpt-x"


def test_a_wrong_variable_fails_in_one_line(command):
    """A number that is none is told by the name of its variable."""
    result = command("generate", "Hi", env={"LITELLM_GATEWAY_TIMEOUT": "soon"})

    assert result.stderr == "error: LITELLM_GATEWAY_TIMEOUT must be a number, not 'soon'\n"
    assert result.exit_code == 1


def test_an_unknown_command_is_wrong_usage(command):
    """A mistyped command ends with 2."""
    result = command("generat", "Hi")

    assert result.exit_code == 2
    assert "No such command" in result.stderr


def test_version(command):
    """--version names the installed core."""
    result = command("--version")

    assert result.stdout.startswith("litellm-gateway 0.")
    assert result.exit_code == 0
