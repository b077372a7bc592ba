"""The Bedrock dialect: Converse whole and streamed, and token counts, as pure translation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway.responses import TokenCount
from litellm_gateway.wire_shapes import as_count, read_object

from litellm_gateway_provider_bedrock.answer import read_answer
from litellm_gateway_provider_bedrock.errors import error_of_status
from litellm_gateway_provider_bedrock.event_frames import EventFrameReader
from litellm_gateway_provider_bedrock.model_traits import ModelTraits
from litellm_gateway_provider_bedrock.request_body import write_count_request, write_request
from litellm_gateway_provider_bedrock.stream import ConverseStreamDecoder
from litellm_gateway_provider_bedrock.wire_address import WireAddress

if TYPE_CHECKING:
    from litellm_gateway.errors import GatewayError
    from litellm_gateway.framing import Framing
    from litellm_gateway.requests import GenerateRequest, TokenCountRequest
    from litellm_gateway.responses import GenerateResponse
    from litellm_gateway.secrets import Secret
    from litellm_gateway.wire import WireRequest, WireResponse

    from litellm_gateway_provider_bedrock.wire_address import Operation


class ConverseDialect:
    """Translates between the gateway's types and Converse.

    Args:
        base_url: Address of one region's service (``https://bedrock-runtime.us-east-1.amazonaws.com``).
        api_key: A Bedrock API key; None for requests that are signed later.
    """

    framing: Framing = EventFrameReader

    def __init__(self, *, base_url: str, api_key: Secret | None = None) -> None:
        self._address = WireAddress.of(base_url, api_key)
        self._traits = ModelTraits()

    def encode_generate(self, request: GenerateRequest, *, stream: bool) -> WireRequest:
        """Write a request; whole and streamed ones differ in their address only."""
        body = write_request(request, self._traits.of(request.model))
        operation: Operation = "converse-stream" if stream else "converse"
        return self._address.post(request.model, operation, body, request.extra_headers)

    def decode_generate(self, request: GenerateRequest, response: WireResponse) -> GenerateResponse:
        """Read a whole answer."""
        return read_answer(response, asked_model=request.model)

    def stream_decoder(self, request: GenerateRequest) -> ConverseStreamDecoder:
        """Give a decoder for one streamed answer."""
        return ConverseStreamDecoder()

    def decode_error(self, response: WireResponse) -> GatewayError:
        """Name the error behind a status of 400 and above."""
        return error_of_status(response)

    def encode_count(self, request: TokenCountRequest) -> WireRequest:
        """Write a request that counts the tokens of another."""
        body = write_count_request(request.request, self._traits.of(request.model))
        return self._address.post(request.model, "count-tokens", body, request.request.extra_headers)

    def decode_count(self, request: TokenCountRequest, response: WireResponse) -> TokenCount:
        """Read the count."""
        body = read_object(response.body, "a token count")
        if "inputTokens" not in body:
            raise ValueError("a token count without a count")
        return TokenCount(tokens=as_count(body["inputTokens"], "inputTokens"), model=request.model)
