"""The Cohere dialect: v2 chat, embeddings and rerank, and the list of models, as pure translation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway_provider_cohere.chat_answer import read_chat_answer
from litellm_gateway_provider_cohere.chat_request import write_chat_request
from litellm_gateway_provider_cohere.chat_stream import ChatStreamDecoder
from litellm_gateway_provider_cohere.embeddings import read_embed_answer, write_embed_request
from litellm_gateway_provider_cohere.errors import error_of_status
from litellm_gateway_provider_cohere.model_list import page_url, read_page
from litellm_gateway_provider_cohere.rerank import read_rerank_answer, write_rerank_request
from litellm_gateway_provider_cohere.wire_address import WireAddress

if TYPE_CHECKING:
    from litellm_gateway.errors import GatewayError
    from litellm_gateway.framing import Framing
    from litellm_gateway.requests import EmbedRequest, GenerateRequest, RerankRequest
    from litellm_gateway.responses import EmbedResponse, GenerateResponse, ModelInfo, RerankResponse
    from litellm_gateway.secrets import Secret
    from litellm_gateway.wire import WireRequest, WireResponse


class CohereDialect:
    """Translates between the gateway's types and Cohere's API.

    Args:
        base_url: Address of the API without its version (``https://api.cohere.com``).
        api_key: The key.
        client_name: Name of the calling project, told to Cohere.
    """

    framing: Framing = "sse"

    def __init__(self, *, base_url: str, api_key: Secret, client_name: str | None = None) -> None:
        self._address = WireAddress.of(base_url, api_key, client_name=client_name)

    def encode_generate(self, request: GenerateRequest, *, stream: bool) -> WireRequest:
        """Write a chat request."""
        body = write_chat_request(request, stream=stream)
        return self._address.post(self._address.chat_url, body, request.extra_headers, stream=stream)

    def decode_generate(self, request: GenerateRequest, response: WireResponse) -> GenerateResponse:
        """Read a whole chat answer."""
        return read_chat_answer(response, asked_model=request.model)

    def stream_decoder(self, request: GenerateRequest) -> ChatStreamDecoder:
        """Give a decoder for one streamed answer."""
        return ChatStreamDecoder()

    def decode_error(self, response: WireResponse) -> GatewayError:
        """Name the error behind a status of 400 and above."""
        return error_of_status(response)

    def encode_embed(self, request: EmbedRequest) -> WireRequest:
        """Write an embedding request."""
        return self._address.post(self._address.embed_url, write_embed_request(request), request.extra_headers)

    def decode_embed(self, request: EmbedRequest, response: WireResponse) -> EmbedResponse:
        """Read the vectors."""
        return read_embed_answer(request, response)

    def encode_rerank(self, request: RerankRequest) -> WireRequest:
        """Write a rerank request."""
        return self._address.post(self._address.rerank_url, write_rerank_request(request), request.extra_headers)

    def decode_rerank(self, request: RerankRequest, response: WireResponse) -> RerankResponse:
        """Read the order of the documents."""
        return read_rerank_answer(request, response)

    def encode_models(self, page_token: str) -> WireRequest:
        """Write the request for a page of the list of models."""
        return self._address.get(page_url(self._address.models_url, page_token))

    def decode_models(self, response: WireResponse) -> tuple[list[ModelInfo], str]:
        """Read a page: its models, and the token of the next."""
        return read_page(response)
