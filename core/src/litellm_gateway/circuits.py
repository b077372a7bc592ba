"""The circuit breakers of one gateway by the names of its routes, for whoever opens and closes them by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from litellm_gateway.breaker_table import CircuitBreakers
    from litellm_gateway.circuit_breaker import CircuitBreaker


class Circuits:
    """Gives the breaker of a route, ``circuits["openai/gpt-4"]``; iterating gives the routes used so far.

    Args:
        breakers: The breakers.
        providers: Names of the gateway's providers.
    """

    def __init__(self, breakers: CircuitBreakers, providers: Collection[str]) -> None:
        self._breakers = breakers
        self._providers = providers

    def __getitem__(self, route: str) -> CircuitBreaker:
        """Give the breaker of ``provider/model``, also before its first use.

        Raises:
            InvalidRequestError: It names no provider of this gateway, or no model.
        """
        provider, _, model = route.partition("/")
        if provider not in self._providers or not model:
            raise InvalidRequestError(
                f"{route!r} is no route of this gateway; write provider/model with one of {', '.join(self._providers)}",
                parameter="route",
            )
        return self._breakers.get(route)

    def __iter__(self) -> Iterator[str]:
        return iter(self._breakers.snapshot())

    def __len__(self) -> int:
        return len(self._breakers.snapshot())
