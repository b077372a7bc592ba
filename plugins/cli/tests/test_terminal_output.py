from __future__ import annotations

import io
import json

import pytest
from hypothesis import given, strategies as st
from litellm_gateway import GatewayError
from litellm_gateway_cli.terminal import (
    AnswerWriter,
    harmless,
    may_animate,
    may_colour,
    one_line,
    shown,
    to_json,
    waiting,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@given(st.text())
def test_no_control_character_reaches_a_terminal(text):
    """Whatever a model says, a terminal gets printable text, tabs and line feeds."""
    printed = harmless(text)

    assert not [char for char in printed if (ord(char) < 32 or 127 <= ord(char) < 160) and char not in "\t\n"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("one\r\ntwo\tend", "one\ntwo\tend"),
        ("grüße 你好 🙂", "grüße 你好 🙂"),
    ],
)
def test_escapes_become_visible_and_text_stays(text, shown):
    """Escapes are shown, ordinary text of any script is left alone."""
    assert harmless(text) == shown


def test_an_answer_for_a_terminal_is_made_harmless():
    """The writer protects a terminal."""
    terminal = Terminal()

    AnswerWriter(terminal).write("a\x1b[2Jb")

    assert terminal.getvalue() == "a\\x1b[2Jb"


def test_an_answer_for_a_file_stays_as_it_is():
    """Nobody's terminal is at stake in a file."""
    file = io.StringIO()

    AnswerWriter(file).write("a\x1b[2Jb")

    assert file.getvalue() == "a\x1b[2Jb"


def test_each_piece_is_flushed():
    """A reader at the other end of a pipe gets a piece as soon as it is written."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8")

    AnswerWriter(stream).write("piece")

    assert raw.getvalue() == b"piece"


def test_what_the_encoding_lacks_is_replaced():
    """A terminal without Unicode shows a question mark; the program goes on."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")

    AnswerWriter(stream).write("grün \ud800")

    assert raw.getvalue() == b"gr?n ?"


@given(st.text())
def test_json_survives_any_text(text):
    """One line, encodable, free of raw control characters, and read back as it was."""
    written = to_json({"text": text})

    assert json.loads(written) == {"text": text}
    assert written.encode("utf-8")
    assert harmless(written) == written
    assert "\n" not in written


@given(st.text())
def test_messages_are_one_line(text):
    """An error message never spans lines."""
    assert "\n" not in one_line(text)


def test_a_terminal_gets_colours(monkeypatch):
    """The ordinary case."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")

    assert may_colour(Terminal())
    assert may_animate(Terminal())


def test_no_color_is_honoured(monkeypatch):
    """NO_COLOR switches colours off and leaves cursor movement."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")

    assert not may_colour(Terminal())
    assert may_animate(Terminal())


def test_a_dumb_terminal_gets_plain_text(monkeypatch):
    """TERM=dumb switches both off."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "dumb")

    assert not may_colour(Terminal())
    assert not may_animate(Terminal())


@pytest.mark.parametrize("stream", [io.StringIO(), None])
def test_a_file_or_nothing_gets_plain_text(stream):
    """No terminal, no colours."""
    assert not may_colour(stream)
    assert not may_animate(stream)


def test_waiting_shows_nothing_where_nobody_looks(capfd):
    """In a pipe the spinner writes not one byte."""
    with waiting("waiting") as stop:
        stop()

    assert capfd.readouterr() == ("", "")


def test_an_error_says_whose_it_is():
    """Provider and status stand in the line, each once."""
    bare = GatewayError("inner fault", provider="acme", status_code=500)
    told = GatewayError("acme said no (status 500)", provider="acme", status_code=500)

    assert shown(bare) == "acme: inner fault (status 500)"
    assert shown(told) == "acme said no (status 500)"
    assert shown(GatewayError("nothing known")) == "nothing known"
