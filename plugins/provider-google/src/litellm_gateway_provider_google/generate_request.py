"""Write a request for text: one dict, encoded once, with only the fields that are set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen
from litellm_gateway.errors import UnsupportedParameterError

from litellm_gateway_provider_google.contents import add_conversation
from litellm_gateway_provider_google.schemas import as_openapi
from litellm_gateway_provider_google.thinking import write_thinking
from litellm_gateway_provider_google.tools import add_tools

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_gateway.requests import GenerateRequest

_PLAIN = (
    ("max_tokens", "maxOutputTokens"),
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("seed", "seed"),
    ("presence_penalty", "presencePenalty"),
    ("frequency_penalty", "frequencyPenalty"),
    ("n", "candidateCount"),
)


@frozen(kw_only=True)
class Manners:
    """What every request of one provider has in common.

    Attributes:
        safety_settings: Sent with each request.
        include_thoughts: Ask for thoughts whenever a request says how much to think.
        openapi: Send schemas cut down to the OpenAPI subset, in the older fields.
    """

    safety_settings: tuple[Mapping[str, str], ...] = ()
    include_thoughts: bool = True
    openapi: bool = False


def write_generate_request(request: GenerateRequest, manners: Manners, *, stream: bool) -> dict[str, Any]:
    """Give the body of a request; the model and whether to stream are in its URL.

    Raises:
        UnsupportedParameterError: Gemini has no field for something that is set.
    """
    if stream and request.n is not None and request.n > 1:
        raise UnsupportedParameterError(
            "a streamed answer is one answer: leave n out, or ask without streaming", parameter="n"
        )
    body: dict[str, Any] = {}
    add_conversation(body, request)
    if request.tools or request.tool_choice is not None or request.parallel_tool_calls is not None:
        add_tools(body, request, openapi=manners.openapi)
    if manners.safety_settings:
        body["safetySettings"] = [dict(setting) for setting in manners.safety_settings]
    config = _generation_config(request, manners)
    if config:
        body["generationConfig"] = config
    return _merged(body, request.extra_body) if request.extra_body else body


def _generation_config(request: GenerateRequest, manners: Manners) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for name, field in _PLAIN:
        value = getattr(request, name)
        if value is not None:
            config[field] = value
    if request.stop:
        config["stopSequences"] = list(request.stop)
    if request.logprobs is not None or request.top_logprobs is not None:
        config["responseLogprobs"] = True if request.logprobs is None else request.logprobs
    if request.top_logprobs is not None:
        config["logprobs"] = request.top_logprobs
    wanted = request.response_format
    if wanted is not None:
        config["responseMimeType"] = "application/json"
        if wanted.schema is not None and manners.openapi:
            config["responseSchema"] = as_openapi(wanted.schema)
        elif wanted.schema is not None:
            config["responseJsonSchema"] = dict(wanted.schema)
    thinking = write_thinking(request, include_thoughts=manners.include_thoughts)
    if thinking is not None:
        config["thinkingConfig"] = thinking
    return config


def _merged(body: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Put fields of the caller's over ours: objects are merged, ``tools`` joined, all else replaced."""
    merged = dict(body)
    for name, value in extra.items():
        own = merged.get(name)
        if isinstance(own, dict) and hasattr(value, "items"):
            merged[name] = _merged(own, value)
        elif name == "tools" and isinstance(own, list) and isinstance(value, list | tuple):
            merged[name] = [*own, *value]
        else:
            merged[name] = value
    return merged
