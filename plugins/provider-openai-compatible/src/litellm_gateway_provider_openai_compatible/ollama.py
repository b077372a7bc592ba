"""Read an address the way Ollama's own tools read ``OLLAMA_HOST``."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from litellm_gateway.errors import ConfigurationError

_PORT: Final = 11434
_ANY: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - what a server listens on is no place to call


def base_url(host: str) -> str:
    """Give the base URL for ``127.0.0.1``, ``:11500``, ``box:11434``, ``https://ollama.com`` and the like.

    Raises:
        ConfigurationError: It is no address.
    """
    has_scheme = "://" in host
    try:
        parts = urlsplit(host if has_scheme else f"http://{host}")
        name, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ConfigurationError(f"OLLAMA_HOST or base_url is no address: {error}", path="base_url") from error
    name = "127.0.0.1" if name in _ANY else f"[{name}]" if ":" in name else name
    if port is None and not has_scheme:
        port = _PORT
    where = name if port is None else f"{name}:{port}"
    return f"{parts.scheme}://{where}{parts.path.rstrip('/') or '/v1'}"
