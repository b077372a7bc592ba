"""Guardrails over requests and whole answers: allow, modify, block, and what happens when they fail."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import traceback
from typing import TYPE_CHECKING

import pytest
from litellm_gateway.contracts import Allow, Block, Call, GuardrailOffer, Modify, Verdict
from litellm_gateway.errors import (
    ContentFilteredError,
    DeadlineExceededError,
    GatewayError,
    GuardrailError,
    ProviderError,
)
from litellm_gateway.guarding import Guards
from litellm_gateway.messages import MediaPart, Message, ReasoningPart, TextPart, ToolCall
from litellm_gateway.requests import EmbedRequest, GenerateRequest
from litellm_gateway.responses import GenerateResponse
from litellm_gateway.testing.log_ear import heard

if TYPE_CHECKING:
    from collections.abc import Callable

CANARY = "canary-prompt-51cd"
STAGES = ("input", "output")


class Judge:
    """Judges every text with one function, and remembers what it was shown at which stage."""

    def __init__(self, verdict: Callable[[str], Verdict]) -> None:
        self.verdict = verdict
        self.shown: list[tuple[str, str]] = []

    async def check_input(self, text: str, call: Call) -> Verdict:
        self.shown.append(("input", text))
        return self.verdict(text)

    async def check_output(self, text: str, call: Call) -> Verdict:
        self.shown.append(("output", text))
        return self.verdict(text)

    async def aclose(self) -> None:
        pass


class PlainJudge(Judge):
    """Judges without waiting for anything, in plain functions."""

    def check_input(self, text: str, call: Call) -> Verdict:  # type: ignore[override]
        self.shown.append(("input", text))
        return self.verdict(text)

    def check_output(self, text: str, call: Call) -> Verdict:  # type: ignore[override]
        self.shown.append(("output", text))
        return self.verdict(text)


class Odd:
    """No verdict, and it breaks whoever looks at it."""

    def __getattr__(self, name: str) -> object:
        raise ValueError(CANARY)


def _replace(pattern: str, by: str) -> Callable[[str], Verdict]:
    def verdict(text: str) -> Verdict:
        changed = re.sub(pattern, by, text)
        return Allow() if changed == text else Modify(changed, "replaced")

    return verdict


def _raise(error: BaseException) -> Callable[[str], Verdict]:
    def verdict(text: str) -> Verdict:
        raise error

    return verdict


def _guards(*judges: object, **options: object) -> Guards:
    return Guards(
        [
            (GuardrailOffer(name=f"judge-{number}", summary="", build=lambda *_: None, **options), judge)  # type: ignore[arg-type,misc]
            for number, judge in enumerate(judges)
        ]
    )


def _call(seconds: float = 60.0) -> Call:
    now = time.monotonic()
    return Call(id="req_1", tenant="t", deadline=now + seconds, retries_left=0, clock=time.monotonic, started_at=now)


def _request(*contents: object) -> GenerateRequest:
    return GenerateRequest(
        model="m",
        messages=tuple(Message(role="user", content=content) for content in contents),  # type: ignore[arg-type]
    )


async def _check(guards: Guards, stage: str, text: str, call: Call | None = None) -> str:
    if stage == "input":
        return (await guards.check_request(_request(text), call or _call())).messages[0].text
    return (await guards.check_response(GenerateResponse(text=text, model="m"), call or _call())).text


async def test_without_guardrails_everything_is_handed_back() -> None:
    """No guardrail: inactive, and request and answer are the same objects."""
    guards, request, answer = Guards(), _request("a"), GenerateResponse(text="a", model="m")

    assert not guards.active
    assert await guards.check_request(request, _call()) is request
    assert await guards.check_response(answer, _call()) is answer


async def test_allowed_means_the_same_object() -> None:
    """What is allowed is not copied, so that the pipeline sees it is unmodified."""
    guards, request, answer = _guards(Judge(lambda _: Allow())), _request("a"), GenerateResponse(text="a", model="m")

    assert guards.active
    assert await guards.check_request(request, _call()) is request
    assert await guards.check_response(answer, _call()) is answer


@pytest.mark.parametrize("stage", STAGES)
async def test_modified_text_goes_on(stage: str) -> None:
    """A modified text takes the place of the old one."""
    assert await _check(_guards(Judge(_replace("a", "b"))), stage, "xax") == "xbx"


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    "verdict",
    [
        lambda _: Allow(),
        _replace("a", "b"),
        lambda _: Block("no such talk"),
        lambda _: None,
        _raise(ValueError("odd")),
        _raise(GuardrailError("own words", guardrail="judge-0", stage="input", reason="own")),
    ],
)
async def test_a_plain_function_judges_like_one_that_waits(verdict: Callable[[str], Verdict], stage: str) -> None:
    """A check that need not wait may be a plain function: its verdicts and failures mean the same."""

    async def outcome(judge: Judge) -> str:
        try:
            return await _check(_guards(judge), stage, "xax")
        except GuardrailError as error:
            return re.sub(r"line \d+", "line", f"{error.message} {error.guardrail} {error.stage} {error.reason}")

    assert await outcome(PlainJudge(verdict)) == await outcome(Judge(verdict))


@pytest.mark.parametrize("stage", STAGES)
async def test_what_breaks_when_it_is_looked_at_is_a_failure(stage: str) -> None:
    """Whatever a guardrail gives, its caller gets a typed error that quotes nothing."""
    with pytest.raises(GuardrailError) as caught:
        await _check(_guards(PlainJudge(lambda _: Odd())), stage, "xax")  # type: ignore[arg-type,return-value]

    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("stage", STAGES)
async def test_block_is_a_typed_error(stage: str) -> None:
    """A blocked text is an error that names the guardrail, the stage and the reason, and quotes nothing."""
    guards = _guards(Judge(lambda _: Block("no such talk")))

    with pytest.raises(GuardrailError) as caught:
        await _check(guards, stage, CANARY)

    error = caught.value
    assert (error.guardrail, error.stage, error.reason) == ("judge-0", stage, "no such talk")
    assert "judge-0" in error.message
    assert CANARY not in f"{error!r} {error}"


async def test_guardrails_run_in_order() -> None:
    """Each guardrail judges what the one before it let pass; a block ends it."""
    first, second, third = Judge(_replace("a", "b")), Judge(lambda _: Block("no")), Judge(lambda _: Allow())

    with pytest.raises(GuardrailError, match="judge-1"):
        await _guards(first, second, third).check_request(_request("a"), _call())

    assert (first.shown, second.shown, third.shown) == ([("input", "a")], [("input", "b")], [])


async def test_stages_are_kept_apart() -> None:
    """A guardrail that looks at one stage is not asked at the other."""
    judge = Judge(lambda _: Allow())
    guards = _guards(judge, stages=frozenset({"output"}))

    await _check(guards, "input", "in")
    await _check(guards, "output", "out")

    assert judge.shown == [("output", "out")]


async def test_which_texts_of_a_request_are_seen() -> None:
    """Every role's text and tool results are judged; media, reasoning, call arguments and empty texts are not."""
    judge = Judge(lambda _: Allow())
    request = GenerateRequest(
        model="m",
        messages=(
            Message(role="system", content="rules"),
            Message(
                role="user", content=(TextPart(text="look "), MediaPart(kind="image", url="u"), TextPart(text="here"))
            ),
            Message(
                role="assistant",
                content=(ReasoningPart(text="hm"),),
                tool_calls=(ToolCall(id="c", name="f", arguments='{"a": 1}'),),
            ),
            Message(role="tool", content="result", tool_call_id="c"),
        ),
    )

    await _guards(judge).check_request(request, _call())

    assert [text for _, text in judge.shown] == ["rules", "look here", "result"]


