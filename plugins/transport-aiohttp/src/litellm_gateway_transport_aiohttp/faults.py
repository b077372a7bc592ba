"""Turn what aiohttp raises into the gateway's typed errors.

aiohttp's own exceptions hold the request, headers included, so they are never chained; the system's are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from aiohttp.http_exceptions import ContentLengthError, HttpProcessingError, TransferEncodingError
from litellm_gateway.errors import GatewayError, MalformedResponseError, ProviderConnectionError
from litellm_gateway.network import connect_error, too_late

if TYPE_CHECKING:
    from litellm_gateway.addressing import Target


def typed_error(error: Exception, target: Target, phase: str, *, at_deadline: bool) -> GatewayError:
    """Give the typed error for whatever was raised in a phase; its ``__cause__`` is set when it is safe to show.

    Args:
        error: What was raised.
        target: Whom the request was for.
        phase: ``connect``, ``first_byte`` or ``chunk``.
        at_deadline: Has the call's deadline passed?
    """
    typed = _typed(error, target, phase, at_deadline=at_deadline)
    cause = _cause(error)
    if typed is not error and isinstance(cause, OSError):
        typed.__cause__ = cause
    return typed


def _typed(error: Exception, target: Target, phase: str, *, at_deadline: bool) -> GatewayError:
    if isinstance(error, GatewayError):
        return error
    # What the system calls a timeout (ETIMEDOUT) comes as an OSError with a number; ours have none.
    if isinstance(error, TimeoutError) and getattr(error, "errno", None) is None:
        return too_late(target.label, phase, at_deadline=at_deadline)
    if phase == "connect":
        cause = _cause(error)
        return connect_error(cause if isinstance(cause, Exception) else error, target)
    if _is_cut(error):
        return ProviderConnectionError(f"{target.label} closed the connection before its response was complete")
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.ClientPayloadError | HttpProcessingError):
        return MalformedResponseError(f"{target.label} sent something that is not HTTP, or a head over the limit")
    return ProviderConnectionError(f"the connection to {target.label} broke")


def _is_cut(error: Exception) -> bool:
    """Did the body end before it was complete? aiohttp tells by what lies beneath its error."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return True
    return isinstance(error, aiohttp.ClientPayloadError) and isinstance(
        error.__cause__, ContentLengthError | TransferEncodingError | OSError | None
    )


def _cause(error: Exception) -> BaseException | None:
    """Give the system's error within aiohttp's."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return error.certificate_error
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error
    return error.__cause__ if isinstance(error, aiohttp.ClientError) else error
