"""What the tests of the pipeline share."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def quick_collections() -> Iterator[None]:
    """Leave what was there before out of a module's many collections: they take a second each late in a long run."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
