"""Servers that send more than any answer has: refused in time, and without filling the memory."""

from __future__ import annotations

import gc
import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attrs import define, field
from fault_world import BY_NAME, run
from litellm_gateway import DeadlineExceededError
from litellm_gateway.testing.faults import FaultServer, scenarios

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_gateway.testing.faults import Trial
    from litellm_gateway.testing.faults.trial import Way

MOST_GROWTH = 64 << 20
"""Bytes by which the process may grow; the server is in it too."""
MOST_SECONDS = 5.0
_PAGE = os.sysconf("SC_PAGE_SIZE")
_STATM = Path("/proc/self/statm")


@define
class Growth:
    """How much larger than at its start the process ever was, in bytes."""

    peak: int = 0
    _ended: threading.Event = field(factory=threading.Event)

    def watch(self) -> None:
        """Look every few milliseconds until the end."""
        start = _resident()
        while not self._ended.wait(0.005):
            self.peak = max(self.peak, _resident() - start)

    @classmethod
    @contextmanager
    def watched(cls) -> Iterator[Growth]:
        """Watch what happens inside."""
        gc.collect()
        growth = cls()
        watcher = threading.Thread(target=growth.watch)
        watcher.start()
        try:
            yield growth
        finally:
            growth._ended.set()
            watcher.join()


def _resident() -> int:
    return int(_STATM.read_text().split()[1]) * _PAGE


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    """One server plays all floods."""
    with FaultServer() as running:
        yield running


@pytest.mark.skipif(not _STATM.exists(), reason="the size of a process is read from /proc")
@pytest.mark.parametrize("way", ["whole", "stream"])
@pytest.mark.parametrize("scenario", scenarios("floods"))
@pytest.mark.parametrize(("wire", "transport"), [("openai-chat", "httpx"), ("anthropic", "aiohttp")])
async def test_a_flood_is_refused_in_time_and_not_taken_in(
    server: FaultServer, wire: str, transport: str, scenario: str, way: Way, trials: list[Trial]
) -> None:
    """A typed error within 5 seconds, the connection closed, and at most 64 MiB of memory taken meanwhile."""
    flood = scenarios("floods")[scenario]
    expected = flood.expects(BY_NAME[wire], way == "stream")
    if expected is None:
        return  # no such thing in this format
    patience = 0.6 if DeadlineExceededError in expected.errors else 4.0

    with Growth.watched() as growth:
        trial = await run(server, BY_NAME[wire], flood, way=way, transport=transport, timeout=patience)
    trials.append(trial)

    assert not trial.findings, "\n".join(trial.findings)
    assert trial.seconds < MOST_SECONDS
    assert growth.peak <= MOST_GROWTH, f"{growth.peak >> 20} MiB ({trial.outcome})"
