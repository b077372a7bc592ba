"""What the network or a broken server makes of recorded answers, and how each dialect reads that."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen
from hypothesis import strategies as st
from litellm_gateway.contracts import ProviderOffer
from litellm_gateway.dialects import DialectProvider
from litellm_gateway.errors import GatewayError
from litellm_gateway.framing import reader_for
from litellm_gateway.secrets import Secret
from litellm_gateway.testing.provider_driver import HELLO
from litellm_gateway.testing.wire_player import Recording, load_recordings
from litellm_gateway.wire import Limits
from litellm_gateway_dialect_openai import OpenAIChatDialect, OpenAIDialect
from litellm_gateway_provider_anthropic.dialect import AnthropicDialect
from litellm_gateway_provider_bedrock.dialect import ConverseDialect
from litellm_gateway_provider_cohere.dialect import CohereDialect
from litellm_gateway_provider_google.dialect import GeminiDialect
from litellm_gateway_provider_google.wire_address import GEMINI_URL, WireAddress

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Sequence

    from litellm_gateway.dialects import Dialect
    from litellm_gateway.framing import ServerEvent
    from litellm_gateway.responses import StreamChunk

UNREADABLE = (GatewayError, ValueError, KeyError, TypeError, IndexError, AttributeError)
"""What a dialect may raise; the provider around it turns all of these into a typed error."""
NOWHERE = "http://127.0.0.1:1"
PLUGINS = Path(__file__).parents[2] / "plugins"

Piece = tuple[str, dict[str, Any]]


@frozen
class Subject:
    """A dialect, and where recordings of what it reads are: in the corpus, and with the plugin."""

    name: str
    dialect: Callable[[], Dialect]
    corpus: Sequence[str]
    apis: Sequence[str]
    plugin: str

    @property
    def offer(self) -> ProviderOffer:
        """A provider that speaks it."""
        build = lambda _, context: DialectProvider(self.dialect(), context)  # noqa: E731
        return ProviderOffer(name="peer", summary="a broken server", build=build)

    def __str__(self) -> str:
        return self.name


SUBJECTS = (
    Subject(
        "openai chat",
        lambda: OpenAIChatDialect(base_url=NOWHERE),
        ("openai", "azure", "groq", "deepseek", "mistral", "openrouter", "xai", "llamacpp", "perplexity", "cerebras",
         "huggingface", "zai", "ollama"),
        ("chat", "openai_chat"),
        "provider-openai",
    ),
    Subject(
        "openai responses",
        lambda: OpenAIDialect(wants_responses=lambda _: True, base_url=NOWHERE),
        ("openai", "azure", "xai", "openrouter"),
        ("responses",),
        "dialect-openai",
    ),
    Subject("anthropic", AnthropicDialect, ("anthropic",), ("messages",), "provider-anthropic"),
    Subject(
        "google",
        lambda: GeminiDialect(WireAddress.of_gemini(GEMINI_URL, "v1beta", Secret("AIza0123456789abcdefghij"))),
        ("google", "vertex"),
        ("generateContent",),
        "provider-google",
    ),
    Subject(
        "cohere",
        lambda: CohereDialect(base_url=NOWHERE, api_key=Secret("co-0123456789abcdefghij")),
        ("cohere",),
        ("chat",),
        "provider-cohere",
    ),
    Subject("bedrock", lambda: ConverseDialect(base_url=NOWHERE), ("bedrock",), ("converse",), "provider-bedrock"),
)  # fmt: skip


@cache
def packaged(subject: Subject) -> tuple[Recording, ...]:
    """Give the recordings that come with the plugin."""
    return tuple(load_recordings(PLUGINS / subject.plugin / "tests" / "wire", apis=subject.apis))


def read_bytes(dialect: Dialect, parts: Iterable[bytes]) -> list[Piece]:
    """Read a stream in these parts; an error it reports counts as its last piece."""
    reader, decoder = reader_for(dialect.framing, Limits()), dialect.stream_decoder(HELLO)
    pieces: list[StreamChunk] = []
    try:
        for part in parts:
            for event in reader.feed(part):
                pieces += decoder.feed(event)
        for event in reader.close():
            pieces += decoder.feed(event)
        pieces += decoder.close()
    except GatewayError as error:
        return [*map(_plain, pieces), (error.message, {"error": type(error).__name__})]
    return [*map(_plain, pieces)]


def read_events(dialect: Dialect, events: Iterable[ServerEvent]) -> list[Piece]:
    """Read the events of a stream."""
    decoder = dialect.stream_decoder(HELLO)
    pieces = [piece for event in events for piece in decoder.feed(event)]
    return [*map(_plain, [*pieces, *decoder.close()])]


def _plain(piece: StreamChunk) -> Piece:
    return piece.text, dict(vars(piece))


ODD_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)


def put(value: Any, chance: random.Random, odd: Any) -> Any:
    """Put an odd value in a random place of a JSON value."""
    if isinstance(value, dict) and value and chance.random() < 0.88:
        name = chance.choice(list(value))
        return {**value, name: put(value[name], chance, odd)}
    if isinstance(value, list) and value and chance.random() < 0.88:
        place = chance.randrange(len(value))
        return [*value[:place], put(value[place], chance, odd), *value[place + 1 :]]
    return odd
