"""What a provider has just made, for one call or for several that asked alike, here or in another process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, evolve

from litellm_gateway import answer_codec, json_codec
from litellm_gateway.contracts import Route
from litellm_gateway.kept_form import apart

if TYPE_CHECKING:
    from litellm_gateway.contracts import CacheKey, Spent


@define(kw_only=True, eq=False)
class Made:
    """An answer a provider has just made, and the route it came by.

    Attributes:
        elsewhere: It was made by a call of another process.
        fresh_for: Seconds it may be given to others; None for as long as any.
    """

    answer: Any
    route: Route
    elsewhere: bool = False
    fresh_for: float | None = None

    def apart(self) -> Made:
        """Give it again, with an answer that can be changed without changing this one."""
        answer = apart(self.answer)
        return self if answer is self.answer else evolve(self, answer=answer)

    def spent(self) -> Spent:
        """Say what it used, where, and of which model as the provider named it."""
        return self.route, self.answer.usage, getattr(self.answer, "model", None)


def encode_made(key: CacheKey, made: Made) -> bytes:
    """Write an answer and its route, for other processes.

    Raises:
        ValueError: The answer holds something JSON cannot say.
    """
    route = json_codec.encode([made.route.provider, made.route.model])
    return route + b"\n" + answer_codec.encode(key, made.answer)


def decode_made(key: CacheKey, data: bytes) -> Made:
    """Read an answer and its route that were written under this very key.

    Raises:
        ValueError: Damaged, of another format, or written under another key.
    """
    head, _, answer = data.partition(b"\n")
    route = json_codec.decode(head)
    if not isinstance(route, list) or [type(name) for name in route] != [str, str]:
        raise ValueError("holds no route")
    provider, model = route
    return Made(answer=answer_codec.decode(key, answer), route=Route(provider=provider, model=model))
