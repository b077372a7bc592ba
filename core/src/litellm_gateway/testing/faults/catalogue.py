"""All scenarios, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway.testing.faults.bodies import bodies
from litellm_gateway.testing.faults.connections import connections
from litellm_gateway.testing.faults.floods import floods
from litellm_gateway.testing.faults.framings import framings
from litellm_gateway.testing.faults.hints import hints
from litellm_gateway.testing.faults.http_forms import http_forms
from litellm_gateway.testing.faults.statuses import statuses
from litellm_gateway.testing.faults.streams import streams

if TYPE_CHECKING:
    from litellm_gateway.testing.faults.scenario import Scenario


def scenarios(*groups: str) -> dict[str, Scenario]:
    """Give every scenario by its name, or those of some groups.

    Groups are ``statuses``, ``hints``, ``connections``, ``HTTP``, ``bodies``, ``framing``, ``streams`` and ``floods``.
    """
    rooms = (statuses, hints, connections, http_forms, bodies, framings, streams, floods)
    found: dict[str, Scenario] = {}
    for scenario in (scenario for room in rooms for scenario in room()):
        assert scenario.name not in found, f"two scenarios are called '{scenario.name}'"
        found[scenario.name] = scenario
    return {name: one for name, one in found.items() if not groups or one.group in groups}
