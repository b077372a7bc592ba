"""Make a small model call a tool when it must: ask for JSON that is a call, and read the answer as one.

Left to itself such a model ignores ``tools``; held to a JSON schema it fills in a call well enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from litellm_gateway import json_codec
from litellm_gateway.errors import InvalidRequestError, MalformedResponseError
from litellm_gateway.messages import Message, ResponseFormat, ToolCall

if TYPE_CHECKING:
    from litellm_gateway.messages import Tool
    from litellm_gateway.requests import GenerateRequest
    from litellm_gateway.responses import GenerateResponse


def is_forced(request: GenerateRequest) -> bool:
    """Tell whether the answer must be a tool call."""
    return request.tool_choice is not None and request.tool_choice.mode == "required" and bool(request.tools)


def as_schema_request(request: GenerateRequest) -> GenerateRequest:
    """Ask for the call as JSON: the tools told in a system message, their arguments as the answer's schema.

    Raises:
        InvalidRequestError: A response format is asked for too, or a tool that is not given.
    """
    if request.response_format is not None:
        raise InvalidRequestError(
            "a forced tool call and a response_format exclude each other for the local model; leave one out",
            parameter="response_format",
        )
    tools = _allowed(request)
    calls = [_call_schema(tool) for tool in tools]
    return attrs.evolve(
        request,
        messages=_with_tools_told(request.messages, tools),
        tools=(),
        tool_choice=None,
        parallel_tool_calls=None,
        response_format=ResponseFormat(schema=calls[0] if len(calls) == 1 else {"anyOf": calls}, name="call"),
    )


def as_tool_response(response: GenerateResponse) -> GenerateResponse:
    """Read the JSON as a tool call; an answer cut by ``max_tokens`` keeps its text and its finish reason.

    Raises:
        MalformedResponseError: The answer ended by itself and is no call.
    """
    if response.finish_reason == "length":
        return response
    try:
        call = json_codec.decode(response.text)
        name, arguments = str(call["name"]), json_codec.encode(call["arguments"]).decode()
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedResponseError("the local model's answer is not the tool call asked for") from error
    return attrs.evolve(
        response,
        text="",
        tool_calls=(ToolCall(id="call_0", name=name, arguments=arguments),),
        finish_reason="tool_calls",
    )


def _allowed(request: GenerateRequest) -> tuple[Tool, ...]:
    names = request.tool_choice.names if request.tool_choice else ()
    tools = tuple(tool for tool in request.tools if not names or tool.name in names)
    if not tools:
        raise InvalidRequestError("tool_choice names a tool that is not among tools", parameter="tool_choice")
    return tools


def _with_tools_told(messages: tuple[Message, ...], tools: tuple[Tool, ...]) -> tuple[Message, ...]:
    """Tell the tools in the first system message: a chat template may not take a second one."""
    told = "Answer with a call of one of these functions:\n" + "\n".join(
        f"- {tool.name}: {tool.description}" for tool in tools
    )
    if messages and messages[0].role in ("system", "developer"):
        return (attrs.evolve(messages[0], content=f"{messages[0].text}\n\n{told}"), *messages[1:])
    return (Message(role="system", content=told), *messages)


def _call_schema(tool: Tool) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "name": {"const": tool.name},
            "arguments": dict(tool.parameters) or {"type": "object"},
        },
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }
