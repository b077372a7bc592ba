"""The gateway itself: every call a user makes, awaited or blocking. It checks, opens a call and hands over."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from litellm_gateway.call import Call
from litellm_gateway.config import GatewayConfig, RateLimitConfig, from_mapping
from litellm_gateway.errors import ConfigurationError, GatewayError
from litellm_gateway.further_calls import FurtherCalls
from litellm_gateway.oversight import Oversight
from litellm_gateway.request_builder import (
    build_embed,
    build_generate,
    check_on_unsupported,
    check_priority,
    check_tenant,
    check_timeout,
)
from litellm_gateway.secrets import as_secret
from litellm_gateway.setting_checks import with_secret_keys
from litellm_gateway.telemetry import CallRecord

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from types import TracebackType
    from typing import Self, Unpack

    from litellm_gateway.batches import Batches
    from litellm_gateway.cache_mechanism import CacheMechanism
    from litellm_gateway.composition import Composition
    from litellm_gateway.requests import AnyRequest, EmbedOptions, GenerateOptions
    from litellm_gateway.response_stream import BlockingResponseStream, ResponseStream
    from litellm_gateway.responses import EmbedResponse, GenerateResponse
    from litellm_gateway.secrets import Secret
    from litellm_gateway.telemetry import Operation


class LiteLLMGateway(Oversight, FurtherCalls):
    """One interface to many LLM providers.

    A gateway is made once and used from any number of threads and event loops. Close it with :meth:`close`,
    :meth:`aclose`, or a ``with`` block; one that is never closed is cleaned up when the program ends.

    Args:
        config: All settings; ``GatewayConfig()`` by default.
        cache: A cache of your own, when ``config`` enables caching; it stays yours to close.

    Raises:
        ConfigurationError: A setting is unknown, impossible or missing.
        PluginError: A plugin the configuration wants is missing or fails.

    Example:
        >>> gateway = LiteLLMGateway(config=GatewayConfig(provider="echo"))
        >>> gateway.generate(prompt="Hello").text
        'Hello'
    """

    def __init__(self, config: GatewayConfig | None = None, *, cache: CacheMechanism | None = None) -> None:
        from litellm_gateway.compose import compose

        if not isinstance(config, GatewayConfig | None):
            raise ConfigurationError(
                f"config must be a GatewayConfig, not {type(config).__name__}; GatewayConfig.from_dict() makes one"
            )
        self.config = GatewayConfig() if config is None else config
        self._composition: Composition = compose(self.config, cache=cache)
        self._default_model = self._composition.pipeline.routes.default_model
        self._closed = False

    def generate(self, prompt: str | None = None, **options: Unpack[GenerateOptions]) -> GenerateResponse:
        """Answer a prompt or a conversation, blocking; see :meth:`generate_async`."""
        from litellm_gateway import blocking

        return blocking.run(self.generate_async(prompt, **options))

    async def generate_async(self, prompt: str | None = None, **options: Unpack[GenerateOptions]) -> GenerateResponse:
        """Answer a prompt or a conversation.

        Args:
            prompt: Text to answer; or give ``messages``.
            **options: See :class:`~litellm_gateway.requests.GenerateOptions`: ``messages``, ``model``,
                ``system``, ``max_tokens``, ``temperature`` (0.0 to 2.0), ``tenant_id``, ``timeout`` (seconds), ...

        Raises:
            InvalidRequestError: Something in the request is wrong; nothing was sent.
            RateLimitError: A limit was hit; ``retry_after`` in seconds.
            GatewayError: Every other failure, see :mod:`litellm_gateway.errors`.
        """
        request = build_generate(prompt, options, default_model=self._default_model)
        answer: GenerateResponse = await self._run(request, options, "generate")
        if request.response_format is not None:
            answer = _with_parsed(answer, options["response_format"])
        return answer

    def generate_stream(self, prompt: str | None = None, **options: Unpack[GenerateOptions]) -> BlockingResponseStream:
        """Answer piece by piece, blocking; each piece prints as the text it adds.

        The iterator also has ``response()``, which reads what is left and gives the whole answer, and ``close()``.
        """
        from litellm_gateway.response_stream import BlockingResponseStream

        return BlockingResponseStream(self.generate_stream_async(prompt, **options))

    def generate_stream_async(self, prompt: str | None = None, **options: Unpack[GenerateOptions]) -> ResponseStream:
        """Answer piece by piece: ``async for piece in gateway.generate_stream_async(...)``.

        Takes and raises what :meth:`generate_async` does; after the first piece, a failure is a
        ``StreamInterruptedError`` or the provider's own error, with ``partial`` holding what came.
        """
        from litellm_gateway.response_stream import ResponseStream

        request = build_generate(prompt, options, default_model=self._default_model)

        begun: list[CallRecord] = []

        def begin() -> CallRecord:
            begun.append(CallRecord(call=self._open_call(options), operation="stream"))
            return begun[0]

        shape = options.get("response_format") if request.response_format is not None else None
        finish = partial(_with_parsed, shape=shape) if shape is not None else None
        return ResponseStream(self._composition.pipeline.stream(begin, request), begun, finish)

    def embed(self, texts: str | Sequence[str], **options: Unpack[EmbedOptions]) -> EmbedResponse:
        """Embed texts, blocking; see :meth:`embed_async`."""
        from litellm_gateway import blocking

        return blocking.run(self.embed_async(texts, **options))

    async def embed_async(self, texts: str | Sequence[str], **options: Unpack[EmbedOptions]) -> EmbedResponse:
        """Embed texts; ``response[i]`` is the vector of ``texts[i]``, a sequence of floats.

        Args:
            texts: One text or several, none of them empty.
            **options: See :class:`~litellm_gateway.requests.EmbedOptions`: ``model``, ``dimensions``,
                ``input_type``, ``tenant_id``, ``timeout`` (seconds), ...

        Raises:
            InvalidRequestError: Something in the request is wrong; nothing was sent.
            GatewayError: Every other failure.
        """
        request = build_embed(texts, options)
        answer: EmbedResponse = await self._run(request, options, "embed")
        return answer

    @property
    def batches(self) -> Batches:
        """The providers' batch APIs: ``submit``, ``status``, ``wait``, ``results``, ``cancel``, ``list``."""
        from litellm_gateway.batches import Batches

        return Batches(self._composition, self._open_call)

    def configure_rate_limiting(self, config: RateLimitConfig | None) -> None:
        """Set new limits from now on, None for none; requests that wait already stay in line."""
        checked = None if config is None else from_mapping(RateLimitConfig, config, path="rate_limit_config")
        self._composition.limiter.configure(checked)

    def close(self) -> None:
        """Close every connection and plugin, blocking; closing twice is no error."""
        from litellm_gateway import blocking

        if not self._closed:
            blocking.run(self.aclose())

    async def aclose(self) -> None:
        """Close every connection and plugin; closing twice is no error."""
        if not self._closed:
            self._closed = True
            await self._composition.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        if "_closed" not in vars(self):
            return "<LiteLLMGateway, not composed>"
        return f"<LiteLLMGateway {', '.join(self._composition.targets)}{' closed' if self._closed else ''}>"

    def _run(self, request: AnyRequest, options: Mapping[str, Any], operation: Operation) -> Coroutine[Any, Any, Any]:
        call = self._open_call(options)
        return self._composition.pipeline.run(call, request, CallRecord(call=call, operation=operation))

    def _open_call(self, options: Mapping[str, Any]) -> Call:
        if self._closed:
            raise GatewayError("this gateway is closed; make a new one with create_gateway()")
        config, now = self.config, time.monotonic()
        timeout = check_timeout(options.get("timeout"))
        rule: Any = options.get("on_unsupported")
        rule = config.on_unsupported if rule is None else check_on_unsupported(rule)
        return Call(
            id=f"req_{os.urandom(12).hex()}",
            tenant=check_tenant(options.get("tenant_id")),
            deadline=now + (config.timeout if timeout is None else timeout),
            retries_left=config.max_retries,
            clock=time.monotonic,
            started_at=now,
            on_unsupported=rule,
            priority=check_priority(options.get("priority")),
        )


