"""A habit of the whole suite: a test that leaves a task or a thread behind fails, wherever it lives."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

GRACE = 2.0
"""Seconds a thread gets to end after its test."""
TURNS = 5
"""Turns of its loop a task gets to end after its test."""
KEPT = ("litellm-gateway", "asyncio_")
"""The one event-loop thread of the blocking calls, and the workers that belong to it, live as long as the process."""


def pytest_configure(config: pytest.Config) -> None:
    """Watch every test of the run: those of the plugins have no conftest above them but this."""
    config.pluginmanager.register(NothingLeftBehind(), "nothing-left-behind")


class NothingLeftBehind:
    """Fixtures that look around after each test."""

    @pytest.fixture(autouse=True)
    def _leaves_no_thread(self, request: pytest.FixtureRequest) -> Iterator[None]:
        before = set(threading.enumerate())
        if inspect.iscoroutinefunction(getattr(request, "function", None)):
            request.getfixturevalue("_leaves_no_task")
        yield
        until = time.monotonic() + GRACE
        while (left := _new_threads(before)) and time.monotonic() < until:
            time.sleep(0.01)
        if left:
            pytest.fail(f"left threads behind: {', '.join(sorted(left))}")

    @pytest_asyncio.fixture
    async def _leaves_no_task(self) -> AsyncIterator[None]:
        before = asyncio.all_tasks()
        yield
        for _ in range(
            TURNS
        ):  # garbage collection may come now and let the loop close a generator: that ends by itself
            await asyncio.sleep(0)
            current = asyncio.current_task()
            left = [task for task in asyncio.all_tasks() - before if task is not current and not task.done()]
            if not left:
                break
        else:
            pytest.fail(f"left tasks behind: {', '.join(_named(task) for task in left)}")


def _new_threads(before: set[threading.Thread]) -> list[str]:
    return [
        thread.name
        for thread in threading.enumerate()
        if thread not in before and thread.is_alive() and not thread.name.startswith(KEPT)
    ]


def _named(task: asyncio.Task[object]) -> str:
    return getattr(task.get_coro(), "__qualname__", None) or repr(task)
