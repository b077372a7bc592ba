"""Turn what a caller passes into one checked request; anything wrong is named here, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from litellm_gateway.argument_checks import (
    between,
    flag,
    headers,
    listed,
    mapping,
    one_of,
    refuse,
    seconds,
    short_name,
    stop_texts,
    text,
    whole,
)
from litellm_gateway.config import nearest
from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.message_reader import check_message, read_message
from litellm_gateway.messages import Message, ResponseFormat, Tool, ToolChoice
from litellm_gateway.requests import EmbedRequest, GenerateOptions, GenerateRequest, OnUnsupported


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
            if name == "stream":
                hint = "; generate_stream() and generate_stream_async() give an answer piece by piece."
            else:
                hint = nearest(name, GenerateOptions.__annotations__)
            raise InvalidRequestError(
                f"unknown argument '{name}'{hint} What the provider takes beyond these goes into extra_body.",
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
    several = (texts,) if isinstance(texts, str) else tuple(texts)
    if not several:
        raise InvalidRequestError(f"{name} is empty; give at least one text", parameter=name)
    for index, each in enumerate(several):
        if not isinstance(each, str):
            raise InvalidRequestError(f"{name}[{index}] must be a string, not {type(each).__name__}", parameter=name)
        if not each.strip():
            raise InvalidRequestError(f"{name}[{index}] is empty; leave it out", parameter=name)
    return several


def check_text(name: str, value: Any) -> str:
    """Give one text; refuse none, an empty one and what is not text."""
    if not isinstance(value, str):
        raise refuse(name, "a string", value)
    return check_texts(name, value)[0]


def check_model(model: Any) -> str:
    """Give a model's name, ``""`` when none is given."""
    return "" if model is None else short_name("model", model)


def check_top_n(value: Any) -> int | None:
    """Give how many results are wanted, None for all."""
    return None if value is None else whole(1)("top_n", value)


def check_tenant(tenant: Any) -> str:
    """Give the tenant's name, ``""`` for none; refuse what is not a name."""
    if tenant is None:
        return ""
    if not isinstance(tenant, str) or not tenant or len(tenant) > 256:
        raise InvalidRequestError("tenant_id must be a string of 1 to 256 characters", parameter="tenant_id")
    return tenant


def check_timeout(timeout: Any) -> float | None:
    """Give the call's own timeout in seconds, None when it has none."""
    return None if timeout is None else seconds("timeout", timeout)


def check_priority(value: Any) -> int:
    """Give the call's priority, 0 when it has none; refuse what is not a whole number from -100 to 100."""
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not -100 <= value <= 100:
        raise InvalidRequestError("priority must be a whole number from -100 to 100", parameter="priority")
    return value


def check_on_unsupported(value: Any) -> OnUnsupported:
    """Give the rule; refuse what is none."""
    rule: Any = _RULE("on_unsupported", value)
    given: OnUnsupported = rule
    return given


def _conversation(prompt: str | None, options: Mapping[str, Any]) -> tuple[Message, ...]:
    messages, system = options.get("messages"), options.get("system")
    if prompt is not None and messages is not None:
        raise InvalidRequestError("give either prompt or messages, not both", parameter="prompt")
    turns = (_prompt(prompt),) if messages is None else _turns(messages)
    if system is None:
        return turns
    return (Message(role="system", content=text("system", system)), *turns)


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
        check_message(message, f"messages[{index}]")
        if isinstance(message, Message)
        else read_message(message, f"messages[{index}]")
        for index, message in enumerate(messages)
    )


def _tools(name: str, value: Any) -> tuple[Tool, ...]:
    return tuple(_tool(tool, f"{name}[{index}]") for index, tool in enumerate(listed(name, value, "tools")))


def _tool(value: Any, path: str) -> Tool:
    tool = value if isinstance(value, Tool) else _tool_of(value, path)
    if not isinstance(tool.description, str) or not isinstance(tool.strict, bool | None):
        raise InvalidRequestError(f"{path}: description must be a string, strict True or False", parameter="tools")
    short_name(f"{path}.name", tool.name)
    mapping(f"{path}.parameters", tool.parameters)
    return tool


