"""Start one process of the model server, hear its address, end it; it keeps no state."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen
from litellm_gateway.errors import ConfigurationError, ProviderConnectionError
from litellm_gateway.secrets import Secret

if TYPE_CHECKING:
    from litellm_gateway.errors import GatewayError

    from litellm_gateway_provider_local.settings import LocalSettings
    from litellm_gateway_provider_local.weights import Weights

_SCRIPT = Path(__file__).with_name("model_process.py")


@frozen(kw_only=True)
class Endpoint:
    """Where a model server listens, and the key it wants; both are new for every start."""

    base_url: str
    api_key: Secret


class LaunchFailedError(Exception):
    """The model server did not start; ``by_server`` says that it gave the reason itself."""

    def __init__(self, reason: str, *, by_server: bool = False) -> None:
        super().__init__(reason)
        self.by_server = by_server

    def as_gateway_error(self, provider: str) -> GatewayError:
        """Give the error a caller sees; what the server itself complains about will not mend by itself."""
        if self.by_server:
            return ConfigurationError(
                f"provider '{provider}' cannot load its model: {self}. "
                f"Check providers.{provider}.model_path and the other settings.",
                path=f"providers.{provider}.model_path",
                provider=provider,
            )
        return ProviderConnectionError(f"the model of provider '{provider}' {self}", provider=provider)


def spawn() -> subprocess.Popen[bytes]:
    """Start the process; it waits for its options.

    Raises:
        LaunchFailedError: There is no interpreter to start it with.
    """
    if not sys.executable:
        raise LaunchFailedError("cannot start: sys.executable names no Python interpreter")
    # A group of its own keeps Ctrl-C at the terminal from ending it under an application that handles Ctrl-C.
    group: dict[str, Any] = (
        {"process_group": 0} if os.name == "posix" else {"creationflags": 0x00000200}  # new process group
    )
    try:
        return subprocess.Popen(  # noqa: S603 - this interpreter, our own script
            [sys.executable, "-I", "-S", str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            **group,
        )
    except OSError as error:
        raise LaunchFailedError(f"cannot start its process: {error.strerror}") from error


def introduce(process: subprocess.Popen[bytes], settings: LocalSettings, weights: Weights) -> Endpoint:
    """Hand over the options and wait until the model is loaded.

    Raises:
        LaunchFailedError: The process refused, died, or took longer than ``settings.start_timeout`` seconds.
    """
    api_key = Secret(secrets.token_hex(16))
    timer = threading.Timer(settings.start_timeout, process.kill)
    timer.daemon = True
    timer.start()
    try:
        answer = _exchange(process, _options(settings, weights, api_key))
    finally:
        in_time = timer.is_alive()
        timer.cancel()
    if not answer:
        limit = f"was not loaded within {settings.start_timeout:g} s; raise start_timeout"
        raise LaunchFailedError("server ended before it was ready" if in_time else limit)
    said = json.loads(answer)
    if "error" in said:
        raise LaunchFailedError(said["error"], by_server=True)
    return Endpoint(base_url=f"{said['address']}/v1", api_key=api_key)


def _exchange(process: subprocess.Popen[bytes], options: dict[str, Any]) -> bytes:
    if process.stdin is None or process.stdout is None:  # spawn always gives both
        return b""
    try:
        process.stdin.write(json.dumps(options).encode() + b"\n")
        process.stdin.flush()
        with process.stdout as answers:
            return answers.readline()
    except OSError:  # it is gone already
        return b""


def _options(settings: LocalSettings, weights: Weights, api_key: Secret) -> dict[str, Any]:
    return {
        "import_path": [os.path.abspath(entry) for entry in sys.path],  # noqa: PTH100 - "" is the working folder
        "model_path": str(weights.path),
        "model_name": weights.name,
        "api_key": api_key.reveal(),  # over the pipe: arguments and environment can be read by others
        "parallel": settings.parallel,
        "context_tokens": settings.context_tokens,
        "embedding_tokens": min(settings.embedding_tokens, settings.context_tokens),
        "max_tokens": settings.max_tokens,
        "threads": settings.threads or max(1, _cores() - 1),
        "seed": settings.seed,
    }


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def end(process: subprocess.Popen[bytes], owner: int) -> None:
    """Kill the process and wait for it; it has nothing to save. A forked child leaves its parent's alone."""
    if os.getpid() == owner:
        process.kill()
        process.wait()
    else:
        process.returncode = 0  # not ours to wait for: keeps Popen from complaining when it is dropped
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
