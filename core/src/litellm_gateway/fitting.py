"""Hold a request against what a model takes, before it is sent: refuse, warn, or leave the parameter out."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from attrs import evolve

from litellm_gateway.config import nearest
from litellm_gateway.errors import ConfigurationError, UnsupportedParameterError
from litellm_gateway.messages import MediaPart
from litellm_gateway.plugin_offers import CONTENT, PARAMETERS

if TYPE_CHECKING:
    from litellm_gateway.contracts import Capabilities, Route
    from litellm_gateway.requests import GenerateRequest, OnUnsupported


class UnsupportedParameterWarning(UserWarning):
    """A parameter the model does not take was left out of the request (``on_unsupported="warn"``)."""


def fit(
    request: GenerateRequest, capabilities: Capabilities, *, route: Route, on_unsupported: OnUnsupported
) -> GenerateRequest:
    """Give the request as the model takes it.

    Raises:
        UnsupportedParameterError: It asks for what the model does not take, and either ``on_unsupported`` is
            ``"error"`` or leaving it out would change the question; ``parameter`` names it.
    """
    if not capabilities.without:
        return request
    for name in CONTENT:
        if name in capabilities.without and _has(request, name):
            raise _unsupported(name, route, "")
    refused = [
        name
        for name, absent in PARAMETERS.items()
        if name in capabilities.without and getattr(request, name) not in (absent, None)
    ]
    if not refused:
        return request
    if on_unsupported == "error":
        hint = ", or set on_unsupported to 'warn' or 'drop' to leave it out"
        raise _unsupported(refused[0], route, hint)
    if on_unsupported == "warn":
        warnings.warn(
            f"{route.id} does not take {', '.join(refused)}; left out", UnsupportedParameterWarning, stacklevel=2
        )
    return evolve(request, **{name: PARAMETERS[name] for name in refused})


def override(capabilities: Capabilities, given: Mapping[str, Any], *, path: str) -> Capabilities:
    """Apply a user's corrections: ``{"with": [...], "without": [...], "context_tokens": n, "max_output_tokens": n}``.

    Raises:
        ConfigurationError: An unknown key or parameter name.
    """
    known = (*PARAMETERS, *CONTENT)
    for key in given:
        if key not in ("with", "without", "context_tokens", "max_output_tokens"):
            raise ConfigurationError(
                f"unknown setting '{path}.{key}'. Known: with, without, context_tokens, max_output_tokens.",
                path=f"{path}.{key}",
            )
    for key in ("with", "without"):
        names = given.get(key, ())
        if isinstance(names, str) or not isinstance(names, Sequence | Set):
            raise ConfigurationError(f"{path}.{key} must be a list of parameters", path=f"{path}.{key}")
        for name in names:
            if name not in known:
                raise ConfigurationError(f"{path}: unknown parameter '{name}'{nearest(str(name), known)}", path=path)
    for key in ("context_tokens", "max_output_tokens"):
        if not isinstance(given.get(key), int | None):
            raise ConfigurationError(f"{path}.{key} must be a whole number or None", path=f"{path}.{key}")
    return evolve(
        capabilities,
        without=(capabilities.without - set(given.get("with", ()))) | set(given.get("without", ())),
        context_tokens=given.get("context_tokens", capabilities.context_tokens),
        max_output_tokens=given.get("max_output_tokens", capabilities.max_output_tokens),
    )


def _has(request: GenerateRequest, name: str) -> bool:
    if name == "json_schema":
        return request.response_format is not None and request.response_format.schema is not None
    if name == "system":
        return any(message.role in ("system", "developer") for message in request.messages)
    return any(
        isinstance(part, MediaPart) and part.kind == name for message in request.messages for part in message.parts
    )


def _unsupported(name: str, route: Route, hint: str) -> UnsupportedParameterError:
    return UnsupportedParameterError(
        f"{route.id} does not take {name}; leave it out or choose another model{hint}. "
        "If it does by now, say so with capabilities={'" + route.id + "': {'with': ['" + name + "']}}",
        parameter=name,
        provider=route.provider,
        model=route.model,
    )
