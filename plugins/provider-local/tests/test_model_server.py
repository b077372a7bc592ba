"""The model server's life: started once for all who wait, ended with its owner, never in the way."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from litellm_gateway.errors import (
    ConfigurationError,
    DeadlineExceededError,
    GatewayError,
    ProviderConnectionError,
)
from litellm_gateway_provider_local.model_server import ModelServer
from litellm_gateway_provider_local.weights import Weights

if TYPE_CHECKING:
    from pathlib import Path

    from litellm_gateway_provider_local.settings import LocalSettings

NewServer = Callable[..., ModelServer]

PRELUDE = """
import asyncio, os, signal, sys, threading, time, urllib.request
from litellm_gateway_provider_local.model_server import ModelServer
from litellm_gateway_provider_local.settings import LocalSettings
from litellm_gateway_provider_local.weights import find_weights

settings = LocalSettings(threads=1, context_tokens=512, parallel=1)
server = ModelServer(settings, find_weights(None))

def start():
    return asyncio.run(server.endpoint(60))

def long_answer(endpoint):
    request = urllib.request.Request(
        endpoint.base_url + "/chat/completions",
        data=b'{"messages":[{"role":"user","content":"Tell a story"}],"max_tokens":400,"stream":true}',
        headers={"authorization": "Bearer " + endpoint.api_key.reveal(), "content-type": "application/json"},
    )
    answer = urllib.request.urlopen(request)
    answer.read(300)
    return answer
"""


@pytest.fixture
def new_server(weights: Weights, settings: LocalSettings) -> Iterator[NewServer]:
    """Make servers that are ended with the test."""
    made: list[ModelServer] = []

    def make(path: Path | None = None, **changes: Any) -> ModelServer:
        chosen = weights if path is None else Weights(path=path, name=path.stem)
        made.append(ModelServer(attrs.evolve(settings, **changes), chosen))
        return made[-1]

    yield make
    for server in made:
        server.close()


def run_script(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script to its end in a fresh interpreter, with every warning an error."""
    return subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", PRELUDE + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def is_running(process_id: int) -> bool:
    """Tell whether a process lives; one that is dead and only waits to be reaped does not."""
    status = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process_id)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return bool(status) and not status.startswith("Z")


def wait_until_dead(server: ModelServer) -> None:
    while server.process_id is not None:
        time.sleep(0.01)


def ends_within(process_id: int, seconds: float) -> bool:
    give_up = time.monotonic() + seconds
    while is_running(process_id) and time.monotonic() < give_up:
        time.sleep(0.05)
    return not is_running(process_id)


def test_callers_in_many_threads_and_loops_share_one_start(new_server: NewServer) -> None:
    """Twenty first calls at once, on four event loops, get one and the same server."""
    server = new_server()
    found: list[str] = []

    async def five_calls() -> None:
        endpoints = await asyncio.gather(*(server.endpoint(60) for _ in range(5)))
        found.extend(endpoint.base_url for endpoint in endpoints)

    threads = [threading.Thread(target=lambda: asyncio.run(five_calls())) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 20
    assert len(set(found)) == 1


async def test_a_cancelled_starter_leaves_the_others_their_server(new_server: NewServer) -> None:
    """The first caller goes away while the model loads; the second still gets it."""
    server = new_server()
    first = asyncio.create_task(server.endpoint(60))
    second = asyncio.create_task(server.endpoint(60))
    await asyncio.sleep(0.05)

    first.cancel()
    endpoint = await second

    assert endpoint.base_url.startswith("http://127.0.0.1:")
    assert first.cancelled()


async def test_a_call_out_of_time_does_not_stop_the_loading(new_server: NewServer) -> None:
    """A short deadline ends the call with its typed error; the next call finds the model loaded."""
    server = new_server()

    with pytest.raises(DeadlineExceededError) as caught:
        await server.endpoint(0.01)
    endpoint = await server.endpoint(60)

    assert caught.value.phase == "start"
    assert endpoint.base_url


async def test_two_servers_stand_side_by_side(new_server: NewServer) -> None:
    """Two gateways with equal settings have servers, ports and keys of their own."""
    one, other = await asyncio.gather(new_server().endpoint(60), new_server().endpoint(60))

    assert one.base_url != other.base_url
    assert one.api_key != other.api_key


async def test_a_dead_server_is_started_anew(new_server: NewServer) -> None:
    """After the server's process died, the next call gets a new one."""
    server = new_server()
    await server.endpoint(60)
    died = server.process_id
    assert died is not None

    os.kill(died, signal.SIGKILL)
    await asyncio.to_thread(wait_until_dead, server)
    await server.endpoint(60)

    assert server.process_id not in (None, died)


async def test_closing_ends_the_process(new_server: NewServer) -> None:
    """After close no process is left, and a call says that the gateway is closed."""
    server = new_server()
    await server.endpoint(60)
    process_id = server.process_id
    assert process_id is not None

    server.close()

    assert not is_running(process_id)
    with pytest.raises(GatewayError, match="closed"):
        await server.endpoint(60)


async def test_closing_during_the_start_ends_the_wait(new_server: NewServer) -> None:
    """Who waits for a server that is closed meanwhile gets an error, not silence."""
    server = new_server()
    waiting = asyncio.create_task(server.endpoint(60))
    await asyncio.sleep(0.05)

    server.close()

    with pytest.raises(ProviderConnectionError):
        await waiting


async def test_a_broken_model_file_is_named(new_server: NewServer, tmp_path: Path) -> None:
    """Everybody who waited gets a ConfigurationError of their own, with the server's own reason."""
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"not a model at all")
    server = new_server(path=broken)

    errors = await asyncio.gather(server.endpoint(60), server.endpoint(60), return_exceptions=True)

    assert [type(error) for error in errors] == [ConfigurationError, ConfigurationError]
    assert errors[0] is not errors[1]
    assert "magic" in str(errors[0])


