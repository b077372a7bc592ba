"""The error matrix: what may be tried again, what another route may mend, and what speaks against a provider."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import pytest
from fault_world import BY_NAME, PLUGINS, SETTINGS
from litellm_gateway import GatewayError, create_gateway
from litellm_gateway.testing.faults import TEXT, FaultServer, scenarios

if TYPE_CHECKING:
    from collections.abc import Iterator


class Row(NamedTuple):
    """What an error allows, and whom it blames."""

    retry: bool
    other_route: bool
    breaker: bool


CALLERS = Row(retry=False, other_route=False, breaker=False)
OTHERS = Row(retry=False, other_route=True, breaker=False)
LIMITED = Row(retry=True, other_route=True, breaker=False)
PROVIDERS = Row(retry=True, other_route=True, breaker=True)
MATRIX = {
    "reports bad request": CALLERS,
    "reports unprocessable": CALLERS,
    "reports content policy": CALLERS,
    "reports too large": CALLERS,
    "reports context too long": OTHERS,
    "reports not found": OTHERS,
    "reports bad key": OTHERS,
    "reports no permission": OTHERS,
    "reports billing": OTHERS,
    "reports quota": OTHERS,
    "reports rate limited": LIMITED,
    "reports conflict": LIMITED,
    "reports overloaded": PROVIDERS,
    "reports busy": PROVIDERS,
    "reports server error": PROVIDERS,
    "reports bad gateway": PROVIDERS,
    "reports timeout": PROVIDERS,
    "status 502, html": PROVIDERS,
    "200 with overloaded": PROVIDERS,
    "resets at once": PROVIDERS,
    "closes after the headers": PROVIDERS,
    "stalls at once": PROVIDERS,
    "a web page": PROVIDERS,
    "redirect 307": PROVIDERS,
    "two lengths": PROVIDERS,
}
BROKEN_STREAM = Row(retry=False, other_route=False, breaker=True)
AFTER_CONTENT = {
    "resets in the body": BROKEN_STREAM,
    "stalls in the body": BROKEN_STREAM,
    "ends before the finish": BROKEN_STREAM,
    "overloaded after content": BROKEN_STREAM,
}
PAIRS = [(wire, streamed) for wire in BY_NAME for streamed in (False, True)]
IDS = [f"{wire}-{'stream' if streamed else 'whole'}" for wire, streamed in PAIRS]


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    """One server plays all rows."""
    with FaultServer() as running:
        yield running


async def ask(
    server: FaultServer, wire: str, scenario: str, *, streamed: bool, fallback: bool = False
) -> str | GatewayError:
    """Ask once, without retries; with ``fallback`` another provider would answer."""
    providers, models = {}, []
    spare = "anthropic" if wire != "anthropic" else "openai-chat"
    for name, script in ((wire, scenario), (spare, "a right answer")):
        model, path, more = SETTINGS[name]
        models.append(model)
        url = server.play(script).url + path
        providers[model.partition("/")[0]] = {"api_key": "test-key-0123456789", "base_url": url, **more}
    async with create_gateway(
        provider=models[0].partition("/")[0], providers=providers, max_retries=0, timeout=10.0, first_byte_timeout=0.8,
        chunk_timeout=0.8, circuit_breaker=None, guardrails=(), telemetry=(), fallbacks=models[1:] if fallback else (),
        context_fallbacks=models[1:] if fallback else (), plugins=PLUGINS, discover=False,
    ) as gateway:  # fmt: skip
        try:
            if not streamed:
                return (await gateway.generate_async("Hello", model=models[0])).text
            return "".join([piece async for piece in gateway.generate_stream_async("Hello", model=models[0])])
        except GatewayError as error:
            return error


@pytest.mark.parametrize(("wire", "streamed"), PAIRS, ids=IDS)
async def test_every_row_holds_for_every_format(server: FaultServer, wire: str, streamed: bool) -> None:
    """Each error says itself what it allows and whom it blames, as the matrix has it."""
    rows = _rows(wire, streamed=streamed)

    errors = await asyncio.gather(*(ask(server, wire, name, streamed=streamed) for name in rows))

    found = {
        name: Row(error.retry_here, error.try_next_route, error.provider_fault)
        for name, error in zip(rows, errors, strict=True)
        if isinstance(error, GatewayError)
    }
    assert found == rows


@pytest.mark.parametrize(("wire", "streamed"), PAIRS, ids=IDS)
async def test_another_route_answers_where_it_may(server: FaultServer, wire: str, streamed: bool) -> None:
    """The fallback gives its answer for the rows that allow it; the caller's own mistakes end the call."""
    rows = _rows(wire, streamed=streamed)

    ends = await asyncio.gather(*(ask(server, wire, name, streamed=streamed, fallback=True) for name in rows))

    answered = {name for name, end in zip(rows, ends, strict=True) if end == TEXT.text}
    assert answered == {name for name, row in rows.items() if row.other_route}


def _rows(wire: str, *, streamed: bool) -> dict[str, Row]:
    """Give the rows that this format has."""
    known = scenarios()
    rows = {**MATRIX, **AFTER_CONTENT} if streamed else MATRIX
    return {name: row for name, row in rows.items() if known[name].expects(BY_NAME[wire], streamed) is not None}
