"""Every block of every page does what the page says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUNNER = Path(__file__).parent / "page_runner"
PAGES = (ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("plugins/*/README.md")))
SECONDS = 180


def environment(home: Path) -> dict[str, str]:
    """Give the variables of a machine on which nobody has set anything for the gateway."""
    foreign = ("LITELLM_GATEWAY_", "OPENAI_", "ANTHROPIC_", "GOOGLE_", "GEMINI_", "COHERE_", "CO_", "AWS_", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    scripts = Path(sys.executable).parent
    return {**kept, "HOME": str(home), "PATH": f"{scripts}{os.pathsep}{kept.get('PATH', '')}"}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_page_runs(page: Path, tmp_path: Path) -> None:
    """A reader who copies the blocks of a page in order gets what the page promises."""
    command = [sys.executable, "-W", "error", str(RUNNER), str(page)]

    done = subprocess.run(
        command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=SECONDS, check=False
    )

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
