"""The one JSON door: orjson when the extra ``speed`` is installed, else the standard library.

Both ways behave alike: compact UTF-8 bytes out, ``ValueError`` for anything that is not plain JSON. The one
difference: a float that is no number is refused by the standard library and becomes null with orjson.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


_LARGE = 1024 * 1024
_MOST_BRACKETS = 50_000
_BYTES_PER_BRACKET = 24

# Made once: json.dumps and json.loads would make new ones for every call with these settings.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False)
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _find_writer() -> Callable[[Any], str]:
    """Give what writes JSON: the encoder's own C half, made once, as the encoder would make it for each value."""
    half = getattr(json.encoder, "c_make_encoder", None)
    if half is None:
        return _ENCODER.encode
    text = json.encoder.encode_basestring
    write = half(None, _ENCODER.default, text, None, ":", ",", False, False, False)
    return lambda value: "".join(write(value, 0))


_WRITE = _find_writer()


def _encode_slowly(value: Any) -> bytes:
    try:
        return _WRITE(value).encode()
    except UnicodeEncodeError:
        raise ValueError("text holds a lone surrogate, which UTF-8 cannot carry") from None
    except (TypeError, RecursionError) as error:
        raise ValueError(f"not representable as JSON: {error}") from None


def _decode_slowly(data: bytes | bytearray | memoryview | str) -> Any:
    text = data if isinstance(data, str) else bytes(data).decode()
    try:
        if text[:1] == "{":  # most texts are one object with nothing around it: no need to look for white space
            value, end = _DECODER.raw_decode(text)
            if end == len(text):
                return value
        return _DECODER.decode(text.removeprefix("\ufeff"))
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None


def _find_codec() -> tuple[Callable[[Any], bytes], Callable[[Any], Any]]:
    try:
        import orjson
    except ImportError:
        return _encode_slowly, _decode_slowly

    plain_only = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME

    def encode(value: Any) -> bytes:
        try:
            data: bytes = orjson.dumps(value, option=plain_only)
        except TypeError:
            return _encode_slowly(value)
        return data

    return encode, orjson.loads


encode, _decode = _find_codec()


def decode(data: bytes | bytearray | memoryview | str) -> Any:
    """Read JSON.

    Raises:
        ValueError: It is none, or holds so many small lists and objects that reading it would fill the memory.
    """
    if len(data) > _LARGE:
        _check_density(data)
    try:
        return _decode(data)
    except ValueError:
        if _decode is _decode_slowly:
            raise
        return _decode_slowly(data)  # which takes what orjson does not: a mark of byte order, half of a surrogate pair


def _check_density(data: bytes | bytearray | memoryview | str) -> None:
    """An empty object takes 2 bytes to send and 64 in memory; no answer is made of such."""
    found = data.count("{") + data.count("[") if isinstance(data, str) else _brackets(bytes(data))
    if found > _MOST_BRACKETS + len(data) // _BYTES_PER_BRACKET:
        raise ValueError("JSON of too many lists and objects for its length")


def _brackets(data: bytes) -> int:
    return data.count(b"{") + data.count(b"[")
