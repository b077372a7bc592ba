"""How answers are read, whole and streamed: parts, calls, thoughts, sources, finish, usage."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway.errors import AuthenticationError, InvalidRequestError, RateLimitError
from litellm_gateway.messages import Message, ReasoningPart, TextPart
from litellm_gateway.requests import GenerateRequest
from litellm_gateway.testing.provider_driver import HELLO, Outcome, ask, ask_streamed, build
from litellm_gateway.testing.wire_player import Recording, Reply, WirePlayer
from litellm_gateway.wire import Limits
from litellm_gateway_provider_google.finish_reasons import unify_finish
from litellm_gateway_provider_google.generate_request import Manners, write_generate_request
from litellm_gateway_provider_google.plugin import gateway_provider
from litellm_gateway_provider_google.stream_reader import GeminiStreamReader

if TYPE_CHECKING:
    from litellm_gateway.responses import GenerateResponse

WIRE = Path(__file__).parent / "wire" / "google"
USAGE = {"promptTokenCount": 10, "candidatesTokenCount": 3, "thoughtsTokenCount": 4, "totalTokenCount": 17}


def _provider(reply: Reply) -> Any:
    return build(gateway_provider(), {"api_key": "AIza0123456789abcdefgh"}, WirePlayer(reply))


def _answer(*parts: dict[str, Any], finish: str = "STOP", **candidate: Any) -> dict[str, Any]:
    content = {"role": "model", "parts": list(parts)}
    return {
        "candidates": [{"content": content, "finishReason": finish, **candidate}],
        "usageMetadata": USAGE,
        "modelVersion": "gemini-3-flash-preview",
        "responseId": "r1",
    }


def _event(*parts: dict[str, Any], **candidate: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, **candidate}], "responseId": "r1"}


def _whole(body: Any) -> GenerateResponse:
    outcome = asyncio.run(ask(_provider(Reply(pieces=(json.dumps(body).encode(),)))))
    assert outcome.answer is not None, repr(outcome.error)
    return outcome.answer


def _streamed(*events: dict[str, Any]) -> Outcome:
    data = b"".join(b"data: " + json.dumps(event).encode() + b"\r\n\r\n" for event in events)
    reply = Reply(headers={"content-type": "text/event-stream"}, pieces=(data,))
    return asyncio.run(ask_streamed(_provider(reply)))


def test_a_whole_answer() -> None:
    """Text, model, usage in disjoint buckets, finish, and the answer's own id."""
    answer = _whole(_answer({"text": "Hello "}, {"text": "there"}))

    assert answer.text == "Hello there"
    assert answer.model == "gemini-3-flash-preview"
    assert (answer.finish_reason, answer.raw_finish_reason) == ("stop", "STOP")
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.reasoning_tokens) == (10, 3, 4)
    assert answer.usage.total_tokens == 17
    assert answer.metadata["response_id"] == "r1"


def test_usage_of_cache_and_server_tools() -> None:
    """Cached tokens are part of the prompt's count, results of Google's tools come on top of it."""
    usage = {**USAGE, "cachedContentTokenCount": 8, "toolUsePromptTokenCount": 5, "totalTokenCount": 22}

    answer = _whole({**_answer({"text": "x"}), "usageMetadata": usage})

    assert (answer.usage.input_tokens, answer.usage.cache_read_tokens) == (7, 8)
    assert answer.usage.total_tokens == 22


