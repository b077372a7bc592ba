"""How thorough the tests of this folder are: ``LITELLM_GATEWAY_TEST_SCALE`` multiplies what they try, 1 by default."""

from __future__ import annotations

import os

SCALE = float(os.environ.get("LITELLM_GATEWAY_TEST_SCALE", "1"))


def scaled(count: int) -> int:
    """Give how many to try."""
    return max(1, round(count * SCALE))
