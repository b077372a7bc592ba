"""Write the body of a request: one dict with only the fields that are set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litellm_gateway.errors import UnsupportedParameterError

from litellm_gateway_provider_anthropic.thinking import add_thinking
from litellm_gateway_provider_anthropic.tools import add_tools
from litellm_gateway_provider_anthropic.turns import write_conversation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_gateway.messages import ResponseFormat
    from litellm_gateway.requests import GenerateRequest

    from litellm_gateway_provider_anthropic.traits import Traits

SAMPLING: Final = ("temperature", "top_p", "top_k")
_UNKNOWN: Final = ("seed", "presence_penalty", "frequency_penalty", "n", "logprobs", "top_logprobs")
_NOT_COUNTED: Final = frozenset(
    {*SAMPLING, "max_tokens", "stream", "stop_sequences", "metadata", "service_tier", "container", "inference_geo"}
)


def write_messages_request(request: GenerateRequest, traits: Traits, *, stream: bool) -> dict[str, Any]:
    """Give the body of a request to the Messages API.

    Raises:
        UnsupportedParameterError: Something is set that this wire cannot say.
    """
    system, turns = write_conversation(request.messages, keeps_system_in_place=traits.system_in_place)
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_tokens or traits.max_output,
        "messages": turns,
    }
    if system is not None:
        body["system"] = system
    if stream:
        body["stream"] = True
    _add_sampling(body, request)
    if request.tools or request.tool_choice is not None or request.parallel_tool_calls is not None:
        add_tools(body, request, traits)
    if request.reasoning_effort is not None or request.reasoning_budget is not None:
        add_thinking(body, request, traits)
    if request.response_format is not None:
        body.setdefault("output_config", {})["format"] = _format(request.response_format)
    if request.user is not None:
        body["metadata"] = {"user_id": request.user}
    if request.extra_body:
        _add_extra(body, request.extra_body)
    return body


def write_count_request(request: GenerateRequest, traits: Traits) -> dict[str, Any]:
    """Give the body that asks for the input tokens of a request."""
    body = write_messages_request(request, traits, stream=False)
    return {name: value for name, value in body.items() if name not in _NOT_COUNTED}


def _add_sampling(body: dict[str, Any], request: GenerateRequest) -> None:
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.top_k is not None:
        body["top_k"] = request.top_k
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    for name in _UNKNOWN:
        if getattr(request, name) is not None:
            raise UnsupportedParameterError(f"Anthropic has no '{name}'; leave it out", parameter=name)


def _format(wanted: ResponseFormat) -> dict[str, Any]:
    if wanted.schema is None:
        raise UnsupportedParameterError(
            "Anthropic has no free JSON mode: give a schema, or ask for JSON in the prompt",
            parameter="response_format",
        )
    return {"type": "json_schema", "schema": dict(wanted.schema)}


def _add_extra(body: dict[str, Any], extra: Mapping[str, Any]) -> None:
    """Add fields as they are; objects join what is there, and tools (the server's own) come after the functions."""
    for name, value in extra.items():
        there = body.get(name)
        if isinstance(there, dict) and isinstance(value, dict):
            body[name] = {**there, **value}
        elif name == "tools" and isinstance(there, list) and isinstance(value, list | tuple):
            body[name] = [*there, *value]
        else:
            body[name] = value
