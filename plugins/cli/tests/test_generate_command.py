from __future__ import annotations

import json

import pytest
from litellm_gateway.errors import AuthenticationError, StreamInterruptedError


def test_standard_output_holds_the_answer_alone(command):
    """Footer and notes go to standard error."""
    result = command("generate", "Hi")

    assert result.stdout == "Hello world\n"
    assert result.stderr == "acme/m-1 · 3 + 4 tokens · $0.0005 · 1.2 s\n"
    assert result.exit_code == 0


def test_quiet_leaves_the_footer_out(command):
    """--quiet writes nothing beside the answer."""
    result = command("generate", "Hi", "--quiet")

    assert (result.stdout, result.stderr) == ("Hello world\n", "")


def test_options_reach_the_gateway(command, gateway, tmp_path):
    """Every option of a call arrives under the name the gateway knows."""
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object"}')

    command("generate", "Hi", "-m", "m", "-s", "Be brief.", "--max-tokens", "7", "--temperature", "0.5",
            "--tenant", "t1", "--schema", str(schema))  # fmt: skip

    asked = gateway.asked[0]
    assert asked.pop("response_format").schema == {"type": "object"}
    assert asked == {
        "prompt": "Hi", "streamed": True, "model": "m", "system": "Be brief.", "max_tokens": 7,
        "temperature": 0.5, "tenant_id": "t1",
    }  # fmt: skip


def test_json_prints_one_object(command, gateway):
    """--json prints response.to_dict() on one line and does not stream."""
    result = command("generate", "Hi", "--json")

    answer = json.loads(result.stdout)
    assert answer["text"] == "Hello world"
    assert answer["usage"]["total_tokens"] == 7
    assert result.stdout.count("\n") == 1
    assert gateway.asked[0]["streamed"] is False


def test_no_stream_prints_the_whole_answer(command, gateway):
    """--no-stream asks for the answer in one piece."""
    result = command("generate", "Hi", "--no-stream")

    assert result.stdout == "Hello world\n"
    assert gateway.asked[0]["streamed"] is False


def test_an_answer_that_ends_its_line_gets_no_second_line_break(command, gateway):
    """The line break is added only where it is missing."""
    gateway.scripts = [["Hello\n"]]

    result = command("generate", "Hi")

    assert result.stdout == "Hello\n"


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_the_prompt_comes_from_standard_input(command, gateway, arguments):
    """Without a prompt, or with "-", what is piped in is the prompt, less its last line break."""
    command("generate", *arguments, input="From the pipe\r\n")

    assert gateway.asked[0]["prompt"] == "From the pipe"


def test_piped_text_follows_the_prompt(command, gateway):
    """With both, the pipe's text comes after the prompt and an empty line."""
    command("generate", "Sum up:", input="line 1\nline 2\n")

    assert gateway.asked[0]["prompt"] == "Sum up:\n\nline 1\nline 2"


def test_an_empty_pipe_changes_nothing(command, gateway):
    """A prompt alone stays as it is."""
    command("generate", "Hi", input="\n")

    assert gateway.asked[0]["prompt"] == "Hi"


def test_no_prompt_at_all_is_wrong_usage(command, gateway):
    """Nothing given, nothing piped: exit code 2, and nobody is asked."""
    result = command("generate", input="")

    assert result.exit_code == 2
    assert "the prompt is empty" in result.stderr
    assert gateway.opened == 0


def test_bytes_that_are_no_text_are_wrong_usage(command, gateway):
    """A binary file piped in is refused before anything is sent."""
    result = command("generate", input=b"\xff\xfe\x00")

    assert result.exit_code == 2
    assert "not UTF-8" in result.stderr
    assert gateway.opened == 0


@pytest.mark.parametrize("content", ["no json", "[1]"])
def test_a_schema_that_is_none_is_wrong_usage(command, tmp_path, content):
    """--schema wants a file with one JSON object."""
    schema = tmp_path / "schema.json"
    schema.write_text(content)

    result = command("generate", "Hi", "--schema", str(schema))

    assert result.exit_code == 2
    assert "--schema" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [("--temperature", "3"), ("--max-tokens", "0"), ("--timeout", "0"), ("--schema", "absent.json")],
)
def test_impossible_values_are_wrong_usage(command, arguments):
    """A value outside its range ends with 2 before anything is sent."""
    result = command("generate", "Hi", *arguments)

    assert result.exit_code == 2
    assert arguments[0] in result.stderr


def test_a_failure_is_one_line_and_exit_code_1(command, gateway):
    """A GatewayError shows its message, on one line, without a traceback."""
    gateway.scripts = [[AuthenticationError("the key was refused\nby the \x1b[31mprovider")]]

    result = command("generate", "Hi")

    assert result.stderr == "error: the key was refused by the \\x1b[31mprovider\n"
    assert (result.stdout, result.exit_code) == ("", 1)


def test_debug_shows_the_traceback(command, gateway):
    """--debug adds the traceback, the one line still ends it."""
    gateway.scripts = [[AuthenticationError("the key was refused")]]

    result = command("generate", "Hi", "--debug")

    assert "Traceback (most recent call last)" in result.stderr
    assert result.stderr.endswith("error: the key was refused\n")
    assert result.exit_code == 1


def test_a_broken_stream_keeps_what_came_and_fails(command, gateway):
    """The part that came is on standard output, its line ended; the exit code says it is not whole."""
    gateway.scripts = [["Hel", StreamInterruptedError("the stream broke")]]

    result = command("generate", "Hi")

    assert result.stdout == "Hel\n"
    assert result.stderr == "error: the stream broke\n"
    assert result.exit_code == 1


def test_an_interruption_ends_with_130_and_closes_the_gateway(command, gateway):
    """Ctrl-C is no failure and no traceback."""
    gateway.scripts = [["Hel", KeyboardInterrupt()]]

    result = command("generate", "Hi")

    assert result.exit_code == 130
    assert "Traceback" not in result.stderr
    assert gateway.closed == 1


def test_a_reader_that_left_ends_quietly_with_141(command, gateway):
    """A broken pipe says nothing."""
    gateway.scripts = [["Hel", BrokenPipeError()]]

    result = command("generate", "Hi", "-q")

    assert (result.stderr, result.exit_code) == ("", 141)


def test_a_refusal_is_told_and_fails(command, gateway):
    """No answer but a refusal: nothing on standard output, exit code 1."""
    gateway.scripts = [[]]
    gateway.answer = {"refusal": "I cannot help with that.", "text": ""}

    result = command("generate", "Hi", "-q")

    assert (result.stdout, result.stderr) == ("", "refused: I cannot help with that.\n")
    assert result.exit_code == 1


def test_the_gateway_is_closed(command, gateway):
    """One gateway is opened and closed per run."""
    command("generate", "Hi")

    assert (gateway.opened, gateway.closed) == (1, 1)


def test_a_pipe_gets_control_characters_as_they_came(command, gateway):
    """Only a terminal is protected; a file or pipe holds the answer unchanged."""
    gateway.scripts = [["a\x1b[31mb"]]

    result = command("generate", "Hi", "-q")

    assert result.stdout == "a\x1b[31mb\n"
