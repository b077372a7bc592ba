"""OpenAI's chat format as the model server on this machine speaks it: what it lacks, and its own errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway import json_codec
from litellm_gateway.errors import ContextWindowExceededError
from litellm_gateway_dialect_openai import ChatQuirks, OpenAIChatDialect

if TYPE_CHECKING:
    from litellm_gateway.errors import GatewayError
    from litellm_gateway.wire import WireResponse

QUIRKS = ChatQuirks(top_k=True, allowed_tools=False, reasoning_effort=False)


class LocalDialect(OpenAIChatDialect):
    """The format with the model server's own words for a prompt that is too long."""

    def decode_error(self, response: WireResponse) -> GatewayError:
        """Name the error behind a status of 400 and above."""
        try:
            error = json_codec.decode(response.body)["error"]
            message, kind = str(error["message"]), str(error["type"])
        except (ValueError, KeyError, TypeError):
            return super().decode_error(response)
        if kind == "exceed_context_size_error":
            advice = f"{message}. Shorten the prompt or raise the setting context_tokens."
        elif "is too large to process" in message:
            advice = "a text is too long to embed. Shorten it or raise the setting embedding_tokens."
        else:
            return super().decode_error(response)
        return ContextWindowExceededError(advice, status_code=response.status, code=kind)
