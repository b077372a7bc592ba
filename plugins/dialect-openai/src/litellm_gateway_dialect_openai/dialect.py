"""The OpenAI dialect: chat completions and embeddings, for OpenAI and for servers that copy it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from litellm_gateway import json_codec
from litellm_gateway.errors import InvalidRequestError

from litellm_gateway_dialect_openai.chat_answer import read_chat_answer
from litellm_gateway_dialect_openai.chat_request import write_chat_request
from litellm_gateway_dialect_openai.chat_stream import ChatStreamDecoder
from litellm_gateway_dialect_openai.embeddings import read_embed_answer, write_embed_request
from litellm_gateway_dialect_openai.errors import error_of_status
from litellm_gateway_dialect_openai.quirks import ChatQuirks
from litellm_gateway_dialect_openai.wire_address import WireAddress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_gateway.errors import GatewayError
    from litellm_gateway.requests import EmbedRequest, GenerateRequest
    from litellm_gateway.responses import EmbedResponse, GenerateResponse
    from litellm_gateway.secrets import Secret
    from litellm_gateway.wire import WireRequest, WireResponse

_NO_HEADERS: Mapping[str, str] = {}


class OpenAIChatDialect:
    """Translates chat completions and embeddings.

    Args:
        base_url: Address of the API, with its version (``https://api.openai.com/v1``).
        api_key: The key; None for servers that want none.
        headers: Sent with every request; never a key.
        quirks: How the server differs from the others.
    """

    framing: Literal["sse", "ndjson"] = "sse"

    def __init__(
        self,
        *,
        base_url: str,
        api_key: Secret | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
        quirks: ChatQuirks | None = None,
    ) -> None:
        self.quirks = quirks or ChatQuirks()
        self._address = WireAddress.of(base_url, api_key, headers, self.quirks)

    def encode_generate(self, request: GenerateRequest, *, stream: bool) -> WireRequest:
        """Write a chat request."""
        body = write_chat_request(request, self.quirks, stream=stream)
        return self._address.request(self._address.chat_url, _encode(body), request.extra_headers, stream=stream)

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
        body = write_embed_request(request, self.quirks)
        return self._address.request(self._address.embeddings_url, _encode(body), request.extra_headers)

    def decode_embed(self, request: EmbedRequest, response: WireResponse) -> EmbedResponse:
        """Read the vectors."""
        return read_embed_answer(response, asked_model=request.model)


def _encode(body: object) -> bytes:
    try:
        return json_codec.encode(body)
    except ValueError as error:
        raise InvalidRequestError(f"the request cannot be written as JSON: {error}") from error