async def test_a_start_over_its_time_limit_ends(new_server: NewServer) -> None:
    """Loading longer than ``start_timeout`` is an error that names the setting."""
    server = new_server(start_timeout=0.001)

    with pytest.raises(ProviderConnectionError, match="start_timeout"):
        await server.endpoint(60)


async def test_the_server_wants_its_key(new_server: NewServer) -> None:
    """Other users of the machine cannot use the server: it refuses requests without the key."""
    import urllib.error
    import urllib.request

    endpoint = await new_server().endpoint(60)
    request = urllib.request.Request(
        f"{endpoint.base_url}/embeddings", data=b'{"input":"a"}', headers={"content-type": "application/json"}
    )

    with pytest.raises(urllib.error.HTTPError) as caught:
        await asyncio.to_thread(urllib.request.urlopen, request)

    assert caught.value.code == 401
    caught.value.close()


@pytest.mark.usefixtures("weights")
def test_a_script_that_never_closes_ends_silently() -> None:
    """No hang, warning, output or process is left by a script that forgets to close, even mid-answer."""
    done = run_script("answer = long_answer(start()); print(server.process_id)")

    assert (done.returncode, done.stderr) == (0, "")
    assert ends_within(int(done.stdout), 5)


@pytest.mark.usefixtures("weights")
def test_ctrl_c_during_an_answer_ends_the_script() -> None:
    """SIGINT is the application's: KeyboardInterrupt is raised, and the exit status tells of it."""
    done = run_script(
        """
        answer = long_answer(start())
        print(server.process_id, flush=True)
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        answer.read()
        """
    )

    assert done.returncode == -signal.SIGINT
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")
    assert ends_within(int(done.stdout), 5)


@pytest.mark.usefixtures("weights")
def test_a_killed_application_takes_its_server_along() -> None:
    """The server goes when the application is killed outright, even while a forked child of it lives on."""
    done = run_script(
        """
        start()
        print(server.process_id, flush=True)
        if os.fork() == 0:
            for number in (0, 1, 2):
                os.close(number)
            time.sleep(5)
            os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )

    assert done.returncode == -signal.SIGKILL
    assert ends_within(int(done.stdout), 4)


@pytest.mark.usefixtures("weights")
def test_a_forked_child_has_a_server_of_its_own() -> None:
    """A forked child starts its own server, and its exit leaves the parent's server running."""
    done = run_script(
        """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of any fork beside threads
        endpoint = start()
        child = os.fork()
        if child == 0:
            sys.exit(0 if start().base_url != endpoint.base_url else 3)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        answered = long_answer(endpoint).status
        print(status, answered)
        """
    )

    assert (done.stdout.split(), done.stderr, done.returncode) == (["0", "200"], "", 0)
