"""Write the hint that a prompt is worth caching up to a part, for servers and models that take one."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from litellm_gateway_dialect_openai.quirks import ChatQuirks


def cache_marker(cache: bool | str, quirks: ChatQuirks, model: str) -> dict[str, Any]:
    """Give the fields to put on the part, none where the model takes no hint.

    A text names how long (``"1h"``); it goes where the marker has a ``ttl``.
    """
    marker = quirks.cache_marker
    if not marker or (quirks.cache_models and not _compiled(quirks.cache_models).match(model)):
        return {}
    if not isinstance(cache, str) or not quirks.cache_ttl:
        return dict(marker)
    return {name: {**value, "ttl": cache} if isinstance(value, dict) else value for name, value in marker.items()}


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
