"""The ways to reach the server, what it says in reply to which prompt, and the call that checks a stream as it goes."""

from __future__ import annotations

from typing import Any

from attrs import frozen

EMBEDDERS = ["openai-chat", "azure", "google", "cohere"]
PATHS = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "google": "/v1beta/models/gemini-2.5-flash:generateContent",
    "vertex": "/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-flash:generateContent",
    "bedrock-key": "/model/anthropic.claude-sonnet-4-5-20250929-v1:0/converse",
    "bedrock-signed": "/model/amazon.nova-lite-v1:0/converse",
    "azure": "/openai/deployments/gpt-4o/chat/completions",
    "openrouter": "/api/v1/chat/completions",
    "mistral": "/v1/chat/completions",
    "ollama": "/v1/chat/completions",
    "cohere": "/v2/chat",
}
SPEAKERS = list(PATHS)
# Where the server says what the provider never does: Gemini has no FUNCTION_CALL among its finish reasons, and
# OpenAI's Responses name the reason of an incomplete answer, which the server leaves out.
FINISHES = {
    ("google", "tool_calls"): "other",
    ("vertex", "tool_calls"): "other",
    ("openai-responses", "length"): "other",
}
HELLO = "Hello from a server that speaks every provider's wire."
CUT = (
    "This answer is long enough for a dozen pieces of twenty characters each, so that whatever a provider's wire puts "
    "before the first of them and after the last, the connection ends somewhere in the middle of the text."
)
SCRIPTS = 'naïve café — 日本語, Ελληνικά, עברית, 👩‍🚀🚀; "quoted"\\n\nline\u2028separator\u0085next.'
TOOL = {
    "name": "get_weather",
    "description": "Tell the weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["city", "people"],
    "additionalProperties": False,
}


@frozen(kw_only=True)
class Peer:
    """One way to reach the server: a provider with its settings.

    Attributes:
        settings: Given to ``create_gateway``; ``{url}`` stands for the server's address.
        model: Model to ask for.
        embedding_model: Model for embeddings, None where the provider has none.
    """

    settings: dict[str, Any]
    model: str
    embedding_model: str | None = None


PEERS = {
    "openai-chat": Peer(
        settings={"provider": "openai", "api_key": "sk-peer-0123456789", "base_url": "{url}/v1", "api": "chat"},
        model="gpt-4o",
        embedding_model="text-embedding-3-small",
    ),
    "openai-responses": Peer(
        settings={"provider": "openai", "api_key": "sk-peer-0123456789", "base_url": "{url}/v1", "api": "responses"},
        model="gpt-4o",
    ),
    "anthropic": Peer(
        settings={"provider": "anthropic", "api_key": "sk-ant-peer-0123456789", "base_url": "{url}"},
        model="claude-sonnet-4-5",
    ),
    "google": Peer(
        settings={"provider": "google", "api_key": "AIza-peer-0123456789", "base_url": "{url}"},
        model="gemini-2.5-flash",
        embedding_model="gemini-embedding-001",
    ),
    "vertex": Peer(
        settings={
            "provider": "vertex",
            "base_url": "{url}",
            "access_token": "ya29.peer-0123456789",
            "project": "p",
            "location": "global",
        },
        model="gemini-2.5-flash",
    ),
    "bedrock-key": Peer(
        settings={
            "provider": "bedrock",
            "api_key": "bedrock-peer-0123456789",
            "base_url": "{url}",
            "region": "us-east-1",
        },
        model="anthropic.claude-sonnet-4-5-20250929-v1:0",
    ),
    "bedrock-signed": Peer(
        settings={
            "provider": "bedrock",
            "base_url": "{url}",
            "region": "us-east-1",
            "access_key_id": "AKIAPEER",
            "secret_access_key": "peer-0123456789",
        },
        model="amazon.nova-lite-v1:0",
    ),
    "azure": Peer(
        settings={
            "provider": "azure",
            "api_key": "az-peer-0123456789",
            "base_url": "{url}",
            "api_version": "2024-10-21",
        },
        model="gpt-4o",
        embedding_model="text-embedding-3-small",
    ),
    "openrouter": Peer(
        settings={"provider": "openrouter", "api_key": "or-peer-0123456789", "base_url": "{url}/api/v1"},
        model="openai/gpt-4o",
    ),
    "mistral": Peer(
        settings={"provider": "mistral", "api_key": "mi-peer-0123456789", "base_url": "{url}/v1"},
        model="mistral-small-latest",
    ),
    "ollama": Peer(settings={"provider": "ollama", "base_url": "{url}"}, model="llama3.2"),
    "cohere": Peer(
        settings={"provider": "cohere", "api_key": "co-peer-0123456789", "base_url": "{url}"},
        model="command-a-03-2025",
        embedding_model="embed-v4.0",
    ),
}


async def ask(
    line: Any, how: str, prompt: str | None = None, *, faults: dict[str, int] | None = None, **more: Any
) -> Any:
    """Call whole or streamed; either way give the whole answer."""
    options = {**line.options(**(faults or {})), **more}
    if how == "whole":
        return await line.gateway.generate_async(prompt, **options)
    stream = line.gateway.generate_stream_async(prompt, **options)
    pieces = [piece async for piece in stream]
    answer = await stream.response()
    assert "".join(pieces) == answer.text
    assert [piece.kind for piece in pieces].count("finish") == 1
    return answer
