"""Answers to bytes and back, for storing. JSON only: whatever the bytes hold, reading them runs nothing.

An entry names the key it was stored under, so that one found in the wrong place is refused.
"""

from __future__ import annotations

import base64
from array import array
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeVar

from litellm_gateway import json_codec
from litellm_gateway.messages import ReasoningPart, ToolCall
from litellm_gateway.responses import EmbedResponse, GenerateResponse, TokenUsage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from litellm_gateway.contracts import CacheKey

FORMAT = 1
"""Entries of another format are refused, never guessed at."""

PER_CALL = frozenset({"latency", "cached", "shared", "attempts", "hedged", "failures"})
"""Metadata that tells of one call, not of the answer: never stored."""

T = TypeVar("T")
_PLAIN_KINDS = (str, int, float, list, tuple, dict)
_PLAIN = frozenset((*_PLAIN_KINDS, bool, type(None)))  # asked first: most values are exactly of one of these
_NUMBER_FORMATS = {"f": 4, "d": 8, "b": 1, "B": 1}


def encode(key: CacheKey, answer: GenerateResponse | EmbedResponse) -> bytes:
    """Write an answer as one entry.

    Raises:
        ValueError: The answer holds something JSON cannot say.
    """
    if isinstance(answer, GenerateResponse):
        kind, body = "generate", _write_answer(answer)
    else:
        kind, body = "embed", _write_vectors(answer)
    plain, decimals = _write_metadata(answer.metadata)
    entry = {
        "format": FORMAT,
        "tenant": key.tenant,
        "digest": key.digest,
        "kind": kind,
        "answer": body,
        "usage": _write_usage(answer.usage),
        "metadata": plain,
        "decimals": decimals,
    }
    return json_codec.encode(entry)


def decode(key: CacheKey, data: bytes) -> GenerateResponse | EmbedResponse:
    """Read an entry that was stored under this very key.

    Raises:
        ValueError: Damaged, of another format, or stored under another key.
    """
    try:
        entry = _take({"": json_codec.decode(data)}, "", dict)
        if _take(entry, "format", int) != FORMAT:
            raise ValueError("written in another format")
        if (entry.get("tenant"), entry.get("digest")) != (key.tenant, key.digest):
            raise ValueError("stored under another key")
        return _READERS[_take(entry, "kind", str)](entry)
    except (LookupError, TypeError, InvalidOperation, RecursionError) as error:
        raise ValueError(f"not an entry of the cache ({type(error).__name__})") from None


def _write_answer(answer: GenerateResponse) -> dict[str, Any]:
    return {
        "text": answer.text,
        "model": answer.model,
        "finish_reason": answer.finish_reason,
        "raw_finish_reason": answer.raw_finish_reason,
        "tool_calls": [[call.id, call.name, call.arguments, call.signature] for call in answer.tool_calls],
        "reasoning": [
            [part.text, part.signature, part.redacted, None if part.extra is None else dict(part.extra)]
            for part in answer.reasoning
        ],
        "refusal": answer.refusal,
        "annotations": [dict(note) for note in answer.annotations],
    }


def _read_answer(entry: Mapping[str, Any]) -> GenerateResponse:
    answer = _take(entry, "answer", dict)
    return GenerateResponse(
        text=_take(answer, "text", str),
        model=_take(answer, "model", str),
        usage=_read_usage(entry),
        finish_reason=_take(answer, "finish_reason", str),
        raw_finish_reason=_maybe(answer, "raw_finish_reason", str),
        tool_calls=tuple(_read_tool_call(call) for call in _take(answer, "tool_calls", list)),
        reasoning=tuple(_read_reasoning(part) for part in _take(answer, "reasoning", list)),
        refusal=_maybe(answer, "refusal", str),
        annotations=tuple(_check(note, dict) for note in _take(answer, "annotations", list)),
        metadata=_read_metadata(entry),
    )


def _read_tool_call(values: Sequence[Any]) -> ToolCall:
    call_id, name, arguments, signature = values
    return ToolCall(
        id=_check(call_id, str),
        name=_check(name, str),
        arguments=_check(arguments, str),
        signature=None if signature is None else _check(signature, str),
    )


