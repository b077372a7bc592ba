"""The overhead bench runs, and its figures stay under ceilings no honest machine should reach."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent / "overhead"


@pytest.mark.parametrize("arguments", [[], ["stdlib"]])
def test_the_null_transport_bench_measures_every_subject(arguments: list[str]) -> None:
    """The gateway's own cost is positive, and far below a millisecond a call and a tenth of that a chunk."""
    command = [sys.executable, str(BENCH / "null.py"), *arguments]

    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    figures = json.loads(done.stdout)
    assert len(figures) == 14
    for name, microseconds in figures.items():
        assert 0 < microseconds < (1500 if name.startswith("whole") else 150), name


@pytest.mark.parametrize(
    "client", ["httpx", "provider-httpx", "gateway-httpx", "gateway-httpx-full", "gateway-aiohttp"]
)
@pytest.mark.parametrize("mode", ["whole", "stream"])
def test_every_client_of_the_bench_gets_its_answers(client: str, mode: str) -> None:
    """A short run of each client against the loopback server succeeds without a failed call."""
    server = subprocess.Popen([sys.executable, str(BENCH / "server.py")], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        command = [sys.executable, str(BENCH / "client.py"), client, mode, "2", "4", url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()

    result = json.loads(done.stdout)
    assert result["failed"] == 0
    assert result["units"] > 0
    assert result["cpu"] > 0


def test_the_import_table_is_printed() -> None:
    """``python tests/bench/overhead --only import`` prints ratios to httpx."""
    command = [sys.executable, str(BENCH), "--quick", "--only", "import"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    assert "from litellm_gateway import create_gateway" in done.stdout
    assert "x httpx" in done.stdout
