"""How parameters, tools, schemas, thinking, safety settings and ``extra_body`` are written."""

from __future__ import annotations

from typing import Any

import pytest
from litellm_gateway.errors import InvalidRequestError, UnsupportedParameterError
from litellm_gateway.messages import Message, ResponseFormat, Tool, ToolChoice
from litellm_gateway.requests import GenerateRequest
from litellm_gateway_provider_google.generate_request import Manners, write_generate_request
from litellm_gateway_provider_google.plugin import gateway_provider
from litellm_gateway_provider_google.schemas import as_openapi

MESSAGES = (Message(role="user", content="Hello"),)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "additionalProperties": False}
WEATHER, TIME = Tool(name="weather", description="Tell the weather", parameters=SCHEMA), Tool(name="time")
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def _body(*, manners: Manners | None = None, model: str = "gemini-2.5-flash", **fields: Any) -> dict[str, Any]:
    request = GenerateRequest(model=model, messages=MESSAGES, **fields)
    return write_generate_request(request, manners or Manners(), stream=False)


def test_nothing_is_sent_that_was_not_set() -> None:
    """A plain request holds the conversation and nothing else."""
    assert _body() == {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}


def test_sampling() -> None:
    """Every parameter has its name in ``generationConfig``."""
    body = _body(
        max_tokens=9, temperature=0.0, top_p=0.5, top_k=3, stop=("END",), seed=7, presence_penalty=0.1,
        frequency_penalty=0.2, n=2, logprobs=True, top_logprobs=4,
    )  # fmt: skip

    assert body["generationConfig"] == {
        "maxOutputTokens": 9, "temperature": 0.0, "topP": 0.5, "topK": 3, "seed": 7, "presencePenalty": 0.1,
        "frequencyPenalty": 0.2, "candidateCount": 2, "stopSequences": ["END"], "responseLogprobs": True,
        "logprobs": 4,
    }  # fmt: skip


def test_several_streamed_answers_are_refused() -> None:
    """A stream is one answer."""
    request = GenerateRequest(model="m", messages=MESSAGES, n=2)

    with pytest.raises(UnsupportedParameterError) as caught:
        write_generate_request(request, Manners(), stream=True)

    assert caught.value.parameter == "n"


def test_tools_stand_in_one_entry() -> None:
    """Schemas go into the field that takes JSON Schema; a tool without arguments has none."""
    assert _body(tools=(WEATHER, TIME))["tools"] == [
        {
            "functionDeclarations": [
                {"name": "weather", "description": "Tell the weather", "parametersJsonSchema": SCHEMA},
                {"name": "time"},
            ]
        }
    ]


@pytest.mark.parametrize(
    ("choice", "calling", "offered"),
    [
        (ToolChoice(mode="auto"), {"mode": "AUTO"}, ["weather", "time"]),
        (ToolChoice(mode="none"), {"mode": "NONE"}, ["weather", "time"]),
        (ToolChoice(mode="required"), {"mode": "ANY"}, ["weather", "time"]),
        (
            ToolChoice(mode="required", names=("time",)),
            {"mode": "ANY", "allowedFunctionNames": ["time"]},
            ["weather", "time"],
        ),
        (ToolChoice(mode="auto", names=("time",)), {"mode": "AUTO"}, ["time"]),
    ],
)
def test_tool_choice(choice: ToolChoice, calling: dict[str, Any], offered: list[str]) -> None:
    """A subset is named where a call is required; where it is free only the subset is offered."""
    body = _body(tools=(WEATHER, TIME), tool_choice=choice)

    assert body["toolConfig"] == {"functionCallingConfig": calling}
    assert [tool["name"] for tool in body["tools"][0]["functionDeclarations"]] == offered


def test_a_required_call_needs_a_tool() -> None:
    """Refused before it is sent; a free choice among no tools says nothing and is left out."""
    with pytest.raises(InvalidRequestError, match="no such tool"):
        _body(tool_choice=ToolChoice(mode="required"))

    assert "toolConfig" not in _body(tool_choice=ToolChoice(mode="none"))


def test_one_call_at_a_time_cannot_be_asked_for() -> None:
    """The wire has no word for it; that calls may be parallel is its habit."""
    with pytest.raises(UnsupportedParameterError, match="one call at a time"):
        _body(tools=(TIME,), parallel_tool_calls=False)

    assert "toolConfig" not in _body(tools=(TIME,), parallel_tool_calls=True)


@pytest.mark.parametrize("manners", [Manners(), Manners(openapi=True)])
def test_of_the_twin_fields_only_one_is_sent(manners: Manners) -> None:
    """Never both a JSON schema and its OpenAPI twin."""
    body = _body(manners=manners, tools=(WEATHER,), response_format=ResponseFormat(schema=SCHEMA))

    declaration, config = body["tools"][0]["functionDeclarations"][0], body["generationConfig"]
    assert ("parameters" in declaration, "parametersJsonSchema" in declaration) == (
        manners.openapi,
        not manners.openapi,
    )
    assert ("responseSchema" in config, "responseJsonSchema" in config) == (manners.openapi, not manners.openapi)
    assert config["responseMimeType"] == "application/json"


def test_json_without_a_schema() -> None:
    """The type of the answer is all that is said."""
    assert _body(response_format=ResponseFormat())["generationConfig"] == {"responseMimeType": "application/json"}