def _with_parsed(answer: GenerateResponse, shape: Any) -> GenerateResponse:
    from litellm_gateway.structured_output import parsed

    return attrs.evolve(answer, parsed=parsed(shape, answer))


def create_gateway(
    api_key: str | Secret | None = None,
    provider: str | None = None,
    default_model: str | None = None,
    *,
    timeout: float | None = None,
    max_retries: int | None = None,
    rate_limit_config: RateLimitConfig | None = None,
    enable_caching: bool = False,
    cache_ttl: float | None = None,
    cache: CacheMechanism | None = None,
    **settings: Any,
) -> LiteLLMGateway:
    """Make a gateway.

    Args:
        api_key: Key of the provider; None reads the environment variable its users know.
        provider: Name of the default provider (``"openai"``, ``"local"``, ...); None takes the only one that
            has a key, else the local model.
        default_model: Model for calls that name none.
        timeout: Seconds a whole call may take, 60 by default.
        max_retries: Requests sent again after a failure, 2 by default.
        rate_limit_config: Limits the gateway keeps by itself.
        enable_caching: Keep answers and give them again to the same tenant for the same request.
        cache_ttl: Seconds an answer is kept.
        cache: A cache of your own; goes with ``enable_caching=True`` only.
        **settings: Every other setting of :class:`~litellm_gateway.config.GatewayConfig`.

    Raises:
        ConfigurationError: A setting is unknown, impossible or missing; the message names it.
        PluginError: A plugin the configuration wants is missing or fails; the message says what mends it.

    Example:
        >>> gateway = create_gateway(provider="echo")
        >>> gateway.generate(prompt="Hello").text
        'Hello'
    """
    api_key, settings = as_secret(api_key), with_secret_keys(settings)
    named = {
        "api_key": api_key,
        "provider": provider,
        "default_model": default_model,
        "timeout": timeout,
        "max_retries": max_retries,
        "rate_limit_config": rate_limit_config,
        "cache_ttl": cache_ttl,
    }
    given = {name: value for name, value in named.items() if value is not None}
    config = GatewayConfig.from_dict({**given, "enable_caching": enable_caching, **settings})
    return LiteLLMGateway(config=config, cache=cache)


def generate_text(
    gateway: LiteLLMGateway, prompt: str | None = None, **options: Unpack[GenerateOptions]
) -> GenerateResponse:
    """Answer a prompt with a gateway, blocking; the same as ``gateway.generate``."""
    return gateway.generate(prompt, **options)


async def generate_text_async(
    gateway: LiteLLMGateway, prompt: str | None = None, **options: Unpack[GenerateOptions]
) -> GenerateResponse:
    """Answer a prompt with a gateway; the same as ``gateway.generate_async``."""
    return await gateway.generate_async(prompt, **options)
