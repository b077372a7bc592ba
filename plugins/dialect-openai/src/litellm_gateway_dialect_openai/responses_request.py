"""Write a request of the Responses API: items in, flat tools, and nothing kept at the server."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from litellm_gateway.errors import InvalidRequestError, UnsupportedParameterError

from litellm_gateway_dialect_openai.efforts import fitting_effort
from litellm_gateway_dialect_openai.extra_body import add_extra
from litellm_gateway_dialect_openai.responses_items import write_items

if TYPE_CHECKING:
    from litellm_gateway.messages import ResponseFormat, Tool, ToolChoice
    from litellm_gateway.requests import GenerateRequest

    from litellm_gateway_dialect_openai.quirks import ChatQuirks

_NO_PLACE: Final = ("top_k", "stop", "seed", "presence_penalty", "frequency_penalty", "reasoning_budget")
_ENCRYPTED: Final = "reasoning.encrypted_content"
_LOGPROBS: Final = "message.output_text.logprobs"


def write_responses_request(
    request: GenerateRequest, quirks: ChatQuirks, *, stream: bool, summary: str | None = None
) -> dict[str, Any]:
    """Give the body of a Responses request.

    Args:
        request: What is asked.
        quirks: How the server differs.
        stream: Ask for a stream.
        summary: Summary of the reasoning to ask for (``auto``, ``concise``, ``detailed``).

    Raises:
        UnsupportedParameterError: This API has no field for something that is set.
        InvalidRequestError: ``max_tokens`` is below what the server takes.
    """
    _check(request, quirks)
    # Kept answers would need another request to go away again; reasoning travels with the caller instead.
    body: dict[str, Any] = {
        "model": request.model,
        "input": write_items(request.messages, quirks, model=request.model),
        "store": False,
    }
    if stream:
        body["stream"] = True
    if request.max_tokens is not None:
        body["max_output_tokens"] = request.max_tokens
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.top_p is not None:
        body["top_p"] = request.top_p
    _add_tools(body, request)
    if request.response_format is not None:
        body["text"] = {"format": _format(request.response_format)}
    effort = fitting_effort(request.reasoning_effort, request.model, quirks.efforts)
    reasoning = {"effort": effort, "summary": summary if _reasons(request, quirks) else None}
    if any(reasoning.values()):
        body["reasoning"] = {name: value for name, value in reasoning.items() if value}
    if request.user is not None and quirks.user_field:
        body[quirks.user_field] = request.user
    _add_includes(body, request, quirks)
    add_extra(body, request.extra_body)
    return body


def _check(request: GenerateRequest, quirks: ChatQuirks) -> None:
    for name in _NO_PLACE:
        if getattr(request, name) not in (None, ()):
            raise _unsupported(name)
    if request.n is not None and request.n > 1:
        raise _unsupported("n")
    least = quirks.minimum_output_tokens
    if request.max_tokens is not None and request.max_tokens < least:
        raise InvalidRequestError(
            f"max_tokens must be at least {least} for this model, not {request.max_tokens}", parameter="max_tokens"
        )


def _add_includes(body: dict[str, Any], request: GenerateRequest, quirks: ChatQuirks) -> None:
    includes = []
    if not request.extra_body.get("store") and _reasons(request, quirks):
        includes.append(_ENCRYPTED)
    if request.logprobs or request.top_logprobs is not None:
        includes.append(_LOGPROBS)
        if request.top_logprobs is not None:
            body["top_logprobs"] = request.top_logprobs
    if includes:
        body["include"] = includes


def _reasons(request: GenerateRequest, quirks: ChatQuirks) -> bool:
    """Whether the model can hand over its reasoning; others refuse to be asked for it."""
    pattern = quirks.encrypted_reasoning
    return pattern is not None and _compiled(pattern).match(request.model) is not None


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _add_tools(body: dict[str, Any], request: GenerateRequest) -> None:
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    elif "tools" not in request.extra_body:
        if request.tool_choice is not None and request.tool_choice.mode == "required":
            raise InvalidRequestError("tool_choice asks for a tool, but no such tool is given", parameter="tools")
        return
    if request.tool_choice is not None:
        body["tool_choice"] = _tool_choice(request.tool_choice)
    if request.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = request.parallel_tool_calls


def _tool(tool: Tool) -> dict[str, Any]:
    # Left out, strict means true here and false in chat completions: saying it keeps a tool what it is.
    wire: dict[str, Any] = {
        "type": "function",
        "name": tool.name,
        "parameters": dict(tool.parameters) or {"type": "object", "properties": {}},
        "strict": bool(tool.strict),
    }
    if tool.description:
        wire["description"] = tool.description
    return wire


def _tool_choice(choice: ToolChoice) -> str | dict[str, Any]:
    if not choice.names or choice.mode == "none":
        return choice.mode
    if choice.mode == "required" and len(choice.names) == 1:
        return {"type": "function", "name": choice.names[0]}
    allowed = [{"type": "function", "name": name} for name in choice.names]
    return {"type": "allowed_tools", "mode": choice.mode, "tools": allowed}


def _format(wanted: ResponseFormat) -> dict[str, Any]:
    if wanted.schema is None:
        return {"type": "json_object"}
    wire: dict[str, Any] = {
        "type": "json_schema",
        "name": wanted.name,
        "schema": dict(wanted.schema),
        "strict": wanted.strict,
    }
    if wanted.description:
        wire["description"] = wanted.description
    return wire


def _unsupported(name: str) -> UnsupportedParameterError:
    return UnsupportedParameterError(
        f"the Responses API has no '{name}'; leave it out, or ask with api='chat'", parameter=name
    )
