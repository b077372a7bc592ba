"""Who offers what, in which order, and who decides: registration, checks and typed calls of the hooks.

The door to pluggy. It builds nothing and knows nothing of packages.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pluggy

from litellm_gateway import hookspecs
from litellm_gateway.contracts import PLUGIN_API, GuardrailOffer, Offer, ProviderOffer
from litellm_gateway.errors import GatewayError, PluginConflictError, PluginContractError, PluginError
from litellm_gateway.setting_mapping import nearest
from litellm_gateway.token_usage import is_price

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_gateway.composition import Composition
    from litellm_gateway.contracts import Route
    from litellm_gateway.requests import AnyRequest
    from litellm_gateway.token_usage import Price

OFFER_HOOKS: dict[str, tuple[str, type[Offer[Any]]]] = {
    "provider": ("gateway_provider", ProviderOffer),
    "guardrail": ("gateway_guardrail", GuardrailOffer),
    "cache": ("gateway_cache_backend", Offer),
    "telemetry": ("gateway_telemetry_sink", Offer),
    "transport": ("gateway_transport", Offer),
    "limits": ("gateway_limit_store", Offer),
    "state": ("gateway_shared_state", Offer),
}


class Plugins:
    """The plugins of one gateway."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)

    def register(self, plugin: Any, label: str) -> None:
        """Take a module or object with hooks in.

        Args:
            plugin: The module or object.
            label: What to call it in errors (``"provider 'openai' of litellm-gateway-provider-openai"``).

        Raises:
            PluginContractError: It has no hook, an unknown one, one with wrong arguments, or an async one.
            PluginConflictError: It is registered already.
        """
        if isinstance(plugin, type):
            raise PluginContractError(f"{label} is a class; give an instance of it: {plugin.__name__}()", plugin=label)
        if self._manager.is_registered(plugin):
            raise PluginConflictError(f"{label} is given twice", plugin=label)
        try:
            self._manager.register(plugin, name=f"{label} #{len(self._manager.get_plugins())}")
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            self._drop(plugin)
            hint = next((nearest(name, _hook_names()) for name in _odd_names(plugin)), ".")
            raise PluginContractError(
                f"{label} does not fit the hooks: {error}{hint} The hooks are {', '.join(_hook_names())}.", plugin=label
            ) from error
        fault = self._fault_of(plugin)
        if fault:
            self._drop(plugin)
            raise PluginContractError(f"{label} {fault}", plugin=label)

    def knows(self, plugin: Any) -> bool:
        """Tell whether the plugin is registered already."""
        return self._manager.is_registered(plugin)

    def unregister(self, plugin: Any) -> None:
        """Leave a plugin out again."""
        self._drop(plugin)

    def offer(self, kind: str, plugin: Any, label: str) -> Offer[Any] | None:
        """Ask one plugin for its offer of one kind; other plugins of its sort are not asked.

        Raises:
            PluginContractError: The answer is no offer, or one for another ``PLUGIN_API``.
            PluginError: The hook itself raised.
        """
        hook, expected = OFFER_HOOKS[kind]
        others = [other for other in self._manager.get_plugins() if other is not plugin]
        try:
            answers = self._manager.subset_hook_caller(hook, others)()
        except GatewayError:
            raise
        except Exception as error:
            raise PluginError(f"{label}: {hook} raised {type(error).__name__}: {error}", plugin=label) from error
        if not answers:
            return None
        return _checked(answers[0], expected, hook, label)

    def price(self, provider: str, model: str) -> Price | None:
        """Ask for the price of a model; an error counts as no answer."""
        if not self._implemented("gateway_model_price"):
            return None
        try:
            answer = self._manager.hook.gateway_model_price(provider=provider, model=model)
        except Exception:
            return None
        return answer if is_price(answer) else None

    def decides_routes(self) -> bool:
        """Tell whether anybody implements ``gateway_routes``."""
        return self._implemented("gateway_routes")

    def routes(self, request: AnyRequest, routes: Sequence[Route]) -> Sequence[Route]:
        """Let policies reorder or replace routes; an empty answer is refused."""
        try:
            answer = self._manager.hook.gateway_routes(request=request, routes=routes)
            decided = None if answer is None else tuple(answer)
        except GatewayError:
            raise
        except Exception as error:
            # Its own words may quote the request; who looks for them finds them in __cause__.
            policies = self.policies
            raise PluginError(
                f"gateway_routes of {policies} raised {type(error).__name__}; mend it or leave it out", plugin=policies
            ) from error
        if decided is None:
            return routes
        if not decided:
            policies = self.policies
            raise PluginError(
                f"gateway_routes of {policies} gave no route; return None for no opinion", plugin=policies
            )
        return decided

    @property
    def policies(self) -> str:
        """The labels of those who decide routes; of several nobody can tell which one did."""
        hooks = self._manager.hook.gateway_routes.get_hookimpls()
        return " or ".join(hook.plugin_name.rpartition(" #")[0] for hook in reversed(hooks))

    def composed(self, composition: Composition) -> None:
        """Tell every plugin that the gateway is ready; ``ConfigurationError`` from one of them vetoes it."""
        try:
            self._manager.hook.gateway_composed(composition=composition)
        except GatewayError:
            raise
        except Exception as error:
            raise PluginError(f"gateway_composed raised {type(error).__name__}: {error}") from error

    def _implemented(self, hook: str) -> bool:
        return bool(getattr(self._manager.hook, hook).get_hookimpls())

    def _fault_of(self, plugin: Any) -> str | None:
        callers = self._manager.get_hookcallers(plugin) or []
        if not callers:
            if isinstance(plugin, str):
                return "is a text; import what it names and give that"
            return f"implements no hook; mark one of {', '.join(_hook_names())} with @hookimpl"
        for caller in callers:
            for implementation in caller.get_hookimpls():
                if implementation.plugin is plugin and inspect.iscoroutinefunction(implementation.function):
                    return f"implements {caller.name} as 'async def'; hooks are plain functions"
        return None

    def _drop(self, plugin: Any) -> None:
        if self._manager.is_registered(plugin):
            self._manager.unregister(plugin)


