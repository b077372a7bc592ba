"""Where requests go and with which headers; worked out once per provider, not once per request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen
from litellm_gateway import json_codec
from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.secrets import Secret
from litellm_gateway.wire import WireRequest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_JSON = ("content-type", "application/json")
_WHOLE: tuple[tuple[str, str], ...] = (_JSON, ("accept", "application/json"))
_STREAM: tuple[tuple[str, str], ...] = (_JSON, ("accept", "text/event-stream"))


@frozen(kw_only=True)
class WireAddress:
    """URLs and headers of the API; the key only ever as a :class:`Secret`."""

    chat_url: str
    embed_url: str
    rerank_url: str
    models_url: str
    headers: tuple[tuple[str, str], ...] = ()
    secret_headers: tuple[tuple[str, Secret], ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, base_url: str, api_key: Secret, *, client_name: str | None = None) -> WireAddress:
        """Join base URL and paths; a version at the end of the URL, which older clients wanted, is cut off."""
        root = base_url.rstrip("/").removesuffix("/v1").removesuffix("/v2")
        return cls(
            chat_url=f"{root}/v2/chat",
            embed_url=f"{root}/v2/embed",
            rerank_url=f"{root}/v2/rerank",
            models_url=f"{root}/v1/models",
            headers=(("x-client-name", client_name),) if client_name else (),
            secret_headers=(("authorization", Secret(f"Bearer {api_key.reveal()}")),),
        )

    def post(self, url: str, body: dict[str, Any], extra: Mapping[str, str], *, stream: bool = False) -> WireRequest:
        """Give the request to send; ``extra`` headers win over the usual ones.

        Raises:
            InvalidRequestError: ``extra`` holds the header that carries the key, or the body is no JSON.
        """
        try:
            data = json_codec.encode(body)
        except ValueError as error:
            raise InvalidRequestError(f"the request cannot be written as JSON: {error}") from error
        headers = (_STREAM if stream else _WHOLE) + self.headers
        if extra:
            headers = _with_extra(headers, extra)
        return WireRequest(url=url, body=data, headers=headers, secret_headers=self.secret_headers)

    def get(self, url: str) -> WireRequest:
        """Give a request without a body."""
        return WireRequest(
            method="GET", url=url, headers=(_WHOLE[1], *self.headers), secret_headers=self.secret_headers
        )


def _with_extra(headers: tuple[tuple[str, str], ...], extra: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    wanted = {name.lower(): value for name, value in extra.items()}
    if "authorization" in wanted:
        raise InvalidRequestError(
            "extra_headers may not hold 'authorization': it carries the key. Give the key as api_key.",
            parameter="extra_headers",
        )
    return tuple(pair for pair in headers if pair[0] not in wanted) + tuple(wanted.items())
