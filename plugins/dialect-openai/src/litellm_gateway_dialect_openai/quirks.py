"""How one server that speaks OpenAI's format differs from the others, as one frozen value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@frozen(kw_only=True)
class ChatQuirks:
    """What to say to one server, and where; the defaults suit most servers that copy OpenAI.

    Attributes:
        chat_path, responses_path, embeddings_path, moderations_path, models_path: Appended to the base URL;
            ``{model}`` in one stands for the model's name.
        query: Query string of every URL, without ``?``.
        auth_header, auth_scheme: Header the key goes into, and the text before it.
        max_tokens_field: ``max_completion_tokens`` at OpenAI, ``max_tokens`` at servers that copy what it
            had before.
        user_field, seed_field: Names of these fields; None when the server has none.
        top_k: The server takes ``top_k``.
        include_usage: Ask for usage at the end of a stream.
        developer_role: The server knows the role ``developer``; else it is sent as ``system``.
        tool_message_name: Send the tool's name with its result.
        tool_id_length: Letters and digits the id of a tool call must have; other ids are replaced, always by the
            same one. None takes every id.
        required_word: What a ``tool_choice`` is called that asks for any tool.
        allowed_tools: The server takes ``allowed_tools``; else only the allowed tools are sent.
        parallel_tool_calls: The server takes ``parallel_tool_calls``.
        json_schema: The server takes a JSON schema as ``response_format``.
        reasoning_effort: The server takes ``reasoning_effort``.
        efforts: Patterns of models (regular expression, from the start) with the steps of effort each has; another
            step becomes the nearest of these.
        thinking_switch: It also wants to be told by ``thinking`` whether to reason at all.
        reasoning_object: It takes effort and budget together, under ``reasoning``.
        reasoning_field: Field of an assistant message that carries its reasoning back; None leaves it out.
        reasoning_with_tools: The reasoning goes back only in turns that call tools.
        thinking_parts: The reasoning goes back as a part of the content.
        reasoning_details: The server's own list of reasoning goes back as it came.
        encrypted_reasoning: Pattern (regular expression, from the start) of models whose reasoning the Responses
            API hands over encrypted; None asks no model for it.
        minimum_output_tokens: Least ``max_tokens`` the Responses API takes.
        cache_marker: Fields put on a part that asks for prompt caching; None leaves the hint out.
        cache_models: Pattern of models that take the marker; None for all.
        cache_ttl: The marker can say how long.
        file_urls: The server takes the URL of a file where OpenAI takes only its bytes.
        document_parts: Files go as Mistral's ``document_url``.
        plain_audio: Audio goes as base64 text alone.
        embedding_encoding: Asked of embeddings; None sends no such field.
        embedding_type_field: Field that asks for ``int8`` and the like; None has floats only.
        dimensions_field: Field for the length of vectors.
    """

    chat_path: str = "/chat/completions"
    responses_path: str = "/responses"
    embeddings_path: str = "/embeddings"
    moderations_path: str = "/moderations"
    models_path: str = "/models"
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
    tool_id_length: int | None = None
    required_word: Literal["required", "any"] = "required"
    allowed_tools: bool = True
    parallel_tool_calls: bool = True
    json_schema: bool = True
    reasoning_effort: bool = True
    efforts: Sequence[tuple[str, Sequence[str]]] = ()
    thinking_switch: bool = False
    reasoning_object: bool = False
    reasoning_field: str | None = None
    reasoning_with_tools: bool = False
    thinking_parts: bool = False
    reasoning_details: bool = False
    encrypted_reasoning: str | None = None
    minimum_output_tokens: int = 0
    cache_marker: Mapping[str, Any] | None = None
    cache_models: str | None = None
    cache_ttl: bool = False
    file_urls: bool = False
    document_parts: bool = False
    plain_audio: bool = False
    embedding_encoding: Literal["base64", "float"] | None = "base64"
    embedding_type_field: str | None = None
    dimensions_field: str = "dimensions"
