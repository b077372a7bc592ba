"""A fault, and then the right answer: what a retry may mend is mended, and what it may not is sent once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from fault_world import BY_NAME, SETTINGS, gateway_at
from litellm_gateway import GatewayError
from litellm_gateway.errors import ProviderConnectionError
from litellm_gateway.testing.faults import TEXT, FaultServer, scenarios

if TYPE_CHECKING:
    from collections.abc import Iterator

MENDED = (
    "status 500, html", "status 502, empty", "status 529, cut JSON", "reports overloaded", "reports server error",
    "reports timeout", "reports conflict", "Retry-After: zero", "200 with overloaded", "resets at once",
    "closes at once", "resets in the headers", "closes after the headers", "stalls at once", "stalls after the headers",
    "a web page", "200, nothing", "200, an open string", "two lengths",
)  # fmt: skip
IN_WHOLE = ("gzip cut", "cut, with the cut length", "resets in the body", "a stream where a whole was asked for")
IN_STREAMS = ("ends with its head", "ends before its content", "overloaded before content", "status 101")
NOT_MENDED = (
    "reports bad request", "reports bad key", "reports no permission", "reports quota", "reports not found",
    "reports context too long", "reports too large", "status 404, html",
)  # fmt: skip
AFTER_CONTENT = (
    "resets in the body", "closes in the body", "stalls in the body", "ends after some content",
    "ends before the finish", "ends inside an event", "overloaded after content",
    "rate limited after content", "server error after content",
)  # fmt: skip
RIGHT = "a right answer"


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    """One server plays all scripts."""
    with FaultServer() as running:
        yield running


async def ask(server: FaultServer, wire: str, script: list[str], *, streamed: bool) -> tuple[str | GatewayError, int]:
    """Ask once with two retries; give what came of it and the requests it took."""
    station = server.play(*script)
    settings = {"max_retries": 2, "first_byte_timeout": 0.8, "chunk_timeout": 0.8, "retry_budget": None}
    async with gateway_at(station.url, BY_NAME[wire], **{**settings, "timeout": 15.0}) as gateway:
        model = SETTINGS[wire][0]
        try:
            if not streamed:
                return (await gateway.generate_async("Hello", model=model)).text, len(station.requests)
            pieces = [piece async for piece in gateway.generate_stream_async("Hello", model=model)]
            return "".join(pieces), len(station.requests)
        except GatewayError as error:
            return error, len(station.requests)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", BY_NAME)
async def test_what_may_pass_is_tried_again(server: FaultServer, wire: str, streamed: bool) -> None:
    """One fault, then the right answer: two requests, and the answer."""
    known = scenarios()
    names = (*MENDED, *(IN_STREAMS if streamed else IN_WHOLE))
    fitting = [name for name in names if known[name].expects(BY_NAME[wire], streamed) is not None]

    ends = await asyncio.gather(*(ask(server, wire, [name, RIGHT], streamed=streamed) for name in fitting))

    assert {name: end for name, end in zip(fitting, ends, strict=True) if end != (TEXT.text, 2)} == {}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", BY_NAME)
async def test_what_cannot_pass_is_sent_once(server: FaultServer, wire: str, streamed: bool) -> None:
    """A mistake of the caller's, or an empty account: one request, though the next would be answered."""
    known = scenarios()
    fitting = [name for name in NOT_MENDED if known[name].expects(BY_NAME[wire], streamed) is not None]

    ends = await asyncio.gather(*(ask(server, wire, [name, RIGHT], streamed=streamed) for name in fitting))

    wrong = {name: end for name, end in zip(fitting, ends, strict=True) if isinstance(end[0], str) or end[1] != 1}
    assert wrong == {}


@pytest.mark.parametrize("wire", BY_NAME)
async def test_nothing_is_sent_again_after_content(server: FaultServer, wire: str) -> None:
    """A stream that breaks after its first content ends in an error that holds it, after one request."""
    known = scenarios()
    fitting = [name for name in AFTER_CONTENT if known[name].expects(BY_NAME[wire], True) is not None]

    ends = await asyncio.gather(*(ask(server, wire, [name, RIGHT], streamed=True) for name in fitting))

    for name, (end, requests) in zip(fitting, ends, strict=True):
        assert isinstance(end, GatewayError), name
        assert end.partial is not None, name
        assert TEXT.text.startswith(end.partial.text), name
        assert requests == 1, name


@pytest.mark.parametrize("wire", BY_NAME)
async def test_a_server_that_is_not_there_is_a_connection_error(server: FaultServer, wire: str) -> None:
    """A refused connection is typed, and names the provider."""
    with server.refusing() as url:
        async with gateway_at(url, BY_NAME[wire]) as gateway:
            with pytest.raises(ProviderConnectionError) as caught:
                await gateway.generate_async("Hello", model=SETTINGS[wire][0])

    assert caught.value.provider == SETTINGS[wire][0].partition("/")[0]


@pytest.mark.parametrize("wire", BY_NAME)
async def test_a_hint_beyond_the_deadline_is_not_waited_for(server: FaultServer, wire: str) -> None:
    """A Retry-After that cannot be kept ends the call at once, with the value."""
    end, requests = await ask(server, wire, ["Retry-After: a huge number", RIGHT], streamed=False)

    assert isinstance(end, GatewayError)
    assert getattr(end, "retry_after", None) == 7 * 24 * 3600.0
    assert requests == 1
