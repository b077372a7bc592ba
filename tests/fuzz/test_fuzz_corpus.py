"""Every input that was ever interesting, and some hundred changes of it, once more: no crash, no hang."""

from __future__ import annotations

import random
import time

import pytest
from fuzz_targets import TARGETS
from kept_inputs import CORPUS, kept
from mutation import changed

LONGEST = 1.0
"""Seconds one input may take."""


@pytest.mark.parametrize("target", TARGETS)
def test_kept_inputs_do_no_harm(target: str) -> None:
    """Each is read or refused with a typed error, within a second."""
    inputs = kept(target)
    slow = []

    for data in inputs:
        began = time.perf_counter()
        TARGETS[target](data)
        if time.perf_counter() - began > LONGEST:
            slow.append(data[:80])

    assert slow == []
    assert len(inputs) >= 5


@pytest.mark.parametrize("target", TARGETS)
def test_changed_inputs_do_no_harm(target: str) -> None:
    """The same for a few hundred random changes of them."""
    chance = random.Random(target)
    inputs = kept(target)

    for _ in range(300):
        data = changed(chance.choice(inputs), inputs, chance)
        TARGETS[target](data)


def test_every_kept_file_has_its_target() -> None:
    """No corpus outlives what it was for."""
    assert {path.stem for path in CORPUS.glob("*.json")} == set(TARGETS)
