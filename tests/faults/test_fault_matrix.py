"""Every scenario against every format, whole and streamed: the right typed error, or the right answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fault_world import BY_NAME, run_all
from litellm_gateway.testing.faults import FaultServer, scenarios

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_gateway.testing.faults import Trial


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    """One server plays all scenarios, each at its own address."""
    with FaultServer() as running:
        yield running
        assert running.strays == []


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("group", ["statuses", "hints", "connections", "HTTP", "bodies", "framing", "streams"])
@pytest.mark.parametrize("wire", BY_NAME)
async def test_every_scenario_ends_in_its_typed_error_or_the_right_answer(
    server: FaultServer, wire: str, group: str, streamed: bool, trials: list[Trial]
) -> None:
    """The class, status, hint and message are right; nothing broken is an answer, nothing is sent twice."""
    wrong = await run_all(server, BY_NAME[wire], scenarios(group).values(), streamed=streamed, trials=trials)

    assert wrong == []
