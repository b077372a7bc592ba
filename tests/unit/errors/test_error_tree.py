"""The tree of errors: what each is, what may be tried after it, and what it tells whoever catches it."""

from __future__ import annotations

import copy
import pickle

import pytest
from litellm_gateway import errors
from litellm_gateway.errors import (
    AllRoutesFailedError,
    AuthenticationError,
    BudgetExceededError,
    CircuitOpenError,
    ConfigurationError,
    ContentFilteredError,
    ContextWindowExceededError,
    DeadlineExceededError,
    GatewayError,
    GuardrailError,
    InvalidRequestError,
    MalformedResponseError,
    ModelNotFoundError,
    PermissionDeniedError,
    PluginConflictError,
    PluginContractError,
    PluginError,
    PluginLoadError,
    PluginNotInstalledError,
    ProviderConnectionError,
    ProviderError,
    ProviderOverloadedError,
    ProviderTimeoutError,
    QueueFullError,
    QueueTimeoutError,
    QuotaExceededError,
    RateLimitError,
    StreamInterruptedError,
    StructuredOutputError,
    UnsupportedParameterError,
)
from litellm_gateway.responses import GenerateResponse

# parent; again on the same route?; on another route?; the provider's fault?
TREE = {
    ConfigurationError: (GatewayError, False, False, False),
    PluginError: (GatewayError, False, False, False),
    PluginNotInstalledError: (PluginError, False, False, False),
    PluginLoadError: (PluginError, False, False, False),
    PluginConflictError: (PluginError, False, False, False),
    PluginContractError: (PluginError, False, False, False),
    InvalidRequestError: (GatewayError, False, False, False),
    ContextWindowExceededError: (InvalidRequestError, False, True, False),
    ModelNotFoundError: (InvalidRequestError, False, True, False),
    UnsupportedParameterError: (InvalidRequestError, False, False, False),
    AuthenticationError: (GatewayError, False, True, False),
    PermissionDeniedError: (GatewayError, False, True, False),
    RateLimitError: (GatewayError, True, True, False),
    QuotaExceededError: (RateLimitError, False, True, False),
    QueueTimeoutError: (RateLimitError, False, False, False),
    QueueFullError: (QueueTimeoutError, False, False, False),
    BudgetExceededError: (GatewayError, False, False, False),
    CircuitOpenError: (GatewayError, False, True, False),
    GuardrailError: (GatewayError, False, False, False),
    ContentFilteredError: (GatewayError, False, False, False),
    StructuredOutputError: (GatewayError, False, False, False),
    ProviderError: (GatewayError, True, True, True),
    ProviderOverloadedError: (ProviderError, True, True, True),
    ProviderTimeoutError: (ProviderError, True, True, True),
    ProviderConnectionError: (ProviderError, True, True, True),
    MalformedResponseError: (ProviderError, True, True, True),
    StreamInterruptedError: (ProviderError, False, False, True),
    DeadlineExceededError: (GatewayError, False, False, False),
    AllRoutesFailedError: (GatewayError, False, False, False),
}

NEEDED = {
    GuardrailError: {"guardrail": "size", "stage": "input", "reason": "too long"},
    StructuredOutputError: {"response": GenerateResponse(text="no JSON", model="m")},
}


def make(kind: type[GatewayError]) -> GatewayError:
    return kind(
        "it went wrong",
        provider="acme",
        status_code=418,
        request_id="r1",
        model="m",
        code="teapot",
        **NEEDED.get(kind, {}),
    )


def test_the_table_is_complete() -> None:
    """Every class of the tree stands in the table below which these tests are made."""
    classes = {value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, GatewayError)}

    assert classes == {GatewayError, *TREE}


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_an_error_stands_where_the_tree_shows_it(kind: type[GatewayError]) -> None:
    """Catching a parent catches it."""
    assert kind.__bases__[0] is TREE[kind][0]


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_an_error_says_what_may_be_tried_next(kind: type[GatewayError]) -> None:
    """The three flags decide about retries, other routes and the circuit breaker."""
    assert (kind.retry_here, kind.try_next_route, kind.provider_fault) == TREE[kind][1:]


@pytest.mark.parametrize("kind", [GatewayError, *TREE], ids=lambda kind: kind.__name__)
def test_an_error_tells_whom_it_concerns(kind: type[GatewayError]) -> None:
    """The fields every error has are set from keywords; its text is its message."""
    error = make(kind)

    fields = (error.provider, error.status_code, error.request_id, error.model, error.code)
    assert fields == ("acme", 418, "r1", "m", "teapot")
    assert str(error) == error.message == "it went wrong"


@pytest.mark.parametrize("kind", [GatewayError, *TREE], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("clone", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copy", "process"])
def test_an_error_survives_a_copy(kind: type[GatewayError], clone) -> None:
    """Errors cross to another process whole, as worker pools send them."""
    error = make(kind)

    twin = clone(error)

    assert type(twin) is kind
    assert vars(twin) == vars(error)
    assert twin.args == error.args


@pytest.mark.parametrize("kind", [ProviderTimeoutError, DeadlineExceededError], ids=lambda kind: kind.__name__)
def test_a_lack_of_time_is_a_timeout_to_python_too(kind: type[GatewayError]) -> None:
    """``except TimeoutError`` catches it, and it names the phase."""
    error = kind("too slow", phase="connect")

    assert isinstance(error, TimeoutError)
    assert error.phase == "connect"


@pytest.mark.parametrize(
    ("kind", "scope"), [(RateLimitError, "provider"), (QueueTimeoutError, "gateway"), (QueueFullError, "gateway")]
)
def test_a_rate_limit_says_whose_it_is(kind: type[RateLimitError], scope: str) -> None:
    """The provider's limits and the gateway's own can be told apart."""
    error = kind("slow down", retry_after=1.5)

    assert (error.scope, error.retry_after) == (scope, 1.5)


@pytest.mark.parametrize("kind", [CircuitOpenError, ProviderOverloadedError], ids=lambda kind: kind.__name__)
def test_a_hint_when_to_come_back_is_kept(kind: type[GatewayError]) -> None:
    """``retry_after`` is in seconds."""
    assert kind("later", retry_after=2.0).retry_after == 2.0


def test_all_routes_failed_keeps_every_attempt() -> None:
    """Each route's own error can be read, in order."""
    attempts = [ProviderError("first"), AuthenticationError("second")]

    error = AllRoutesFailedError("nobody could answer", attempts=attempts)

    assert error.attempts == tuple(attempts)


def test_a_configuration_error_leads_to_the_setting() -> None:
    """``path`` names it."""
    assert ConfigurationError("no", path="providers.openai.api_key").path == "providers.openai.api_key"


def test_a_plugin_error_names_plugin_and_package() -> None:
    """Both can be read without parsing the message."""
    error = PluginLoadError("no", plugin="acme", distribution="acme-package")

    assert (error.plugin, error.distribution) == ("acme", "acme-package")


def test_a_malformed_answer_is_kept_out_of_the_message() -> None:
    """What the provider sent is at hand for whoever looks, never in the text of the error."""
    error = MalformedResponseError("no JSON", body=b"<html>", content_type="text/html")

    assert (error.body, error.content_type) == (b"<html>", "text/html")
    assert "html" not in str(error)
