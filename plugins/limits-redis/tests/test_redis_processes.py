"""Several processes, one server: the limits hold for the sum."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

PROCESS = """
import asyncio, json, sys
from litellm_gateway import RateLimitConfig, RateLimitError, create_gateway

async def main(uri, limits, tasks, calls):
    limits = RateLimitConfig(enable_queuing=False, storage=uri, storage_timeout=10.0, **limits)
    gateway = create_gateway(provider="echo", rate_limit_config=limits, telemetry=(), timeout=120.0)
    seen = {"admitted": 0, "refused": 0, "tokens": 0}

    async def work(share):
        for number in range(share):
            try:
                answer = await gateway.generate_async("one two three", max_tokens=7, tenant_id="t")
            except RateLimitError:
                seen["refused"] += 1
            else:
                seen["admitted"] += 1
                seen["tokens"] += answer.usage.total_tokens

    async with gateway:
        shares = [calls // tasks + (number < calls % tasks) for number in range(tasks)]
        await asyncio.gather(*map(work, shares))
        seen["reachable"] = gateway.get_health()["rate_limit"]["storage"]["reachable"]
    print(json.dumps(seen))

asyncio.run(main(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
"""


def run_processes(uri: str, limits: dict[str, int], *, processes: int, tasks: int, calls: int) -> dict[str, int]:
    shares = [calls // processes + (number < calls % processes) for number in range(processes)]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, f"async+{uri}", json.dumps(limits), str(tasks), str(share)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for share in shares
    ]
    told: list[dict[str, Any]] = []
    for process in running:
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        told.append(json.loads(printed))
    assert all(seen["reachable"] for seen in told)
    return {name: sum(seen[name] for seen in told) for name in ("admitted", "refused", "tokens")}


def test_six_processes_admit_exactly_the_limit(own_redis_server) -> None:
    """Of 10,000 requests from 200 tasks in each of six processes exactly as many as allowed pass; none is lost."""
    limits = {"requests_per_hour": 1500}

    seen = run_processes(own_redis_server.uri, limits, processes=6, tasks=200, calls=10_000)

    assert seen["admitted"] == 1500
    assert seen["refused"] == 8500


def test_tokens_of_all_processes_add_up(own_redis_server) -> None:
    """What is counted when all is settled is what was really used, and never more than the limit."""
    limits = {"tokens_per_hour": 5000}

    seen = run_processes(own_redis_server.uri, limits, processes=6, tasks=20, calls=3000)

    assert seen["admitted"] + seen["refused"] == 3000
    assert seen["tokens"] == own_redis_server.total("tokens/3600")
    assert 4000 < seen["tokens"] <= 5000


def test_concurrency_holds_over_processes(own_redis_server) -> None:
    """Places given back are free again everywhere: nothing is left when all processes have ended."""
    seen = run_processes(own_redis_server.uri, {"concurrency": 4}, processes=3, tasks=10, calls=600)

    assert seen["admitted"] + seen["refused"] == 600
    assert seen["admitted"] > 0
    limits = {"concurrency": 4, "requests_per_hour": 10}
    alone = run_processes(own_redis_server.uri, limits, processes=1, tasks=1, calls=4)
    assert alone["admitted"] == 4
