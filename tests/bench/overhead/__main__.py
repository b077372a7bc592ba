"""Measure what the gateway costs beside raw clients and peers, in one run, and print tables of ratios.

``python tests/bench/overhead`` measures everything; ``--quick`` takes fewer calls; ``--only import,null,whole,stream``
picks parts; ``--peers`` also measures the openai SDK and litellm, each in an environment of its own that is made
with uv (skipped with a message where it cannot be made).

Every figure is CPU time of the client's process, the median of interleaved rounds. Read the ratios: absolute
figures move with the machine.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

HERE = Path(__file__).parent
RAW = ["httpx", "httpx-open", "aiohttp"]
DIRECT = ["transport-httpx", "transport-aiohttp"]
PROVIDERS = ["provider-httpx", "provider-aiohttp"]
OURS = ["gateway-httpx", "gateway-httpx-full", "gateway-aiohttp", "gateway-aiohttp-full"]
BESIDE = "beside-aiohttp-full"
PEERS = {"openai": "openai", "litellm": "litellm"}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer calls and rounds")
    parser.add_argument("--only", default="import,null,whole,stream", help="parts to measure")
    parser.add_argument("--peers", action="store_true", help="also measure the openai SDK and litellm")
    options = parser.parse_args(arguments)
    parts = options.only.split(",")
    print(f"Python {platform.python_version()}, {platform.machine()}")
    pythons = dict.fromkeys([*RAW, *DIRECT, *PROVIDERS, *OURS], sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        if options.peers:
            pythons |= peer_environments(Path(folder))
        if "import" in parts:
            imports(rounds=5 if options.quick else 15)
        if "null" in parts:
            null_transport()
        if "whole" in parts:
            whole(pythons, quick=options.quick)
        if "stream" in parts:
            stream(pythons, quick=options.quick)
    return 0


def peer_environments(folder: Path) -> dict[str, str]:
    """Make an environment per peer; one that cannot be made is left out, with a word."""
    made = {}
    for name, package in PEERS.items():
        python = folder / name / "bin" / "python"
        uv = shutil.which("uv")
        if uv is None:
            print(f"{name}: skipped, uv is not installed")
            continue
        venv = subprocess.run([uv, "venv", "-q", "--python", sys.executable, folder / name], check=False)
        installed = subprocess.run([uv, "pip", "install", "-q", "--python", python, package], check=False)
        if venv.returncode or installed.returncode:
            print(f"{name}: skipped, {package} cannot be installed here")
            continue
        made[name] = str(python)
    return made


def imports(*, rounds: int) -> None:
    """Import in fresh processes, taking turns."""
    subjects = {
        "pass": "nothing",
        "import asyncio": "asyncio",
        "import httpx": "httpx",
        "import litellm_gateway": "litellm_gateway",
        "from litellm_gateway import create_gateway": "create_gateway",
    }
    seconds: dict[str, list[float]] = {code: [] for code in subjects}
    memory: dict[str, list[float]] = {code: [] for code in subjects}
    probe = (
        "import time, resource, sys; t = time.perf_counter(); exec(sys.argv[1]); "
        "print(time.perf_counter() - t, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    for _ in range(rounds):
        for code in subjects:
            out = subprocess.run([sys.executable, "-c", probe, code], capture_output=True, text=True, check=True).stdout
            taken, peak = out.split()
            seconds[code].append(float(taken) * 1e3)
            memory[code].append(float(peak) / 1024)
    httpx, bare = statistics.median(seconds["import httpx"]), statistics.median(memory["pass"])
    grown = statistics.median(memory["import httpx"]) - bare
    rows = [
        [
            code,
            f"{statistics.median(seconds[code]):.1f}",
            f"{statistics.median(seconds[code]) / httpx:.2f}",
            f"{statistics.median(memory[code]) - bare:.1f}",
            f"{(statistics.median(memory[code]) - bare) / grown:.2f}",
        ]
        for code in subjects
    ]
    table("Import, fresh process each", ["code", "ms", "x httpx", "MB over bare", "x httpx"], rows)


def null_transport() -> None:
    """Measure the gateway over a transport that does nothing."""
    results = {}
    for label, arguments in {"standard json": ["stdlib"], "orjson": []}.items():
        command = [sys.executable, str(HERE / "null.py"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        results[label] = json.loads(done.stdout)
    rows = [
        [name.partition("/")[2], "chunk" if name.startswith("stream") else "call"]
        + [f"{results[label][name]:.2f}" for label in results]
        for name in next(iter(results.values()))
    ]
    table("Null transport, CPU us", ["subject", "per", *results], rows)


def whole(pythons: dict[str, str], *, quick: bool) -> None:
    """Measure whole calls at several concurrencies."""
    levels = {1: 200, 10: 400, 20: 600, 100: 1000, 200: 1000, 1000: 2000}
    pythons = {**pythons, BESIDE: sys.executable}
    measured = {
        level: compare(pythons, "whole", level, calls // (3 if quick else 1), rounds=3)
        for level, calls in levels.items()
    }
    rows = []
    for name in pythons:
        cells = [name]
        for figures in measured.values():
            cells.append(f"{figures[name]:.0f} ({figures[name] / figures['httpx']:.2f})")
        rows.append(cells)
    heads = [f"c={level}" for level in levels]
    table("Whole calls, CPU us (x httpx.AsyncClient, default limits)", ["client", *heads], rows)
    rows = [
        [
            name,
            *(f"{figures[name] / figures['httpx-open']:.3f}" for figures in measured.values()),
            *(f"{figures[name] / figures['aiohttp']:.2f}" for figures in measured.values()),
        ]
        for name in pythons
    ]
    heads = [f"open httpx c={level}" for level in levels] + [f"aiohttp c={level}" for level in levels]
    table("The same as ratios", ["client", *heads], rows)
    added("Added to its own transport, per whole call, CPU us", measured, [f"c={level}" for level in levels])


def added(title: str, measured: Mapping[Any, Mapping[str, float]], heads: Sequence[str]) -> None:
    """Print what the gateway costs more than the transport below it, called directly with bytes made before.

    ``provider-...`` is the provider's package alone, ``beside-...`` the gateway over no network, called in turns with
    the transport. What the core has in it is the gateway without the provider's package.
    """
    rows = []
    for name in [*PROVIDERS, *OURS, BESIDE]:
        if all(name in figures for figures in measured.values()):
            below = f"transport-{name.split('-')[1]}"
            rows.append([name, *(f"{figures[name] - figures[below]:.1f}" for figures in measured.values())])
    for name in OURS:
        below = f"provider-{name.split('-')[1]}"
        cells = [f"{figures[name] - figures[below]:.1f}" for figures in measured.values()]
        rows.append([f"{name}, the core in it", *cells])
    table(title, ["client", *heads], rows)


def stream(pythons: dict[str, str], *, quick: bool) -> None:
    """Measure streams of 100 chunks, sent one by one."""
    calls = 10 if quick else 60
    rows = []
    figures = {
        (mode, level): compare(
            {name: python for name, python in pythons.items() if mode == "stream" or name in RAW},
            mode, level, calls, rounds=5, delay=1,
        )
        for mode in ("stream", "parsed")
        for level in (1, 10)
    }  # fmt: skip
    for name in pythons:
        for mode in ("stream", "parsed"):
            if name not in figures[mode, 1]:
                continue
            label = f"{name}, lines and JSON" if mode == "parsed" else name
            cells = [label]
            for level in (1, 10):
                value = figures[mode, level][name]
                base = figures["stream", level]
                cells.append(f"{value:.1f} ({value / base['httpx']:.2f} httpx, {value / base['aiohttp']:.2f} aiohttp)")
            rows.append(cells)
    table("Streams, CPU us per chunk (x raw bytes of httpx, of aiohttp)", ["client", "c=1", "c=10"], rows)
    streams = {level: figures["stream", level] for level in (1, 10)}
    added("Added to its own transport, per chunk, CPU us", streams, ["c=1", "c=10"])


def compare(
    pythons: dict[str, str], mode: str, concurrency: int, calls: int, *, rounds: int, delay: int = 0
) -> dict[str, float]:
    """Give the median CPU per unit of each client, measured in turns against one server."""
    figures: dict[str, list[float]] = {name: [] for name in pythons}
    with server(delay) as url:
        for _ in range(rounds):
            for name, python in pythons.items():
                command = [python, str(HERE / "client.py"), name, mode, str(concurrency), str(calls), url]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                result = json.loads(done.stdout)
                if result["failed"]:
                    raise SystemExit(f"{name}: {result['failed']} calls failed\n{done.stderr[-2000:]}")
                figures[name].append(result["cpu"])
    return {name: statistics.median(values) for name, values in figures.items()}


@contextmanager
def server(delay: int) -> Iterator[str]:
    """Run the loopback server, with room for a thousand connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192) if hard > 0 else 8192, hard))
    process = subprocess.Popen([sys.executable, str(HERE / "server.py"), str(delay)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    widths = [max(len(str(row[column])) for row in [heads, *rows]) for column in range(len(heads))]
    print(f"\n## {title}\n")
    for row in [heads, ["-" * width for width in widths], *rows]:
        print("| " + " | ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
