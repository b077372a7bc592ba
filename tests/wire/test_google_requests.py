"""Requests that clients really sent to Gemini, read into the gateway's form and written again: the same meaning."""

from __future__ import annotations

import base64
import json
import re
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
from litellm_gateway.requests import EmbedRequest, GenerateRequest, TokenCountRequest
from litellm_gateway.secrets import Secret
from litellm_gateway_provider_google.dialect import GeminiDialect
from litellm_gateway_provider_google.generate_request import Manners
from litellm_gateway_provider_google.wire_address import GEMINI_URL, WireAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from litellm_gateway.messages import Part
    from litellm_gateway.testing.wire_player import Recording

    Corpus = Callable[[str, Sequence[str]], list[Recording]]
    Json = dict[str, Any]

EXCEPTIONS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "google_request_exceptions.json").read_text()
)
APIS = ("generateContent", "countTokens", "embedContent", "batchEmbedContents")
PLAIN = {
    "maxOutputTokens": "max_tokens", "temperature": "temperature", "topP": "top_p", "topK": "top_k", "seed": "seed",
    "presencePenalty": "presence_penalty", "frequencyPenalty": "frequency_penalty", "candidateCount": "n",
    "responseLogprobs": "logprobs", "logprobs": "top_logprobs",
}  # fmt: skip
MODES: dict[str, Any] = {"AUTO": "auto", "ANY": "required", "NONE": "none"}
TASKS = {"RETRIEVAL_QUERY": "search_query", "RETRIEVAL_DOCUMENT": "search_document"}
OF_THE_USER = ("args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema")
MAY_BE_EMPTY = {
    "systemInstruction", "generationConfig", "thinkingConfig", "safetySettings", "tools", "toolConfig", "args",
    "description",
}  # fmt: skip
ENUMS = {"mode", "thinkingLevel"}


def _plain(value: Any, name: str = "") -> Any:
    """Bring different ways to say the same into one: names in either case, null, and defaults that are spelt out."""
    if isinstance(value, list):
        return [_plain(item, name) for item in value]
    if isinstance(value, str) and name in ENUMS:
        return value.upper()
    if name == "data" and isinstance(value, str):
        return value.replace("-", "+").replace("_", "/")
    if name in OF_THE_USER:
        return json.loads(json.dumps(value).replace('"property_ordering":', '"propertyOrdering":'))
    if not isinstance(value, dict):
        return value
    said = {_camel(key): item for key, item in value.items()}
    said = {key: _plain(item, key) for key, item in said.items()}
    if isinstance(said.get("parts"), dict):
        said["parts"] = [said["parts"]]
    if said.get("systemInstruction"):
        texts = [part for part in said["systemInstruction"]["parts"] if part.get("text")]
        said["systemInstruction"] = {"parts": texts} if texts else {}
    if isinstance(said.get("content"), dict):
        said["content"].pop("role", None)
    if "tools" in said:
        said["tools"] = _sorted_tools(said["tools"])
    if isinstance(said.get("contents"), list):
        said["contents"] = _merged(said["contents"])
    return {
        key: item
        for key, item in said.items()
        if item is not None
        and not (item in ({}, [], "") and key in MAY_BE_EMPTY)
        and not (item is False and key in ("thought", "includeThoughts"))
    }


def _sorted_tools(tools: Any) -> list[Json]:
    """One entry holds all functions, and each of Google's own tools stands in an entry of its own."""
    entries = tools if isinstance(tools, list) else [tools] if tools else []
    functions = [each for entry in entries for each in entry.get("functionDeclarations") or ()]
    own = [{name: value} for entry in entries for name, value in entry.items() if name != "functionDeclarations"]
    return ([{"functionDeclarations": functions}] if functions else []) + own


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match.group(1).upper(), name)


def _merged(contents: list[Json]) -> list[Json]:
    """Turns of one speaker after another count as one, and functions speak as the user."""
    merged: list[Json] = []
    for content in contents:
        role = "model" if content.get("role") == "model" else "user"
        if merged and merged[-1]["role"] == role:
            merged[-1]["parts"] += content["parts"]
        else:
            merged.append({"role": role, "parts": list(content["parts"])})
    return merged


