"""Every scenario against every format, whole and streamed: the right typed error, or the right answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fault_world import BY_NAME, EMBEDDING_MODELS, run_all
from litellm_gateway.testing.faults import FaultServer, scenarios

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_gateway.testing.faults import Trial
    from litellm_gateway.testing.faults.trial import Way


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    """One server plays all scenarios, each at its own address."""
    with FaultServer() as running:
        yield running
        assert running.strays == []


@pytest.mark.parametrize("way", ["whole", "stream"])
@pytest.mark.parametrize("group", ["statuses", "hints", "connections", "HTTP", "bodies", "framing", "streams"])
@pytest.mark.parametrize("wire", BY_NAME)
async def test_every_scenario_ends_in_its_typed_error_or_the_right_answer(
    server: FaultServer, wire: str, group: str, way: Way, trials: list[Trial]
) -> None:
    """The class, status, hint and message are right; nothing broken is an answer, nothing is sent twice."""
    wrong = await run_all(server, BY_NAME[wire], scenarios(group).values(), way=way, trials=trials)

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("group", ["statuses", "hints", "connections", "HTTP", "bodies"])
@pytest.mark.parametrize("wire", EMBEDDING_MODELS)
async def test_embeddings_end_so_too(server: FaultServer, wire: str, group: str, trials: list[Trial]) -> None:
    """The same holds for vectors: all of them in order, or a typed error."""
    fitting = [one for one in scenarios(group).values() if not one.tool]

    wrong = await run_all(server, BY_NAME[wire], fitting, way="embeddings", trials=trials)

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("way", ["whole", "stream"])
@pytest.mark.parametrize("group", ["connections", "HTTP", "framing"])
async def test_the_other_transport_keeps_the_same_promises(
    server: FaultServer, group: str, way: Way, trials: list[Trial]
) -> None:
    """What the network does ends alike, whichever transport is installed."""
    found = scenarios(group).values()

    wrong = await run_all(server, BY_NAME["openai-chat"], found, way=way, trials=trials, transport="aiohttp")

    assert not wrong, "\n".join(wrong)
