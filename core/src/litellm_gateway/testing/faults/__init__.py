"""A server that answers in the providers' formats and goes wrong on demand, and the scenarios it plays.

For tests of plugins and of applications; see ``docs/how-to/test-against-faults.md``.
"""

from __future__ import annotations

from litellm_gateway.testing.faults.catalogue import scenarios
from litellm_gateway.testing.faults.scenario import RIGHT, Expected, Scenario, always, by_mode
from litellm_gateway.testing.faults.server import CALL, TEXT, FaultServer, Station
from litellm_gateway.testing.faults.trial import Trial, attempt
from litellm_gateway.testing.faults.turn import Turn

__all__ = [
    "CALL",
    "RIGHT",
    "TEXT",
    "Expected",
    "FaultServer",
    "Scenario",
    "Station",
    "Trial",
    "Turn",
    "always",
    "attempt",
    "by_mode",
    "scenarios",
]