async def test_parts_are_changed_where_they_stand() -> None:
    """A change inside one part stays there, its other fields and its neighbours untouched."""
    media = MediaPart(kind="image", url="u")
    request = _request((TextPart(text="a secret", cache=True), media, TextPart(text="fine")))

    checked = await _guards(Judge(_replace("secret", "***"))).check_request(request, _call())

    assert checked.messages[0].content == (TextPart(text="a ***", cache=True), media, TextPart(text="fine"))


async def test_nothing_hides_by_being_cut_into_parts() -> None:
    """A word cut over two parts is blocked, or changed in place of both."""
    media = MediaPart(kind="image", url="u")
    request = _request((TextPart(text="a sec"), media, TextPart(text="ret, see")))

    checked = await _guards(Judge(_replace("secret", "***"))).check_request(request, _call())

    assert checked.messages[0].content == (TextPart(text="a ***, see"), media)
    with pytest.raises(GuardrailError):
        await _guards(Judge(lambda text: Block("no") if "secret" in text else Allow())).check_request(request, _call())


async def test_only_changed_messages_are_new() -> None:
    """One changed message leaves the others the same objects."""
    request = _request("fine", "a secret", "fine too")

    checked = await _guards(Judge(_replace("secret", "***"))).check_request(request, _call())

    assert [message.text for message in checked.messages] == ["fine", "a ***", "fine too"]
    assert checked.messages[0] is request.messages[0]
    assert checked.messages[2] is request.messages[2]
    assert request.messages[1].text == "a secret"


