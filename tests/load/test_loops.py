"""One gateway with real sockets, in loop after loop, in several at once, in a running one, and after a fork."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING

import pytest
from jupyter_client.manager import start_new_kernel
from litellm_gateway import LiteLLMGateway, create_gateway
from litellm_gateway.testing.loopback import Exchange, LoopbackServer, in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator


async def answer(exchange: Exchange) -> None:
    """Say what was asked and on which connection, after a moment where the prompt wants one."""
    prompt = json.loads(exchange.body)["messages"][-1]["content"]
    if prompt.startswith("slow"):
        await asyncio.sleep(0.3)
    message = {"role": "assistant", "content": f"{prompt}/{exchange.connection}"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    await exchange.respond(json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode())


@pytest.fixture(scope="module")
def server() -> Iterator[LoopbackServer]:
    with in_thread(LoopbackServer(answer)) as running:
        yield running


@pytest.fixture(scope="module", params=["httpx", "aiohttp"])
def gateway(server: LoopbackServer, request: pytest.FixtureRequest) -> Iterator[LiteLLMGateway]:
    with create_gateway(
        provider="openai", api_key="sk-loops-0123456789", base_url=f"{server.url}/v1", transport=request.param,
        default_model="gpt-4o", max_retries=0,
    ) as made:  # fmt: skip
        yield made


async def ask(gateway: LiteLLMGateway, prompt: str) -> str:
    return (await gateway.generate_async(prompt)).text.split("/")[0]


def test_one_loop_after_the_other(gateway: LiteLLMGateway) -> None:
    """Five times ``asyncio.run``: sockets of a loop that ended are never touched again."""

    async def twice(number: int) -> list[str]:
        return [await ask(gateway, f"first {number}"), await ask(gateway, f"second {number}")]

    answers = [asyncio.run(twice(number)) for number in range(5)]

    assert answers == [[f"first {number}", f"second {number}"] for number in range(5)]


def test_loops_side_by_side(gateway: LiteLLMGateway) -> None:
    """Four threads with loops of their own, and blocking calls between them, each ten calls at a time."""
    answers: dict[str, list[str]] = {}

    async def ten(name: str) -> list[str]:
        return list(await asyncio.gather(*(ask(gateway, f"{name} {number}") for number in range(10))))

    def work(name: str) -> None:
        answers[name] = asyncio.run(ten(name))
        answers[name].append(gateway.generate(f"{name} blocking").text.split("/")[0])

    threads = [threading.Thread(target=work, args=(f"thread {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    for name in (f"thread {number}" for number in range(4)):
        assert answers[name] == [*(f"{name} {number}" for number in range(10)), f"{name} blocking"]


@pytest.mark.parametrize("turn", range(3))
async def test_a_loop_for_each_test(gateway: LiteLLMGateway, turn: int) -> None:
    """A gateway kept for a whole module of tests works in the loop each of them gets."""
    assert await ask(gateway, f"turn {turn}") == f"turn {turn}"


async def test_blocking_calls_inside_a_running_loop(gateway: LiteLLMGateway) -> None:
    """``generate`` and ``generate_stream`` answer inside ``async def``, between awaited calls."""
    before = await ask(gateway, "before")
    blocking = gateway.generate("blocking").text.split("/")[0]
    streamed = "".join(gateway.generate_stream("streamed")).split("/")[0]
    after = await ask(gateway, "after")

    assert [before, blocking, streamed, after] == ["before", "blocking", "streamed", "after"]


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
def test_a_fork_amid_ten_calls_disturbs_none(server: LoopbackServer, transport: str) -> None:
    """The child answers over connections of its own; the parent's ten calls get their answers."""
    printed = run(
        f"""
        import asyncio, os, sys
        from litellm_gateway import create_gateway
        gateway = create_gateway(
            provider="openai", api_key="sk-fork-0123456789", base_url="{server.url}/v1", transport="{transport}",
            default_model="gpt-4o", max_retries=0,
        )

        async def main():
            await gateway.generate_async("warm up")
            calls = [asyncio.create_task(gateway.generate_async(f"slow {{n}}")) for n in range(10)]
            await asyncio.sleep(0.1)
            child = os.fork()
            if child == 0:
                print("child", gateway.generate("from the child").text, flush=True)
                os._exit(0)
            answers = [answer.text for answer in await asyncio.gather(*calls)]
            assert os.waitpid(child, 0)[1] == 0
            for answer in answers:
                print("parent", answer)
            await gateway.aclose()

        asyncio.run(main())
        """
    )

    lines = [line.partition(" ")[::2] for line in printed.strip().split("\n")]
    child = [text.split("/") for who, text in lines if who == "child"]
    parent = [text.split("/") for who, text in lines if who == "parent"]
    assert [prompt for prompt, _ in parent] == [f"slow {number}" for number in range(10)]
    assert [prompt for prompt, _ in child] == ["from the child"]
    assert child[0][1] not in {connection for _, connection in parent}


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
def test_another_kind_of_loop(server: LoopbackServer, transport: str) -> None:
    """A gateway works on uvloop as on any other loop, cancelled calls included, wherever a host's name leads."""
    named = server.url.replace("127.0.0.1", "localhost") if transport == "httpx" else server.url
    if sys.platform == "win32":
        pytest.skip("there is no uvloop for Windows")

    printed = run(
        f"""
        import asyncio, uvloop
        from litellm_gateway import create_gateway
        gateway = create_gateway(
            provider="openai", api_key="sk-uv-0123456789", base_url="{named}/v1", default_model="gpt-4o",
            transport="{transport}",
        )

        async def main():
            gone = [asyncio.create_task(gateway.generate_async(f"slow {{n}}")) for n in range(20)]
            await asyncio.sleep(0.05)
            for call in gone:
                call.cancel()
            await asyncio.gather(*gone, return_exceptions=True)
            answers = await asyncio.gather(*(gateway.generate_async(f"{{n}}") for n in range(20)))
            print(*(answer.text.split("/")[0] for answer in answers))
            print("".join([piece async for piece in gateway.generate_stream_async("streamed")]).split("/")[0])
            await gateway.aclose()

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
        """
    )

    assert printed == " ".join(map(str, range(20))) + "\nstreamed\n"


def test_cells_of_a_notebook(server: LoopbackServer) -> None:
    """Blocking and awaited calls answer in the cells of IPython's kernel, whose loop runs already."""
    begin = f"""
from litellm_gateway import create_gateway
gateway = create_gateway(
    provider="openai", api_key="sk-nb-0123456789", base_url="{server.url}/v1", default_model="gpt-4o")
"""
    manager, kernel = start_new_kernel(kernel_name="python3", startup_timeout=60)
    said: list[str] = []
    try:
        for cell in (begin, "print(gateway.generate('one').text)", "print((await gateway.generate_async('two')).text)"):
            reply = kernel.execute_interactive(
                cell, timeout=60, output_hook=lambda message: said.append(message["content"].get("text", ""))
            )
            assert reply["content"]["status"] == "ok", reply["content"]
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel(now=True)

    assert [text.split("/")[0] for text in "".join(said).split()] == ["one", "two"]


def run(code: str) -> str:
    """Run a script with every warning an error and asyncio in debug mode; give what it printed."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout
