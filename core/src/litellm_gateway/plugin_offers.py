"""The frozen offers plugins make, what a plugin is built from, and what an offer says of a provider's models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import field, frozen

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence, Set
    from decimal import Decimal

    from litellm_gateway.contracts import Guardrail, Provider, Transport  # noqa: F401 - named in strings below
    from litellm_gateway.responses import Price
    from litellm_gateway.wire import Timeouts

PLUGIN_API = 1
"""Version of the plugin interface; an offer made for another one is refused with a clear error."""

PARAMETERS: Mapping[str, Any] = {
    "temperature": None, "top_p": None, "top_k": None, "stop": (), "seed": None, "presence_penalty": None,
    "frequency_penalty": None, "n": None, "logprobs": None, "top_logprobs": None, "tools": (), "tool_choice": None,
    "parallel_tool_calls": None, "response_format": None, "reasoning_effort": None, "reasoning_budget": None,
    "user": None,
}  # fmt: skip
"""Parameters a model may not take and that can be left out, with the value that means they are."""
CONTENT = ("image", "file", "audio", "json_schema", "system")
"""What else a model may not take; these cannot be left out, as the request would mean something else."""

T_co = TypeVar("T_co", covariant=True)


@frozen(kw_only=True)
class BuildContext:
    """What a plugin gets to build from.

    Attributes:
        name: Name the plugin was chosen by.
        transport: Gives the gateway's HTTP door; a plugin without HTTP never calls it, so none is built.
        timeouts: The gateway's timeouts per phase.
        clock, sleep, random: Time and chance; use these, so that tests can drive them.
    """

    name: str
    transport: Callable[[], Transport]
    timeouts: Timeouts
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    random: random.Random


@frozen(kw_only=True)
class Offer(Generic[T_co]):
    """What a plugin offers: a name, and a way to build it once it is wanted.

    Attributes:
        name: Name of the entry point, and what configuration calls it.
        summary: One line for listings.
        settings: An attrs class; configuration for the plugin is turned into one instance of it.
        build: Makes the object from its settings. No I/O; heavy imports belong inside it.
        api: ``PLUGIN_API`` the plugin was written for.
    """

    name: str
    summary: str
    build: Callable[[Any, BuildContext], T_co]
    settings: type = object
    api: int = PLUGIN_API


@frozen(kw_only=True)
class Capabilities:
    """What one model takes.

    Attributes:
        without: What it does not take: names of ``GenerateRequest`` fields, and ``image``, ``file``, ``audio``,
            ``json_schema``, ``system``.
        context_tokens: Most tokens of prompt and answer together, None when unknown.
        max_output_tokens: Most tokens of an answer, None when unknown.
    """

    without: frozenset[str] = frozenset()
    context_tokens: int | None = None
    max_output_tokens: int | None = None

    @classmethod
    def only(cls, *names: str, context_tokens: int | None = None, max_output_tokens: int | None = None) -> Capabilities:
        """Say that a model takes these and nothing else, beside ``max_tokens`` and texts of users and assistants.

        Raises:
            ValueError: A name that is neither a parameter nor a kind of content.
        """
        known = frozenset((*PARAMETERS, *CONTENT))
        if not known.issuperset(names):
            unknown, every = ", ".join(sorted({*names} - known)), ", ".join(sorted(known))
            raise ValueError(f"a model cannot take or refuse {unknown}. Known: {every}.")
        return cls(without=known.difference(names), context_tokens=context_tokens, max_output_tokens=max_output_tokens)


@frozen(kw_only=True)
class EmbedLimits:
    """Most texts, and most tokens over all texts, of one request for embeddings; None for no limit."""

    texts: int | None = None
    tokens: int | None = None


@frozen(kw_only=True)
class BatchTerms:
    """What a provider's batch API takes, and what it charges.

    Attributes:
        requests: Most requests of one batch; None for no limit but ``bytes``.
        texts: Most texts to embed over all requests of one batch; None for no limit.
        bytes: Most bytes of what is sent for them.
        operations: What may be asked in a batch: ``generate``, ``embed``.
        mixed_models: The requests of one batch may name different models.
        labels: The provider keeps the label a batch is given.
        price: Part of the usual price that is charged (``Decimal("0.5")`` for half); None when that is not known,
            and with it the cost.
        source, as_of: Where ``price`` was read, and when.
    """

    requests: int | None
    texts: int | None = None
    bytes: int
    operations: frozenset[str] = frozenset({"generate"})
    mixed_models: bool = False
    labels: bool = True
    price: Decimal | None = None
    source: str = ""
    as_of: str = ""


@frozen(kw_only=True)
class ProviderOffer(Offer["Provider"]):
    """Offer of a provider.

    Attributes:
        key_env: Environment variables that may hold the key, first match wins; empty when it takes none.
        key_required: Refuse to compose without a key; only looked at when ``key_env`` names variables.
        key_prefixes: What its keys start with, to tell them from other providers' keys.
        default_model, default_embedding_model: Used when neither call nor configuration names one.
        prices: Price per model name, for ``cost``.
        capabilities: What a model takes, per model name; None says nothing and lets everything through.
        embed_limits: How many texts one request for embeddings may hold; more are split and sent together.
        batches: Terms of its batch API; None when it has none.
    """

    key_env: Sequence[str] = ()
    key_required: bool = True
    key_prefixes: Sequence[str] = ()
    default_model: str | None = None
    default_embedding_model: str | None = None
    prices: Callable[[str], Price | None] | None = None
    capabilities: Callable[[str], Capabilities] | None = None
    embed_limits: EmbedLimits = EmbedLimits()
    batches: BatchTerms | None = None


def _as_set(value: Collection[str]) -> Set[str]:
    """Make a set of a tuple or list; anything else is judged when the plugin is looked at."""
    return frozenset(value) if isinstance(value, (tuple, list)) else value  # type: ignore[return-value]


@frozen(kw_only=True)
class GuardrailOffer(Offer["Guardrail"]):
    """Offer of a guardrail.

    Attributes:
        stages: Which of ``input`` and ``output`` it looks at, as a set or any other collection.
        window: Characters of a streamed answer held back for it; None holds back the whole answer,
            0 shows it every piece as it comes.
        fail_open: Let the text pass when the guardrail itself fails; the default blocks.
    """

    stages: Set[str] = field(default=frozenset({"input", "output"}), converter=_as_set)
    window: int | None = None
    fail_open: bool = False


@frozen(kw_only=True)
class TransportOffer(Offer["Transport"]):
    """Offer of a transport; ``settings`` is :class:`~litellm_gateway.wire.TransportSettings`.

    Attributes:
        speed: Rank for ``transport="auto"``, which takes the highest one installed.
    """

    speed: int = 0
