"""What the tests of the pipeline share."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.path.append(str(Path(__file__).parents[2] / "load"))  # for its sink


@pytest.fixture(scope="module")
def quick_collections() -> Iterator[None]:
    """Leave what was there before out of a module's many collections: they take a second each late in a long run."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