def _checked(offer: Any, expected: type[Offer[Any]], hook: str, label: str) -> Offer[Any]:
    if not isinstance(offer, expected):
        raise PluginContractError(
            f"{label}: {hook} must return a {expected.__name__}, not {type(offer).__name__}", plugin=label
        )
    if not isinstance(offer.api, int) or (fault := _fault_in(offer)) is not None:
        found = "no PLUGIN_API" if not isinstance(offer.api, int) else fault
        raise PluginContractError(f"{label}: the offer of {hook} has {found}", plugin=label)
    if offer.api != PLUGIN_API:
        newer = "the core" if offer.api > PLUGIN_API else "the plugin"
        raise PluginContractError(
            f"{label} was written for plugin API {offer.api}, this core speaks {PLUGIN_API}: upgrade {newer}",
            plugin=label,
        )
    return offer


_METHODS: dict[str, tuple[str, ...]] = {
    "cache": ("get", "set", "delete", "clear"),
    "telemetry": ("record",),
    "transport": ("open",),
    "state": ("put", "replace", "remove", "extend", "wait", "post", "listen"),
}
_ABILITIES = ("generate", "stream", "embed", "rerank", "moderate", "count_tokens", "list_models")


def check_built(kind: str, offer: Offer[Any], built: Any, label: str) -> None:
    """Refuse what an offer built when it lacks what its kind must have.

    Raises:
        PluginContractError: The message names what is missing.
    """
    wanted = ("aclose", *_METHODS.get(kind, ()))
    if isinstance(offer, GuardrailOffer):
        wanted += tuple(f"check_{stage}" for stage in sorted(offer.stages))
    missing = [name for name in wanted if not callable(getattr(built, name, None))]
    if kind == "provider" and not any(callable(getattr(built, name, None)) for name in _ABILITIES):
        missing += ["generate"]
    if missing:
        raise PluginContractError(
            f"{label} built a {type(built).__name__}, which has no {', '.join(missing)}", plugin=offer.name
        )


def _fault_in(offer: Offer[Any]) -> str | None:
    if not isinstance(offer.name, str) or not offer.name:
        return "a name that is no text"
    if not callable(offer.build):
        return "no function to build it"
    if not isinstance(offer.settings, type):
        return "settings that are no class"
    if isinstance(offer, ProviderOffer):
        tables = ("prices", "capabilities")
        wrong = (name for name in tables if getattr(offer, name) is not None and not callable(getattr(offer, name)))
        return next((f"{name} that are no function of a model's name" for name in wrong), None)
    if not isinstance(offer, GuardrailOffer):
        return None
    if not isinstance(offer.stages, set | frozenset):
        return "stages that are no set, such as {'input', 'output'}"
    if not offer.stages or offer.stages - {"input", "output"}:
        return "stages other than 'input' and 'output', or none: it would never be asked"
    window: Any = offer.window
    is_window = window is None or (isinstance(window, int) and not isinstance(window, bool) and window >= 0)
    return None if is_window else "a window that is neither None nor a number of characters"


def _odd_names(plugin: Any) -> list[str]:
    return [name for name in dir(plugin) if name.startswith("gateway_") and name not in _hook_names()]


def _hook_names() -> list[str]:
    return sorted(name for name in vars(hookspecs) if name.startswith("gateway_"))
