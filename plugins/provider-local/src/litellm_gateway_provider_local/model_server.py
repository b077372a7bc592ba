"""Keep one process of the model server: started on first use, once for all who wait, ended with its owner.

It is a child process, so that native code can neither crash the application nor hold up its exit.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from concurrent.futures import Future
from typing import TYPE_CHECKING

from attrs import define, field
from litellm_gateway.errors import DeadlineExceededError, GatewayError

from litellm_gateway_provider_local.model_launch import LaunchFailedError, end, introduce, spawn

if TYPE_CHECKING:
    import subprocess
    from typing import Any

    from litellm_gateway_provider_local.model_launch import Endpoint
    from litellm_gateway_provider_local.settings import LocalSettings
    from litellm_gateway_provider_local.weights import Weights


@define(eq=False)
class _Started:
    """What one operating-system process of the application has started."""

    lock: threading.Lock = field(factory=threading.Lock)
    starting: Future[Endpoint] | None = None
    endpoint: Endpoint | None = None
    process: subprocess.Popen[bytes] | None = None
    kill: weakref.finalize[Any, ModelServer] | None = None

    def ready(self) -> Endpoint | None:
        """Give the endpoint if the server behind it still lives."""
        if self.endpoint is None or self.process is None or self.process.poll() is not None:
            return None
        return self.endpoint


class ModelServer:
    """A model server for one gateway, shared by its threads and event loops.

    Starting takes about a second and happens in a thread of its own, so a caller that is cancelled or runs
    out of time takes nobody else's server away. A server found dead is started anew by the next call. A
    forked child starts its own.

    Args:
        settings: How the model runs.
        weights: The model file.
        name: Name of the provider, for error messages.
    """

    def __init__(self, settings: LocalSettings, weights: Weights, *, name: str = "local") -> None:
        self._settings = settings
        self._weights = weights
        self._name = name
        self._closed = False
        # By process id: setdefault is atomic, so a forked child inherits no lock that somebody held.
        self._started: dict[int, _Started] = {}

    @property
    def process_id(self) -> int | None:
        """Id of the running server's process, None when none is running."""
        here = self._here()
        with here.lock:
            return here.process.pid if here.process is not None and here.ready() is not None else None

    async def endpoint(self, timeout: float) -> Endpoint:
        """Give address and key of the running server, starting it if need be.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            DeadlineExceededError: The model was not loaded in time; loading goes on for the calls to come.
            ConfigurationError: The server refuses the model file or a setting.
            ProviderConnectionError: The server does not come up.
        """
        here = self._here()
        with here.lock:
            endpoint = here.ready()
            if endpoint is not None:
                return endpoint
            starting = here.starting or self._begin(here)
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.wrap_future(starting)
        except TimeoutError:
            raise DeadlineExceededError(
                f"the model of provider '{self._name}' was still being loaded when the call's time was up",
                phase="start",
                provider=self._name,
            ) from None
        except LaunchFailedError as failure:  # one failure, an error of its own for each who waited
            raise failure.as_gateway_error(self._name) from failure

    def close(self) -> None:
        """End the server, also one just being started. Blocks for some milliseconds."""
        self._closed = True
        here = self._here()
        with here.lock:
            kill, here.kill, here.endpoint = here.kill, None, None
        if kill is not None:
            kill()

    def _here(self) -> _Started:
        return self._started.setdefault(os.getpid(), _Started())

    def _begin(self, here: _Started) -> Future[Endpoint]:
        if self._closed:
            raise GatewayError("this gateway is closed: create a new one", provider=self._name)
        starting: Future[Endpoint] = Future()
        starting.set_running_or_notify_cancel()  # a cancelled waiter can no longer cancel it for the others
        here.starting, here.endpoint = starting, None
        threading.Thread(
            target=self._start, args=(here, starting), name="litellm-gateway-local-start", daemon=True
        ).start()
        return starting

    def _start(self, here: _Started, starting: Future[Endpoint]) -> None:
        try:
            process = self._new_process(here)
            endpoint = introduce(process, self._settings, self._weights)
        except Exception as error:
            with here.lock:
                here.starting = None
                kill, here.kill = here.kill, None
            if kill is not None:
                kill()
            starting.set_exception(error)
            return
        with here.lock:
            here.starting, here.endpoint = None, endpoint
        starting.set_result(endpoint)

    def _new_process(self, here: _Started) -> subprocess.Popen[bytes]:
        """Start a process that ends when this object goes, or the interpreter does."""
        process = spawn()
        kill = weakref.finalize(self, end, process, os.getpid())
        with here.lock:
            previous, here.kill, here.process = here.kill, kill, process
            closed = self._closed
        if previous is not None:
            previous()
        if closed:
            kill()
        return process
