"""Every scenario is counted, and the run ends with a table of what came of them."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_gateway.testing.faults import Trial

sys.path.append(str(Path(__file__).parent))  # how each provider is configured is told in a module beside the tests
_TRIALS = pytest.StashKey[list["Trial"]]()


@pytest.fixture(scope="session")
def trials(request: pytest.FixtureRequest) -> list[Trial]:
    """Every trial is put in here."""
    return request.config.stash.setdefault(_TRIALS, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print scenarios against what came of them, per format."""
    trials = terminalreporter.config.stash.get(_TRIALS, [])
    if not trials:
        return
    terminalreporter.section("faults: scenarios and outcomes")
    for line in _lines(trials):
        terminalreporter.write_line(line)


def _lines(trials: list[Trial]) -> Iterator[str]:
    wires = sorted({trial.wire for trial in trials})
    for wire in wires:
        mine = [trial for trial in trials if trial.wire == wire]
        wrong = sum(bool(trial.findings) for trial in mine)
        ended = Counter(trial.outcome for trial in mine).most_common()
        told = ", ".join(f"{count} {outcome}" for outcome, count in ended)
        yield f"{wire}: {len({trial.scenario for trial in mine})} scenarios, {len(mine)} trials, {wrong} wrong: {told}"
    outcomes: dict[str, set[str]] = {}
    for trial in trials:
        outcomes.setdefault(trial.scenario, set()).add(trial.outcome)
    for scenario, found in outcomes.items():
        yield f"  {scenario:40} {', '.join(sorted(found))}"
