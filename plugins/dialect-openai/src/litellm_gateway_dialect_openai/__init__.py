"""The OpenAI wire format as pure translation: no client, no clock, no log.

It serves OpenAI itself and every server that speaks its format; what differs is a :class:`ChatQuirks`.
"""

from litellm_gateway_dialect_openai.dialect import OpenAIChatDialect, OpenAIDialect
from litellm_gateway_dialect_openai.quirks import ChatQuirks

__all__ = ["ChatQuirks", "OpenAIChatDialect", "OpenAIDialect"]
