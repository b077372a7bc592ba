"""Write a Converse request: one dict, with only the fields that are set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway import json_codec
from litellm_gateway.errors import UnsupportedParameterError

from litellm_gateway_provider_bedrock.reasoning import add_reasoning, add_top_k
from litellm_gateway_provider_bedrock.tools import write_tools
from litellm_gateway_provider_bedrock.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_gateway.messages import ResponseFormat
    from litellm_gateway.requests import GenerateRequest

    from litellm_gateway_provider_bedrock.model_traits import Traits

_NO_FIELD = ("seed", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "user")


def write_request(request: GenerateRequest, traits: Traits) -> dict[str, Any]:
    """Give the body, the same for whole and streamed answers.

    Objects of ``extra_body`` are merged into the ones written here, lists are joined, anything else replaces.

    Raises:
        UnsupportedParameterError: Something is set that neither Converse nor this model has a place for.
    """
    _refuse_what_has_no_field(request)
    turns = Turns(request.messages)
    fields: dict[str, Any] = {}
    body: dict[str, Any] = {"messages": turns.messages}
    if turns.system:
        body["system"] = turns.system
    if inference := _inference(request):
        body["inferenceConfig"] = inference
    if request.tools or request.tool_choice is not None:
        config = write_tools(request, turns.messages)
        if config is not None:
            body["toolConfig"] = config
    if request.response_format is not None:
        body["outputConfig"] = {"textFormat": _text_format(request.response_format)}
    if request.reasoning_effort is not None or request.reasoning_budget is not None:
        add_reasoning(body, fields, request, traits)
    if request.top_k is not None:
        add_top_k(fields, request, traits)
    if fields:
        body["additionalModelRequestFields"] = fields
    return _merged(body, request.extra_body) if request.extra_body else body


def write_count_request(request: GenerateRequest, traits: Traits) -> dict[str, Any]:
    """Give the body of a request that only counts tokens."""
    body = write_request(request, traits)
    counted = ("messages", "system", "toolConfig", "additionalModelRequestFields")
    return {"input": {"converse": {name: body[name] for name in counted if name in body}}}


def _refuse_what_has_no_field(request: GenerateRequest) -> None:
    refused = [name for name in _NO_FIELD if getattr(request, name) is not None]
    if request.n is not None and request.n != 1:
        refused.append("n")
    if request.parallel_tool_calls is False:  # True is what models do anyway
        refused.append("parallel_tool_calls")
    if refused:
        raise UnsupportedParameterError(
            f"Converse has no '{refused[0]}'; leave it out, or give what the model takes by "
            "extra_body={'additionalModelRequestFields': {...}}",
            parameter=refused[0],
        )


def _inference(request: GenerateRequest) -> dict[str, Any]:
    inference: dict[str, Any] = {}
    if request.max_tokens is not None:
        inference["maxTokens"] = request.max_tokens
    if request.temperature is not None:
        inference["temperature"] = request.temperature
    if request.top_p is not None:
        inference["topP"] = request.top_p
    if request.stop:
        inference["stopSequences"] = list(request.stop)
    return inference


def _text_format(wanted: ResponseFormat) -> dict[str, Any]:
    """Write the schema, which Converse takes as a text."""
    if wanted.schema is None:
        raise UnsupportedParameterError(
            "Converse takes JSON by a schema only; give one, or ask for JSON in the prompt", parameter="response_format"
        )
    schema = {"name": wanted.name, "schema": json_codec.encode(dict(wanted.schema)).decode()}
    if wanted.description:
        schema["description"] = wanted.description
    return {"type": "json_schema", "structure": {"jsonSchema": schema}}


def _merged(body: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(body)
    for name, value in extra.items():
        known = merged.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            merged[name] = _merged(known, value)
        elif isinstance(known, list) and isinstance(value, list):
            merged[name] = [*known, *value]
        else:
            merged[name] = value
    return merged
