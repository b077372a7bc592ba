from __future__ import annotations

from litellm_gateway.errors import RateLimitError
from litellm_gateway.messages import ReasoningPart, TextPart


def said(asked):
    return [(message.role, message.text) for message in asked["messages"]]


def test_each_line_of_a_pipe_is_answered_in_turn(command, gateway):
    """Answers go to standard output one after the other, without a prompt between them."""
    gateway.scripts = [["One"], ["Two"]]

    result = command("chat", "-q", input="first\nsecond\n")

    assert (result.stdout, result.stderr, result.exit_code) == ("One\nTwo\n", "", 0)


def test_the_model_hears_what_was_said_before(command, gateway):
    """The second question comes with the first turn."""
    gateway.scripts = [["One"], ["Two"]]

    command("chat", input="first\nsecond\n")

    assert said(gateway.asked[1]) == [("user", "first"), ("assistant", "One"), ("user", "second")]


def test_reasoning_goes_back_with_the_next_turn(command, gateway):
    """Reasoning blocks return unchanged, before the answer's text."""
    block = ReasoningPart(text="thinking", signature="s")
    gateway.scripts = [["One"], ["Two"]]
    gateway.answer = {"reasoning": (block,)}

    command("chat", input="first\nsecond\n")

    assert gateway.asked[1]["messages"][1].content == (block, TextPart(text="One"))


def test_reset_forgets(command, gateway):
    """After /reset the model hears the new question alone."""
    gateway.scripts = [["One"], ["Two"]]

    command("chat", input="first\n/reset\nsecond\n")

    assert said(gateway.asked[1]) == [("user", "second")]


def test_system_and_model_hold_from_then_on(command, gateway):
    """/system and /model change the following turns; /system alone takes the instruction away."""
    gateway.scripts = [["One"], ["Two"], ["Three"]]

    command("chat", "-s", "Old.", input="a\n/system Be brief.\n/model acme/m-2\nb\n/system\nc\n")

    assert [asked["system"] for asked in gateway.asked] == ["Old.", "Be brief.", None]
    assert [asked["model"] for asked in gateway.asked] == [None, "acme/m-2", "acme/m-2"]


def test_exit_leaves(command, gateway):
    """Nothing after /exit is read."""
    result = command("chat", input="/exit\nfirst\n")

    assert gateway.asked == []
    assert result.exit_code == 0


def test_an_unknown_word_with_a_slash_is_not_sent(command, gateway):
    """A mistyped command gets the list of commands instead of an answer."""
    result = command("chat", input="/rest\n")

    assert gateway.asked == []
    assert "/rest is not known" in result.stderr


def test_two_slashes_send_a_line_that_starts_with_one(command, gateway):
    """//etc asks about /etc."""
    command("chat", input="//etc\n")

    assert said(gateway.asked[0]) == [("user", "/etc")]


def test_blank_lines_are_passed_over(command, gateway):
    """An empty line asks nothing."""
    command("chat", input="\n  \n")

    assert gateway.asked == []


def test_a_failure_in_a_pipe_ends_the_chat(command, gateway):
    """A script learns of the failure by exit code 1; later lines are not asked."""
    gateway.scripts = [[RateLimitError("too many requests")], ["Two"]]

    result = command("chat", input="first\nsecond\n")

    assert result.stderr == "error: too many requests\n"
    assert result.exit_code == 1
    assert len(gateway.asked) == 1


def test_an_interruption_in_a_pipe_ends_with_130(command, gateway):
    """Without a keyboard there is no prompt to return to."""
    gateway.scripts = [["On", KeyboardInterrupt()]]

    result = command("chat", input="first\n")

    assert result.exit_code == 130
    assert gateway.streams[0].closed


def test_every_answer_has_its_footer(command):
    """The footer goes to standard error."""
    result = command("chat", input="first\n")

    assert result.stdout == "Hello world\n"
    assert "3 + 4 tokens" in result.stderr
