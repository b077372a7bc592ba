"""A Redis server of one's own for the tests that need one: fixtures for a ``conftest.py`` to import.

::

    from litellm_gateway_client_redis.testing import own_redis_server, redis_program, redis_server
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
import redis

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class RedisServer:
    """A server on a free port of this machine; it can be stopped and started again."""

    def __init__(self, program: str, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.uri = f"redis://127.0.0.1:{self.port}/0"
        self._command = [
            program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--dir", str(folder),
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(  # noqa: S603 - a program found on the path, with arguments made here
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(500):
            try:
                with socket.create_connection(("127.0.0.1", self.port), 0.2) as asked:
                    asked.sendall(b"PING\r\n")
                    if asked.recv(16).startswith(b"+PONG"):
                        return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("redis-server does not answer")

    def kill(self) -> None:
        """End it at once; what it counted is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def questions(self) -> int:
        """Give how many scripts it was asked to run since it started."""
        with redis.Redis(port=self.port) as client:
            told = client.info("commandstats")
        return sum(told[name]["calls"] for name in ("cmdstat_evalsha", "cmdstat_eval") if name in told)

    def total(self, key: str) -> int:
        """Give what is counted in the only window whose key contains this."""
        with redis.Redis(port=self.port) as client:
            (name,) = client.keys(f"*{key}*")
            return int(client.hget(name, "t"))

    def forget(self) -> None:
        """Start counting anew."""
        with redis.Redis(port=self.port) as client:
            client.flushall()


@pytest.fixture(scope="session")
def redis_program() -> str:
    """The program ``redis-server`` or ``valkey-server``."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        message = "neither redis-server nor valkey-server is installed"
        if os.environ.get("CI") or os.environ.get("REQUIRE_SERVICES") == "all":
            pytest.fail(message)
        pytest.skip(message)
    return program


@pytest.fixture(scope="session")
def redis_server(redis_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server all tests of a run share."""
    server = RedisServer(redis_program, tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_redis_server(redis_program: str, tmp_path: Path) -> Iterator[RedisServer]:
    """A server for one test, which may kill it."""
    server = RedisServer(redis_program, tmp_path)
    server.start()
    yield server
    server.kill()
