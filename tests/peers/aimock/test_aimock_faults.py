"""Every provider against the faults of a server that somebody else wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aimock_peers import CUT, SPEAKERS, ask
from litellm_gateway import GatewayError
from litellm_gateway.errors import (
    AuthenticationError,
    InvalidRequestError,
    MalformedResponseError,
    ModelNotFoundError,
    ProviderConnectionError,
    ProviderError,
    RateLimitError,
    StreamInterruptedError,
)

Connect = Callable[..., Any]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_a_limit_says_when_to_come_back(connect: Connect, speaker: str, how: str) -> None:
    """A 429 with ``Retry-After`` is a typed error that carries the seconds; it was one request."""
    line = connect(speaker)

    with pytest.raises(RateLimitError) as caught:
        await ask(line, how, "Please say hello", faults={"ratelimit": 1})

    assert caught.value.retry_after == 1.0
    assert caught.value.status_code == 429
    assert caught.value.scope == "provider"
    assert [entry["response"]["status"] for entry in line.seen()] == [429]


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_an_answer_that_is_no_json_is_malformed(connect: Connect, speaker: str, how: str) -> None:
    """Garbage under status 200 is never an answer; the message says what came and does not quote it."""
    line = connect(speaker)

    with pytest.raises(MalformedResponseError) as caught:
        await ask(line, how, "Please say hello", faults={"malformed": 1})

    assert "<<<chaos>>>" not in caught.value.message
    assert caught.value.status_code == 200


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_a_hang_up_is_a_connection_error(connect: Connect, speaker: str, how: str) -> None:
    """A server that hangs up instead of answering is told apart from one that answers badly."""
    line = connect(speaker)

    with pytest.raises(ProviderConnectionError):
        await ask(line, how, "Please say hello", faults={"disconnect": 1})


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_a_failing_server_is_a_provider_error(connect: Connect, speaker: str, how: str) -> None:
    """A 500 is the provider's own failure."""
    line = connect(speaker)

    with pytest.raises(ProviderError) as caught:
        await ask(line, how, "Please say hello", faults={"drop": 1})

    assert caught.value.status_code == 500


@pytest.mark.parametrize(
    ("prompt", "error"),
    [
        ("This is refused", InvalidRequestError),
        ("This has the wrong key", AuthenticationError),
        ("This has an unknown model", ModelNotFoundError),
    ],
)
@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_what_is_wrong_with_a_request_is_typed_and_not_tried_again(
    connect: Connect, speaker: str, how: str, prompt: str, error: type[GatewayError]
) -> None:
    """400, 401 and 404 reach the caller as their own errors after one request."""
    line = connect(speaker, max_retries=2)

    with pytest.raises(error) as caught:
        await ask(line, how, prompt)

    assert caught.value.provider == line.gateway.get_health()["provider"]
    assert len(line.seen()) == 1


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_an_overload_passes_by_itself(connect: Connect, speaker: str, how: str) -> None:
    """A 503 is tried again, and the second answer is the answer."""
    line = connect(speaker, max_retries=1)

    answer = await ask(line, how, "This fails once")

    assert answer.text == "Here I am again."
    assert [entry["response"]["status"] for entry in line.seen()] == [503, 200]


@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_a_stream_cut_off_is_never_a_whole_answer(connect: Connect, speaker: str) -> None:
    """What came before the cut is in the error, as a beginning of the whole text."""
    line = connect(speaker, max_retries=2)

    with pytest.raises(StreamInterruptedError) as caught:
        await ask(line, "streamed", "This one is cut off")

    assert caught.value.partial is not None
    text = caught.value.partial.text
    assert text
    assert CUT.startswith(text)
    assert text != CUT
    assert len(line.seen()) == 1


@pytest.mark.parametrize("speaker", ["openai-chat", "anthropic"])
async def test_what_matches_nothing_is_a_typed_error(connect: Connect, speaker: str) -> None:
    """The server's own refusal of an unknown prompt is an error, not an empty answer."""
    line = connect(speaker)

    with pytest.raises(GatewayError):
        await ask(line, "whole", "xyzzy")
