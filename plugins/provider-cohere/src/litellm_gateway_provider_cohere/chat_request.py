"""Write a chat request: one dict, encoded once, with only the fields that are set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.errors import InvalidRequestError, UnsupportedParameterError

from litellm_gateway_provider_cohere.messages import write_messages

if TYPE_CHECKING:
    from litellm_gateway.messages import ResponseFormat, Tool
    from litellm_gateway.requests import GenerateRequest

_SAMPLING = (
    ("max_tokens", "max_tokens"),
    ("temperature", "temperature"),
    ("top_p", "p"),
    ("top_k", "k"),
    ("seed", "seed"),
    ("frequency_penalty", "frequency_penalty"),
    ("presence_penalty", "presence_penalty"),
    ("logprobs", "logprobs"),
)
_NO_FIELD = ("top_logprobs", "user")
_JOINED = frozenset({"documents", "tools"})


def write_chat_request(request: GenerateRequest, *, stream: bool) -> dict[str, Any]:
    """Give the body of a chat request.

    Documents and tools of ``extra_body`` are added to those written here, any other field of it replaces.

    Raises:
        UnsupportedParameterError: Cohere has no field for something that is set.
    """
    _refuse_what_has_no_field(request)
    messages, documents = write_messages(request.messages)
    body: dict[str, Any] = {"model": request.model, "messages": messages, "stream": stream}
    if documents:
        body["documents"] = documents
    for name, field in _SAMPLING:
        value = getattr(request, name)
        if value is not None:
            body[field] = value
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    if request.tools or request.tool_choice is not None:
        _add_tools(body, request)
    if request.response_format is not None:
        body["response_format"] = _response_format(request.response_format, body)
    if request.reasoning_effort is not None or request.reasoning_budget is not None:
        body["thinking"] = _thinking(request)
    for name, value in request.extra_body.items():
        joined = name in _JOINED and name in body and isinstance(value, list)
        body[name] = [*body[name], *value] if joined else value
    return body


def _refuse_what_has_no_field(request: GenerateRequest) -> None:
    refused = [name for name in _NO_FIELD if getattr(request, name) is not None]
    if request.n is not None and request.n != 1:
        refused.append("n")
    if request.parallel_tool_calls is False:  # True is what Cohere does anyway
        refused.append("parallel_tool_calls")
    if refused:
        raise UnsupportedParameterError(f"Cohere has no '{refused[0]}'; leave it out", parameter=refused[0])


def _add_tools(body: dict[str, Any], request: GenerateRequest) -> None:
    """Add tools and choice; there is no naming of a tool to call, so only the named ones are sent."""
    tools, choice = request.tools, request.tool_choice
    if choice is not None and choice.names:
        tools = tuple(tool for tool in tools if tool.name in choice.names)
    if tools:
        body["tools"] = [_tool(tool) for tool in tools]
        if any(tool.strict for tool in tools):
            body["strict_tools"] = True
    elif "tools" not in request.extra_body:
        if choice is not None and choice.mode == "required":
            raise InvalidRequestError("tool_choice asks for a tool, but no such tool is given", parameter="tools")
        return
    if choice is not None and choice.mode != "auto":  # "auto" is said by saying nothing
        body["tool_choice"] = choice.mode.upper()


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = dict(tool.parameters) or {"type": "object", "properties": {}}
    return {"type": "function", "function": function}


def _response_format(wanted: ResponseFormat, body: dict[str, Any]) -> dict[str, Any]:
    for other in ("tools", "documents"):
        if other in body:
            raise UnsupportedParameterError(
                f"Cohere takes response_format not together with {other}; leave one of them out",
                parameter="response_format",
            )
    if wanted.schema is None:
        return {"type": "json_object"}
    return {"type": "json_object", "json_schema": dict(wanted.schema)}


def _thinking(request: GenerateRequest) -> dict[str, Any]:
    """Thinking is on or off here; how hard is said by the budget alone."""
    if request.reasoning_effort == "none" or request.reasoning_budget == 0:
        return {"type": "disabled"}
    thinking: dict[str, Any] = {"type": "enabled"}
    if request.reasoning_budget is not None:
        thinking["token_budget"] = request.reasoning_budget
    return thinking
