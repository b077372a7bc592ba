"""Turn what a caller passes into one checked request; anything wrong is named here, before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from litellm_gateway.config import nearest
from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.message_reader import read_message
from litellm_gateway.messages import Message, ResponseFormat, Tool, ToolChoice
from litellm_gateway.requests import EmbedRequest, GenerateOptions, GenerateRequest, OnUnsupported

_ENCODINGS = ("float", "int8", "uint8", "binary", "ubinary")
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def build_generate(prompt: str | None, options: Mapping[str, Any], *, default_model: str = "") -> GenerateRequest:
    """Check and build a request for text.

    ``model`` stays as the caller gave it, ``default_model`` when it gave none; routing decides what it means.

    Raises:
        InvalidRequestError: Something is missing, unknown or impossible; ``parameter`` names it.
    """
    fields: dict[str, Any] = {"model": default_model, "messages": _conversation(prompt, options)}
    for name, value in options.items():
        if value is None or name in _NOT_FIELDS:
            continue
        check = _CHECKS.get(name)
        if check is None:
            raise InvalidRequestError(
                f"unknown argument '{name}'{nearest(name, GenerateOptions.__annotations__)} "
                f"What the provider takes beyond these goes into extra_body.",
                parameter=name,
            )
        fields[name] = check(name, value)
    return GenerateRequest(**fields)


def build_embed(texts: str | Sequence[str], options: Mapping[str, Any]) -> EmbedRequest:
    """Check and build a request for embeddings; one text may be given by itself.

    Raises:
        InvalidRequestError: No text, an empty one, something that is not text, or an unknown argument.
    """
    fields: dict[str, Any] = {"model": "", "texts": check_texts("texts", texts)}
    for name, value in options.items():
        if value is None or name in _NOT_FIELDS:
            continue
        check = _EMBED_CHECKS.get(name)
        if check is None:
            raise InvalidRequestError(f"unknown argument '{name}'{nearest(name, _EMBED_CHECKS)}", parameter=name)
        fields[name] = check(name, value)
    return EmbedRequest(**fields)


def check_texts(name: str, texts: Any) -> tuple[str, ...]:
    """Give texts as a tuple, one text as a tuple of one; refuse none, empty ones and what is not text."""
    if not isinstance(texts, str | Sequence):
        raise InvalidRequestError(f"{name} must be a list of strings, not {type(texts).__name__}", parameter=name)
    listed = (texts,) if isinstance(texts, str) else tuple(texts)
    if not listed:
        raise InvalidRequestError(f"{name} is empty; give at least one text", parameter=name)
    for index, text in enumerate(listed):
        if not isinstance(text, str):
            raise InvalidRequestError(f"{name}[{index}] must be a string, not {type(text).__name__}", parameter=name)
        if not text.strip():
            raise InvalidRequestError(f"{name}[{index}] is empty; leave it out", parameter=name)
    return listed


def check_top_n(value: Any) -> int | None:
    """Give how many results are wanted, None for all."""
    return None if value is None else _whole(1)("top_n", value)


def check_tenant(tenant: Any) -> str:
    """Give the tenant's name, ``""`` for none; refuse what is not a name."""
    if tenant is None:
        return ""
    if not isinstance(tenant, str) or not tenant or len(tenant) > 256:
        raise InvalidRequestError("tenant_id must be a string of 1 to 256 characters", parameter="tenant_id")
    return tenant


def check_timeout(timeout: Any) -> float | None:
    """Give the call's own timeout in seconds, None when it has none."""
    return None if timeout is None else _above_zero("timeout", timeout)


def check_priority(value: Any) -> int:
    """Give the call's priority, 0 when it has none; refuse what is not a whole number from -100 to 100."""
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not -100 <= value <= 100:
        raise InvalidRequestError("priority must be a whole number from -100 to 100", parameter="priority")
    return value


def check_on_unsupported(value: Any) -> OnUnsupported:
    """Give the rule; refuse what is none."""
    if value not in ("error", "warn", "drop"):
        raise InvalidRequestError("on_unsupported must be 'error', 'warn' or 'drop'", parameter="on_unsupported")
    rule: OnUnsupported = value
    return rule


def _conversation(prompt: str | None, options: Mapping[str, Any]) -> tuple[Message, ...]:
    messages, system = options.get("messages"), options.get("system")
    if prompt is not None and messages is not None:
        raise InvalidRequestError("give either prompt or messages, not both", parameter="prompt")
    turns = (_prompt(prompt),) if messages is None else _turns(messages)
    if system is None:
        return turns
    return (Message(role="system", content=_text("system", system)), *turns)


def _prompt(prompt: Any) -> Message:
    if prompt is None:
        raise InvalidRequestError("give a prompt, or messages", parameter="prompt")
    if not isinstance(prompt, str):
        raise InvalidRequestError(
            f"prompt must be a string, not {type(prompt).__name__}; a conversation goes into messages",
            parameter="prompt",
        )
    if not prompt.strip():
        raise InvalidRequestError("prompt is empty", parameter="prompt")
    return Message(role="user", content=prompt)


def _turns(messages: Any) -> tuple[Message, ...]:
    if isinstance(messages, str | Mapping | Message) or not isinstance(messages, Sequence):
        raise InvalidRequestError(
            f"messages must be a list of messages, not {type(messages).__name__}", parameter="messages"
        )
    if not messages:
        raise InvalidRequestError("messages is empty; give at least one", parameter="messages")
    return tuple(
        message if isinstance(message, Message) else read_message(message, f"messages[{index}]")
        for index, message in enumerate(messages)
    )