def _read_reasoning(values: Sequence[Any]) -> ReasoningPart:
    text, signature, redacted, extra = values
    return ReasoningPart(
        text=_check(text, str),
        signature=None if signature is None else _check(signature, str),
        redacted=_check(redacted, bool),
        extra=None if extra is None else _check(extra, dict),
    )


def _write_vectors(answer: EmbedResponse) -> dict[str, Any]:
    return {"model": answer.model, "vectors": [_write_vector(vector) for vector in answer.vectors]}


def _write_vector(vector: Sequence[float]) -> list[str]:
    """Give a number format and the numbers in it, little-endian, in base64; lists become 32-bit floats."""
    known = isinstance(vector, array) and vector.typecode in _NUMBER_FORMATS
    numbers: array[float] = vector if known else array("f", vector)  # type: ignore[assignment]
    return [numbers.typecode, base64.b64encode(_little_endian(numbers).tobytes()).decode("ascii")]


def _read_vectors(entry: Mapping[str, Any]) -> EmbedResponse:
    answer = _take(entry, "answer", dict)
    return EmbedResponse(
        vectors=tuple(_read_vector(vector) for vector in _take(answer, "vectors", list)),
        model=_take(answer, "model", str),
        usage=_read_usage(entry),
        metadata=_read_metadata(entry),
    )


def _read_vector(values: Sequence[Any]) -> Sequence[float]:
    typecode, text = values
    data = base64.b64decode(_check(text, str), validate=True)
    if len(data) % _NUMBER_FORMATS[typecode]:
        raise ValueError("a vector is cut")
    numbers: array[float] = array(typecode)
    numbers.frombytes(data)
    return _little_endian(numbers)


def _little_endian(numbers: array[float]) -> array[float]:
    import sys

    if sys.byteorder == "little" or numbers.itemsize == 1:
        return numbers
    swapped = numbers[:]
    swapped.byteswap()
    return swapped


_READERS: Mapping[str, Callable[[Mapping[str, Any]], GenerateResponse | EmbedResponse]] = {
    "generate": _read_answer,
    "embed": _read_vectors,
}
_COUNTS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")


def _write_usage(usage: TokenUsage) -> list[Any]:
    return [
        usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens,
        usage.output_tokens, usage.reasoning_tokens, usage.estimated,
    ]  # fmt: skip


def _read_usage(entry: Mapping[str, Any]) -> TokenUsage:
    *counts, estimated = _take(entry, "usage", list)
    if len(counts) != len(_COUNTS):
        raise ValueError("usage is cut")
    named = {name: _check(count, int) for name, count in zip(_COUNTS, counts, strict=True)}
    return TokenUsage(**named, estimated=_check(estimated, bool))


def _write_metadata(metadata: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Split metadata into plain JSON and decimals, which JSON would round."""
    plain: dict[str, Any] = {}
    decimals: dict[str, str] = {}
    for name, value in metadata.items():
        if name in PER_CALL:
            continue
        if type(value) in _PLAIN or isinstance(value, _PLAIN_KINDS):
            plain[name] = value
        elif isinstance(value, Decimal):
            decimals[name] = str(value)
    return plain, decimals


def _read_metadata(entry: Mapping[str, Any]) -> dict[str, Any]:
    metadata = _take(entry, "metadata", dict)
    for name, text in _take(entry, "decimals", dict).items():
        metadata[name] = Decimal(_check(text, str))
    return metadata


def _take(source: Mapping[str, Any], name: str, kind: type[T]) -> T:
    return _check(source[name], kind)


def _maybe(source: Mapping[str, Any], name: str, kind: type[T]) -> T | None:
    return None if source[name] is None else _check(source[name], kind)


def _check(value: Any, kind: type[T]) -> T:
    """Give the value if it is exactly of that kind: ``True`` is no number here."""
    if type(value) is not kind:
        raise ValueError(f"holds {type(value).__name__} where {kind.__name__} belongs")
    return value