class Reader:
    """Reads one recorded body into the gateway's form."""

    def __init__(self, body: Json, model: str) -> None:
        self._body = dict(body)
        self._model = model
        self._waiting: list[ToolCall] = []
        self._calls = 0
        config = body.get("generationConfig", {})
        self.manners = Manners(
            safety_settings=tuple(self._body.pop("safetySettings", ())),
            include_thoughts=config.get("thinkingConfig", {}).get("includeThoughts", False),
            openapi="responseSchema" in config or '"parameters":' in json.dumps(body.get("tools")),
        )

    def request(self) -> GenerateRequest:
        """Give the request."""
        body = self._body
        system = body.pop("systemInstruction", {}).get("parts", ())
        said = tuple(TextPart(text=part["text"]) for part in system)
        messages = [Message(role="system", content=said)] if said else []
        for content in body.pop("contents"):
            read = self._model_turn if content["role"] == "model" else self._user_turns
            messages += read(content["parts"])
        fields = {**self._config(body.pop("generationConfig", {})), **self._tools()}
        more = {**body, **fields.pop("extra_body", {})}
        return GenerateRequest(model=self._model, messages=tuple(messages), extra_body=more, **fields)

    def _config(self, config: Json) -> Json:
        config = dict(config)
        fields: Json = {PLAIN[name]: config.pop(name) for name in PLAIN if name in config}
        fields["stop"] = tuple(config.pop("stopSequences", ()))
        if config.get("responseMimeType") == "application/json":
            del config["responseMimeType"]
            schema = config.pop("responseJsonSchema", None) or config.pop("responseSchema", None)
            fields["response_format"] = ResponseFormat(schema=schema)
        thinking = config.pop("thinkingConfig", {})
        if "thinkingLevel" in thinking:
            fields["reasoning_effort"] = thinking["thinkingLevel"].lower()
        elif "thinkingBudget" in thinking:
            fields["reasoning_budget"] = thinking["thinkingBudget"]
        elif thinking:
            config["thinkingConfig"] = thinking
        if config:
            fields["extra_body"] = {"generationConfig": config}
        return fields

    def _tools(self) -> Json:
        body = self._body
        fields: Json = {}
        entries = body.pop("tools", [])
        declared = [each for entry in entries for each in entry.get("functionDeclarations", ())]
        fields["tools"] = tuple(
            Tool(
                name=each["name"],
                description=each.get("description", ""),
                parameters=each.get("parametersJsonSchema") or each.get("parameters") or {},
            )
            for each in declared
        )
        if others := [entry for entry in entries if "functionDeclarations" not in entry]:
            body["tools"] = others
        calling = body.get("toolConfig", {}).get("functionCallingConfig", {})
        if calling.get("mode") in MODES:
            names = tuple(calling.get("allowedFunctionNames", ()))
            fields["tool_choice"] = ToolChoice(mode=MODES[calling["mode"]], names=names)
            del body["toolConfig"]
        return fields

    def _model_turn(self, parts: list[Json]) -> Iterator[Message]:
        calls = tuple(self._call(part) for part in parts if "functionCall" in part)
        self._waiting = list(calls)
        content = tuple(_model_part(part) for part in parts if "functionCall" not in part)
        yield Message(role="assistant", content=content, tool_calls=calls)

    def _call(self, part: Json) -> ToolCall:
        call = part["functionCall"]
        self._calls += 1
        return ToolCall(
            id=call.get("id") or f"gemini_call_{self._calls}",
            name=call["name"],
            arguments=json.dumps(call.get("args", {})),
            signature=part.get("thoughtSignature"),
        )

    def _user_turns(self, parts: list[Json]) -> Iterator[Message]:
        said: list[Part] = []
        for part in parts:
            if "functionResponse" not in part:
                said.append(_user_part(part))
                continue
            if said:
                yield Message(role="user", content=tuple(said))
                said = []
            yield self._result(part["functionResponse"])
        if said:
            yield Message(role="user", content=tuple(said))

    def _result(self, result: Json) -> Message:
        answered = next((call for call in self._waiting if call.name == result["name"]), None)
        if answered is not None:
            self._waiting.remove(answered)
        response, failed = result["response"], False
        match response:
            case {"output": str(text)} if len(response) == 1:
                said = text
            case {"error": str(text)} if len(response) == 1:
                said, failed = text, True
            case _:
                said = json.dumps(response)
        media = tuple(_media(part) for part in result.get("parts", ()))
        return Message(
            role="tool",
            content=(TextPart(text=said), *media),
            tool_call_id=result.get("id") or (answered.id if answered else None),
            is_error=failed,
            name=result["name"],
        )


