"""Where requests go and with which headers; worked out once per dialect, not once per request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from attrs import field, frozen
from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.wire import WireRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_gateway.secrets import Secret

BASE_URL: Final = "https://api.anthropic.com"
PAGE_SIZE: Final = 1000
_JSON: Final = ("content-type", "application/json")
_WHOLE: Final = ("accept", "application/json")
_STREAM: Final = ("accept", "text/event-stream")
_BETA: Final = "anthropic-beta"


@frozen(kw_only=True)
class Address:
    """URLs and headers of one account; secrets only ever as :class:`Secret`."""

    messages_url: str
    count_url: str
    models_url: str
    batches_url: str
    beta: tuple[str, ...] = ()
    secret_headers: tuple[tuple[str, Secret], ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, base_url: str, secret_headers: Mapping[str, Secret], beta: tuple[str, ...]) -> Address:
        """Join base URL and paths; a base URL that ends in ``/v1`` already is taken as meant."""
        root = base_url.rstrip("/").removesuffix("/v1") + "/v1"
        return cls(
            messages_url=f"{root}/messages",
            count_url=f"{root}/messages/count_tokens",
            models_url=f"{root}/models",
            batches_url=f"{root}/messages/batches",
            beta=beta,
            secret_headers=tuple(secret_headers.items()),
        )

    def post(
        self, url: str, body: bytes, version: str, extra: Mapping[str, str], *, stream: bool = False
    ) -> WireRequest:
        """Give a request with a body; ``extra`` headers win over the usual ones, beta names are joined.

        Raises:
            InvalidRequestError: ``extra`` holds a header that carries a secret.
        """
        headers: tuple[tuple[str, str], ...] = (
            _JSON, _STREAM if stream else _WHOLE, ("anthropic-version", version)
        )  # fmt: skip
        beta = self.beta
        if extra:
            wanted = {name.lower(): value for name, value in extra.items()}
            self._refuse_secrets(wanted)
            beta = _joined(beta, wanted.pop(_BETA, ""))
            headers = tuple(pair for pair in headers if pair[0] not in wanted) + tuple(wanted.items())
        if beta:
            headers += ((_BETA, ",".join(beta)),)
        return WireRequest(url=url, body=body, headers=headers, secret_headers=self.secret_headers)

    def get_models(self, version: str, after: str | None) -> WireRequest:
        """Give the request for one page of the list of models, from after the named one on."""
        url = f"{self.models_url}?limit={PAGE_SIZE}" + (f"&after_id={quote(after, safe='')}" if after else "")
        return self.get(url, version)

    def get(self, url: str, version: str) -> WireRequest:
        """Give the request that only asks for what is at ``url``."""
        headers: tuple[tuple[str, str], ...] = (_WHOLE, ("anthropic-version", version))
        if self.beta:
            headers += ((_BETA, ",".join(self.beta)),)
        return WireRequest(method="GET", url=url, headers=headers, secret_headers=self.secret_headers)

    def _refuse_secrets(self, wanted: Mapping[str, str]) -> None:
        for name, _ in self.secret_headers:
            if name in wanted:
                raise InvalidRequestError(
                    f"extra_headers may not hold '{name}': the provider's settings set it, maybe to a secret. "
                    "Change it there.",
                    parameter="extra_headers",
                )


def _joined(beta: tuple[str, ...], more: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*beta, *(name.strip() for name in more.split(",") if name.strip())]))
