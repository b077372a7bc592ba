"""How thorough the tests of this folder are: ``LITELLM_GATEWAY_TEST_SCALE`` multiplies what they try, 1 by default."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

SCALE = float(os.environ.get("LITELLM_GATEWAY_TEST_SCALE", "1"))


def scaled(count: int) -> int:
    """Give how many to try."""
    return max(1, round(count * SCALE))


QUIET = settings(deadline=None, suppress_health_check=list(HealthCheck))
"""A slow machine is no failure."""
MACHINE = settings(QUIET, max_examples=scaled(20), stateful_step_count=50)
"""How long a state machine runs."""
