"""When nobody names a provider: the only one with a key, else the local model; two with a key is an error."""

from __future__ import annotations

import pytest
from litellm_gateway.errors import ConfigurationError

KEY = "4f1c9d2e7b6a50384f1c9d2e7b6a5038"


@pytest.fixture
def keyed(shelf):
    """Two providers that take keys."""
    acme = "settings=KeyedSettings, key_env=('ACME_API_KEY', 'ACME_TOKEN'), key_prefixes=('acme-',)"
    umbra = "settings=KeyedSettings, key_env=('UMBRA_API_KEY',), key_prefixes=('um-',)"
    shelf.put_provider("acme", more=acme)
    shelf.put_provider("umbra", more=umbra)
    return shelf


def test_the_only_provider_with_a_key_is_taken(keyed, compose, monkeypatch) -> None:
    """A key in the environment is choice enough."""
    monkeypatch.setenv("UMBRA_API_KEY", f"um-{KEY}")

    gateway = compose()

    assert gateway.describe()["default_provider"] == "umbra"


def test_a_second_variable_of_a_provider_counts_too(keyed, compose, monkeypatch) -> None:
    """Every variable an offer names is looked at."""
    monkeypatch.setenv("ACME_TOKEN", f"acme-{KEY}")

    assert compose().describe()["default_provider"] == "acme"


def test_two_candidates_are_listed(keyed, compose, monkeypatch) -> None:
    """The error names both providers and the variables that made them candidates, never the keys."""
    monkeypatch.setenv("ACME_API_KEY", f"acme-{KEY}")
    monkeypatch.setenv("UMBRA_API_KEY", f"um-{KEY}")

    with pytest.raises(ConfigurationError) as caught:
        compose()

    assert caught.value.path == "provider"
    assert "'acme' (ACME_API_KEY), 'umbra' (UMBRA_API_KEY)" in caught.value.message
    assert KEY not in caught.value.message


def test_naming_one_ends_the_doubt(keyed, compose, monkeypatch) -> None:
    """With two keys around, ``provider=`` decides."""
    monkeypatch.setenv("ACME_API_KEY", f"acme-{KEY}")
    monkeypatch.setenv("UMBRA_API_KEY", f"um-{KEY}")

    assert compose(provider="acme").describe()["default_provider"] == "acme"


def test_without_any_key_the_local_model_is_taken(keyed, compose) -> None:
    """Nothing configured, nothing in the environment: the model on this machine."""
    assert compose().describe()["default_provider"] == "local"


def test_an_empty_variable_is_no_key(keyed, compose, monkeypatch) -> None:
    """A variable that is set to nothing counts as unset."""
    monkeypatch.setenv("ACME_API_KEY", "")

    assert compose().describe()["default_provider"] == "local"


def test_a_key_is_recognised_by_its_prefix(keyed, compose) -> None:
    """A key alone picks the provider whose keys look like it."""
    assert compose(api_key=f"um-{KEY}").describe()["default_provider"] == "umbra"


def test_a_key_nobody_recognises_asks_for_the_provider(keyed, compose) -> None:
    """The error lists who could be meant and never shows the key."""
    with pytest.raises(ConfigurationError) as caught:
        compose(api_key=KEY)

    assert caught.value.path == "provider"
    assert "acme" in caught.value.message
    assert KEY not in caught.value.message


def test_a_named_provider_without_its_key_says_which_variable(keyed, compose) -> None:
    """The error names the argument and the variables."""
    with pytest.raises(ConfigurationError) as caught:
        compose(provider="acme")

    assert caught.value.path == "providers.acme.api_key"
    assert "ACME_API_KEY or ACME_TOKEN" in caught.value.message


def test_the_only_provider_of_the_configuration_is_the_default(keyed, compose) -> None:
    """One entry under ``providers`` needs no ``provider=`` beside it."""
    gateway = compose(providers={"acme": {"api_key": f"acme-{KEY}"}})

    assert gateway.describe()["default_provider"] == "acme"


def test_several_providers_without_a_default_answer_by_prefix(keyed, compose) -> None:
    """Nothing is guessed: ``provider/model`` works, a bare model is refused with the list."""
    gateway = compose(providers={"echo": {}, "umbra": {"api_key": f"um-{KEY}"}})

    assert gateway.describe()["default_provider"] is None
    assert gateway.generate("Hi", model="umbra/m").metadata["provider"] == "umbra"
    with pytest.raises(Exception, match="echo, umbra"):
        gateway.generate("Hi", model="m")


def test_the_default_model_names_the_provider(keyed, compose) -> None:
    """``default_model="provider/model"`` is choice enough."""
    gateway = compose(default_model="echo/parrot")

    assert gateway.describe()["default_provider"] == "echo"
    assert gateway.generate("Hi").model == "parrot"
