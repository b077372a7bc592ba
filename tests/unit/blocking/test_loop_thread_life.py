"""The loop thread behind blocking calls: what may kill it, what comes after it, and programs that end or fork."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap

import pytest
from litellm_gateway import GatewayError, blocking


def script(code: str, *, expect: int = 0) -> str:
    """Run a script with every warning an error and asyncio in debug mode; give what it printed."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == expect, done.stderr
    assert done.stderr == ""
    return done.stdout


async def echo(value: int) -> int:
    await asyncio.sleep(0)
    return value


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_what_ends_a_program_does_not_end_the_thread(error: BaseException) -> None:
    """A coroutine that raises SystemExit raises it at its caller; the next blocking call works."""

    async def leave() -> None:
        await asyncio.sleep(0)
        raise error

    with pytest.raises(type(error)):
        blocking.run(leave())

    assert blocking.run(echo(1)) == 1


def test_a_stopped_loop_is_started_again() -> None:
    """Somebody's ``loop.stop()`` on the gateway's own loop hangs nobody."""

    async def stop() -> int:
        asyncio.get_running_loop().stop()
        await asyncio.sleep(0)
        return 1

    assert blocking.run(stop()) == 1
    assert blocking.run(echo(2)) == 2


def test_calls_work_while_the_program_ends() -> None:
    """A handler of ``atexit`` that runs after the gateway's own still gets its answer or a typed error, at once."""
    printed = script(
        """
        import atexit
        from litellm_gateway import GatewayError, create_gateway

        def last():
            try:
                print("late:", gateway.generate("bye").text, "".join(gateway.generate_stream("a b")))
            except GatewayError as error:
                print("late: refused")

        atexit.register(last)
        gateway = create_gateway(provider="echo")
        print(gateway.generate("hi").text)
        """
    )

    assert printed in ("hi\nlate: bye a b\n", "hi\nlate: refused\n")


def test_a_child_cannot_read_its_parents_stream() -> None:
    """After a fork in mid-stream the child is told so, its own calls work, and the parent reads on."""
    printed = script(
        """
        import os
        from litellm_gateway import GatewayError, create_gateway
        gateway = create_gateway(provider="echo", providers={"echo": {"delay": 0.01}})
        stream = gateway.generate_stream("a b c d e")
        next(stream), next(stream)
        child = os.fork()
        if child == 0:
            try:
                list(stream)
            except GatewayError:
                print("refused", "".join(gateway.generate_stream("c")), flush=True)
            stream.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print("".join(stream).split()[-1])
        """
    )

    assert printed == "refused c\ne\n"


def test_a_refused_call_leaves_no_coroutine_behind() -> None:
    """A blocking call on the gateway's own loop is refused, without a warning about what was never awaited."""

    async def nested() -> None:
        blocking.run(echo(1))

    with pytest.raises(GatewayError, match="wait for itself"):
        blocking.run(nested())
