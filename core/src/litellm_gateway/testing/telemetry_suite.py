"""What every telemetry sink must do, as tests to subclass; the numbers are those of ``docs/reference/contracts.md``.

::

    class TestAcmeSink(TelemetrySinkSuite):
        def make_sink(self):
            self.file = io.StringIO()
            return AcmeSink(self.file)

        def written(self):
            return self.file.getvalue()
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from litellm_gateway.contracts import TelemetrySink
from litellm_gateway.responses import TokenUsage
from litellm_gateway.telemetry import AttemptFinished, CallFinished, CallStarted, LateUsage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from litellm_gateway.telemetry import Event

_CONTROL = "evil\r\n\x1b[2J\0\u202eforged level=ERROR"
_MOST_SECONDS = 1.0


class TelemetrySinkSuite(ABC):
    """Subclass it, name it ``Test...``, and say how to make a sink and where its output is read."""

    @abstractmethod
    def make_sink(self) -> TelemetrySink:
        """Give a fresh sink."""

    def written(self) -> str | None:
        """Give what the sink made has written, after it was closed; None where that cannot be seen."""
        return None

    def test_p1_every_event_is_taken(self) -> None:
        """P1: ``record`` is a plain function that takes every event, sparse or full, and gives nothing back."""
        sink = self.make_sink()

        assert isinstance(sink, TelemetrySink)
        for event in _events("req_1"):
            assert sink.record(event) is None  # type: ignore[func-returns-value]
        asyncio.run(sink.aclose())

    def test_p2_inside_and_outside_an_event_loop(self) -> None:
        """P2: events come from threads with an event loop and without."""
        sink = self.make_sink()

        async def inside() -> None:
            self._record(sink, _events("req_2"))
            await sink.aclose()

        self._record(sink, _events("req_1"))
        asyncio.run(inside())

        self._expect("req_1", "req_2")

    def test_p3_many_threads(self) -> None:
        """P3: many threads record at once, and no finished call is lost."""
        sink = self.make_sink()
        ids = [f"req_{number:04}" for number in range(200)]

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda call_id: self._record(sink, _events(call_id)), ids))
        asyncio.run(sink.aclose())

        self._expect(*ids)

    def test_p4_names_cannot_forge(self) -> None:
        """P4: control characters in a tenant's or a model's name fail nothing and are written escaped."""
        sink = self.make_sink()

        self._record(sink, _events("req_1", name=_CONTROL))
        asyncio.run(sink.aclose())

        written = self.written() or ""
        assert "\x1b" not in written
        assert "\0" not in written
        assert "\u202e" not in written
        assert "evil\r" not in written
        assert "evil\n" not in written

    def test_p5_long_names_do_no_harm(self) -> None:
        """P5: names of any length, and letters UTF-8 cannot carry, fail nothing."""
        sink = self.make_sink()

        for name in ("t" * 100_000, "\ud800", ""):
            self._record(sink, _events("req_1", name=name))
        asyncio.run(sink.aclose())

        self._expect("req_1")

    def test_p6_recording_does_not_wait(self) -> None:
        """P6: recording is quick: it puts events down and leaves slow work for later."""
        sink = self.make_sink()

        started = time.monotonic()
        for number in range(50):
            self._record(sink, _events(f"req_{number}"))
        took = time.monotonic() - started
        asyncio.run(sink.aclose())

        assert took < _MOST_SECONDS

    def test_p7_closing_writes_what_is_left(self) -> None:
        """P7: what was recorded is written when ``aclose`` returns; closing an unused sink works, and twice."""
        unused, sink = self.make_sink(), self.make_sink()
        self._record(sink, _events("req_1"))

        async def close() -> None:
            for each in (unused, sink, sink):
                await each.aclose()

        asyncio.run(close())

        self._expect("req_1")

    def test_p8_recording_after_closing_is_harmless(self) -> None:
        """P8: an event that comes after ``aclose`` fails nothing."""
        sink = self.make_sink()
        asyncio.run(sink.aclose())

        self._record(sink, _events("req_1"))

        assert repr(sink)

    def test_p9_output_can_be_seen(self) -> None:
        """P9: every finished call is written, with its id."""
        sink = self.make_sink()
        self._record(sink, _events("req_77"))
        asyncio.run(sink.aclose())

        written = self.written()
        if written is None:
            pytest.skip("the suite cannot see what this sink writes")
        assert "req_77" in written

    def _record(self, sink: TelemetrySink, events: Iterable[Event]) -> None:
        for event in events:
            sink.record(event)

    def _expect(self, *call_ids: str) -> None:
        written = self.written()
        if written is not None:
            assert [call_id for call_id in call_ids if call_id not in written] == []


def _events(call_id: str, name: str = "tenant") -> tuple[Event, ...]:
    """Give one call's events, and a second end of it that has every field filled."""
    return (
        CallStarted(call_id=call_id, tenant=name, operation="generate", model=name, at=1.0),
        AttemptFinished(
            call_id=call_id, tenant=name, provider="acme", model=name, number=1, seconds=0.5,
            error="ProviderError", status_code=500,
        ),
        CallFinished(call_id=call_id, tenant=name, operation="stream", outcome="abandoned"),
        CallFinished(
            call_id=call_id, tenant=name, operation="generate", outcome="success", provider="acme", model=name,
            seconds=1.5, first_chunk_seconds=0.2, usage=TokenUsage(input_tokens=3, output_tokens=4),
            cost=Decimal("0.000012"), finish_reason="stop", cached=True, shared=True, attempts=2,
        ),
        LateUsage(
            call_id=call_id, tenant=name, provider="acme", model=name,
            usage=TokenUsage(input_tokens=3, output_tokens=4), cost=Decimal("0.000012"),
        ),
    )  # fmt: skip
