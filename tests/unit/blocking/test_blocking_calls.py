"""Blocking calls from everywhere a user may make them; whole processes where the end of one matters."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import textwrap
import threading

import pytest
from litellm_gateway import GatewayError, LiteLLMGateway, create_gateway


@pytest.fixture
def gateway() -> LiteLLMGateway:
    return create_gateway(provider="echo")


def script(code: str, *, expect: int = 0) -> str:
    """Run a script with every warning an error and asyncio in debug mode; give what it printed."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == expect, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    assert "Traceback" not in done.stderr or expect, done.stderr
    return done.stdout


def test_many_threads_share_one_gateway(gateway: LiteLLMGateway) -> None:
    """Each of fifty threads gets its own answers."""
    wrong: list[str] = []

    def work(number: int) -> None:
        for turn in range(10):
            prompt = f"thread {number} turn {turn}"
            if gateway.generate(prompt).text != prompt:
                wrong.append(prompt)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


async def test_a_blocking_call_works_inside_a_running_loop(gateway: LiteLLMGateway) -> None:
    """``gateway.generate()`` in an ``async def`` route gives its answer."""
    answer = gateway.generate("hi")
    streamed = "".join(gateway.generate_stream("a b c"))

    assert answer.text == "hi"
    assert streamed == "a b c"


def test_one_gateway_survives_several_loops(gateway: LiteLLMGateway) -> None:
    """``asyncio.run`` again and again, and in threads with loops of their own."""

    async def ask(text: str) -> str:
        return (await gateway.generate_async(text)).text

    answers = [asyncio.run(ask(f"run {number}")) for number in range(5)]
    in_threads: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: in_threads.append(asyncio.run(ask(f"thread {n}")))) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [f"run {number}" for number in range(5)]
    assert sorted(in_threads) == [f"thread {number}" for number in range(4)]


def test_context_variables_reach_the_call() -> None:
    """What the caller set is seen by plugins on the loop thread."""
    from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer

    trace = contextvars.ContextVar("trace", default="none")
    seen: list[str] = []

    async def look(_request: object) -> object:
        seen.append(trace.get())
        return answer()

    gateway = create_gateway(provider="scripted", plugins=[ScriptedProvider(look)], discover=False)
    trace.set("from the caller")

    gateway.generate("hi")

    assert seen == ["from the caller"]


def test_an_error_crosses_the_thread(gateway: LiteLLMGateway) -> None:
    """The caller gets the typed error, from whole answers and from streams."""
    with pytest.raises(GatewayError):
        gateway.generate("")
    with pytest.raises(GatewayError):
        next(gateway.generate_stream(""))


def test_a_stream_closed_early_leaves_nothing_running(gateway: LiteLLMGateway) -> None:
    """``with`` ends the call behind a reader who stops."""
    with gateway.generate_stream("word " * 5000) as stream:
        for piece in stream:
            if piece:
                break
    for _ in range(200):
        if not gateway.get_health()["in_flight"]:
            break
        threading.Event().wait(0.01)

    assert gateway.get_health()["in_flight"] == 0


def test_a_forked_child_makes_its_own_way() -> None:
    """Parent and child both answer after a fork, with calls made before it."""
    printed = script(
        """
        import os
        from litellm_gateway import create_gateway
        gateway = create_gateway(provider="echo")
        print(gateway.generate("parent").text, flush=True)
        child = os.fork()
        if child == 0:
            print(gateway.generate("child").text, "".join(gateway.generate_stream("c d")), flush=True)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print(gateway.generate("parent again").text)
        """
    )

    assert printed.split("\n")[:3] == ["parent", "child c d", "parent again"]


@pytest.mark.parametrize("ending", ["", "raise SystemExit(3)", "gateway.close()"])
def test_a_program_ends_quietly_however_the_gateway_is_left(ending: str) -> None:
    """Never closed, in mid-stream, exiting with a code, or closed: no warning, no wait, the right exit code."""
    printed = script(
        f"""
        from litellm_gateway import create_gateway
        gateway = create_gateway(provider="echo", providers={{"echo": {{"delay": 0.01}}}})
        print(gateway.generate("hi").text, flush=True)
        stream = gateway.generate_stream("a b c d e f g h i j k l m n o p")
        next(stream), next(stream)
        {ending}
        """,
        expect=3 if "SystemExit" in ending else 0,
    )

    assert printed == "hi\n"


def test_an_asyncio_program_may_leave_its_gateway_open() -> None:
    """``asyncio.run`` with a gateway nobody closes ends without a warning."""
    printed = script(
        """
        import asyncio
        from litellm_gateway import create_gateway
        async def main():
            gateway = create_gateway(provider="echo")
            async for piece in gateway.generate_stream_async("a b"):
                if piece:
                    break
            print((await gateway.generate_async("hi")).text)
        asyncio.run(main())
        """
    )

    assert printed == "hi\n"


def test_interruption_ends_a_call_promptly() -> None:
    """Ctrl-C during a blocking call raises KeyboardInterrupt long before the answer would come."""
    printed = script(
        """
        import os, signal, threading, time
        from litellm_gateway import create_gateway
        gateway = create_gateway(provider="echo", providers={"echo": {"delay": 20.0}})
        for ask in (lambda: gateway.generate("a b"), lambda: list(gateway.generate_stream("a b"))):
            threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
            began = time.monotonic()
            try:
                ask()
            except KeyboardInterrupt:
                print("interrupted", time.monotonic() - began < 5)
        """
    )

    assert printed == "interrupted True\ninterrupted True\n"
