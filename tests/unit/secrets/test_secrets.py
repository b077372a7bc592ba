"""Keys stay out of sight, and what cannot be a key is refused before use."""

from __future__ import annotations

import copy
import json
import pickle

import attrs
import pytest
from litellm_gateway import ConfigurationError, GatewayConfig, GatewayError, Secret, create_gateway
from litellm_gateway.secrets import check_api_key, redact

KEY = "sk-canary-0123456789"
PERCENT = "%s"


@pytest.mark.parametrize(
    "show", [repr, str, "{}".format, "{:>40}".format, lambda s: f"{s!r:.30}", lambda s: PERCENT % s]
)
def test_no_way_of_showing_gives_the_value(show: object) -> None:
    """repr, str and format are masked."""
    shown = show(Secret(KEY))  # type: ignore[operator]

    assert KEY not in shown
    assert "*" in shown


def test_it_is_neither_pickled_nor_serialised() -> None:
    """Pickle and JSON refuse it, and it has no attributes to look through."""
    secret = Secret(KEY)

    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError):
        vars(secret)


def test_copies_and_equals_behave() -> None:
    """Equal values are equal, copies are the same, and only ``reveal`` gives the value."""
    secret = Secret(KEY)

    assert secret == Secret(KEY) == copy.deepcopy(secret)
    assert secret != Secret("other")
    assert secret != KEY
    assert len({secret, Secret(KEY)}) == 1
    assert Secret(secret).reveal() == KEY


def test_a_config_never_shows_its_key() -> None:
    """Not in its repr, nor in its dict form."""
    config = GatewayConfig(provider="openai", api_key=KEY)

    assert KEY not in repr(config)
    assert KEY not in repr(attrs.asdict(config))


@pytest.mark.parametrize(
    "value",
    [
        "", " ", "\t\n", "sk-123\n", "sk-1 23", "sk-\x00123", "sk-12é3", "your-api-key", "YOUR_API_KEY", "<your key>",
        "sk-...", "sk-xxxx", "xxxxxxxx", "${OPENAI_API_KEY}", "$OPENAI_API_KEY", "changeme", "insert-key-here", "None",
        "[api key]", "********",
    ],
)  # fmt: skip
def test_what_cannot_be_a_key_is_refused(value: str) -> None:
    """Empty, white space, control and non-ASCII characters, and placeholders; the text is not quoted."""
    with pytest.raises(ConfigurationError) as caught:
        check_api_key(Secret(value), provider="openai")

    assert caught.value.path == "api_key"
    assert not value.strip() or value not in caught.value.message


@pytest.mark.parametrize("value", ["sk-abc123", "test", "fake-key", "0" * 40, "gsk-not-groq", "a.b_c-d=="])
def test_plausible_keys_pass(value: str) -> None:
    """Whatever might be a key of some server is taken."""
    assert check_api_key(Secret(value), provider="openai").reveal() == value


def test_another_providers_key_is_recognised() -> None:
    """The error names the provider the key belongs to."""
    with pytest.raises(ConfigurationError, match="'anthropic'"):
        create_gateway(provider="openai", api_key="sk-ant-REDACTED")


def test_a_key_in_a_foreign_text_is_masked() -> None:
    """Known values are masked and control characters escaped, whatever is around them."""
    text = redact(f"Incorrect API key provided: {KEY}.\x1b[31m\nTry again", [Secret(KEY)])

    assert KEY not in text
    assert "\x1b" not in text
    assert "\n" not in text


def test_errors_survive_pickling() -> None:
    """An error crosses process borders with all it says."""
    error = GatewayError("no", provider="openai", status_code=500, request_id="r", model="m", code="c")

    again = pickle.loads(pickle.dumps(error))

    assert vars(again) == vars(error)
    assert str(again) == "no"