def _refuse(name: str, rule: str, value: Any) -> InvalidRequestError:
    shown = repr(value) if isinstance(value, int | float) else type(value).__name__
    return InvalidRequestError(f"{name} must be {rule}, not {shown}", parameter=name)


def _between(low: float, high: float) -> Callable[[str, Any], float]:
    def check(name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise _refuse(name, f"a number from {low} to {high}", value)
        return value

    return check


def _above_zero(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise _refuse(name, "a number above zero", value)
    return value


def _whole(low: int | None = None) -> Callable[[str, Any], int]:
    rule = "a whole number" if low is None else f"a whole number of at least {low}"

    def check(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or (low is not None and value < low):
            raise _refuse(name, rule, value)
        return value

    return check


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise _refuse(name, "a non-empty string", value)
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _refuse(name, "True or False", value)
    return value


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or any(not isinstance(key, str) for key in value):
        raise _refuse(name, "a mapping with string keys", value)
    return value


def _headers(name: str, value: Any) -> Mapping[str, str]:
    headers = _mapping(name, value)
    for key, text in headers.items():
        if not isinstance(text, str) or any(char in "\r\n\0" for char in key + text):
            raise InvalidRequestError(f"{name}[{key!r}] must be a string without line breaks", parameter=name)
    return headers


def _stop(name: str, value: Any) -> tuple[str, ...]:
    texts = (value,) if isinstance(value, str) else tuple(value)
    return tuple(_text(name, text) for text in texts)


def _effort(name: str, value: Any) -> str:
    if value not in _EFFORTS:
        raise InvalidRequestError(f"{name} must be one of {', '.join(_EFFORTS)}", parameter=name)
    return str(value)


def _encoding(name: str, value: Any) -> str:
    if value not in _ENCODINGS:
        raise InvalidRequestError(f"{name} must be one of {', '.join(_ENCODINGS)}", parameter=name)
    return str(value)


def _tools(name: str, value: Any) -> tuple[Tool, ...]:
    if isinstance(value, Mapping | str) or not isinstance(value, Sequence):
        raise _refuse(name, "a list of tools", value)
    return tuple(
        tool if isinstance(tool, Tool) else _tool(tool, f"{name}[{index}]") for index, tool in enumerate(value)
    )


def _tool(value: Any, path: str) -> Tool:
    spec = value.get("function", value) if isinstance(value, Mapping) else None
    if not isinstance(spec, Mapping) or not isinstance(spec.get("name"), str) or not spec["name"]:
        raise InvalidRequestError(
            f"{path} must be a Tool or a mapping with name, description and parameters", parameter="tools"
        )
    return Tool(
        name=spec["name"],
        description=spec.get("description") or "",
        parameters=_mapping(f"{path}.parameters", spec.get("parameters") or {}),
        strict=spec.get("strict"),
    )


def _tool_choice(name: str, value: Any) -> ToolChoice:
    if isinstance(value, ToolChoice):
        return value
    if value in ("auto", "none", "required"):
        return ToolChoice(mode=value)
    if isinstance(value, str):
        return ToolChoice(mode="required", names=(value,))
    spec = value.get("function", value) if isinstance(value, Mapping) else {}
    if isinstance(spec, Mapping) and isinstance(spec.get("name"), str):
        return ToolChoice(mode="required", names=(spec["name"],))
    raise _refuse(name, "'auto', 'none', 'required', a tool's name or a ToolChoice", value)


def _response_format(name: str, value: Any) -> ResponseFormat | None:
    if isinstance(value, ResponseFormat):
        return value
    if isinstance(value, type):
        from litellm_gateway.structured_output import format_of

        return format_of(value)
    spec = _mapping(name, value)
    if spec.get("type") == "text":
        return None
    if spec.get("type") == "json_object":
        return ResponseFormat()
    if spec.get("type") != "json_schema" or "json_schema" not in spec:
        return ResponseFormat(schema=spec)
    inner = _mapping(f"{name}.json_schema", spec["json_schema"])
    return ResponseFormat(
        schema=_mapping(f"{name}.json_schema.schema", inner.get("schema") or {}),
        name=str(inner.get("name") or "answer"),
        strict=bool(inner.get("strict")),
        description=inner.get("description"),
    )


_NOT_FIELDS = frozenset({"messages", "system", "tenant_id", "timeout", "on_unsupported", "priority"})
_CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "model": _text,
    "max_tokens": _whole(1),
    "temperature": _between(0.0, 2.0),
    "top_p": _between(0.0, 1.0),
    "top_k": _whole(0),
    "stop": _stop,
    "seed": _whole(),
    "presence_penalty": _between(-2.0, 2.0),
    "frequency_penalty": _between(-2.0, 2.0),
    "n": _whole(1),
    "logprobs": _flag,
    "top_logprobs": _whole(0),
    "tools": _tools,
    "tool_choice": _tool_choice,
    "parallel_tool_calls": _flag,
    "response_format": _response_format,
    "reasoning_effort": _effort,
    "reasoning_budget": _whole(0),
    "user": _text,
    "extra_body": _mapping,
    "extra_headers": _headers,
}
_EMBED_CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "model": _text,
    "dimensions": _whole(1),
    "input_type": _text,
    "encoding": _encoding,
    "user": _text,
    "extra_body": _mapping,
    "extra_headers": _headers,
}
