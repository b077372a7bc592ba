"""Write a chat request: one dict, encoded once, with only the fields that are set."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from litellm_gateway.errors import InvalidRequestError, UnsupportedParameterError

from litellm_gateway_dialect_openai.efforts import fitting_effort
from litellm_gateway_dialect_openai.extra_body import add_extra
from litellm_gateway_dialect_openai.messages import write_message

if TYPE_CHECKING:
    from litellm_gateway.messages import ResponseFormat, Tool, ToolChoice
    from litellm_gateway.requests import GenerateRequest

    from litellm_gateway_dialect_openai.quirks import ChatQuirks


_FURTHER: Final = attrgetter(
    "top_p", "top_k", "stop", "seed", "presence_penalty", "frequency_penalty", "n", "logprobs", "top_logprobs"
)
_NOTHING_FURTHER: Final = (None, None, (), None, None, None, None, None, None)


def write_chat_request(request: GenerateRequest, quirks: ChatQuirks, *, stream: bool) -> dict[str, Any]:
    """Give the body of a chat request.

    Raises:
        UnsupportedParameterError: The server has no field for something that is set.
    """
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [write_message(message, quirks, model=request.model) for message in request.messages],
    }
    if stream:
        body["stream"] = True
        if quirks.include_usage:
            body["stream_options"] = {"include_usage": True}
    if request.max_tokens is not None:
        body[quirks.max_tokens_field] = request.max_tokens
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if _FURTHER(request) != _NOTHING_FURTHER:
        _add_sampling(body, request, quirks)
        _add_answers(body, request, stream=stream)
    if request.tools or request.tool_choice is not None:
        _add_tools(body, request, quirks)
    if request.response_format is not None:
        body["response_format"] = _response_format(request.response_format, quirks)
    if request.reasoning_effort is not None or request.reasoning_budget is not None:
        _add_reasoning(body, request, quirks)
    if request.user is not None and quirks.user_field:
        body[quirks.user_field] = request.user
    if request.extra_body:
        add_extra(body, request.extra_body)
    return body


def _add_sampling(body: dict[str, Any], request: GenerateRequest, quirks: ChatQuirks) -> None:
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.top_k is not None:
        _require(quirks.top_k, "top_k")
        body["top_k"] = request.top_k
    if request.stop:
        body["stop"] = list(request.stop)
    if request.seed is not None:
        _require(quirks.seed_field is not None, "seed")
        body[quirks.seed_field or "seed"] = request.seed
    if request.presence_penalty is not None:
        body["presence_penalty"] = request.presence_penalty
    if request.frequency_penalty is not None:
        body["frequency_penalty"] = request.frequency_penalty


def _add_reasoning(body: dict[str, Any], request: GenerateRequest, quirks: ChatQuirks) -> None:
    budget, effort = request.reasoning_budget, fitting_effort(request.reasoning_effort, request.model, quirks.efforts)
    if quirks.reasoning_object:
        wanted = {"effort": effort, "max_tokens": budget}
        body["reasoning"] = {name: value for name, value in wanted.items() if value is not None}
        return
    _require(budget is None, "reasoning_budget")
    _require(quirks.reasoning_effort, "reasoning_effort")
    if quirks.thinking_switch:
        body["thinking"] = {"type": "disabled" if effort == "none" else "enabled"}
    if not quirks.thinking_switch or effort != "none":
        body["reasoning_effort"] = effort


def _add_answers(body: dict[str, Any], request: GenerateRequest, *, stream: bool) -> None:
    if request.n is not None:
        if stream and request.n > 1:
            raise UnsupportedParameterError(
                "a streamed answer is one answer: leave n out, or ask without streaming", parameter="n"
            )
        body["n"] = request.n
    logprobs = request.logprobs
    if request.top_logprobs is not None:
        body["top_logprobs"] = request.top_logprobs
        logprobs = True if logprobs is None else logprobs  # the server wants both
    if logprobs is not None:
        body["logprobs"] = logprobs


def _add_tools(body: dict[str, Any], request: GenerateRequest, quirks: ChatQuirks) -> None:
    tools, choice = request.tools, request.tool_choice
    if choice is not None and choice.names and not quirks.allowed_tools:
        tools = tuple(tool for tool in tools if tool.name in choice.names)
    if tools:
        body["tools"] = [_tool(tool) for tool in tools]
    # Without tools a server refuses what follows; the ones it has of its own come by extra_body.
    elif "tools" not in request.extra_body:
        if choice is not None and choice.mode == "required":
            raise InvalidRequestError("tool_choice asks for a tool, but no such tool is given", parameter="tools")
        return
    if choice is not None:
        body["tool_choice"] = _tool_choice(choice, quirks)
    if request.parallel_tool_calls is not None:
        _require(quirks.parallel_tool_calls, "parallel_tool_calls")
        body["parallel_tool_calls"] = request.parallel_tool_calls


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters:
        function["parameters"] = dict(tool.parameters)
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _tool_choice(choice: ToolChoice, quirks: ChatQuirks) -> str | dict[str, Any]:
    if not choice.names or choice.mode == "none":
        return quirks.required_word if choice.mode == "required" else choice.mode
    if choice.mode == "required" and len(choice.names) == 1:
        return {"type": "function", "function": {"name": choice.names[0]}}
    if not quirks.allowed_tools:
        return quirks.required_word if choice.mode == "required" else choice.mode
    allowed = [{"type": "function", "function": {"name": name}} for name in choice.names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": allowed}}


def _response_format(wanted: ResponseFormat, quirks: ChatQuirks) -> dict[str, Any]:
    if wanted.schema is None:
        return {"type": "json_object"}
    _require(quirks.json_schema, "response_format")
    schema: dict[str, Any] = {"name": wanted.name, "schema": dict(wanted.schema), "strict": wanted.strict}
    if wanted.description:
        schema["description"] = wanted.description
    return {"type": "json_schema", "json_schema": schema}


def _require(supported: bool, parameter: str) -> None:
    if not supported:
        raise UnsupportedParameterError(
            f"this provider has no '{parameter}'; leave it out, or send what the provider has by extra_body",
            parameter=parameter,
        )
