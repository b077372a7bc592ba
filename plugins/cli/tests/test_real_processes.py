"""The command as a shell sees it: signals, pipes, terminals, and what it loads."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = [sys.executable, str(Path(__file__).with_name("slow_program.py"))]
ON_TERMINAL = "import os, sys; os.login_tty(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"
PATIENCE = 30.0


@pytest.fixture
def environment():
    """An environment without settings of its own, on an ordinary terminal."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LITELLM_GATEWAY_", "PYTHON")) and name not in ("NO_COLOR", "TERM")
    }
    return kept | {"TERM": "xterm"}


@contextmanager
def running(*arguments: str, env: dict[str, str], **streams):
    """Start the program and make sure that it is gone afterwards."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    process = subprocess.Popen([*PROGRAM, *arguments], env=env, **pipes)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()


class Terminal:
    """A pseudo-terminal with the program on it."""

    def __init__(self, *arguments: str, env: dict[str, str]) -> None:
        self.fd, inner = pty.openpty()
        command = [sys.executable, "-c", ON_TERMINAL, str(inner), *PROGRAM, *arguments]
        self.process = subprocess.Popen(command, pass_fds=(inner,), env=env)
        os.close(inner)
        self.shown = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.fd)

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def interrupt_until(self, text: str) -> None:
        """Press Ctrl-C until a text is shown: line editing may miss one while it handles another key."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.shown and time.monotonic() < deadline:
            self.type("\x03")
            while text not in self.shown and select.select([self.fd], [], [], 0.5)[0]:
                self._take(text)
        self.until(text)

    def until(self, text: str) -> str:
        """Read until a text is shown; give what was shown since the last call, that text included."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.shown:
            ready, _, _ = select.select([self.fd], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise AssertionError(f"{text!r} never came, only {self.shown!r}")
            self._take(text)
        before, found, self.shown = self.shown.partition(text)
        return before + found

    def rest(self) -> str:
        """Read to the end of the program."""
        while piece := self._read():
            self.shown += piece
        return self.shown

    def _take(self, wanted: str) -> None:
        piece = self._read()
        if not piece:
            raise AssertionError(f"{wanted!r} never came before the end, only {self.shown!r}")
        self.shown += piece

    def _read(self) -> str:
        try:
            return os.read(self.fd, 65536).decode("utf-8", "replace")
        except OSError:  # the program has left the terminal
            return ""


def test_an_answer_in_a_pipe_is_plain(environment):
    """No colour, no spinner, no prompt: the answer's own bytes, and the footer as plain text."""
    with running("generate", "hello", env=environment) as process:
        answer, beside = process.communicate(timeout=PATIENCE)

    assert answer == b"heard 1: hello \x1b[31mred\n"
    assert b"slow/slow-1" in beside
    assert b"\x1b" not in beside
    assert process.returncode == 0


def test_a_reader_that_leaves_early_ends_the_program_quietly(environment):
    """`litellm-gateway generate ... | head -1`: exit code 141, not a word."""
    with running("generate", "go on", "-q", env=environment) as process:
        first = process.stdout.readline()
        process.stdout.close()
        beside = process.stderr.read()
        code = process.wait(PATIENCE)

    assert first.startswith(b"heard 1: go on")
    assert (code, beside) == (141, b"")


def test_ctrl_c_ends_the_program_with_130(environment):
    """An interrupted answer ends at once, without a traceback."""
    with running("generate", "go on", "-q", env=environment) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, beside = process.communicate(timeout=PATIENCE)

    assert (process.returncode, beside) == (130, b"")


def test_the_prompt_of_a_real_pipe_is_read(environment):
    """`echo ... | litellm-gateway generate --json`."""
    with running("generate", "--json", "-q", env=environment, stdin=subprocess.PIPE) as process:
        answer, _ = process.communicate(b"from a pipe\n", timeout=PATIENCE)

    assert json.loads(answer)["text"].startswith("heard 1: from a pipe")


def test_a_full_disk_is_told_in_one_line(environment):
    """What cannot be written is a failure, not a traceback."""
    with Path("/dev/full").open("wb") as full, running("generate", "hi", "-q", env=environment, stdout=full) as process:
        _, beside = process.communicate(timeout=PATIENCE)

    assert beside.startswith(b"error: ")
    assert beside.count(b"\n") == 1
    assert process.returncode == 1


def test_a_terminal_is_shown_escapes_instead_of_obeying_them(environment):
    """A model cannot steer the terminal of the person reading it."""
    with Terminal("generate", "hello", "-q", env=environment | {"TERM": "dumb"}) as terminal:
        shown = terminal.rest()

    assert "hello \\x1b[31mred" in shown
    assert "\x1b" not in shown


def test_no_color_leaves_no_colour_codes(environment):
    """NO_COLOR: neither footer nor spinner sets a colour."""
    with Terminal("generate", "hello", env=environment | {"NO_COLOR": "1"}) as terminal:
        shown = terminal.rest()

    assert "slow/slow-1" in shown
    assert not [code for code in ("\x1b[3", "\x1b[9", "\x1b[1m", "\x1b[2m") if code in shown]


def test_no_prompt_on_a_terminal_is_wrong_usage(environment):
    """Without a prompt and without a pipe the program explains itself instead of waiting for ever."""
    with Terminal("generate", env=environment) as terminal:
        shown = terminal.rest()
        code = terminal.process.wait(PATIENCE)

    assert "give a PROMPT, or pipe one in" in shown
    assert code == 2


def test_a_chat_on_a_terminal(environment):
    """Ctrl-C breaks off the answer and the chat goes on with what was said; Ctrl-D leaves with 0."""
    with Terminal("chat", env=environment) as terminal:
        terminal.until("> ")
        terminal.type("go on\n")
        terminal.until("and on")
        terminal.type("\x03")
        terminal.until("broken off")
        terminal.until("> ")
        terminal.type("and now?\n")
        second = terminal.until("red")
        terminal.until("> ")
        terminal.type("\x04")
        terminal.rest()
        code = terminal.process.wait(PATIENCE)

    assert "heard 3: and now?" in second
    assert code == 0


def test_ctrl_c_at_the_prompt_drops_the_line(environment):
    """What was typed is not sent, and the chat goes on."""
    with Terminal("chat", "-q", env=environment) as terminal:
        terminal.until("> ")
        terminal.type("never sent")
        terminal.until("never sent")
        terminal.interrupt_until("> ")
        terminal.type("sent\n")
        answer = terminal.until("red")
        terminal.type("\x04")

    assert "heard 1: sent" in answer


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["generate", "--help"], ["chat", "--help"]])
def test_help_loads_no_heavy_package(environment, arguments):
    """Help answers at once: no HTTP client, no event loop, no table printer is imported for it."""
    heavy = "{'httpx', 'httpcore', 'aiohttp', 'stevedore', 'limits', 'pluggy', 'rich', 'asyncio'}"
    program = (
        "import sys\n"
        "from litellm_gateway_cli.main import main\n"
        f"main({arguments!r}, standalone_mode=False)\n"
        f"print(sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, timeout=PATIENCE)

    assert done.stderr.decode().strip() == "[]"
