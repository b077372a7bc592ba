"""How a conversation is written: turns, system instruction, media, tool calls and results, signatures."""

from __future__ import annotations

import json
from typing import Any

import pytest
from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.messages import MediaPart, Message, ReasoningPart, TextPart, ToolCall
from litellm_gateway.requests import GenerateRequest
from litellm_gateway_provider_google.generate_request import Manners, write_generate_request

STAND_IN = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
QUESTION = Message(role="user", content="Weather in Paris?")
CALL = ToolCall(id="call-1", name="weather", arguments='{"city": "Paris"}', signature="c2ln")


def _body(*messages: Message, model: str = "gemini-2.5-flash") -> dict[str, Any]:
    return write_generate_request(GenerateRequest(model=model, messages=messages), Manners(), stream=False)


def _contents(*messages: Message, model: str = "gemini-2.5-flash") -> list[dict[str, Any]]:
    contents: list[dict[str, Any]] = _body(*messages, model=model)["contents"]
    return contents


def _result(content: str | tuple[TextPart | MediaPart, ...], **more: Any) -> dict[str, Any]:
    message = Message(role="tool", content=content, tool_call_id="call-1", **more)
    turns = _contents(QUESTION, Message(role="assistant", tool_calls=(CALL,)), message)
    result: dict[str, Any] = turns[-1]["parts"][0]["functionResponse"]
    return result


def test_turns_and_system_instruction() -> None:
    """Roles become user and model; what system and developer say is one instruction, wherever they say it."""
    body = _body(
        Message(role="system", content="Be brief."),
        Message(role="user", content="Hello"),
        Message(role="assistant", content="Hi"),
        Message(role="developer", content="Be kind."),
        Message(role="user", content="Bye"),
    )

    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]}
    assert [(turn["role"], turn["parts"]) for turn in body["contents"]] == [
        ("user", [{"text": "Hello"}]),
        ("model", [{"text": "Hi"}]),
        ("user", [{"text": "Bye"}]),
    ]


def test_nothing_but_a_system_message_is_refused() -> None:
    """Gemini answers turns; an instruction alone is none."""
    with pytest.raises(InvalidRequestError, match="at least one message"):
        _body(Message(role="system", content="Be brief."))


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (
            MediaPart(kind="image", data=b"\x89P", media_type="image/png"),
            {"inlineData": {"mimeType": "image/png", "data": "iVA="}},
        ),
        (
            MediaPart(kind="image", url="data:image/gif;base64,R0lG"),
            {"inlineData": {"mimeType": "image/gif", "data": "R0lG"}},
        ),
        (
            MediaPart(kind="file", url="https://papers.example/a.pdf?x=1"),
            {"fileData": {"fileUri": "https://papers.example/a.pdf?x=1", "mimeType": "application/pdf"}},
        ),
        (
            MediaPart(kind="file", url="https://generativelanguage.googleapis.com/v1beta/files/abc-123"),
            {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc-123"}},
        ),
        (
            MediaPart(kind="file", url="gs://bucket/v.mp4", options={"videoMetadata": {"fps": 2}}),
            {"fileData": {"fileUri": "gs://bucket/v.mp4", "mimeType": "video/mp4"}, "videoMetadata": {"fps": 2}},
        ),
    ],
)
def test_media(part: MediaPart, written: dict[str, Any]) -> None:
    """Bytes go inline, addresses as file data with the type their ending tells."""
    assert _contents(Message(role="user", content=(part,)))[0]["parts"] == [written]


def test_detail_is_a_resolution_from_gemini_3_on() -> None:
    """Older models take no resolution per part: there the hint is left out."""
    part = MediaPart(kind="image", url="https://x.example/a.png", detail="low")
    message = Message(role="user", content=(part,))

    older, newer = _contents(message), _contents(message, model="gemini-3.6-flash")

    assert "mediaResolution" not in older[0]["parts"][0]
    assert newer[0]["parts"][0]["mediaResolution"] == {"level": "MEDIA_RESOLUTION_LOW"}


def test_a_call_goes_back_with_its_signature_beside_it() -> None:
    """The signature stands on the part, not inside the call; arguments are an object."""
    turn = _contents(QUESTION, Message(role="assistant", content="Let me see.", tool_calls=(CALL,)))[1]

    assert turn["parts"] == [
        {"text": "Let me see."},
        {
            "functionCall": {"name": "weather", "args": {"city": "Paris"}, "id": "call-1"},
            "thoughtSignature": "c2ln",
        },
    ]


def test_a_call_of_another_model_gets_the_stand_in_for_a_signature() -> None:
    """Gemini 3 refuses a turn whose first call has none; of parallel calls only the first needs one."""
    calls = tuple(ToolCall(id=f"call-{place}", name="weather") for place in range(2))
    turn = Message(role="assistant", tool_calls=calls)

    older = _contents(QUESTION, turn)[1]["parts"]
    newer = _contents(QUESTION, turn, model="gemini-3-flash-preview")[1]["parts"]

    assert [part.get("thoughtSignature") for part in older] == [None, None]
    assert [part.get("thoughtSignature") for part in newer] == [STAND_IN, None]


def test_a_turn_with_a_real_signature_gets_no_stand_in() -> None:
    """What the model signed goes back as it came."""
    second = ToolCall(id="call-2", name="weather")
    turn = Message(role="assistant", tool_calls=(CALL, second))

    parts = _contents(QUESTION, turn, model="publishers/google/models/gemini-3.1-pro-preview")[1]["parts"]

    assert [part.get("thoughtSignature") for part in parts] == ["c2ln", None]


