"""What is asked of the gateway: the frozen requests and the keyword arguments they are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_gateway.messages import Message, ResponseFormat, Tool, ToolChoice

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
OnUnsupported = Literal["error", "warn", "drop"]
EmbedEncoding = Literal["float", "int8", "uint8", "binary", "ubinary"]
_NO_EXTRA: Mapping[str, Any] = {}


@frozen(kw_only=True)
class GenerateRequest:
    """One request for text; every field but ``model`` and ``messages`` may be left out.

    Attributes:
        model: Model name as the provider knows it, without the ``provider/`` prefix.
        messages: The conversation, system messages included, at least one.
        max_tokens: Most tokens to answer with.
        temperature: Sampling temperature, 0.0 to 2.0.
        top_p, top_k: Nucleus and top-k sampling.
        stop: Texts that end the answer.
        seed: Best-effort determinism.
        presence_penalty, frequency_penalty: -2.0 to 2.0.
        n: Number of answers, where a provider has it.
        logprobs, top_logprobs: Ask for log probabilities.
        tools, tool_choice, parallel_tool_calls: Functions the model may call.
        response_format: Shape the answer must have.
        reasoning_effort: How hard to think.
        reasoning_budget: Most tokens to think with, where a provider counts that.
        user: End-user id passed on to the provider.
        extra_body: Fields added to the provider's JSON as they are.
        extra_headers: Headers added to the provider's request.
    """

    model: str
    messages: tuple[Message, ...] = field(repr=lambda value: f"<{len(value)} messages>")
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: ReasoningEffort | None = None
    reasoning_budget: int | None = None
    user: str | None = None
    extra_body: Mapping[str, Any] = field(default=_NO_EXTRA, repr=False)
    extra_headers: Mapping[str, str] = field(default=_NO_EXTRA, repr=False)


@frozen(kw_only=True)
class EmbedRequest:
    """One request for embeddings of ``texts``; vectors come back in their order.

    Attributes:
        model: Model name as the provider knows it.
        texts: The texts, none of them empty.
        dimensions: Length of the vectors, where a model offers a choice.
        input_type: What the vectors are for: ``search_document``, ``search_query``, ``classification``, ``clustering``.
        encoding: What a number of a vector is: ``float`` (32 bits), ``int8``, ``uint8``, or packed bits
            (``binary`` signed, ``ubinary`` unsigned bytes).
    """

    model: str
    texts: tuple[str, ...] = field(repr=lambda value: f"<{len(value)} texts>")
    dimensions: int | None = None
    input_type: str | None = None
    encoding: EmbedEncoding = "float"
    user: str | None = None
    extra_body: Mapping[str, Any] = field(default=_NO_EXTRA, repr=False)
    extra_headers: Mapping[str, str] = field(default=_NO_EXTRA, repr=False)


@frozen(kw_only=True)
class RerankRequest:
    """Order ``documents`` by how well they answer ``query``; ``top_n`` keeps the best ones only."""

    model: str
    query: str = field(repr=False)
    documents: tuple[str, ...] = field(repr=lambda value: f"<{len(value)} documents>")
    top_n: int | None = None
    extra_body: Mapping[str, Any] = field(default=_NO_EXTRA, repr=False)
    extra_headers: Mapping[str, str] = field(default=_NO_EXTRA, repr=False)


@frozen(kw_only=True)
class ModerationRequest:
    """Judge ``texts`` by the provider's content policy."""

    model: str
    texts: tuple[str, ...] = field(repr=lambda value: f"<{len(value)} texts>")
    extra_body: Mapping[str, Any] = field(default=_NO_EXTRA, repr=False)
    extra_headers: Mapping[str, str] = field(default=_NO_EXTRA, repr=False)


@frozen(kw_only=True)
class TokenCountRequest:
    """Count the input tokens ``request`` would have, by the provider's own count."""

    model: str
    request: GenerateRequest


@frozen(kw_only=True)
class ModelListRequest:
    """List the models of a provider; ``model`` only picks the provider: its name, ``""`` for the default one."""

    model: str = ""


class GenerateOptions(TypedDict, total=False):
    """Keyword arguments of ``generate`` and its siblings, beside ``prompt``."""

    messages: Sequence[Message | Mapping[str, Any]] | None
    model: str | None
    system: str | None
    tenant_id: str | None
    timeout: float | None
    priority: int | None
    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    stop: str | Sequence[str] | None
    seed: int | None
    presence_penalty: float | None
    frequency_penalty: float | None
    n: int | None
    logprobs: bool | None
    top_logprobs: int | None
    tools: Sequence[Tool | Mapping[str, Any]] | None
    tool_choice: ToolChoice | str | Mapping[str, Any] | None
    parallel_tool_calls: bool | None
    response_format: ResponseFormat | Mapping[str, Any] | type | None
    reasoning_effort: ReasoningEffort | None
    reasoning_budget: int | None
    on_unsupported: OnUnsupported | None
    user: str | None
    extra_body: Mapping[str, Any] | None
    extra_headers: Mapping[str, str] | None


class EmbedOptions(TypedDict, total=False):
    """Keyword arguments of ``embed`` and ``embed_async``, beside ``texts``."""

    model: str | None
    tenant_id: str | None
    timeout: float | None
    priority: int | None
    dimensions: int | None
    input_type: str | None
    encoding: EmbedEncoding | None
    user: str | None
    extra_body: Mapping[str, Any] | None
    extra_headers: Mapping[str, str] | None


Request = GenerateRequest | EmbedRequest
AnyRequest = Request | RerankRequest | ModerationRequest | TokenCountRequest | ModelListRequest
