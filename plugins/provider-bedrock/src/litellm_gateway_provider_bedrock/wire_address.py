"""Where requests go and with which headers; the model is part of the path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from attrs import field, frozen
from litellm_gateway import json_codec
from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.secrets import Secret
from litellm_gateway.wire import WireRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

Operation = Literal["converse", "converse-stream", "count-tokens"]
_JSON = ("content-type", "application/json")
_WHOLE: tuple[tuple[str, str], ...] = (_JSON, ("accept", "application/json"))
_STREAM: tuple[tuple[str, str], ...] = (_JSON, ("accept", "application/vnd.amazon.eventstream"))
_GUARDED = frozenset({"authorization", "x-amz-date", "x-amz-security-token", "content-type", "host"})


@frozen(kw_only=True)
class WireAddress:
    """Address of one region's service; a key only ever as a :class:`Secret`, and none where requests are signed."""

    root: str
    secret_headers: tuple[tuple[str, Secret], ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, base_url: str, api_key: Secret | None) -> WireAddress:
        """Join base URL and key."""
        secret = (("authorization", Secret(f"Bearer {api_key.reveal()}")),) if api_key else ()
        return cls(root=base_url.rstrip("/"), secret_headers=secret)

    def post(self, model: str, operation: Operation, body: dict[str, Any], extra: Mapping[str, str]) -> WireRequest:
        """Give the request to send.

        Raises:
            InvalidRequestError: ``extra`` holds a header that belongs to the signature, or the body is no JSON.
        """
        try:
            data = json_codec.encode(body)
        except ValueError as error:
            raise InvalidRequestError(f"the request cannot be written as JSON: {error}") from error
        headers = _STREAM if operation == "converse-stream" else _WHOLE
        if extra:
            headers = _with_extra(headers, extra)
        # Everything but unreserved characters is escaped, the colon of a version and the slash of an ARN too.
        url = f"{self.root}/model/{quote(model, safe='')}/{operation}"
        return WireRequest(url=url, body=data, headers=headers, secret_headers=self.secret_headers)


def _with_extra(headers: tuple[tuple[str, str], ...], extra: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    wanted = {name.lower(): value for name, value in extra.items()}
    guarded = _GUARDED & wanted.keys()
    if guarded:
        raise InvalidRequestError(
            f"extra_headers may not hold '{sorted(guarded)[0]}': the key or the signature of the request sets it",
            parameter="extra_headers",
        )
    return tuple(pair for pair in headers if pair[0] not in wanted) + tuple(wanted.items())