def test_calls_get_an_id_where_they_have_none() -> None:
    """Two calls of one tool are told apart; the finish says that tools are called, which Gemini never does."""
    answer = _whole(
        _answer(
            {"functionCall": {"name": "weather", "args": {"city": "Paris"}}, "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "weather", "args": {"city": "Rome"}}},
            {"functionCall": {"name": "time", "id": "own-id"}},
        )
    )

    assert [(call.name, call.parse(), call.signature) for call in answer.tool_calls] == [
        ("weather", {"city": "Paris"}, "c2ln"),
        ("weather", {"city": "Rome"}, None),
        ("time", {}, None),
    ]
    assert answer.tool_calls[2].id == "own-id"
    assert len({call.id for call in answer.tool_calls}) == 3
    assert (answer.finish_reason, answer.raw_finish_reason) == ("tool_calls", "STOP")


@pytest.mark.parametrize(
    "parts",
    [
        [{"text": "Hm.", "thought": True}, {"text": "Yes", "thoughtSignature": "c2ln"}],
        [{"text": "Yes"}, {"text": "", "thoughtSignature": "c2ln"}],
        [{"functionCall": {"name": "time", "args": {"zone": "UTC"}}, "thoughtSignature": "c2ln"}],
        [{"functionCall": {"name": "time", "args": {}, "id": "own"}}, {"functionCall": {"name": "date", "args": {}}}],
        [
            {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "c2ln"},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
            {"text": "One", "thoughtSignature": "c2ln"},
        ],
        [{"toolCall": {"id": "x", "args": {}}, "thoughtSignature": "c2ln"}, {"text": "Found"}],
        [{"inlineData": {"mimeType": "image/png", "data": "iVA="}, "thoughtSignature": "c2ln"}],
        [{"text": "Yes", "partMetadata": {"a": 1}}],
        [{"text": "Yes", "partMetadata": {"a": 1}, "thoughtSignature": "c2ln"}],
        [{"text": "Hm.", "thought": True}, {"text": "Yes", "speechMetadata": {"speaker": "Joe"}}],
        [{"text": "Hm.", "thought": True, "partMetadata": {"a": 1}}, {"text": "Yes"}],
    ],
)
def test_what_the_model_said_goes_back_as_it_came(parts: list[dict[str, Any]]) -> None:
    """An answer turned into the next request's history gives the parts it was made of, whole and streamed."""
    whole = _whole(_answer(*parts))
    streamed = _streamed(*(_event(part) for part in parts), _answer()).answer
    assert streamed is not None

    for answer in (whole, streamed):
        content: tuple[Any, ...] = answer.reasoning
        content += (TextPart(text=answer.text),) if answer.text else ()
        history = Message(role="assistant", content=content, tool_calls=answer.tool_calls)
        request = GenerateRequest(model="gemini-2.5-flash", messages=(history,))
        body = write_generate_request(request, Manners(), stream=False)

        assert body["contents"] == [{"role": "model", "parts": parts}]


def test_a_text_with_more_beside_it() -> None:
    """Fields beside a text or a thought do not take it away; they are shown as an annotation."""
    said = {"text": "Hello", "partMetadata": {"a": 1}}
    thought = {"text": "Hm.", "thought": True, "newField": {}}

    whole = _whole(_answer(thought, said))
    streamed = _streamed(_event(thought), _event(said), _answer()).answer
    assert streamed is not None

    for answer in (whole, streamed):
        assert answer.text == "Hello"
        assert "".join(part.text for part in answer.reasoning) == "Hm."
        assert answer.annotations == ({"thought": True, "newField": {}}, {"partMetadata": {"a": 1}})


def test_thoughts_are_reasoning() -> None:
    """They are not part of the text."""
    answer = _whole(_answer({"text": "Hm.", "thought": True}, {"text": "Yes"}))

    assert answer.text == "Yes"
    assert answer.reasoning == (ReasoningPart(text="Hm."),)


def test_sources_are_annotations() -> None:
    """Grounding, citations and parts of Google's own tools are handed on as they came."""
    grounding = {"webSearchQueries": ["x"]}
    citations = {"citationSources": [{"uri": "https://x.example"}]}
    code = {"executableCode": {"code": "1"}}

    answer = _whole(_answer(code, {"text": "x"}, groundingMetadata=grounding, citationMetadata=citations))

    assert answer.annotations == (code, {"groundingMetadata": grounding}, {"citationMetadata": citations})


def test_several_answers() -> None:
    """The first is the answer, the texts of the others are alternatives."""
    body = _answer({"text": "one"}, index=0)
    body["candidates"] += [{"content": {"parts": [{"text": "two"}]}, "finishReason": "STOP", "index": 1}]

    answer = _whole(body)

    assert answer.text == "one"
    assert answer.metadata["alternatives"] == ("two",)


def test_log_probabilities() -> None:
    """They are in the metadata as they came."""
    assert _whole(_answer({"text": "x"}, logprobsResult={"chosenCandidates": []})).metadata["logprobs"] == {
        "chosenCandidates": []
    }


@pytest.mark.parametrize(
    ("word", "unified"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        *(
            (word, "content_filter")
            for word in (
                "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR",
                "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "blocked:JAILBREAK",
            )
        ),
        *(
            (word, "error")
            for word in (
                "MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS",
                "MISSING_THOUGHT_SIGNATURE", "OTHER", "NO_IMAGE", "IMAGE_OTHER",
            )
        ),
        ("CONTINUATION", "other"),
        ("A_WORD_OF_NEXT_YEAR", "other"),
    ],
)  # fmt: skip
def test_finish_reasons(word: str, unified: str) -> None:
    """Each word of Gemini's has one of the gateway's, a new one is ``other``; its own word is kept."""
    answer = _whole(_answer({"text": "x"}, finish=word))

    assert (answer.finish_reason, answer.raw_finish_reason) == (unified, word)
    assert unify_finish(word, has_tool_calls=True) == ("tool_calls" if unified == "stop" else unified)


def test_a_blocked_prompt_is_an_empty_answer() -> None:
    """No candidates and a reason: finish ``content_filter`` and no text, whole and streamed; the reason is kept."""
    feedback = {"blockReason": "SAFETY", "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT"}]}
    body = {"promptFeedback": feedback, "usageMetadata": {"promptTokenCount": 7, "totalTokenCount": 7}}

    streamed = _streamed(body)

    assert streamed.finished
    for answer in (_whole(body), streamed.answer):
        assert answer is not None
        assert answer.text == ""
        assert (answer.finish_reason, answer.raw_finish_reason) == ("content_filter", "blocked:SAFETY")
        assert answer.annotations == ({"promptFeedback": feedback},)
        assert answer.usage.prompt_tokens == 7


def test_a_filtered_answer_says_what_it_was_rated() -> None:
    """The ratings come along where they explain the finish, and only there."""
    ratings = [{"category": "HARM_CATEGORY_HARASSMENT", "blocked": True}]

    filtered = _whole(_answer({"text": "x"}, finish="SAFETY", safetyRatings=ratings))
    fine = _whole(_answer({"text": "x"}, safetyRatings=ratings))

    assert filtered.annotations == ({"safetyRatings": ratings},)
    assert fine.annotations == ()


def test_an_empty_answer_is_an_answer() -> None:
    """A finish without content is no fault."""
    answer = _whole({"candidates": [{"content": {"role": "model"}, "finishReason": "STOP"}]})

    assert (answer.text, answer.finish_reason) == ("", "stop")


def test_a_stream() -> None:
    """Start, pieces, one usage (the last one sent), one finish."""
    outcome = _streamed(
        {**_event({"text": "Hel"}), "usageMetadata": {"promptTokenCount": 10, "totalTokenCount": 10}},
        {**_event({"text": "lo"}), "usageMetadata": {"trafficType": "ON_DEMAND"}},
        {**_event({"text": ""}, finishReason="STOP"), "usageMetadata": USAGE},
    )

    assert [piece.kind for piece in outcome.pieces] == ["start", "text", "text", "usage", "finish"]
    assert outcome.answer is not None
    assert outcome.answer.text == "Hello"
    assert outcome.answer.usage.total_tokens == 17


def test_a_stream_without_a_reason_is_no_success() -> None:
    """Gemini has no terminator: only the finish reason tells that all has come."""
    outcome = _streamed(_event({"text": "Hel"}), {"usageMetadata": USAGE})

    assert not outcome.finished
    assert outcome.answer is not None
    assert outcome.answer.text == "Hel"
    assert outcome.answer.usage.total_tokens == 17


def test_sources_after_the_reason_are_not_lost() -> None:
    """The finish waits for the end of the body."""
    late = {"candidates": [{"groundingMetadata": {"webSearchQueries": ["x"]}}]}

    outcome = _streamed(_event({"text": "Hi"}, finishReason="STOP"), late)

    assert [piece.kind for piece in outcome.pieces] == ["start", "text", "annotation", "finish"]


