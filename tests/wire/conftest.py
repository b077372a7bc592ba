"""Where the recorded exchanges lie: beside the checkout in ``shared/wire``, or where LITELLM_GATEWAY_WIRE says."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from litellm_gateway.testing.wire_player import Recording, load_recordings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

sys.path.append(str(Path(__file__).parent))  # request bodies are read by modules beside the tests
_BESIDE = Path(__file__).parents[3] / "shared" / "wire"


@pytest.fixture(scope="session")
def corpus() -> Callable[[str, Sequence[str]], list[Recording]]:
    """Give the recordings of a provider's endpoints; skip when the corpus is not there."""
    folder = Path(os.environ.get("LITELLM_GATEWAY_WIRE", _BESIDE))
    if not folder.is_dir():
        pytest.skip(
            f"the recorded exchanges are not here ({folder}); set LITELLM_GATEWAY_WIRE to their folder to replay them"
        )

    def load(provider: str, apis: Sequence[str]) -> list[Recording]:
        return load_recordings(folder / provider, apis=apis)

    return load
