"""Write tools and which of them the model may or must call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.errors import InvalidRequestError, UnsupportedParameterError

if TYPE_CHECKING:
    from litellm_gateway.messages import Tool, ToolChoice
    from litellm_gateway.requests import GenerateRequest

    from litellm_gateway_provider_anthropic.traits import Traits


def add_tools(body: dict[str, Any], request: GenerateRequest, traits: Traits) -> None:
    """Add ``tools`` and ``tool_choice``.

    A choice of several names sends only these tools. Server tools come by ``extra_body``, beside the functions.

    Raises:
        UnsupportedParameterError: The model cannot be made to call a tool.
        InvalidRequestError: A tool is asked for, but none is given.
    """
    tools, choice = request.tools, request.tool_choice
    if choice is not None and choice.names and choice.mode != "none" and not _is_one(choice):
        tools = tuple(tool for tool in tools if tool.name in choice.names)
    if tools:
        body["tools"] = [_tool(tool) for tool in tools]
    elif "tools" not in request.extra_body:
        if choice is not None and choice.mode == "required":
            raise InvalidRequestError("tool_choice asks for a tool, but no such tool is given", parameter="tools")
        return  # without tools the server refuses a choice of them
    written = _choice(choice, request.parallel_tool_calls)
    if written is None:
        return
    if written["type"] in ("any", "tool") and not traits.forced_tools and "tool_choice" not in request.extra_body:
        raise UnsupportedParameterError(
            f"'{request.model}' cannot be made to call a tool: use tool_choice='auto' and ask for the call in the "
            "prompt, or choose another model",
            parameter="tool_choice",
        )
    body["tool_choice"] = written


def _is_one(choice: ToolChoice) -> bool:
    return choice.mode == "required" and len(choice.names) == 1


def _tool(tool: Tool) -> dict[str, Any]:
    wire: dict[str, Any] = {"name": tool.name}
    if tool.description:
        wire["description"] = tool.description
    wire["input_schema"] = dict(tool.parameters) or {"type": "object", "properties": {}}
    if tool.strict is not None:
        wire["strict"] = tool.strict
    return wire


def _choice(choice: ToolChoice | None, parallel: bool | None) -> dict[str, Any] | None:
    if choice is None and parallel is not False:
        return None
    if choice is not None and choice.mode == "none":
        return {"type": "none"}
    if choice is None or choice.mode == "auto":
        wire: dict[str, Any] = {"type": "auto"}
    elif _is_one(choice):
        wire = {"type": "tool", "name": choice.names[0]}
    else:
        wire = {"type": "any"}
    if parallel is False:
        wire["disable_parallel_tool_use"] = True
    return wire
