"""Requests that clients really sent to Cohere, read into the gateway's form and written again: the same meaning."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_gateway.messages import (
    MediaPart,
    Message,
    ReasoningPart,
    ResponseFormat,
    TextPart,
    Tool,
    ToolCall,
    ToolChoice,
)
from litellm_gateway.requests import EmbedRequest, GenerateRequest, RerankRequest
from litellm_gateway.secrets import Secret
from litellm_gateway_provider_cohere.dialect import CohereDialect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from litellm_gateway.messages import Part
    from litellm_gateway.testing.wire_player import Recording
    from litellm_gateway.wire import WireRequest

    Corpus = Callable[[str, Sequence[str]], list[Recording]]
    Json = Mapping[str, Any]

EXCEPTIONS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "cohere_request_exceptions.json").read_text()
)
SAME = {"p": "top_p", "k": "top_k"}
PLAIN = ("max_tokens", "temperature", "p", "k", "seed", "frequency_penalty", "presence_penalty", "logprobs")


def _dialect() -> CohereDialect:
    return CohereDialect(base_url="http://127.0.0.1:1", api_key=Secret("co-0123456789abcdefgh"))


def _parts(content: Any) -> str | tuple[Part, ...]:
    if content is None or isinstance(content, str):
        return content or ""
    return tuple(_part(item) for item in content)


def _part(item: Json) -> Part:
    match item["type"]:
        case "text":
            return TextPart(text=item["text"])
        case "thinking":
            return ReasoningPart(text=item["thinking"])
        case "document":
            return _document(item["document"])
        case _:
            image = item["image_url"]
            return MediaPart(kind="image", detail=image.get("detail"), **_source(image["url"]))


def _source(url: str) -> dict[str, Any]:
    if not url.startswith("data:"):
        return {"url": url}
    head, _, data = url[5:].partition(",")
    return {"data": base64.b64decode(data), "media_type": head.removesuffix(";base64")}


def _document(document: Json) -> MediaPart:
    fields, more = document["data"], {name: value for name, value in document.items() if name != "data"}
    if set(fields) == {"title", "text"}:
        data, name, media_type = fields["text"].encode(), fields["title"], "text/plain"
    else:
        data, name, media_type = json.dumps(fields).encode(), None, "application/json"
    return MediaPart(kind="file", data=data, media_type=media_type, filename=name, options=more)


def _message(item: Json) -> Message:
    content = _parts(item.get("content"))
    if plan := item.get("tool_plan"):
        parts = (TextPart(text=content),) if isinstance(content, str) else content
        content = (ReasoningPart(text=plan, extra={"cohere": "tool_plan"}), *parts)
    calls = tuple(
        ToolCall(id=call["id"], name=call["function"]["name"], arguments=call["function"]["arguments"])
        for call in item.get("tool_calls") or ()
    )
    return Message(role=item["role"], content=content, tool_calls=calls, tool_call_id=item.get("tool_call_id"))


def _tools(body: Json) -> Iterator[Tool]:
    for item in body.get("tools") or ():
        function = item["function"]
        yield Tool(
            name=function["name"],
            description=function.get("description") or "",
            parameters=function.get("parameters") or {},
            strict=body.get("strict_tools"),
        )


def _unified(body: Json) -> GenerateRequest:
    messages = tuple(_message(item) for item in body["messages"])
    if documents := body.get("documents"):
        messages += (Message(role="user", content=tuple(map(_document, documents))),)
    wanted, thinking = body.get("response_format"), body.get("thinking") or {}
    choice = body.get("tool_choice")
    return GenerateRequest(
        model=body["model"],
        messages=messages,
        stop=tuple(body.get("stop_sequences") or ()),
        tools=tuple(_tools(body)),
        tool_choice=ToolChoice(mode=choice.lower()) if choice else None,
        response_format=ResponseFormat(schema=wanted.get("json_schema")) if wanted else None,
        reasoning_effort={"enabled": "medium", "disabled": "none"}.get(thinking.get("type", "")),  # type: ignore[arg-type]
        reasoning_budget=thinking.get("token_budget"),
        **{SAME.get(name, name): body[name] for name in PLAIN if name in body},
    )


def _embed(body: Json) -> EmbedRequest:
    more = {name: body[name] for name in ("truncate", "images") if body.get(name)}
    return EmbedRequest(
        model=body["model"],
        texts=tuple(body.get("texts") or ()),
        input_type=body["input_type"],
        dimensions=body.get("output_dimension"),
        extra_body=more,
    )


def _rerank(body: Json) -> RerankRequest:
    return RerankRequest(
        model=body["model"], query=body["query"], documents=tuple(body["documents"]), top_n=body.get("top_n")
    )


def _written(recording: Recording) -> WireRequest:
    body, dialect = recording.request or {}, _dialect()
    if recording.api == "embed":
        return dialect.encode_embed(_embed(body))
    if recording.api == "rerank":
        return dialect.encode_rerank(_rerank(body))
    return dialect.encode_generate(_unified(body), stream=bool(body.get("stream")))


def _meaning(value: Any) -> Any:
    """Bring different ways to say the same into one: null, empty and left out; a text and a list of one text."""
    if isinstance(value, list):
        return [_meaning(item) for item in value]
    if not isinstance(value, dict):
        return value
    content = value.get("content")
    if isinstance(content, list) and len(content) < 2 and all(set(part) == {"type", "text"} for part in content):
        value = {**value, "content": "".join(part["text"] for part in content)}
    said = {name: _meaning(item) for name, item in value.items()}
    return {name: item for name, item in said.items() if item not in (None, [], "", False)}


def test_requests_are_written_as_clients_write_them(corpus: Corpus) -> None:
    """Each recorded request, read into the gateway's form and written again, has the same meaning in JSON."""
    recordings = [one for one in corpus("cohere", ("chat", "embed", "rerank")) if one.request]
    wrong = []

    for recording in recordings:
        mine, theirs = _meaning(json.loads(_written(recording).body)), _meaning(recording.request)
        for name in EXCEPTIONS.get(recording.id, {}).get("fields", ()):
            mine.pop(name, None)
            theirs.pop(name, None)
        wrong += [
            f"{recording.id}: {name}: {json.dumps(mine.get(name))[:300]} is not {json.dumps(theirs.get(name))[:300]}"
            for name in {*mine, *theirs}
            if mine.get(name) != theirs.get(name)
        ]

    assert len(recordings) >= 90
    assert not wrong, "\n".join(wrong)


def test_exceptions_are_few_and_reasoned(corpus: Corpus) -> None:
    """Whatever field is left out of the comparison is named, with the reason."""
    known = {one.id for one in corpus("cohere", ("chat", "embed", "rerank"))}

    assert set(EXCEPTIONS) <= known
    assert all(row["reason"] and row["fields"] for row in EXCEPTIONS.values())
