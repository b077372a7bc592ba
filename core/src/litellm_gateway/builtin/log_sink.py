"""The telemetry sink ``log``: one line per call in the standard log, never a word of what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from attrs.validators import instance_of, min_len

from litellm_gateway.contracts import Offer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.secrets import redact
from litellm_gateway.telemetry import (
    AttemptFinished,
    BudgetReached,
    CallFinished,
    LateUsage,
    LimitStoreChanged,
    SharedStateChanged,
)

if TYPE_CHECKING:
    from decimal import Decimal

    from litellm_gateway.contracts import BuildContext, TelemetrySink
    from litellm_gateway.telemetry import Event
    from litellm_gateway.token_usage import TokenUsage

_LONGEST_NAME = 200
_WARNINGS = (LimitStoreChanged, SharedStateChanged, BudgetReached)


@frozen(kw_only=True)
class LogSettings:
    """Where to write: ``logger`` is the name of the logger."""

    logger: str = field(default="litellm_gateway", validator=[instance_of(str), min_len(1)])


class LogSink:
    """Writes finished calls and late answers at level INFO, attempts at DEBUG, what needs a look at WARNING.

    The line says the most useful things in words; all of them are in the record's ``extra`` fields, for handlers
    that write structured logs.
    """

    def __init__(self, settings: LogSettings) -> None:
        import logging

        self._logger = logging.getLogger(settings.logger)
        self._info, self._debug, self._warning = logging.INFO, logging.DEBUG, logging.WARNING

    def listening(self) -> bool:
        """Tell whether anybody reads what would be written; if not, the gateway builds no events."""
        return self._logger.isEnabledFor(self._info)

    def record(self, event: Event) -> None:
        """Write the event if somebody listens."""
        if isinstance(event, CallFinished):
            if self._logger.isEnabledFor(self._info):
                fields = _call_fields(event)
                self._logger.log(self._info, "%s", _call_line(fields), extra=fields)
        elif isinstance(event, LateUsage):
            if self._logger.isEnabledFor(self._info):
                fields = _late_fields(event)
                self._logger.log(self._info, "%s", _late_line(fields), extra=fields)
        elif isinstance(event, AttemptFinished) and self._logger.isEnabledFor(self._debug):
            fields = _attempt_fields(event)
            self._logger.log(self._debug, "%s", _attempt_line(fields), extra=fields)
        elif isinstance(event, _WARNINGS) and self._logger.isEnabledFor(self._warning):
            self._logger.log(self._warning, "%s", _warning_line(event))

    async def aclose(self) -> None:
        """Nothing to write: handlers belong to the application."""


def _call_line(fields: dict[str, Any]) -> str:
    line = f"{fields['operation']} {_whose(fields)} {fields['outcome']} in {fields['seconds']:.3f} s{_used(fields)}"
    if fields["cached"]:
        line += ", cached"
    return line if fields["error"] is None else f"{line}: {fields['error']}"


def _late_line(fields: dict[str, Any]) -> str:
    return f"late answer of {_whose(fields)}{_used(fields)}"


def _attempt_line(fields: dict[str, Any]) -> str:
    line = f"attempt {fields['number']} of {_whose(fields)} in {fields['seconds']:.3f} s"
    return line if fields["error"] is None else f"{line}: {fields['error']}"


def _warning_line(event: LimitStoreChanged | SharedStateChanged | BudgetReached) -> str:
    if isinstance(event, BudgetReached):
        whose = "of all tenants" if event.budget is None else f"of tenant {_safe(event.tenant)}"
        return f"the {event.unit} budget {whose} is reached: {event.used:f} in {event.window:g} s"
    what = "storage" if isinstance(event, LimitStoreChanged) else "shared state"
    of_what = " of the rate limits" if isinstance(event, LimitStoreChanged) else ""
    if event.reachable:
        return f"the {what} '{event.store}'{of_what} can be reached again"
    return f"the {what} '{event.store}'{of_what} is out of reach: {event.error}"


def _used(fields: dict[str, Any]) -> str:
    tokens = (
        "" if fields["prompt_tokens"] is None else (f", {fields['prompt_tokens']}+{fields['completion_tokens']} tokens")
    )
    return tokens if fields["cost"] is None else f"{tokens}, cost {fields['cost']}"


def _whose(fields: dict[str, Any]) -> str:
    """Name the call, and for whom and where it was, as far as that is known."""
    words: str = fields["call_id"]
    if fields["tenant"]:
        words += f" tenant={fields['tenant']}"
    route = "/".join(filter(None, (fields["provider"], fields["model"])))
    return f"{words} {route}" if route else words


def _call_fields(event: CallFinished) -> dict[str, Any]:
    return {
        "call_id": _safe(event.call_id),
        "tenant": _safe(event.tenant),
        "operation": event.operation,
        "outcome": event.outcome,
        "provider": _safe(event.provider),
        "model": _safe(event.model),
        "error": event.error,
        "status_code": event.status_code,
        "seconds": event.seconds,
        "first_chunk_seconds": event.first_chunk_seconds,
        **_used_fields(event.usage, event.cost),
        "finish_reason": _safe(event.finish_reason),
        "cached": event.cached,
        "shared": event.shared,
        "attempts": event.attempts,
    }


def _late_fields(event: LateUsage) -> dict[str, Any]:
    return {
        "call_id": _safe(event.call_id),
        "tenant": _safe(event.tenant),
        "provider": _safe(event.provider),
        "model": _safe(event.model),
        **_used_fields(event.usage, event.cost),
    }


def _used_fields(usage: TokenUsage | None, cost: Decimal | None) -> dict[str, Any]:
    return {
        "prompt_tokens": None if usage is None else usage.prompt_tokens,
        "completion_tokens": None if usage is None else usage.completion_tokens,
        "cost": None if cost is None else str(cost),
    }


def _attempt_fields(event: AttemptFinished) -> dict[str, Any]:
    return {
        "call_id": _safe(event.call_id),
        "tenant": _safe(event.tenant),
        "provider": _safe(event.provider),
        "model": _safe(event.model),
        "number": event.number,
        "seconds": event.seconds,
        "error": event.error,
        "status_code": event.status_code,
    }


def _safe(name: str | None) -> str | None:
    """Keep names that callers choose from forging a line or reaching the terminal as control characters."""
    if name is None:
        return None
    name = name[:_LONGEST_NAME]
    return name if name.isprintable() else redact(name, ())


def build(settings: LogSettings, _context: BuildContext) -> TelemetrySink:
    """Build the sink."""
    return LogSink(settings)


@hookimpl
def gateway_telemetry_sink() -> Offer[TelemetrySink]:
    """Offer the sink."""
    return Offer(
        name="log",
        summary="One line per call in the standard log",
        settings=LogSettings,
        build=build,
    )