def _tool_of(value: Any, path: str) -> Tool:
    spec = value.get("function", value) if isinstance(value, Mapping) else None
    if not isinstance(spec, Mapping) or not isinstance(spec.get("name"), str) or not spec["name"]:
        raise InvalidRequestError(
            f"{path} must be a Tool or a mapping with name, description and parameters", parameter="tools"
        )
    parameters = spec.get("parameters")
    return Tool(
        name=spec["name"],
        description=spec.get("description") or "",
        parameters={} if parameters is None else parameters,
        strict=spec.get("strict"),
    )


def _tool_choice(name: str, value: Any) -> ToolChoice:
    if isinstance(value, ToolChoice):
        _CHOICES(f"{name}.mode", value.mode)
        for index, tool in enumerate(listed(f"{name}.names", value.names, "names of tools")):
            short_name(f"{name}.names[{index}]", tool)
        return value
    if isinstance(value, str):
        word: Any = value
        is_mode = value in ("auto", "none", "required")
        return ToolChoice(mode=word) if is_mode else ToolChoice(mode="required", names=(value,))
    spec = value.get("function", value) if isinstance(value, Mapping) else {}
    if isinstance(spec, Mapping) and isinstance(spec.get("name"), str):
        return ToolChoice(mode="required", names=(spec["name"],))
    raise refuse(name, "'auto', 'none', 'required', a tool's name or a ToolChoice", value)


def _response_format(name: str, value: Any) -> ResponseFormat | None:
    if isinstance(value, ResponseFormat):
        if value.schema is not None:
            mapping(f"{name}.schema", value.schema)
        return _checked_format(name, value)
    if isinstance(value, type):
        from litellm_gateway.answer_schema import format_of

        return format_of(value)
    spec = mapping(name, value)
    if spec.get("type") == "text":
        return None
    if spec.get("type") == "json_object":
        return ResponseFormat()
    if spec.get("type") != "json_schema" or "json_schema" not in spec:
        return ResponseFormat(schema=spec)
    inner = mapping(f"{name}.json_schema", spec["json_schema"])
    wanted = ResponseFormat(
        schema=mapping(f"{name}.json_schema.schema", inner.get("schema") or {}),
        name=inner.get("name") or "answer",
        strict=bool(inner.get("strict")),
        description=inner.get("description"),
    )
    return _checked_format(name, wanted)


def _checked_format(name: str, wanted: ResponseFormat) -> ResponseFormat:
    short_name(f"{name}.name", wanted.name)
    flag(f"{name}.strict", wanted.strict)
    if not isinstance(wanted.description, str | None):
        raise refuse(f"{name}.description", "a string or None", wanted.description)
    return wanted


_RULE = one_of("error", "warn", "drop")
_CHOICES = one_of("auto", "none", "required")
_NOT_FIELDS = frozenset({"messages", "system", "tenant_id", "timeout", "on_unsupported", "priority"})
_CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "model": short_name,
    "max_tokens": whole(1),
    "temperature": between(0.0, 2.0),
    "top_p": between(0.0, 1.0),
    "top_k": whole(0),
    "stop": stop_texts,
    "seed": whole(),
    "presence_penalty": between(-2.0, 2.0),
    "frequency_penalty": between(-2.0, 2.0),
    "n": whole(1),
    "logprobs": flag,
    "top_logprobs": whole(0),
    "tools": _tools,
    "tool_choice": _tool_choice,
    "parallel_tool_calls": flag,
    "response_format": _response_format,
    "reasoning_effort": one_of("none", "minimal", "low", "medium", "high", "xhigh", "max"),
    "reasoning_budget": whole(0),
    "user": text,
    "extra_body": mapping,
    "extra_headers": headers,
}
_EMBED_CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "model": short_name,
    "dimensions": whole(1),
    "input_type": text,
    "encoding": one_of("float", "int8", "uint8", "binary", "ubinary"),
    "user": text,
    "extra_body": mapping,
    "extra_headers": headers,
}