async def test_texts_to_embed_are_judged() -> None:
    """Every text to embed is judged, and replaced in its place."""
    request = EmbedRequest(model="m", texts=("a", "x", ""))

    checked = await _guards(Judge(_replace("a", "b"))).check_request(request, _call())

    assert checked == EmbedRequest(model="m", texts=("b", "x", ""))


async def test_an_answer_without_text_passes() -> None:
    """An answer that only calls tools has no text to judge."""
    judge = Judge(lambda _: Block("no"))
    answer = GenerateResponse(text="", model="m", tool_calls=(ToolCall(id="c", name="f"),))

    assert await _guards(judge).check_response(answer, _call()) is answer


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    "verdict",
    [_raise(ValueError(CANARY)), lambda _: None, lambda _: "allow", lambda _: Modify(None), _raise(TimeoutError())],  # type: ignore[arg-type]
)
async def test_a_failing_guardrail_blocks(stage: str, verdict: Callable[[str], Verdict]) -> None:
    """An exception, or anything but a verdict, fails closed, naming the guardrail, and is counted."""
    guards = _guards(Judge(verdict))

    with pytest.raises(GuardrailError, match="judge-0") as caught:
        await _check(guards, stage, CANARY)

    assert (caught.value.stage, caught.value.reason) == (stage, "the guardrail failed")
    assert guards.failures == {"judge-0": 1}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("verdict", [_raise(ValueError("x")), lambda _: None, _raise(ProviderError("down"))])
async def test_fail_open_lets_the_text_pass(stage: str, verdict: Callable[[str], Verdict]) -> None:
    """With ``fail_open`` a failing guardrail is passed over and counted; the next one is asked all the same."""
    guards = _guards(Judge(verdict), Judge(_replace("a", "b")), fail_open=True)

    assert await _check(guards, stage, "a") == "b"
    assert guards.failures == {"judge-0": 1, "judge-1": 0}


@pytest.mark.parametrize("fail_open", [False, True])
async def test_a_guardrail_may_raise_its_own_block(fail_open: bool) -> None:
    """A GuardrailError raised by the guardrail blocks, fail open or not."""
    own = GuardrailError("mine", guardrail="g", stage="input", reason="r")

    with pytest.raises(GuardrailError) as caught:
        await _check(_guards(Judge(_raise(own)), fail_open=fail_open), "input", "a")

    assert caught.value is own


async def test_a_typed_error_reaches_the_caller() -> None:
    """Another GatewayError fails the call as it is."""
    own = ContentFilteredError("the judge's own provider refused")

    with pytest.raises(GatewayError) as caught:
        await _check(_guards(Judge(_raise(own))), "input", "a")

    assert caught.value is own


async def test_the_text_is_in_no_log_error_or_trace() -> None:
    """A guardrail whose exception quotes the text does not carry it to the caller, however it is printed."""
    guards = _guards(Judge(_raise(ValueError(CANARY))))

    with heard(logging.DEBUG) as lines, pytest.raises(GuardrailError) as caught:
        await _check(guards, "input", CANARY)

    shown = "".join(traceback.format_exception(caught.value))
    assert CANARY not in shown + repr(guards) + "".join(lines)
    assert caught.value.__context__ is None
    assert "ValueError in test_guarded_requests.py, line" in caught.value.message


class Hanging(Judge):
    async def check_input(self, text: str, call: Call) -> Verdict:
        await asyncio.sleep(3600)
        return Allow()

    check_output = check_input


@pytest.mark.parametrize("fail_open", [False, True])
@pytest.mark.parametrize("stage", STAGES)
async def test_a_hanging_guardrail_ends_with_the_call(stage: str, fail_open: bool) -> None:
    """A guardrail that never answers ends the call at its deadline, fail open or not."""
    guards = _guards(Hanging(lambda _: Allow()), fail_open=fail_open)

    with pytest.raises(DeadlineExceededError, match="judge-0"):
        await _check(guards, stage, "a", _call(seconds=0.01))


async def test_cancelling_goes_through() -> None:
    """A cancelled call does not wait for its guardrail."""
    guards = _guards(Hanging(lambda _: Allow()), fail_open=True)
    checking = asyncio.ensure_future(_check(guards, "input", "a"))
    await asyncio.sleep(0)

    checking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await checking
    assert guards.failures == {"judge-0": 0}