def _model_part(part: Json) -> Part:
    if part.get("thought"):
        rest = {name: value for name, value in part.items() if name != "text"}
        kept = {"google_part": rest} if "thoughtSignature" in part else None
        return ReasoningPart(text=part["text"], extra=kept)
    if "text" in part:
        return TextPart(text=part["text"], signature=part.get("thoughtSignature"))
    return ReasoningPart(extra={"google_part": part})


def _user_part(part: Json) -> Part:
    return TextPart(text=part["text"]) if "text" in part else _media(part)


def _media(part: Json) -> MediaPart:
    more = {name: value for name, value in part.items() if name not in ("inlineData", "fileData")}
    if "fileData" in part:
        file = part["fileData"]
        return MediaPart(kind="file", url=file["fileUri"], media_type=file.get("mimeType"), options=more)
    data = part["inlineData"]
    return MediaPart(
        kind="image",
        data=base64.b64decode(data["data"]),
        media_type=data["mimeType"],
        options=more,
    )


def _written(recording: Recording) -> Json:
    body = _plain(recording.request)
    model = (recording.derived or {}).get("model") or "gemini-2.5-flash"
    if "mbed" in recording.api:
        return _written_embed(body)
    counted = body.pop("generateContentRequest", None)
    reader = Reader(counted or body, model)
    dialect = _dialect(reader.manners)
    request = reader.request()
    if recording.api != "countTokens":
        return _decoded(dialect.encode_generate(request, stream=False).body)
    written = _decoded(dialect.encode_count(TokenCountRequest(model=model, request=request)).body)
    return written if counted else _without_model(written["generateContentRequest"])


def _without_model(body: Json) -> Json:
    return {name: value for name, value in body.items() if name != "model"}


def _written_embed(body: Json) -> Json:
    items = body.get("requests", [body])
    first = items[0]
    request = EmbedRequest(
        model=first["model"],
        texts=tuple(item["content"]["parts"][0]["text"] for item in items),
        dimensions=first.get("outputDimensionality"),
        input_type=TASKS.get(first.get("taskType", ""), first.get("taskType")),
    )
    written = _decoded(_dialect(Manners()).encode_embed(request).body)
    return {"requests": [written]} if "requests" in body and len(items) == 1 else written


def _dialect(manners: Manners) -> GeminiDialect:
    return GeminiDialect(WireAddress.of_gemini(GEMINI_URL, "v1beta", Secret("AIza0123456789abcdefgh")), manners)


def _decoded(body: bytes) -> Json:
    decoded: Json = json.loads(body)
    return decoded


def test_requests_are_written_as_clients_write_them(corpus: Corpus) -> None:
    """Each recorded request, read into the gateway's form and written again, has the same meaning in JSON."""
    recordings = [one for name in ("google", "vertex") for one in corpus(name, APIS) if one.request]
    wrong = []

    for recording in recordings:
        mine, theirs = _plain(_written(recording)), _plain(recording.request)
        for name in EXCEPTIONS.get(recording.id, {}).get("fields", ()):
            mine.pop(name, None)
            theirs.pop(name, None)
        wrong += [
            f"{recording.id}: {name}: {json.dumps(mine.get(name))[:400]} is not {json.dumps(theirs.get(name))[:400]}"
            for name in {*mine, *theirs}
            if mine.get(name) != theirs.get(name)
        ]

    assert len(recordings) >= 190
    assert not wrong, "\n".join(wrong)


def test_exceptions_are_few_and_reasoned(corpus: Corpus) -> None:
    """Whatever field is left out of the comparison is named, with the reason; under 2 % of all have one."""
    known = {one.id for name in ("google", "vertex") for one in corpus(name, APIS) if one.request}

    assert set(EXCEPTIONS) <= known
    assert len(EXCEPTIONS) < 0.02 * len(known)
    assert all(row["reason"] and row["fields"] for row in EXCEPTIONS.values())
