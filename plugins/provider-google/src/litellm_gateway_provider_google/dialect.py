"""The Gemini dialect: generateContent, embeddings, token counts and model lists, on both of Google's APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway import json_codec
from litellm_gateway.errors import InvalidRequestError

from litellm_gateway_provider_google.answer import read_answer
from litellm_gateway_provider_google.answer_stream import AnswerDecoder
from litellm_gateway_provider_google.embeddings import read_embed_answer, write_embed_request
from litellm_gateway_provider_google.errors import error_of_status
from litellm_gateway_provider_google.generate_request import Manners, write_generate_request
from litellm_gateway_provider_google.model_lists import read_model_page
from litellm_gateway_provider_google.stream_reader import GeminiStreamReader
from litellm_gateway_provider_google.token_counts import read_token_count, write_count_request

if TYPE_CHECKING:
    from litellm_gateway.errors import GatewayError
    from litellm_gateway.framing import Framing
    from litellm_gateway.requests import EmbedRequest, GenerateRequest, TokenCountRequest
    from litellm_gateway.responses import EmbedResponse, GenerateResponse, ModelInfo, TokenCount
    from litellm_gateway.wire import WireRequest, WireResponse

    from litellm_gateway_provider_google.wire_address import WireAddress


class GeminiDialect:
    """Translates for the Gemini API and for Vertex AI, which differ in addresses and in little else.

    Args:
        address: Which of the two, and with what key.
        manners: What every request has in common.
    """

    framing: Framing = GeminiStreamReader

    def __init__(self, address: WireAddress, manners: Manners | None = None) -> None:
        self._address = address
        self._manners = manners or Manners()

    def encode_generate(self, request: GenerateRequest, *, stream: bool) -> WireRequest:
        """Write a request for text."""
        body = _encode(write_generate_request(request, self._manners, stream=stream))
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return self._address.request(request.model, method, body, request.extra_headers, stream=stream)

    def decode_generate(self, request: GenerateRequest, response: WireResponse) -> GenerateResponse:
        """Read a whole answer."""
        return read_answer(response, asked_model=request.model)

    def stream_decoder(self, request: GenerateRequest) -> AnswerDecoder:
        """Give a decoder for one streamed answer."""
        return AnswerDecoder()

    def decode_error(self, response: WireResponse) -> GatewayError:
        """Name the error behind a status of 400 and above."""
        return error_of_status(response)

    def encode_embed(self, request: EmbedRequest) -> WireRequest:
        """Write an embedding request."""
        path = self._address.model_path(request.model)
        method, body = write_embed_request(request, model_path=path, is_vertex=self._address.is_vertex)
        return self._address.request(request.model, method, _encode(body), request.extra_headers)

    def decode_embed(self, request: EmbedRequest, response: WireResponse) -> EmbedResponse:
        """Read the vectors."""
        return read_embed_answer(response, asked_model=request.model)

    def encode_count(self, request: TokenCountRequest) -> WireRequest:
        """Write a request to count tokens."""
        path = self._address.model_path(request.model)
        asked = write_generate_request(request.request, self._manners, stream=False)
        body = write_count_request(asked, model_path=path, is_vertex=self._address.is_vertex)
        return self._address.request(request.model, "countTokens", _encode(body), request.request.extra_headers)

    def decode_count(self, request: TokenCountRequest, response: WireResponse) -> TokenCount:
        """Read the count."""
        return read_token_count(response, asked_model=request.model)

    def encode_model_list(self, page_token: str) -> WireRequest:
        """Write a request for one page of models."""
        return self._address.list_request(page_token)

    def decode_model_list(self, response: WireResponse) -> tuple[list[ModelInfo], str]:
        """Read one page of models, and the token of the next."""
        return read_model_page(response)


def _encode(body: object) -> bytes:
    try:
        return json_codec.encode(body)
    except ValueError as error:
        raise InvalidRequestError(f"the request cannot be written as JSON: {error}") from error
