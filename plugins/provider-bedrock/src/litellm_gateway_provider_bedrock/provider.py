"""Put the Converse dialect together with a region's address and a key or a signature."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar, cast

from litellm_gateway.config import read_environment
from litellm_gateway.dialects import DialectProvider
from litellm_gateway.errors import ConfigurationError, GatewayError

from litellm_gateway_provider_bedrock.dialect import ConverseDialect
from litellm_gateway_provider_bedrock.request_signing import RequestSigner, region_of_profile
from litellm_gateway_provider_bedrock.settings import BedrockSettings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from litellm_gateway.contracts import BuildContext, Call
    from litellm_gateway.requests import GenerateRequest, TokenCountRequest
    from litellm_gateway.responses import StreamChunk, TokenCount
    from litellm_gateway.secrets import Secret
    from litellm_gateway.wire import WireRequest, WireResponse

T = TypeVar("T")
_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL")
_REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")


class BedrockProvider(DialectProvider):
    """Bedrock: what every dialect gives, token counts, and credentials made ready before a request is signed.

    Args:
        dialect: The translation.
        context: What the plugin was given to build from.
        secrets: Keys to mask should messages quote them.
        signer: Signs requests; None where a key goes along.
    """

    dialect: ConverseDialect

    def __init__(
        self,
        dialect: ConverseDialect,
        context: BuildContext,
        *,
        secrets: tuple[Secret, ...] = (),
        signer: RequestSigner | None = None,
    ) -> None:
        super().__init__(dialect, context, secrets=secrets, sign=signer.sign if signer else None)
        self._signer = signer

    async def ask(
        self, write: Callable[[], WireRequest], read: Callable[[WireResponse], T], call: Call, model: str
    ) -> T:
        """Send one request and read its whole answer."""
        if self._signer is not None and not self._signer.ready:
            await self._prepare(self._signer, call, model)
        return await super().ask(write, read, call, model)

    def stream(self, request: GenerateRequest, call: Call) -> AsyncIterator[StreamChunk]:
        """Send once, give the pieces as they come."""
        if self._signer is None or self._signer.ready:
            return super().stream(request, call)
        return self._stream_when_ready(self._signer, request, call)

    async def count_tokens(self, request: TokenCountRequest, call: Call) -> TokenCount:
        """Count the input tokens the request would have."""
        write = partial(self.dialect.encode_count, request)
        return await self.ask(write, partial(self.dialect.decode_count, request), call, request.model)

    async def _stream_when_ready(
        self, signer: RequestSigner, request: GenerateRequest, call: Call
    ) -> AsyncIterator[StreamChunk]:
        await self._prepare(signer, call, request.model)
        stream = cast("AsyncGenerator[StreamChunk, None]", super().stream(request, call))
        async with aclosing(stream) as pieces:
            async for piece in pieces:
                yield piece

    async def _prepare(self, signer: RequestSigner, call: Call, model: str) -> None:
        try:
            await signer.prepare(call)
        except GatewayError as error:
            error.provider, error.model = error.provider or self.name, error.model or model
            raise


def build_provider(settings: BedrockSettings, context: BuildContext) -> BedrockProvider:
    """Build the provider from its settings and, where they are silent, from the environment.

    Raises:
        ConfigurationError: No region is named anywhere.
    """
    found = read_environment(_ENDPOINTS)
    checked = BedrockSettings(base_url=settings.base_url or (found[1] if found else None), region=_region(settings))
    if checked.region is None and (checked.base_url is None or settings.api_key is None):
        raise ConfigurationError(
            f"provider '{context.name}' has no region: set AWS_REGION or give region",
            path=f"providers.{context.name}.region",
            provider=context.name,
        )
    base_url = checked.base_url or _address_of(checked.region or "")
    dialect = ConverseDialect(base_url=base_url, api_key=settings.api_key)
    if settings.api_key:
        return BedrockProvider(dialect, context, secrets=(settings.api_key,))
    secrets = tuple(one for one in (settings.secret_access_key, settings.session_token) if one)
    return BedrockProvider(dialect, context, secrets=secrets, signer=RequestSigner(settings, checked.region or ""))


def _region(settings: BedrockSettings) -> str | None:
    """Give the region; only a profile is asked for by botocore, which is slow to import."""
    found = read_environment(_REGIONS)
    region = settings.region or (found[1] if found else None)
    if region is not None or (settings.api_key and settings.base_url):
        return region
    return region_of_profile(settings.profile)


def _address_of(region: str) -> str:
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://bedrock-runtime.{region}.{domain}"
