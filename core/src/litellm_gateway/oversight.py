"""What a gateway tells about itself and lets be changed by hand: health, make-up, circuits, a dry run."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING, Any

import attrs

from litellm_gateway.request_builder import build_generate, check_on_unsupported, check_tenant

if TYPE_CHECKING:
    from typing import Unpack

    from litellm_gateway.circuits import Circuits
    from litellm_gateway.composition import Composition
    from litellm_gateway.requests import GenerateOptions


class Oversight(ABC):
    """Methods of a gateway that ask nobody but the gateway."""

    _composition: Composition
    _closed: bool

    def get_health(self, *, tenant_id: str | None = None) -> dict[str, Any]:
        """Say how the gateway is: ``status``, ``provider``, ``circuit_breaker``, ``routes``, ``rate_limit`` and more.

        Args:
            tenant_id: Tenant whose remaining requests are shown.
        """
        from litellm_gateway.health import report

        parts = self._composition
        return report(
            provider=parts.default,
            providers=list(parts.targets),
            breakers=parts.breakers,
            statistics=parts.statistics,
            budget=parts.budget,
            limiter=parts.limiter,
            in_flight=len(parts.pipeline.in_flight),
            cache=None if parts.cache is None else attrs.asdict(parts.cache.stats),
            sink_errors=parts.telemetry.sink_errors,
            broken_plugins=parts.broken_plugins(),
            closed=self._closed,
            hedging=parts.hedging,
            checks=parts.pipeline.checks,
            tenant=check_tenant(tenant_id),
            shared_state=parts.shared_state,
        )

    def usage(self, *, tenant_id: str | None = None) -> dict[str, Any]:
        """Say what was used since the gateway was made: ``calls``, ``errors``, ``tokens`` by bucket and ``cost``.

        Args:
            tenant_id: Whose use; None for all tenants together.
        """
        return self._composition.pipeline.usage.report(None if tenant_id is None else check_tenant(tenant_id))

    def describe(self) -> dict[str, Any]:
        """Say what the gateway is made of: providers, parts, and every plugin within reach with its state."""
        return self._composition.describe()

    @property
    def circuits(self) -> Circuits:
        """The circuit breakers by route: ``gateway.circuits["openai/gpt-4"].open()``, ``.close()``, ``.reset()``."""
        return self._composition.circuits

    def explain(
        self, prompt: str | None = None, *, stream: bool = False, **options: Unpack[GenerateOptions]
    ) -> dict[str, Any]:
        """Say what the gateway would do with a request, without doing it: nothing is sent, counted or reserved.

        Args:
            prompt: Text to answer; or give ``messages``.
            stream: Explain a stream; it only matters to routes chosen by speed.
            **options: As for ``generate``.

        Returns:
            ``tenant``, ``guardrails``, ``cache_key``, ``routes``, ``further_routes``, ``limits``, ``price`` and
            ``attempts``.

        Raises:
            InvalidRequestError: Something in the request is wrong, or its model leads to no provider.
        """
        from litellm_gateway.explaining import explain

        parts = self._composition
        request = build_generate(prompt, options, default_model=parts.pipeline.routes.default_model)
        tenant = check_tenant(options.get("tenant_id"))
        given = options.get("on_unsupported")
        rule = check_on_unsupported(parts.config.on_unsupported if given is None else given)
        return explain(parts, request, tenant=tenant, rule=rule, streamed=stream)
