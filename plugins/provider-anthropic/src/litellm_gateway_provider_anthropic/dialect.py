"""The Messages API as pure translation: no client, no clock, no log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litellm_gateway import json_codec
from litellm_gateway.errors import InvalidRequestError, UnsupportedParameterError

from litellm_gateway_provider_anthropic.address import BASE_URL, Address
from litellm_gateway_provider_anthropic.answer import read_answer
from litellm_gateway_provider_anthropic.errors import error_of_status
from litellm_gateway_provider_anthropic.listings import ModelPage, read_count, read_model_page
from litellm_gateway_provider_anthropic.request_body import SAMPLING, write_count_request, write_messages_request
from litellm_gateway_provider_anthropic.stream import MessageStreamDecoder
from litellm_gateway_provider_anthropic.traits import ModelTraits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_gateway.errors import GatewayError
    from litellm_gateway.framing import Framing
    from litellm_gateway.requests import GenerateRequest, TokenCountRequest
    from litellm_gateway.responses import GenerateResponse, TokenCount
    from litellm_gateway.secrets import Secret
    from litellm_gateway.wire import WireRequest, WireResponse

NEWEST_VERSION: Final = "2026-10-21"
LAST_WITH_SAMPLING: Final = "2023-06-01"
_NO_SECRETS: Mapping[str, Secret] = {}


class AnthropicDialect:
    """Translates messages, token counts and the list of models.

    Args:
        base_url: Address of the API.
        secret_headers: Headers sent with every request whose value is a secret, the key's among them.
        version: ``anthropic-version`` to speak; None takes the newest known one, and the last one with sampling
            parameters for a request that has such.
        beta: Names for ``anthropic-beta``.
    """

    framing: Framing = "sse"

    def __init__(
        self,
        *,
        base_url: str = BASE_URL,
        secret_headers: Mapping[str, Secret] = _NO_SECRETS,
        version: str | None = None,
        beta: tuple[str, ...] = (),
    ) -> None:
        self._version = version
        self._address = Address.of(base_url, secret_headers, beta)
        self._traits = ModelTraits(__package__)

    def encode_generate(self, request: GenerateRequest, *, stream: bool) -> WireRequest:
        """Write a request for a message."""
        body = write_messages_request(request, self._traits.of(request.model), stream=stream)
        address, version = self._address, self._version_for(body)
        return address.post(address.messages_url, _encode(body), version, request.extra_headers, stream=stream)

    def decode_generate(self, request: GenerateRequest, response: WireResponse) -> GenerateResponse:
        """Read a whole message."""
        return read_answer(response, asked_model=request.model)

    def stream_decoder(self, request: GenerateRequest) -> MessageStreamDecoder:
        """Give a decoder for one streamed message."""
        return MessageStreamDecoder()

    def decode_error(self, response: WireResponse) -> GatewayError:
        """Name the error behind a status of 400 and above."""
        return error_of_status(response)

    def encode_count(self, request: TokenCountRequest) -> WireRequest:
        """Write a request for a count of input tokens."""
        body = write_count_request(request.request, self._traits.of(request.model))
        body["model"] = request.model
        version = self._version or NEWEST_VERSION
        return self._address.post(self._address.count_url, _encode(body), version, request.request.extra_headers)

    def decode_count(self, request: TokenCountRequest, response: WireResponse) -> TokenCount:
        """Read the count."""
        return read_count(response, model=request.model)

    def encode_list_models(self, after: str | None) -> WireRequest:
        """Write a request for the page of models that follows the named one."""
        return self._address.get_models(self._version or NEWEST_VERSION, after)

    def decode_list_models(self, response: WireResponse) -> ModelPage:
        """Read one page of models."""
        return read_model_page(response)

    def _version_for(self, body: Mapping[str, Any]) -> str:
        sampling = next((name for name in SAMPLING if name in body), None)
        if sampling is None:
            return self._version or NEWEST_VERSION
        if self._version is None:
            return LAST_WITH_SAMPLING
        if self._version > LAST_WITH_SAMPLING:
            raise UnsupportedParameterError(
                f"anthropic-version {self._version} has no '{sampling}': leave it out, or set anthropic_version to "
                f"'{LAST_WITH_SAMPLING}' or to nothing, which takes that version where it must",
                parameter=sampling,
            )
        return self._version


def _encode(body: object) -> bytes:
    try:
        return json_codec.encode(body)
    except ValueError as error:
        raise InvalidRequestError(f"the request cannot be written as JSON: {error}") from error
