"""What the README promises is what the build does."""

from __future__ import annotations

import os
import re


def _test_command(text: str) -> str:
    found = re.findall(r"^\s*(pip install uv && .* pytest)$", text, re.MULTILINE)
    assert len(found) == 1, found
    return found[0]


def test_the_build_runs_the_command_of_the_readme(tree) -> None:
    """The tests are started by the very line a newcomer copies."""
    assert _test_command(tree.text(".ci/run")) == _test_command(tree.text("README.md"))


def test_the_build_can_be_started(tree) -> None:
    """``.ci/run`` is a program that stops at the first failure."""
    script = tree.text(".ci/run")

    assert os.access(tree.root / ".ci/run", os.X_OK)
    assert script.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in script


def test_the_build_leaves_nothing_out(tree) -> None:
    """Style, types, floors, docs and both ends of the range of Pythons are looked at."""
    script = tree.text(".ci/run")

    for step in ("ruff check", "ruff format --check", "mypy --strict", "lint-imports", "mkdocs build", "3.11", "3.13"):
        assert step in script, step
    assert "REQUIRE_SERVICES=all" in script
