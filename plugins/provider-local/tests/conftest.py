"""The real model for the tests of provider ``local``: one server for the whole run, on one CPU thread."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway.contracts import BuildContext, Call
from litellm_gateway.errors import ConfigurationError
from litellm_gateway.transport import HttpxTransport
from litellm_gateway.wire import Timeouts
from litellm_gateway_provider_local.model_server import ModelServer
from litellm_gateway_provider_local.provider import LocalProvider
from litellm_gateway_provider_local.settings import LocalSettings
from litellm_gateway_provider_local.weights import Weights, find_weights

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


@pytest.fixture(scope="session")
def weights() -> Weights:
    """Find the packaged model; without it tests are skipped, but fail where everything is required."""
    try:
        return find_weights(None)
    except ConfigurationError as error:
        if os.environ.get("CI") or os.environ.get("REQUIRE_SERVICES") == "all":
            pytest.fail(f"no model weights: {error.message}")
        pytest.skip(f"no model weights: {error.message}")


@pytest.fixture(scope="session")
def settings() -> LocalSettings:
    """One thread, small contexts: quick, and steady on a busy machine."""
    return LocalSettings(threads=1, context_tokens=768, seed=7, start_timeout=60)


@pytest.fixture(scope="session")
def server(settings: LocalSettings, weights: Weights) -> Iterator[ModelServer]:
    """Give a model server that many tests share."""
    server = ModelServer(settings, weights)
    yield server
    server.close()


@pytest.fixture
async def context() -> AsyncIterator[BuildContext]:
    """Give what the gateway would give the plugin, with the real transport."""
    import asyncio

    transport = HttpxTransport()
    yield BuildContext(
        name="local",
        transport=lambda: transport,
        timeouts=Timeouts(),
        clock=time.monotonic,
        sleep=asyncio.sleep,
        random=random.Random(0),
    )
    await transport.aclose()


@pytest.fixture
def provider(server: ModelServer, weights: Weights, context: BuildContext) -> LocalProvider:
    """Make a provider on the shared server; tests do not close it."""
    return LocalProvider(server, weights, context)


@pytest.fixture
def new_call() -> Callable[..., Call]:
    """Make a call with a deadline some seconds away."""

    def make(seconds: float = 60.0, **fields: Any) -> Call:
        now = time.monotonic()
        return Call(
            id="req_" + "0" * 24,
            tenant="",
            deadline=now + seconds,
            retries_left=0,
            clock=time.monotonic,
            started_at=now,
            **fields,
        )

    return make
