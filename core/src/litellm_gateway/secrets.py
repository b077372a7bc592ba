"""Keep keys out of sight: a masked string type, a check for keys before use, masking by known value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

from litellm_gateway.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "**********"
_SHORTEST_MASKED = 6
_PLACEHOLDERS = re.compile(
    r"^(<.*>|\[.*\]|\{.*\}|\$\{?\w+\}?|x{3,}|\*{3,}|\.{3,}|"
    r"(sk-)?(your|my|insert|replace|enter|put|paste)[-_ ]?.*(key|token|secret|here).*|"
    r"(api[-_ ]?key|token|secret|changeme|change[-_]me|todo|none|null|undefined|placeholder)|"
    r"sk-\.{3,}|sk-x{3,}|sk-\*{3,})$",
    re.IGNORECASE,
)


class Secret:
    """A string that shows itself only through :meth:`reveal`.

    repr, str, format, JSON, ``vars`` and pickle never give the value; pickling raises.

    >>> Secret("sk-1234567890")
    Secret('**********')
    """

    __slots__ = ("__value",)

    def __init__(self, value: str | Secret) -> None:
        # whatever it is, even what is no text at all, is hidden first and judged later
        self.__value: str = value.reveal() if isinstance(value, Secret) else value

    def reveal(self) -> str:
        """Give the value itself; meant for the transport, at the socket."""
        return self.__value

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        import hmac

        return hmac.compare_digest(str(self.__value).encode(), str(other.reveal()).encode())

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __repr__(self) -> str:
        return f"Secret('{MASK}')"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled; hand over the name of its environment variable instead")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: Any) -> Secret:
        return self


def as_secret(value: str | Secret | None) -> Secret | None:
    """Wrap a plain string; None stays None."""
    return value if value is None or isinstance(value, Secret) else Secret(value)


def check_api_key(
    key: Secret,
    *,
    provider: str,
    path: str = "api_key",
    own_prefixes: Iterable[str] = (),
    foreign_prefixes: Iterable[tuple[str, str]] = (),
) -> Secret:
    """Refuse a key that cannot be one, before any request is sent.

    Args:
        key: The key to look at.
        provider: Name of the provider that will get it.
        path: Where the key came from, for the message (``providers.openai.api_key``).
        own_prefixes: Prefixes this provider's keys have; the longest prefix that fits tells whose key it is.
        foreign_prefixes: ``(prefix, provider)`` pairs of other providers, longest first.

    Returns:
        The key, unchanged.

    Raises:
        ConfigurationError: Empty, white space, control or non-ASCII characters, a placeholder text,
            or a key with another provider's prefix. The key itself is never shown.
    """
    # the key itself is revealed only in functions that do not raise: a traceback may show their variables
    fault = key_fault(key) or _foreign_fault(key, provider, own_prefixes, foreign_prefixes)
    if fault:
        raise ConfigurationError(f"{path} for provider '{provider}' {fault}", path=path, provider=provider)
    return key


def _foreign_fault(
    key: Secret, provider: str, own_prefixes: Iterable[str], foreign_prefixes: Iterable[tuple[str, str]]
) -> str | None:
    own = longest_prefix(key, own_prefixes)
    for prefix, owner in foreign_prefixes:
        if owner != provider and len(prefix) > own and longest_prefix(key, (prefix,)):
            return (
                f"looks like a key of '{owner}' (it starts with '{prefix}'). "
                f"Use provider='{owner}', or give the key of '{provider}'."
            )
    return None


def longest_prefix(key: Secret, prefixes: Iterable[str]) -> int:
    """Give the length of the longest of some prefixes a key starts with, 0 when it starts with none."""
    value = key.reveal()
    return max((len(prefix) for prefix in prefixes if value.startswith(prefix)), default=0)


def key_fault(key: Secret) -> str | None:
    """Say what makes this no key at all, None when it may be one."""
    value: Any = key.reveal()
    if not isinstance(value, str):
        return f"is a {type(value).__name__}, not a string. Give the key as text."
    if not value:
        return "is empty. Give the key, or leave the argument out to read it from the environment."
    if not value.strip():
        return "holds only white space. Give the key itself."
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        return "holds a line break or another control character. Remove it (a trailing newline is common)."
    if any(char.isspace() for char in value):
        return "holds white space. Remove it (a space picked up while copying is common)."
    if not value.isascii():
        return "holds a non-ASCII character. Copy the key again from the provider's console."
    if _PLACEHOLDERS.match(value):
        return "is a placeholder text, not a key. Put the real key in its place."
    return None


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """Mask every known secret in a text that comes from outside, and escape control characters in it."""
    for secret in secrets:
        value = secret.reveal()
        if len(value) >= _SHORTEST_MASKED and value in text:
            text = text.replace(value, MASK)
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    return " " if char in "\r\n\t" else char.encode("unicode_escape").decode("ascii")