def test_cut_arguments_are_refused_before_sending() -> None:
    """Gemini takes arguments as an object only; the message names the tool and not what stands in it."""
    call = ToolCall(id="call-1", name="weather", arguments='{"city": "Par')

    with pytest.raises(InvalidRequestError, match="'weather'") as caught:
        _body(QUESTION, Message(role="assistant", tool_calls=(call,)))

    assert "Par" not in caught.value.message


def test_results_are_objects() -> None:
    """A JSON object is sent as it is, any other text under ``output``, a failure under ``error``."""
    assert _result('{"celsius": 21}')["response"] == {"celsius": 21}
    assert _result("21 degrees")["response"] == {"output": "21 degrees"}
    assert _result("[1, 2]")["response"] == {"output": "[1, 2]"}
    assert _result("{not json}")["response"] == {"output": "{not json}"}
    assert _result("")["response"] == {"output": ""}
    assert _result("no such city", is_error=True)["response"] == {"error": "no such city"}
    assert _result('{"code": 3}', is_error=True)["response"] == {"error": {"code": 3}}
    assert _result('{"error": "gone"}', is_error=True)["response"] == {"error": "gone"}


def test_media_in_results() -> None:
    """Images stand beside the object."""
    image = MediaPart(kind="image", data=b"\x89P", media_type="image/png")

    result = _result((TextPart(text="a map"), image))

    assert result["response"] == {"output": "a map"}
    assert result["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "iVA="}}]


def test_all_results_of_a_turn_stand_together() -> None:
    """Gemini wants as many results in the next turn as there were calls; each carries its tool's name."""
    calls = (CALL, ToolCall(id="call-2", name="time"))
    results = [Message(role="tool", content="x", tool_call_id=call.id) for call in calls]

    turns = _contents(QUESTION, Message(role="assistant", tool_calls=calls), *results, QUESTION)

    assert [turn["role"] for turn in turns] == ["user", "model", "user", "user"]
    assert [part["functionResponse"]["name"] for part in turns[2]["parts"]] == ["weather", "time"]
    assert [part["functionResponse"]["id"] for part in turns[2]["parts"]] == ["call-1", "call-2"]


def test_ids_made_for_calls_do_not_go_back() -> None:
    """A call that came without an id goes back without one, and so does its result."""
    call = ToolCall(id="gemini_call_0_abc", name="weather", arguments="{}")

    turns = _contents(
        QUESTION,
        Message(role="assistant", tool_calls=(call,)),
        Message(role="tool", content="x", tool_call_id=call.id),
    )

    assert turns[1]["parts"] == [{"functionCall": {"name": "weather", "args": {}}}]
    assert turns[2]["parts"] == [{"functionResponse": {"name": "weather", "response": {"output": "x"}}}]


def test_a_result_without_a_call_is_refused() -> None:
    """Gemini knows results by the tool's name, which only the call tells."""
    with pytest.raises(InvalidRequestError, match="tool_call_id"):
        _body(QUESTION, Message(role="tool", content="x", tool_call_id="nobody"))


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (
            (ReasoningPart(text="Hm."), TextPart(text="Yes")),
            [{"text": "Hm.", "thought": True}, {"text": "Yes"}],
        ),
        (
            (ReasoningPart(text="Hm.", extra={"google_part": {"thoughtSignature": "s"}}), TextPart(text="Yes")),
            [{"text": "Hm.", "thought": True}, {"text": "Yes", "thoughtSignature": "s"}],
        ),
        (
            (ReasoningPart(extra={"google_part": {"text": "", "thoughtSignature": "s"}}), TextPart(text="Yes")),
            [{"text": "Yes"}, {"text": "", "thoughtSignature": "s"}],
        ),
        (
            (ReasoningPart(text="Hm.", extra={"google_part": {"thought": True, "thoughtSignature": "s"}}),),
            [{"text": "Hm.", "thought": True, "thoughtSignature": "s"}],
        ),
        (
            (ReasoningPart(extra={"google_part": {"executableCode": {"code": "1"}, "thoughtSignature": "s"}}),),
            [{"executableCode": {"code": "1"}, "thoughtSignature": "s"}],
        ),
        ((TextPart(text="Yes", signature="s"),), [{"text": "Yes", "thoughtSignature": "s"}]),
        ((ReasoningPart(text="Hm.", signature="another provider's"),), [{"text": "Hm.", "thought": True}]),
        ((ReasoningPart(redacted=True, signature="another provider's"), TextPart(text="Yes")), [{"text": "Yes"}]),
    ],
)
def test_reasoning_goes_back(content: tuple[Any, ...], parts: list[dict[str, Any]]) -> None:
    """Thoughts, signatures and Google's own parts go back as they came; another provider's signature does not."""
    turn = _contents(QUESTION, Message(role="assistant", content=content))[1]

    assert turn["parts"] == parts


def test_an_empty_assistant_turn_is_left_out() -> None:
    """Gemini refuses turns without parts."""
    assert len(_contents(QUESTION, Message(role="assistant", content=""), QUESTION)) == 2


def test_bodies_are_json() -> None:
    """What is written can be encoded."""
    assert json.dumps(_body(QUESTION, Message(role="assistant", tool_calls=(CALL,))))
