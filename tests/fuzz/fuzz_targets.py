"""What is fuzzed: functions of bytes that must raise nothing, whatever the bytes; a typed error is no failure."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.append(str(Path(__file__).parents[1] / "properties"))

from anthropic_streams import MessagesWire
from bedrock_streams import ConverseWire
from choices_from_bytes import Choices, cut_anywhere
from cohere_streams import CohereWire
from google_streams import GeminiWire
from litellm_gateway import answer_codec, json_codec
from litellm_gateway.addressing import parse_proxy, parse_target
from litellm_gateway.config import GatewayConfig, from_mapping
from litellm_gateway.contracts import CacheKey
from litellm_gateway.errors import GatewayError, MalformedResponseError
from litellm_gateway.framing import ServerEvent, reader_for
from litellm_gateway.request_builder import build_embed, build_generate
from litellm_gateway.requests import GenerateOptions
from litellm_gateway.responses import EmbedResponse, GenerateResponse
from litellm_gateway.retry_after import LONGEST_WAIT, read_retry_after
from litellm_gateway.testing.provider_driver import HELLO
from litellm_gateway.wire import Limits, WireResponse
from litellm_gateway_provider_anthropic.settings import AnthropicSettings
from litellm_gateway_provider_bedrock.event_frames import EventFrameReader
from litellm_gateway_provider_bedrock.settings import BedrockSettings
from litellm_gateway_provider_google.settings import GoogleSettings
from litellm_gateway_provider_openai.settings import OpenAISettings
from made_streams import UNREADABLE, check_order
from odd_values import messages, odd_mapping
from openai_streams import ChatWire, ResponsesWire

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.framing import Framing
    from litellm_gateway.responses import StreamChunk

WIRES: dict[str, Any] = {
    "openai-chat": ChatWire(), "openai-responses": ResponsesWire(), "anthropic": MessagesWire(),
    "google": GeminiWire(), "cohere": CohereWire(), "bedrock": ConverseWire(),
}  # fmt: skip
STATUSES = (400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529, 599)
UNIFIED = ("stop", "length", "tool_calls", "content_filter", "error", "other")
KEY = CacheKey("tenant", "0" * 64)


def framing(kind: Framing, data: bytes) -> None:
    """The events of a body do not depend on how it is cut; tight limits refuse it or change nothing."""
    head, body = data[:16], data[16:]
    parts = cut_anywhere(body, Choices(head))
    whole = _events(kind, [body], Limits())

    assert _events(kind, parts, Limits()) == whole
    _events(kind, parts, Limits(line=16, event=48))


def _events(kind: Framing, parts: list[bytes], limits: Limits) -> list[ServerEvent] | None:
    reader = reader_for(kind, limits)
    events: list[ServerEvent] = []
    try:
        for part in parts:
            events += reader.feed(part)
    except MalformedResponseError:
        return None
    return events + reader.close()


def stream(wire: str, data: bytes) -> None:
    """A decoder fed with anything gives pieces in their order, or one of the errors its contract names."""
    dialect = WIRES[wire].dialect()
    decoder = dialect.stream_decoder(HELLO)
    pieces: list[StreamChunk] = []
    broke = False
    try:
        for event in _events_of(wire, dialect, data):
            pieces += decoder.feed(event)
        pieces += decoder.close()
    except (GatewayError, *UNREADABLE):
        broke = True
    check_order([piece for piece in pieces if piece.kind != "start"], broke=broke)
    for piece in pieces:
        assert piece.kind != "finish" or piece.finish_reason in UNIFIED
        assert piece.kind != "usage" or _is_usage(piece.usage)


def _events_of(wire: str, dialect: Any, data: bytes) -> list[ServerEvent]:
    """Checksums keep random bytes out of binary frames: there each line is a name, a space and the data."""
    if wire != "bedrock":
        reader = reader_for(dialect.framing, Limits())
        return [*reader.feed(data), *reader.close()]
    lines = [line.partition(b" ") for line in data.split(b"\n")]
    return [ServerEvent(name.decode("utf-8", "replace"), said) for name, _, said in lines]


def answer(wire: str, data: bytes) -> None:
    """A whole body is an answer of the right shape, or one of the errors the contract names."""
    response = WireResponse(status=200, headers={"content-type": "application/json"}, body=data)
    try:
        read = WIRES[wire].dialect().decode_generate(HELLO, response)
    except (GatewayError, *UNREADABLE):
        return
    assert isinstance(read.text, str)
    assert isinstance(read.model, str)
    assert read.finish_reason in UNIFIED
    assert all(isinstance(call.name, str) and isinstance(call.arguments, str) for call in read.tool_calls)
    assert _is_usage(read.usage)


def _is_usage(usage: Any) -> bool:
    return all(isinstance(count, int) and count >= 0 for count in usage.to_dict().values())


def error(wire: str, data: bytes) -> None:
    """Every body under every status is named as an error, with a message of some length and a wait that can be."""
    lines = data[1:].split(b"\n\n", 1)
    headers = dict(_pairs(lines[0])) if len(lines) == 2 else {}
    response = WireResponse(status=STATUSES[data[0] % 16] if data else 400, headers=headers, body=lines[-1])
    found = WIRES[wire].dialect().decode_error(response)
    assert isinstance(found, GatewayError)
    assert isinstance(found.message, str)
    assert found.message
    wait = getattr(found, "retry_after", None)
    assert wait is None or 0 <= wait <= LONGEST_WAIT


def _pairs(head: bytes) -> list[tuple[str, str]]:
    parts = [line.partition(":") for line in head.decode("latin-1").split("\n")]
    return [(name.strip().lower(), value.strip()) for name, _, value in parts]


def retry_after(data: bytes) -> None:
    """Whatever the headers and the message say, the wait is None or within its bounds."""
    head, _, text = data.partition(b"\n\n")
    wait = read_retry_after(dict(_pairs(head)), text.decode("utf-8", "replace"))
    assert wait is None or (isinstance(wait, float) and 0 <= wait <= LONGEST_WAIT)


def taken(work: Callable[[], Any]) -> Any:
    """Give what comes of it, None when it is refused with a typed error that says something."""
    try:
        return work()
    except GatewayError as refused:
        message = refused.message
    assert message
    return None


def request(data: bytes) -> None:
    """Arguments are refused with a typed error, or make a request that each provider writes or refuses."""
    names = tuple(GenerateOptions.__annotations__)
    half = len(data) // 2
    good: dict[str, Any] = {"messages": messages(data[:half])}
    options = odd_mapping(data[half:] if data[:1] != b"{" else data, names, good)
    prompt = options.pop("prompt", None)
    made = taken(partial(build_generate, prompt, options, default_model="gpt-4o"))
    for wire in WIRES.values() if made is not None else ():
        try:
            wire.dialect().encode_generate(made, stream=True)
        except (GatewayError, ValueError, TypeError, RecursionError):
            continue


def embedding(data: bytes) -> None:
    """The same for embeddings."""
    names = ("texts", "model", "dimensions", "input_type", "encoding", "user", "extra_body", "extra_headers")
    options = odd_mapping(data, names, {"texts": ["a", "b"]})
    texts = options.pop("texts", None)
    taken(partial(build_embed, texts, options))


def config(data: bytes) -> None:
    """Settings are taken or refused with a typed error that says something; those of the environment too."""
    values = odd_mapping(data, tuple(GatewayConfig.__annotations__), {"provider": "echo"})
    environment = {f"LITELLM_GATEWAY_{name.upper()}": str(value) for name, value in values.items()}
    made = [taken(partial(GatewayConfig.from_dict, values)), taken(partial(GatewayConfig.from_env, environment))]
    made += [taken(partial(from_mapping, kind, values, path="providers.x")) for kind in SETTINGS]
    assert all(isinstance(repr(one), str) for one in made)


SETTINGS = (OpenAISettings, AnthropicSettings, GoogleSettings, BedrockSettings)


def address(data: bytes) -> None:
    """An address is refused, or taken apart into what goes on the wire without a control character in it."""
    text = data.decode("utf-8", "surrogateescape")
    target, proxy = taken(partial(parse_target, text)), taken(partial(parse_proxy, text))
    if target is not None:
        _check_host(*target.origin[1:])
        assert target.path.startswith("/")
        assert target.path.isascii()
        assert not set(target.path) & set(" \r\n\t#\\")
    if proxy is not None:
        _check_host(proxy.host, proxy.port)
    for kind in SETTINGS:
        taken(partial(from_mapping, kind, {"base_url": text}, path="providers.x"))


def _check_host(host: str, port: int) -> None:
    assert host
    assert host.isascii()
    assert not set(host) & set(" /\\@?#\r\n\t%")
    assert 0 < port < 65536


def cache_entry(data: bytes) -> None:
    """Bytes are no entry (``ValueError``), or one that is written and read again unchanged."""
    if data[:1] != b"{":
        data = _entry_of(data)
    try:
        read = answer_codec.decode(KEY, data)
    except ValueError:
        return
    assert isinstance(read, GenerateResponse | EmbedResponse)
    try:
        written = answer_codec.encode(KEY, read)
    except ValueError:
        return  # half of a surrogate pair, which JSON can say and UTF-8 cannot
    again = answer_codec.decode(KEY, written)
    assert answer_codec.encode(KEY, again) == written


def _entry_of(data: bytes) -> bytes:
    """Write an entry with odd values in the right places."""
    names = ("format", "tenant", "digest", "kind", "answer", "usage", "metadata", "decimals")
    choices = Choices(data[:8])
    whole: dict[str, Any] = {
        "format": 1, "tenant": KEY.tenant, "digest": KEY.digest, "kind": choices.one_of(("generate", "embed")),
        "answer": odd_mapping(b"\x00" + data[8:64], ANSWER, dict(GOOD)), "usage": [1, 0, 0, 1, 0, False],
        "metadata": {}, "decimals": {},
    }  # fmt: skip
    whole |= odd_mapping(b"\x01" + data[64:], names, {}) if choices.seldom(2) else {}
    try:
        return json_codec.encode(whole)
    except ValueError:
        return b"{}"


GOOD: dict[str, Any] = {
    "text": "a", "model": "m", "finish_reason": "stop", "raw_finish_reason": None, "refusal": None,
    "tool_calls": [["a", "b", "{}", None]], "reasoning": [["a", None, False, {}]], "annotations": [{}],
    "vectors": [["f", "AAAAAA=="]],
}  # fmt: skip
ANSWER = tuple(GOOD)

TARGETS: dict[str, Callable[[bytes], None]] = {
    "framing-sse": partial(framing, "sse"),
    "framing-ndjson": partial(framing, "ndjson"),
    "framing-frames": partial(framing, EventFrameReader),
    **{f"stream-{wire}": partial(stream, wire) for wire in WIRES},
    **{f"answer-{wire}": partial(answer, wire) for wire in WIRES if wire != "openai-responses"},
    "answer-openai-responses": partial(answer, "openai-responses"),
    **{f"error-{wire}": partial(error, wire) for wire in WIRES if wire != "openai-responses"},
    "retry-after": retry_after,
    "request": request,
    "embedding": embedding,
    "config": config,
    "address": address,
    "cache-entry": cache_entry,
}
"""By name; ``python tests/fuzz NAME`` runs one."""
