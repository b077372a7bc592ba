"""Make a plugin of one server: what it offers, and how its provider is built once it is wanted."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from litellm_gateway.contracts import BatchTerms, EmbedLimits, ProviderOffer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.model_catalog import ModelCatalog

from litellm_gateway_provider_openai_compatible.endpoints import Endpoint
from litellm_gateway_provider_openai_compatible.settings import AzureSettings, EndpointSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_gateway.contracts import BuildContext, Provider


class EndpointPlugin:
    """A plugin that offers one server that speaks OpenAI's format.

    Args:
        endpoint: The server.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        catalog = ModelCatalog.of(endpoint.catalog)
        self._offer = ProviderOffer(
            name=endpoint.name,
            summary=endpoint.summary,
            settings=AzureSettings if endpoint.address == "azure" else EndpointSettings,
            build=self._build,
            key_env=tuple(endpoint.key_env),
            key_required=endpoint.key_required,
            key_prefixes=tuple(endpoint.key_prefixes),
            default_model=endpoint.default_model,
            default_embedding_model=endpoint.default_embedding_model,
            prices=catalog.price,
            capabilities=catalog.capabilities,
            embed_limits=EmbedLimits(texts=endpoint.embed_texts, tokens=endpoint.embed_tokens),
            batches=_terms(endpoint.batches),
        )

    @hookimpl
    def gateway_provider(self) -> ProviderOffer:
        """Offer the server."""
        return self._offer

    def _build(self, settings: EndpointSettings, context: BuildContext) -> Provider:
        from litellm_gateway_provider_openai_compatible.provider import build_provider

        return build_provider(self.endpoint, settings, context)

    def __repr__(self) -> str:
        return f"EndpointPlugin({self.endpoint.name!r})"


def _terms(row: Mapping[str, Any] | None) -> BatchTerms | None:
    if row is None:
        return None
    operations = frozenset(row.get("operations", ("generate",)))
    price = Decimal(row["price"]) if "price" in row else None
    return BatchTerms(**{**row, "operations": operations, "price": price})


def openai_compatible_plugin(
    *, name: str, base_url: str, key_env: Sequence[str] = (), summary: str | None = None, **more: Any
) -> EndpointPlugin:
    """Make a plugin for a server that speaks OpenAI's format, to be named in an entry point or given in ``plugins``.

    Args:
        name: What configuration calls the server: the name of its entry point.
        base_url: Address of its API, version included.
        key_env: Environment variables that may hold the key; none for a server that wants no key.
        summary: One line for listings.
        more: Further fields of :class:`Endpoint`, such as ``default_model``, ``quirks`` or ``key_required``.

    Example:
        >>> acme = openai_compatible_plugin(name="acme", base_url="https://api.acme.example/v1", key_env=("ACME_KEY",))
        >>> acme.gateway_provider().name
        'acme'
    """
    more.setdefault("key_required", bool(key_env))
    summary = summary or f"{name}: a server that speaks OpenAI's format"
    return EndpointPlugin(Endpoint(name=name, base_url=base_url, key_env=key_env, summary=summary, **more))