def test_openapi_subset() -> None:
    """References are written out, null is nullable, and what the subset lacks is left out."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {"Pet": {"type": "object", "properties": {"kind": {"const": "cat"}}, "additionalProperties": False}},
        "type": "object",
        "properties": {
            "pet": {"$ref": "#/$defs/Pet", "description": "A pet"},
            "age": {"type": ["integer", "null"], "exclusiveMinimum": 0, "minimum": 1},
            "owner": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "either": {"oneOf": [{"type": "string"}, {"type": "number"}]},
            "both": {"allOf": [{"type": "string", "maxLength": 3}]},
            "list": {"type": "array", "items": {"type": ["string", "number"]}},
        },
        "required": ["pet"],
    }

    assert as_openapi(schema) == {
        "type": "object",
        "properties": {
            "pet": {"type": "object", "properties": {"kind": {"enum": ["cat"]}}, "description": "A pet"},
            "age": {"type": "integer", "nullable": True, "minimum": 1},
            "owner": {"type": "string", "nullable": True},
            "either": {"anyOf": [{"type": "string"}, {"type": "number"}]},
            "both": {"type": "string", "maxLength": 3},
            "list": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "number"}]}},
        },
        "required": ["pet"],
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$defs": {"Tree": {"properties": {"child": {"$ref": "#/$defs/Tree"}}}}, "$ref": "#/$defs/Tree"},
        {"$ref": "#/$defs/Nobody"},
        {"$ref": "https://elsewhere.example/schema"},
    ],
)
def test_references_the_subset_cannot_say(schema: dict[str, Any]) -> None:
    """Schemas that refer to themselves or to nothing are refused, not sent cut."""
    with pytest.raises(InvalidRequestError, match="schema"):
        as_openapi(schema)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("gemini-2.5-flash", [0, 1024, 1024, 8192, 24576, 24576, 24576]),
        ("gemini-2.5-pro", [None, 1024, 1024, 8192, 24576, 32768, 32768]),
        ("gemini-3-pro-preview", [None, "LOW", "LOW", "HIGH", "HIGH", "HIGH", "HIGH"]),
        ("gemini-3.1-pro-preview", [None, "LOW", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH"]),
        ("gemini-3.6-flash", ["MINIMAL", "MINIMAL", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH"]),
        ("google/gemini-3.8-flash", [None, "LOW", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH"]),
        ("gemini-4-argon", ["MINIMAL", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH", "XHIGH"]),
    ],
)
def test_effort_in_the_words_of_the_model(model: str, told: list[str | int | None]) -> None:
    """A budget of tokens for Gemini 2.5, the nearest level the model has from Gemini 3 on; None: cannot be done."""
    for effort, wanted in zip(EFFORTS, told, strict=True):
        if wanted is None:
            with pytest.raises(UnsupportedParameterError, match="cannot be switched off"):
                _body(model=model, reasoning_effort=effort)
            continue

        config = _body(model=model, reasoning_effort=effort)["generationConfig"]["thinkingConfig"]

        assert config.get("thinkingLevel", config.get("thinkingBudget")) == wanted
        assert config.get("includeThoughts", False) == (effort != "none")


def test_effort_and_budget_never_go_together() -> None:
    """Each model gets the one it counts in; a budget alone reaches every model."""

    def told(model: str, **fields: Any) -> dict[str, Any]:
        config: dict[str, Any] = _body(model=model, **fields)["generationConfig"]["thinkingConfig"]
        return config

    both = {"reasoning_effort": "low", "reasoning_budget": 77}

    assert told("gemini-2.5-flash", **both) == {"thinkingBudget": 77, "includeThoughts": True}
    assert told("gemini-3.6-flash", **both) == {"thinkingLevel": "LOW", "includeThoughts": True}
    assert told("gemini-3.6-flash", reasoning_budget=77) == {"thinkingBudget": 77, "includeThoughts": True}
    assert told("gemini-2.5-flash", reasoning_budget=0) == {"thinkingBudget": 0}


def test_thoughts_can_be_left_out() -> None:
    """``include_thoughts=False`` thinks without showing."""
    body = _body(manners=Manners(include_thoughts=False), reasoning_budget=77)

    assert body["generationConfig"] == {"thinkingConfig": {"thinkingBudget": 77}}


def test_safety_settings_and_extra_body() -> None:
    """Fields of the caller's are merged into ours: objects deeply, Google's tools beside the functions."""
    manners = Manners(safety_settings=({"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"},))
    body = _body(
        manners=manners,
        tools=(TIME,),
        max_tokens=9,
        extra_body={
            "generationConfig": {"responseModalities": ["TEXT"]},
            "tools": [{"googleSearch": {}}],
            "cachedContent": "cachedContents/1",
        },
    )

    assert body["safetySettings"] == [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    assert body["generationConfig"] == {"maxOutputTokens": 9, "responseModalities": ["TEXT"]}
    assert body["tools"] == [{"functionDeclarations": [{"name": "time"}]}, {"googleSearch": {}}]
    assert body["cachedContent"] == "cachedContents/1"


def test_one_request_may_set_its_own_safety() -> None:
    """``extra_body`` goes before the setting."""
    manners = Manners(safety_settings=({"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"},))

    body = _body(manners=manners, extra_body={"safetySettings": []})

    assert body["safetySettings"] == []


@pytest.mark.parametrize(
    ("model", "without"),
    [
        ("gemini-3.8-flash", {"parallel_tool_calls", "user"}),
        ("gemini-2.0-flash-001", {"parallel_tool_calls", "user", "reasoning_effort", "reasoning_budget"}),
        ("gemini-99", {"parallel_tool_calls", "user"}),
    ],
)
def test_what_models_do_not_take(model: str, without: set[str]) -> None:
    """Known before anything is sent, from data."""
    capabilities = gateway_provider().capabilities
    assert capabilities is not None

    assert capabilities(model).without == without
