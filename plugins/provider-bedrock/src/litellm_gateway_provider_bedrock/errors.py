"""Make typed errors of what Bedrock answers with a status of 400 and above, or inside an answer or a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litellm_gateway.error_statuses import no_reason
from litellm_gateway.errors import GatewayError, ProviderError, RateLimitError
from litellm_gateway.retry_after import read_retry_after
from litellm_gateway.wire_shapes import read_or_none

from litellm_gateway_provider_bedrock.error_kinds import kind_of_exception, status_of_exception
from litellm_gateway_provider_bedrock.event_frames import EXCEPTION, FAILURE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_gateway.wire import WireResponse

_LONGEST_MESSAGE: Final = 1000
_NO_HEADERS: Mapping[str, str] = {}


def error_of_status(response: WireResponse) -> GatewayError:
    """Name the error behind a status of 400 and above: its kind stands in a header, its message in the body."""
    body = _read(response.body)
    message = _message(body)
    if not message:
        message = no_reason("Bedrock", response)
    return _make(_name(body, response.headers), message, response.status, body, response.headers)


def error_in_answer(body: dict[str, Any], response: WireResponse) -> GatewayError | None:
    """Give the error that a whole answer with a good status holds, None when it holds none."""
    name, message = _name(body, response.headers), _message(body)
    if not name and not message:
        return None
    message = message or "Bedrock reported an error without a message"
    return _make(name, message, status_of_exception(name), body, response.headers)


def error_in_stream(event: str, data: bytes) -> GatewayError:
    """Name the error a frame of a stream reports."""
    if event.startswith(FAILURE):
        message = data.decode("utf-8", "replace")[:_LONGEST_MESSAGE]
        name, body = _plain_name(event.removeprefix(FAILURE)), {}
    else:
        name, body = _plain_name(event.removeprefix(EXCEPTION)), _read(data)
        message = _message(body)
    message = message or "Bedrock reported an error without a message"
    return _make(name, message, status_of_exception(name), body, _NO_HEADERS)


def _read(data: bytes) -> dict[str, Any]:
    value = read_or_none(data)
    return value if isinstance(value, dict) else {}


def _message(body: dict[str, Any]) -> str:
    """Give the message; what AWS says about a wrong signature goes on with the request's own token: cut off."""
    for name in ("message", "Message", "originalMessage"):
        value = body.get(name)
        if isinstance(value, str) and value:
            return value.partition("The Canonical String")[0].strip()[:_LONGEST_MESSAGE]
    return ""


def _name(body: dict[str, Any], headers: Mapping[str, str]) -> str:
    for value in (headers.get("x-amzn-errortype"), body.get("__type"), body.get("code")):
        if isinstance(value, str) and value:
            return _plain_name(value)
    return ""


def _plain_name(value: str) -> str:
    """``ThrottlingException:http://...``, ``com.amazon#ThrottlingException`` and ``throttlingException`` are one."""
    name = value.partition(":")[0].rpartition("#")[2].strip()
    return name[:1].upper() + name[1:]


def _make(name: str, message: str, status: int, body: dict[str, Any], headers: Mapping[str, str]) -> GatewayError:
    original = body.get("originalStatusCode")
    kind = kind_of_exception(name, status, message.lower(), original if isinstance(original, int) else None)
    fields: dict[str, Any] = {
        "status_code": status,
        "code": name or None,
        "request_id": headers.get("x-amzn-requestid"),
    }
    if issubclass(kind, RateLimitError | ProviderError):
        fields["retry_after"] = read_retry_after(headers, message)
    error = kind(f"{message} (status {status})", **fields)
    if status == 409:
        error.provider_fault = False
    return error
