"""Scenarios: every error a provider reports, in its own words, in a proxy's or in none; redirects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import evolve

from litellm_gateway.errors import (
    AuthenticationError,
    ContentFilteredError,
    ContextWindowExceededError,
    GatewayError,
    InvalidRequestError,
    MalformedResponseError,
    ModelNotFoundError,
    PermissionDeniedError,
    ProviderError,
    ProviderOverloadedError,
    ProviderTimeoutError,
    QuotaExceededError,
    RateLimitError,
)
from litellm_gateway.testing.faults.scenario import Expected, Scenario, always
from litellm_gateway.testing.wires.wire import TROUBLES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from litellm_gateway.testing.faults.turn import Turn
    from litellm_gateway.testing.wires.wire import Wire

    Does = Callable[[Turn], Awaitable[None]]
    Expects = Callable[[Wire, bool], Expected | None]

ERROR_OF: dict[str, type[GatewayError]] = {
    "bad_request": InvalidRequestError,
    "unprocessable": InvalidRequestError,
    "context_too_long": ContextWindowExceededError,
    "content_policy": ContentFilteredError,
    "bad_key": AuthenticationError,
    "no_permission": PermissionDeniedError,
    "billing": QuotaExceededError,
    "quota": QuotaExceededError,
    "not_found": ModelNotFoundError,
    "too_large": InvalidRequestError,
    "rate_limited": RateLimitError,
    "overloaded": ProviderOverloadedError,
    "busy": ProviderOverloadedError,
    "server_error": ProviderError,
    "bad_gateway": ProviderError,
    "timeout": ProviderTimeoutError,
    "conflict": ProviderError,
}
"""The error that each trouble a provider may report must become."""

IN_200: dict[str, tuple[type[GatewayError], ...]] = {
    # Without a status, not every format has a word for it.
    **{trouble: (kind,) for trouble, kind in ERROR_OF.items()},
    "timeout": (ProviderError,),
}
"""The same under status 200: in a body, or in the events of a stream."""

_BY_STATUS: dict[int, type[GatewayError]] = {
    400: InvalidRequestError, 401: AuthenticationError, 402: QuotaExceededError, 403: PermissionDeniedError,
    404: ModelNotFoundError, 405: InvalidRequestError, 408: ProviderTimeoutError, 409: ProviderError,
    413: InvalidRequestError, 415: InvalidRequestError, 418: InvalidRequestError, 422: InvalidRequestError,
    425: InvalidRequestError, 429: RateLimitError, 451: InvalidRequestError, 500: ProviderError,
    502: ProviderError, 503: ProviderOverloadedError, 504: ProviderTimeoutError, 520: ProviderError,
    521: ProviderError, 522: ProviderError, 524: ProviderError, 529: ProviderError, 599: ProviderError,
}  # fmt: skip
_PAGE = b"<!DOCTYPE html><html><head><title>Gateway</title></head><body><center>nginx</center></body></html>"
_BODIES: dict[str, tuple[str, bytes]] = {
    "html": ("text/html", _PAGE),
    "empty": ("application/json", b""),
    "cut JSON": ("application/json", b'{"error": {"message": "went wro'),
    "list": ("application/json", b"[]"),
    "text": ("text/plain", b"upstream connect error or disconnect/reset before headers"),
    "bytes": ("application/octet-stream", b"\xff\xfe\x00\x80"),
}


def _reported(trouble: str) -> Scenario:
    async def does(turn: Turn) -> None:
        await turn.report(turn.wire.reports[trouble])

    def expects(wire: Wire, _is_stream: bool) -> Expected | None:
        report = wire.reports.get(trouble)
        if report is None:
            return None
        return Expected(errors=(ERROR_OF[trouble],), exactly=True, status=report.status)

    return Scenario(name=f"reports {trouble.replace('_', ' ')}", group="statuses", does=does, expects=expects)


def _bare(status: int, form: str) -> Scenario:
    content_type, body = _BODIES[form]

    async def does(turn: Turn) -> None:
        await turn.give(body, status=status, content_type=content_type)

    kind = _BY_STATUS[status]
    # A status and no words: what stood there is told by its kind and length.
    shown = (content_type, str(len(body)))
    expected = Expected(errors=(kind,), status=status, in_message=shown)
    return Scenario(name=f"status {status}, {form}", group="statuses", does=does, expects=always(expected))


def _redirect(status: int) -> Scenario:
    async def does(turn: Turn) -> None:
        await turn.give(b"", status=status, headers={"location": "/elsewhere"})

    expected = Expected(errors=(MalformedResponseError,), status=status)
    return Scenario(name=f"redirect {status}", group="statuses", does=does, expects=always(expected))


def _error_in_200(trouble: str) -> Scenario:
    """A good status over an error: in the body, or as the first event."""

    async def does(turn: Turn) -> None:
        report = turn.wire.reports[trouble]
        if turn.is_stream:
            await turn.say(turn.wire.reported(report).data)
        else:
            await turn.give(json.dumps(report.body).encode(), headers=dict(report.headers))

    def expects(wire: Wire, _is_stream: bool) -> Expected | None:
        return Expected(errors=IN_200[trouble]) if trouble in wire.reports else None

    return Scenario(name=f"200 with {trouble.replace('_', ' ')}", group="statuses", does=does, expects=expects)


_UGLY = "\x1b[31mred\x07\r\nforged: line \u202e desrever\u2028\x00"


def _ugly(value: Any) -> Any:
    """Put terminal escapes and forged lines into every message."""
    if isinstance(value, dict):
        return {name: value[name] + _UGLY if name == "message" else _ugly(value[name]) for name in value}
    return value


async def _ugly_message(turn: Turn) -> None:
    report = turn.wire.reports["server_error"]
    await turn.report(evolve(report, body=_ugly(report.body)))


async def _quotes_the_key(turn: Turn) -> None:
    """A provider that tells the key it refuses."""
    headers = turn.exchange.headers
    named = (value for name, value in headers.items() if name.endswith("key"))
    key = next(named, None) or headers.get("authorization", "").rpartition(" ")[2]
    report = turn.wire.reports["bad_key"]
    told = json.loads(json.dumps(report.body).replace(': "', f': "The key {key} is bad. ', 1))
    await turn.report(evolve(report, body=told))


def _plain_error_to_a_stream(status: int) -> Scenario:
    """A stream was asked for, and the error comes as a body under the content type of a stream."""

    def expects(wire: Wire, is_stream: bool) -> Expected | None:
        if not is_stream:
            return None
        if not wire.is_text and status == 200:
            return Expected(errors=(MalformedResponseError,))
        return Expected(errors=(ProviderError,), exactly=True)

    async def does(turn: Turn) -> None:
        report = turn.wire.reports["server_error"]
        await turn.give(json.dumps(report.body).encode(), status=status, headers=dict(report.headers))

    name = f"error body as event stream, {status}"
    return Scenario(name=name, group="statuses", does=does, expects=expects)


def statuses() -> list[Scenario]:
    """Give the scenarios of this room."""
    found: list[Any] = [_reported(trouble) for trouble in TROUBLES]
    found += [_bare(status, form) for status in _BY_STATUS for form in _BODIES if status >= 500 or form == "html"]
    found += [_bare(status, "empty") for status in (400, 401, 403, 404, 422, 429)]
    found += [_redirect(status) for status in (300, 301, 302, 303, 304, 307, 308)]
    found += [_error_in_200(trouble) for trouble in ("rate_limited", "overloaded", "server_error", "timeout", "quota")]
    found += [_plain_error_to_a_stream(status) for status in (200, 500)]
    ugly = Expected(errors=(ProviderError,), status=500)
    found.append(Scenario(name="an ugly message", group="statuses", does=_ugly_message, expects=always(ugly)))
    refused = Expected(errors=(AuthenticationError,))
    found.append(Scenario(name="quotes the key", group="statuses", does=_quotes_the_key, expects=always(refused)))
    return found
