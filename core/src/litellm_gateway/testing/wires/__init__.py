"""Right answers and error bodies in six providers' formats, written for servers that tests talk to.

Nothing here reads a format, and no provider plugin is used: what is written is what the providers document.
"""

from __future__ import annotations

from litellm_gateway.testing.wires.anthropic import ANTHROPIC
from litellm_gateway.testing.wires.bedrock import BEDROCK
from litellm_gateway.testing.wires.cohere import COHERE
from litellm_gateway.testing.wires.google import GOOGLE
from litellm_gateway.testing.wires.openai_chat import OPENAI_CHAT
from litellm_gateway.testing.wires.openai_responses import OPENAI_RESPONSES
from litellm_gateway.testing.wires.wire import Answer, Frame, Report, Wire

WIRES: tuple[Wire, ...] = (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC, GOOGLE, COHERE, BEDROCK)

__all__ = [
    "ANTHROPIC",
    "BEDROCK",
    "COHERE",
    "GOOGLE",
    "OPENAI_CHAT",
    "OPENAI_RESPONSES",
    "WIRES",
    "Answer",
    "Frame",
    "Report",
    "Wire",
]