def test_arguments_that_come_in_pieces() -> None:
    """Pieces that name a place each are put together; texts for one place are joined."""
    outcome = _streamed(
        _event({"functionCall": {"name": "plan", "willContinue": True}, "thoughtSignature": "c2ln"}),
        _event({"functionCall": {"partialArgs": [_piece("$.city", "stringValue", "Par")], "willContinue": True}}),
        _event({"functionCall": {"partialArgs": [_piece("$.city", "stringValue", "is")], "willContinue": True}}),
        _event({"functionCall": {"partialArgs": [_piece("$.stops[0].name", "stringValue", "A"),
                                                 _piece("$.stops[0].hours", "numberValue", 2),
                                                 _piece("$.stops[1]['a b']", "boolValue", True),
                                                 _piece('$["end"]', "nullValue", "NULL_VALUE")],
                                 "willContinue": True}}),
        _event({"functionCall": {}}),
        _event({"functionCall": {"name": "now"}}, finishReason="STOP"),
    )  # fmt: skip

    assert outcome.answer is not None
    plan, now = outcome.answer.tool_calls
    assert plan.parse() == {"city": "Paris", "stops": [{"name": "A", "hours": 2}, {"a b": True}], "end": None}
    assert (plan.signature, now.name, now.parse()) == ("c2ln", "now", {})
    assert outcome.answer.finish_reason == "tool_calls"


def _piece(path: str, kind: str, value: Any) -> dict[str, Any]:
    return {"jsonPath": path, kind: value}


@pytest.mark.parametrize("path", ["city", "$", "$.a[9]", "$.a..b", "$.a[", "", "$" + ".a" * 99])
def test_pieces_of_arguments_that_lead_nowhere(path: str) -> None:
    """A typed error, not a wrong call."""
    outcome = _streamed(
        _event({"functionCall": {"name": "plan", "willContinue": True}}),
        _event({"functionCall": {"partialArgs": [_piece(path, "stringValue", "x")]}}, finishReason="STOP"),
    )

    assert outcome.error is not None
    assert not outcome.finished


def test_an_error_inside_a_stream() -> None:
    """An event that reports an error raises it; what came before is kept."""
    error = {"error": {"code": 429, "message": "Resource exhausted.", "status": "RESOURCE_EXHAUSTED"}}

    outcome = _streamed(_event({"text": "Hel"}), error)

    assert isinstance(outcome.error, RateLimitError)
    assert outcome.answer is not None
    assert outcome.answer.text == "Hel"


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_error_as_json_under_the_content_type_of_a_stream(wrapped: bool) -> None:
    """Google answers so with a good status; it is no empty stream."""
    error: Any = {
        "error": {"code": 400, "message": "Request contains an invalid argument.", "status": "INVALID_ARGUMENT"}
    }
    body = json.dumps([error] if wrapped else error, indent=2).encode()
    reply = Reply(headers={"content-type": "text/event-stream"}, pieces=(b"\r\n", body[:9], body[9:]))

    outcome = asyncio.run(ask_streamed(_provider(reply)))

    assert isinstance(outcome.error, InvalidRequestError)
    assert outcome.error.status_code == 400


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream"])
def test_a_json_array_in_place_of_events(content_type: str) -> None:
    """Without ``alt=sse`` all events come as one array: read when it is whole."""
    recording = Recording.from_file(WIRE / "google-generateContent-483177586d2f.json")
    reply = Reply(headers={"content-type": content_type}, pieces=(recording.body[:50], recording.body[50:]))

    outcome = asyncio.run(ask_streamed(_provider(reply)))

    assert outcome.finished
    assert outcome.answer is not None
    assert outcome.answer.text == "Hello! How can I help you today?"
    assert outcome.answer.usage.total_tokens == 190


def test_a_whole_answer_with_an_error_inside() -> None:
    """A good status does not make it an answer."""
    body = {"error": {"code": 401, "message": "Request had invalid authentication.", "status": "UNAUTHENTICATED"}}

    outcome = asyncio.run(ask(_provider(Reply(pieces=(json.dumps(body).encode(),)))))

    assert isinstance(outcome.error, AuthenticationError)
    assert outcome.error.model == HELLO.model


@pytest.mark.parametrize("size", [1, 1000])
def test_a_field_behind_a_space_says_nothing(size: int) -> None:
    """Blank lines before the first event are passed over; a field name that a space stands before is none."""
    reader = GeminiStreamReader(Limits())
    body = b"\r\n \n data: no\ndata: yes\n\n"

    events = [event for at in range(0, len(body), size) for event in reader.feed(body[at : at + size])]

    assert events == [("", b"yes")]
