"""The log sink keeps the promises of a sink and writes lines people and machines can read."""

from __future__ import annotations

import io
import logging
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from litellm_gateway.builtin import log_sink
from litellm_gateway.builtin.log_sink import LogSettings, LogSink
from litellm_gateway.responses import TokenUsage
from litellm_gateway.telemetry import AttemptFinished, CallFinished, CallStarted, LateUsage
from litellm_gateway.testing.telemetry_suite import TelemetrySinkSuite

if TYPE_CHECKING:
    from litellm_gateway.contracts import TelemetrySink

FINISHED = CallFinished(
    call_id="req_1",
    tenant="acme",
    operation="generate",
    outcome="success",
    provider="openai",
    model="gpt-4",
    seconds=1.25,
    usage=TokenUsage(input_tokens=10, output_tokens=150),
    cost=Decimal("0.0031"),
    finish_reason="stop",
    attempts=1,
)
ATTEMPT = AttemptFinished(
    call_id="req_1", tenant="acme", provider="openai", model="gpt-4", number=2, seconds=0.5, error="ProviderError"
)


class TestLogSink(TelemetrySinkSuite):
    @pytest.fixture(autouse=True)
    def _listen(self):
        self.text = io.StringIO()
        self.handler = logging.StreamHandler(self.text)
        self.logger = logging.getLogger("suite-of-the-log-sink")
        self.logger.setLevel(logging.DEBUG)
        self.logger.addHandler(self.handler)
        yield
        self.logger.removeHandler(self.handler)

    def make_sink(self) -> TelemetrySink:
        return LogSink(LogSettings(logger=self.logger.name))

    def written(self) -> str:
        return self.text.getvalue()


def test_a_finished_call_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """The line says who asked whom, how it ended, how long it took and what it cost."""
    caplog.set_level(logging.INFO, "litellm_gateway")

    LogSink(LogSettings()).record(FINISHED)

    assert caplog.messages == ["generate req_1 tenant=acme openai/gpt-4 success in 1.250 s, 10+150 tokens, cost 0.0031"]


def test_only_what_is_known_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """A call refused before anybody was asked has a short line: no tenant, route, tokens or cost to tell."""
    caplog.set_level(logging.INFO, "litellm_gateway")
    event = CallFinished(call_id="req_1", tenant="", operation="stream", outcome="error", error="GuardrailError")

    LogSink(LogSettings()).record(event)

    assert caplog.messages == ["stream req_1 error in 0.000 s: GuardrailError"]


def test_fields_travel_with_the_record(caplog: pytest.LogCaptureFixture) -> None:
    """Handlers for structured logs find every value under a name of its own."""
    caplog.set_level(logging.INFO, "litellm_gateway")

    LogSink(LogSettings()).record(FINISHED)

    fields = caplog.records[0].__dict__
    expected = {"call_id": "req_1", "tenant": "acme", "outcome": "success", "prompt_tokens": 10, "cost": "0.0031"}
    assert {name: fields[name] for name in expected} == expected


def test_a_late_answer_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """What it cost can be read, and by whom the call was that had ended."""
    caplog.set_level(logging.INFO, "litellm_gateway")
    used = {"usage": TokenUsage(input_tokens=10, output_tokens=150), "cost": Decimal("0.0031")}

    LogSink(LogSettings()).record(LateUsage(call_id="req_1", tenant="acme", provider="openai", model="gpt-4", **used))

    assert caplog.messages == ["late answer of req_1 tenant=acme openai/gpt-4, 10+150 tokens, cost 0.0031"]
    assert caplog.records[0].__dict__["cost"] == "0.0031"


def test_attempts_are_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    """Attempts show at DEBUG, not at INFO; the start of a call never does."""
    sink = LogSink(LogSettings())
    started = CallStarted(call_id="req_1", tenant="acme", operation="generate", model="gpt-4", at=0.0)
    caplog.set_level(logging.INFO, "litellm_gateway")
    sink.record(ATTEMPT)
    caplog.set_level(logging.DEBUG, "litellm_gateway")

    sink.record(started)
    sink.record(ATTEMPT)

    assert caplog.messages == ["attempt 2 of req_1 tenant=acme openai/gpt-4 in 0.500 s: ProviderError"]


def test_names_cannot_forge_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """A tenant's name with line breaks and escape codes stays on its line, harmless, in the fields too."""
    caplog.set_level(logging.INFO, "litellm_gateway")
    evil = "x\nERROR root: all is lost\x1b[31m\u202e"
    event = CallFinished(call_id="req_1", tenant=evil, operation="embed", outcome="error", model=evil, error="E")

    LogSink(LogSettings()).record(event)

    record = caplog.records[0]
    for text in (record.getMessage(), record.__dict__["tenant"], record.__dict__["model"]):
        assert text.isprintable()


def test_long_names_are_cut(caplog: pytest.LogCaptureFixture) -> None:
    """A name of a megabyte does not make a line of a megabyte."""
    caplog.set_level(logging.INFO, "litellm_gateway")
    event = CallFinished(call_id="req_1", tenant="t" * 1_000_000, operation="embed", outcome="success")

    LogSink(LogSettings()).record(event)

    assert len(caplog.messages[0]) < 1000


def test_offer() -> None:
    """The offer carries the name of its entry point and its settings."""
    offer = log_sink.gateway_telemetry_sink()

    assert (offer.name, offer.settings) == ("log", LogSettings)
