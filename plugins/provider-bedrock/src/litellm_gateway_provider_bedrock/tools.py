"""Write tools and the choice among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.errors import InvalidRequestError, UnsupportedParameterError

if TYPE_CHECKING:
    from litellm_gateway.messages import Tool, ToolChoice
    from litellm_gateway.requests import GenerateRequest


def write_tools(request: GenerateRequest, turns: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Give ``toolConfig``, None when none is sent; server tools come by ``extra_body``, beside the functions.

    Raises:
        UnsupportedParameterError: No tool may be called, though the conversation holds calls.
        InvalidRequestError: A tool is required that is not given.
    """
    tools, choice = request.tools, request.tool_choice
    if choice is not None and choice.mode == "none":
        _check_none(turns)
        return None
    named = choice.names if choice is not None else ()
    allowed = tuple(tool for tool in tools if tool.name in named) if named else tools
    if not allowed and not _brings_tools(request):
        if choice is not None and choice.mode == "required":
            raise InvalidRequestError("tool_choice asks for a tool, but no such tool is given", parameter="tools")
        return None
    if choice is None or choice.mode != "required" or len(named) != 1:  # the one to call can be named, several not
        tools = allowed
    config: dict[str, Any] = {"tools": [_tool(tool) for tool in tools]} if tools else {}
    if choice is not None:
        config["toolChoice"] = _choice(choice)
    return config


def _brings_tools(request: GenerateRequest) -> bool:
    config = request.extra_body.get("toolConfig")
    return isinstance(config, dict) and bool(config.get("tools"))


def _check_none(turns: list[dict[str, Any]]) -> None:
    """Converse cannot forbid tools, only leave them out, and not even that once calls stand in the conversation."""
    if any("toolUse" in block or "toolResult" in block for turn in turns for block in turn["content"]):
        raise UnsupportedParameterError(
            "Converse cannot forbid tools in a conversation that holds tool calls; leave tool_choice out",
            parameter="tool_choice",
        )


def _tool(tool: Tool) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": tool.name}
    if tool.description:
        spec["description"] = tool.description
    spec["inputSchema"] = {"json": dict(tool.parameters) or {"type": "object", "properties": {}}}
    if tool.strict is not None:
        spec["strict"] = tool.strict
    return {"toolSpec": spec}


def _choice(choice: ToolChoice) -> dict[str, Any]:
    if choice.mode == "auto":
        return {"auto": {}}
    if len(choice.names) == 1:
        return {"tool": {"name": choice.names[0]}}
    return {"any": {}}
