"""The OpenAI dialect: chat completions, Responses and the rest, for OpenAI and for servers that copy it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway import json_codec
from litellm_gateway.errors import InvalidRequestError

from litellm_gateway_dialect_openai.chat_answer import read_chat_answer
from litellm_gateway_dialect_openai.chat_request import write_chat_request
from litellm_gateway_dialect_openai.chat_stream import ChatStreamDecoder
from litellm_gateway_dialect_openai.embeddings import read_embed_answer, write_embed_request
from litellm_gateway_dialect_openai.errors import error_of_status
from litellm_gateway_dialect_openai.model_list import read_model_list
from litellm_gateway_dialect_openai.moderation import read_moderation_answer, write_moderation_request
from litellm_gateway_dialect_openai.quirks import ChatQuirks
from litellm_gateway_dialect_openai.responses_answer import read_responses_answer
from litellm_gateway_dialect_openai.responses_request import write_responses_request
from litellm_gateway_dialect_openai.responses_stream import ResponsesStreamDecoder
from litellm_gateway_dialect_openai.wire_address import WireAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litellm_gateway.dialects import StreamDecoder
    from litellm_gateway.errors import GatewayError
    from litellm_gateway.framing import Framing
    from litellm_gateway.requests import EmbedRequest, GenerateRequest, ModerationRequest
    from litellm_gateway.responses import EmbedResponse, GenerateResponse, ModelList, ModerationResponse
    from litellm_gateway.secrets import Secret
    from litellm_gateway.wire import WireRequest, WireResponse

_NO_HEADERS: Mapping[str, str] = {}


class OpenAIChatDialect:
    """Translates chat completions, embeddings, moderation and the list of models.

    Args:
        base_url: Address of the API, with its version (``https://api.openai.com/v1``).
        api_key: The key; None for servers that want none.
        headers: Sent with every request; never a key.
        quirks: How the server differs from the others.
    """

    framing: Framing = "sse"

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
        return self._send(self._address.chat_url, body, request, stream=stream)

    def decode_generate(self, request: GenerateRequest, response: WireResponse) -> GenerateResponse:
        """Read a whole chat answer."""
        return read_chat_answer(response, asked_model=request.model)

    def stream_decoder(self, request: GenerateRequest) -> StreamDecoder:
        """Give a decoder for one streamed answer."""
        return ChatStreamDecoder()

    def decode_error(self, response: WireResponse) -> GatewayError:
        """Name the error behind a status of 400 and above."""
        return error_of_status(response)

    def encode_embed(self, request: EmbedRequest) -> WireRequest:
        """Write an embedding request."""
        body = write_embed_request(request, self.quirks)
        return self._send(self._address.embeddings_url, body, request)

    def decode_embed(self, request: EmbedRequest, response: WireResponse) -> EmbedResponse:
        """Read the vectors."""
        return read_embed_answer(response, asked_model=request.model, encoding=request.encoding)

    def encode_moderation(self, request: ModerationRequest) -> WireRequest:
        """Write a moderation request."""
        return self._send(self._address.moderations_url, write_moderation_request(request), request)

    def decode_moderation(self, request: ModerationRequest, response: WireResponse) -> ModerationResponse:
        """Read the judgements."""
        return read_moderation_answer(response, request)

    def encode_list_models(self) -> WireRequest:
        """Ask for the list of models."""
        return self._address.lookup(self._address.models_url)

    def decode_list_models(self, response: WireResponse) -> ModelList:
        """Read the list of models."""
        return read_model_list(response)

    def _send(
        self,
        url: str,
        body: dict[str, Any],
        request: GenerateRequest | EmbedRequest | ModerationRequest,
        *,
        stream: bool = False,
    ) -> WireRequest:
        return self._address.request(url, _encode(body), request.extra_headers, model=request.model, stream=stream)


class OpenAIDialect(OpenAIChatDialect):
    """Speaks chat completions or the Responses API, as each request wants it.

    Args:
        wants_responses: Says for a request whether the Responses API answers it; pure, asked more than once.
        reasoning_summary: Summary of its reasoning to ask a model for, where the Responses API answers.
        options: Those of :class:`OpenAIChatDialect`.
    """

    def __init__(
        self,
        *,
        wants_responses: Callable[[GenerateRequest], bool],
        reasoning_summary: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._wants_responses = wants_responses
        self._summary = reasoning_summary

    def encode_generate(self, request: GenerateRequest, *, stream: bool) -> WireRequest:
        """Write the request for the API that answers it."""
        if not self._wants_responses(request):
            return super().encode_generate(request, stream=stream)
        body = write_responses_request(request, self.quirks, stream=stream, summary=self._summary)
        return self._send(self._address.responses_url, body, request, stream=stream)

    def decode_generate(self, request: GenerateRequest, response: WireResponse) -> GenerateResponse:
        """Read a whole answer of that API."""
        if not self._wants_responses(request):
            return super().decode_generate(request, response)
        return read_responses_answer(response, asked_model=request.model)

    def stream_decoder(self, request: GenerateRequest) -> StreamDecoder:
        """Give a decoder for one streamed answer of that API."""
        return ResponsesStreamDecoder() if self._wants_responses(request) else ChatStreamDecoder()


def _encode(body: object) -> bytes:
    try:
        return json_codec.encode(body)
    except ValueError as error:
        raise InvalidRequestError(f"the request cannot be written as JSON: {error}") from error
