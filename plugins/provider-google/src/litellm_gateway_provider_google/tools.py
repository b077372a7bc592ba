"""Write the functions a model may call, and which of them it must."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.errors import InvalidRequestError, UnsupportedParameterError

from litellm_gateway_provider_google.schemas import as_openapi

if TYPE_CHECKING:
    from litellm_gateway.messages import Tool, ToolChoice
    from litellm_gateway.requests import GenerateRequest


def add_tools(body: dict[str, Any], request: GenerateRequest, *, openapi: bool) -> None:
    """Add ``tools`` and ``toolConfig``.

    Raises:
        InvalidRequestError: A tool is required, and none is given.
        UnsupportedParameterError: Parallel calls are to be switched off, which Gemini cannot.
    """
    if request.parallel_tool_calls is False:
        raise UnsupportedParameterError(
            "Gemini cannot be told to make one call at a time; leave parallel_tool_calls out",
            parameter="parallel_tool_calls",
        )
    choice = request.tool_choice
    tools = _offered(request.tools, choice)
    if tools:
        body["tools"] = [{"functionDeclarations": [_declaration(tool, openapi=openapi) for tool in tools]}]
    elif "tools" not in request.extra_body:
        if choice is not None and choice.mode == "required":
            raise InvalidRequestError("tool_choice asks for a tool, but no such tool is given", parameter="tools")
        return
    if choice is not None:
        body["toolConfig"] = {"functionCallingConfig": _calling(choice)}


def _offered(tools: tuple[Tool, ...], choice: ToolChoice | None) -> tuple[Tool, ...]:
    """Names go with a required call only: elsewhere the others are not offered."""
    if choice is None or not choice.names or choice.mode != "auto":
        return tools
    return tuple(tool for tool in tools if tool.name in choice.names)


def _declaration(tool: Tool, *, openapi: bool) -> dict[str, Any]:
    declaration: dict[str, Any] = {"name": tool.name}
    if tool.description:
        declaration["description"] = tool.description
    if not tool.parameters:
        return declaration
    if openapi:
        declaration["parameters"] = as_openapi(tool.parameters)
    else:
        declaration["parametersJsonSchema"] = dict(tool.parameters)
    return declaration


def _calling(choice: ToolChoice) -> dict[str, Any]:
    if choice.mode != "required":
        return {"mode": "NONE" if choice.mode == "none" else "AUTO"}
    calling: dict[str, Any] = {"mode": "ANY"}
    if choice.names:
        calling["allowedFunctionNames"] = list(choice.names)
    return calling
