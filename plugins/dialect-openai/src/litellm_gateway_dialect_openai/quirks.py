"""How one server that speaks OpenAI's format differs from the others, as one frozen value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen(kw_only=True)
class ChatQuirks:
    """What to say to one server, and where; the defaults suit most servers that copy OpenAI.

    Attributes:
        chat_path, embeddings_path: Appended to the base URL.
        query: Query string of every URL, without ``?``.
        auth_header, auth_scheme: Header the key goes into, and the text before it.
        max_tokens_field: ``max_completion_tokens`` at OpenAI, ``max_tokens`` at servers that copy what it
            had before.
        user_field, seed_field: Names of these fields; None when the server has none.
        top_k: The server takes ``top_k``.
        include_usage: Ask for usage at the end of a stream.
        developer_role: The server knows the role ``developer``; else it is sent as ``system``.
        tool_message_name: Send the tool's name with its result.
        allowed_tools: The server takes ``allowed_tools``; else only the allowed tools are sent.
        parallel_tool_calls: The server takes ``parallel_tool_calls``.
        json_schema: The server takes a JSON schema as ``response_format``.
        reasoning_effort: The server takes ``reasoning_effort``.
        reasoning_field: Field of an assistant message that carries its reasoning back; None leaves it out.
        cache_marker: Fields put on a part that asks for prompt caching; None leaves the hint out.
        file_urls: The server takes the URL of a file where OpenAI takes only its bytes.
        embedding_encoding: Asked of embeddings; None sends no such field.
    """

    chat_path: str = "/chat/completions"
    embeddings_path: str = "/embeddings"
    query: str = ""
    auth_header: str = "authorization"
    auth_scheme: str = "Bearer "
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    user_field: str | None = "user"
    seed_field: str | None = "seed"
    top_k: bool = False
    include_usage: bool = True
    developer_role: bool = True
    tool_message_name: bool = False
    allowed_tools: bool = True
    parallel_tool_calls: bool = True
    json_schema: bool = True
    reasoning_effort: bool = True
    reasoning_field: str | None = None
    cache_marker: Mapping[str, Any] | None = None
    file_urls: bool = False
    embedding_encoding: Literal["base64", "float"] | None = "base64"
