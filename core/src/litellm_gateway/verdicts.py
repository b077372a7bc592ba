"""Ask one guardrail about one text, and act on its verdict or its failure."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from attrs import frozen

from litellm_gateway.bounded_wait import within
from litellm_gateway.contracts import Allow, Block, Modify
from litellm_gateway.errors import DeadlineExceededError, GatewayError, GuardrailError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from litellm_gateway.contracts import Call, GuardrailOffer, Verdict


@frozen
class Check:
    """One guardrail at one stage, and what becomes of its verdicts and failures."""

    name: str
    stage: str
    ask: Callable[[str, Call], Verdict | Awaitable[Verdict]]
    window: int | None
    fail_open: bool
    failures: dict[str, int]

    @classmethod
    def of(
        cls,
        offer: GuardrailOffer,
        stage: str,
        ask: Callable[[str, Call], Verdict | Awaitable[Verdict]],
        failures: dict[str, int],
    ) -> Check:
        """Make the check of one stage from what the guardrail's offer says."""
        return cls(offer.name, stage, ask, offer.window, offer.fail_open, failures)

    def follow(self, verdict: Verdict | Exception, text: str, call: Call) -> str:
        """Give the text to go on with, after the guardrail's verdict or its failure."""
        if isinstance(verdict, Allow):
            return text
        if isinstance(verdict, Modify) and isinstance(verdict.text, str):
            return verdict.text
        if isinstance(verdict, Block):
            raise self._blocked(verdict.reason)
        return self._failed(verdict if isinstance(verdict, Exception) else TypeError("not a verdict"), text, call)

    def _blocked(self, reason: str) -> GuardrailError:
        what = "the request" if self.stage == "input" else "the answer"
        return GuardrailError(
            f"guardrail '{self.name}' blocked {what}: {reason}",
            guardrail=self.name,
            stage=self.stage,
            reason=reason,
        )

    def _failed(self, failure: Exception, text: str, call: Call) -> str:
        if isinstance(failure, DeadlineExceededError):
            raise failure
        if isinstance(failure, TimeoutError) and call.remaining() <= 0:
            raise DeadlineExceededError(
                f"the call's time was up while guardrail '{self.name}' judged",
                phase=f"guardrail '{self.name}'",
            )
        self.failures[self.name] += 1
        if self.fail_open:
            return text
        if isinstance(failure, GatewayError):
            raise failure
        error = self._blocked("the guardrail failed")
        error.message += f" ({_place(failure)}); mend it, or let its offer say fail_open=True"
        error.args = (error.message,)
        raise error


def _place(failure: Exception) -> str:
    """Name a failure by its class and where it happened; its words may quote the text, so they stay out."""
    trace = failure.__traceback__
    if trace is None:
        return "it gave neither Allow, Modify nor Block"
    while trace.tb_next is not None:
        trace = trace.tb_next
    file = PurePath(trace.tb_frame.f_code.co_filename).name
    return f"{type(failure).__name__} in {file}, line {trace.tb_lineno}"


def approve(checks: Sequence[Check], text: str, call: Call) -> str | Awaitable[str]:
    """Let every guardrail judge what the one before it let pass; an empty text is not judged.

    Returns:
        The text to go on with; where a guardrail has to wait for something, what to await for it.
    """
    for number, check in enumerate(checks):
        if not text:
            break
        verdict: Any
        try:
            verdict = check.ask(text, call)
            if type(verdict) is Allow:
                continue
            waits = hasattr(verdict, "__await__")
        except GuardrailError:
            raise
        except Exception as error:
            verdict, waits = error, False
        if waits:
            return _wait(verdict, checks[number:], text, call)
        # not followed in the except clause: a failure's words may quote the text, so it must not be chained
        text = check.follow(verdict, text, call)
    return text


async def approved(checks: Sequence[Check], text: str, call: Call) -> str:
    """Give the text :func:`approve` gives, waiting for it if need be."""
    found = approve(checks, text, call)
    return found if isinstance(found, str) else await found


async def _wait(verdict: Any, checks: Sequence[Check], text: str, call: Call) -> str:
    """Wait for the verdict of the first of these guardrails, then ask the others."""
    try:
        verdict = await within(call.remaining, verdict)
    except GuardrailError:
        raise
    except Exception as error:
        verdict = error
    return await approved(checks[1:], checks[0].follow(verdict, text, call), call)
