"""Fuzz one target, or all of them: ``python tests/fuzz TARGET --minutes 15``.

With atheris installed it is guided by coverage; without it inputs are changed at random. What crashes or takes too
long is written to a file and ends the run; ``--keep`` adds what led further into the code to the kept inputs.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent / "properties")]
MOST_MEMORY = 512
"""MiB a run may take."""
LONGEST = 1.0
"""Seconds one input may take."""


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python tests/fuzz", description=__doc__)
    parser.add_argument("target", help="a target of fuzz_targets.py, or all")
    parser.add_argument("--minutes", type=float, default=15.0, help="how long, for each target")
    parser.add_argument("--engine", choices=("atheris", "mutation"), default=None)
    parser.add_argument("--keep", type=int, default=0, metavar="N", help="add up to N new inputs to the kept ones")
    options = parser.parse_args()
    engine = options.engine or _best_engine()
    if options.target == "all":
        return _all(options.minutes, engine, options.keep)
    run = _by_coverage if engine == "atheris" else _by_chance
    return run(options.target, options.minutes * 60, options.keep)


def _best_engine() -> str:
    try:
        import atheris  # noqa: F401
    except ImportError:
        return "mutation"
    return "atheris"


def _all(minutes: float, engine: str, most: int) -> int:
    """Run each target in a process of its own, and go on after a failure."""
    from fuzz_targets import TARGETS

    failed = []
    for target in TARGETS:
        command = [sys.executable, str(HERE), target, "--minutes", str(minutes), "--engine", engine]
        done = subprocess.run([*command, "--keep", str(most)], check=False)
        if done.returncode:
            failed.append(target)
    print(f"failed: {', '.join(failed) or 'none'}")
    return len(failed)


def _by_chance(target: str, seconds: float, most: int) -> int:
    """Change kept inputs at random until the time is up."""
    from fuzz_targets import TARGETS
    from kept_inputs import kept
    from mutation import changed

    function, inputs, chance = TARGETS[target], kept(target) or [b""], random.Random()
    until, runs, slowest = time.monotonic() + seconds, 0, 0.0
    while time.monotonic() < until:
        data = changed(chance.choice(inputs), inputs, chance)
        began = time.perf_counter()
        try:
            function(data)
        except BaseException:
            print(f"{target}: failed on {data!r}")
            raise
        took = time.perf_counter() - began
        slowest = max(slowest, took)
        if took > LONGEST:
            print(f"{target}: {took:.1f} s for {data!r}")
            return 1
        runs += 1
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{target}: {runs} inputs, the slowest {slowest * 1000:.0f} ms, {memory} MiB")
    return int(memory > MOST_MEMORY)


def _by_coverage(target: str, seconds: float, most: int) -> int:
    """Let atheris look for inputs that reach new code; it ends the process itself, so it gets one of its own."""
    from kept_inputs import keep, kept

    with tempfile.TemporaryDirectory() as folder:
        seeds, found = Path(folder, "seeds"), Path(folder, "found")
        seeds.mkdir()
        found.mkdir()
        for number, data in enumerate(kept(target)):
            (seeds / str(number)).write_bytes(data)
        command = [
            sys.executable, str(HERE / "coverage_guided.py"), target, f"-max_total_time={max(1, int(seconds))}",
            f"-timeout={int(LONGEST) + 1}", f"-rss_limit_mb={MOST_MEMORY}", "-max_len=4096",
            f"-artifact_prefix={Path.cwd()}/fuzz-{target}-", "-verbosity=0", "-print_final_stats=1",
            str(found), str(seeds),
        ]  # fmt: skip
        code = subprocess.run(command, check=False).returncode
        new = sorted((path.read_bytes() for path in found.iterdir()), key=len)
        print(f"{target}: {len(new)} inputs led further, exit code {code}")
        if most and new:
            chosen = random.Random(target).sample(new, min(most, len(new)))
            keep(target, [*kept(target), *(data for data in chosen if len(data) <= 1000)])
    return code


if __name__ == "__main__":
    sys.exit(main())
