"""Where a request goes and with which headers; worked out once per dialect, not once per request."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from attrs import field, frozen
from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.secrets import Secret
from litellm_gateway.wire import WireRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_gateway_dialect_openai.quirks import ChatQuirks

_JSON = ("content-type", "application/json")
_WHOLE: tuple[tuple[str, str], ...] = (_JSON, ("accept", "application/json"))
_STREAM: tuple[tuple[str, str], ...] = (_JSON, ("accept", "text/event-stream"))


@frozen(kw_only=True)
class WireAddress:
    """URLs and headers of one server; the key only ever as a :class:`Secret`."""

    chat_url: str
    responses_url: str
    embeddings_url: str
    moderations_url: str
    models_url: str
    files_url: str
    batches_url: str
    headers: tuple[tuple[str, str], ...] = ()
    secret_headers: tuple[tuple[str, Secret], ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, base_url: str, api_key: Secret | None, headers: Mapping[str, str], quirks: ChatQuirks) -> WireAddress:
        """Join base URL, paths and key."""
        root, query = base_url.rstrip("/"), f"?{quirks.query}" if quirks.query else ""
        secret = ((quirks.auth_header.lower(), Secret(quirks.auth_scheme + api_key.reveal())),) if api_key else ()
        return cls(
            chat_url=root + quirks.chat_path + query,
            responses_url=root + quirks.responses_path + query,
            embeddings_url=root + quirks.embeddings_path + query,
            moderations_url=root + quirks.moderations_path + query,
            models_url=root + quirks.models_path + query,
            files_url=f"{root}/files{query}",
            batches_url=f"{root}/batches{query}",
            headers=tuple((name.lower(), value) for name, value in headers.items()),
            secret_headers=secret,
        )

    def request(
        self, url: str, body: bytes, extra: Mapping[str, str], *, model: str = "", stream: bool = False
    ) -> WireRequest:
        """Give the request to send; ``extra`` headers win over the usual ones.

        Raises:
            InvalidRequestError: ``extra`` holds the header that carries the key.
        """
        if "{" in url:
            url = url.replace("{model}", quote(model, safe=""))
        headers = (_STREAM if stream else _WHOLE) + self.headers
        if extra:
            headers = self._with_extra(headers, extra)
        return WireRequest(url=url, body=body, headers=headers, secret_headers=self.secret_headers)

    def lookup(self, url: str) -> WireRequest:
        """Give a request that only asks for what is at ``url``."""
        headers = (("accept", "application/json"), *self.headers)
        return WireRequest(method="GET", url=url, headers=headers, secret_headers=self.secret_headers)

    def _with_extra(
        self, headers: tuple[tuple[str, str], ...], extra: Mapping[str, str]
    ) -> tuple[tuple[str, str], ...]:
        wanted = {name.lower(): value for name, value in extra.items()}
        for name, _ in self.secret_headers:
            if name in wanted:
                raise InvalidRequestError(
                    f"extra_headers may not hold '{name}': it carries the key. Give the key as api_key.",
                    parameter="extra_headers",
                )
        return tuple(pair for pair in headers if pair[0] not in wanted) + tuple(wanted.items())
