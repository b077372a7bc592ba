"""Callers of all kinds before a gateway with everything on, and what must be true of all they got."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field, frozen
from everything_on import EMBEDDERS, HUGE, MARK, MODELS, has_marks_taken_out, mark_of, shown
from litellm_gateway import EmbedResponse, GatewayError
from litellm_gateway.telemetry import AttemptFinished, CallFinished, CallStarted

if TYPE_CHECKING:
    import random

    from chaos_server import Sent
    from guarded_server import GuardedServer
    from kept_events import KeptEvents
    from litellm_gateway import GenerateResponse, LiteLLMGateway
    from litellm_gateway.responses import TokenUsage

KINDS = ("text",) * 16 + ("tool",) * 8 + ("vector",) * 12 + ("huge", "long")
FATES = ("stay",) * 29 + ("cancel",) * 2 + ("hurry",)
ECHOES = 0.35
"""Share of calls that ask what the call before has asked, or other vectors of the same kind."""
BLOCKED = ("huge", "long")
"""Kinds a guardrail must stop, on the way in and on the way out."""
TOOL = {"name": "note", "description": "Note something", "parameters": {"type": "object", "properties": {}}}
SERIAL = re.compile(r'(?:#|"serial": ?)(\d+)[ ,}]')
GRACE = 10.0
"""Seconds a call may be late on a busy machine."""


@frozen(kw_only=True)
class Ask:
    """One call to make."""

    tenant: str
    kind: str
    question: str
    model: str
    streamed: bool
    fate: str
    timeout: float
    priority: int
    parts: tuple[int, ...] = ()
    leave_after: int | None = None

    @property
    def prompt(self) -> str:
        """What is asked."""
        return f"Answer {self.question} {HUGE if self.kind == 'huge' else ''}"


def draw(chance: random.Random, last: Ask | None, *, tenants: int, questions: int, timeout: float) -> Ask:
    """Draw a call: few questions, so that many are asked again, at once or later, by the same tenant and others."""
    kind, fate = chance.choice(KINDS), chance.choice(FATES)
    first = chance.randrange(4)
    if last is not None and chance.random() < ECHOES:
        again = range(first, first + len(last.parts)) if last.kind == "vector" and chance.random() < 0.7 else last.parts
        return evolve(last, fate=fate, parts=tuple(again), timeout=timeout, leave_after=None)
    return Ask(
        tenant=f"tenant-{chance.randrange(tenants)}",
        kind=kind,
        question=f"question-{chance.randrange(questions)}-{kind}",
        model=chance.choice(EMBEDDERS if kind == "vector" else MODELS),
        streamed=chance.random() < 0.5,
        fate=fate,
        timeout=chance.uniform(0.02, 0.4) if fate == "hurry" else timeout,
        priority=chance.randrange(3),
        parts=tuple(range(first, first + chance.randrange(1, 4))),
        leave_after=chance.randrange(1, 6) if chance.random() < 0.1 else None,
    )


@define(eq=False)
class Findings:
    """What went wrong on our side, call by call; empty lists are what is wanted."""

    server: GuardedServer
    broken: list[str] = field(factory=list)
    crossed: list[str] = field(factory=list)
    doubled: list[str] = field(factory=list)
    unguarded: list[str] = field(factory=list)
    untyped: list[str] = field(factory=list)
    lost: list[str] = field(factory=list)
    told: list[str] = field(factory=list)
    errors: Counter[str] = field(factory=Counter)
    answers: int = 0
    cancelled: int = 0
    left: int = 0
    elsewhere: int = 0
    owners: dict[int, str] = field(factory=dict)
    given: dict[str, tuple[int, int, Ask]] = field(factory=dict)

    def wrong(self) -> dict[str, list[str]]:
        """Give what went wrong, by what it is."""
        names = ("broken", "crossed", "doubled", "unguarded", "untyped", "lost", "told")
        return {name: found for name in names if (found := getattr(self, name))}

    def paid(self) -> int:
        """Give the tokens of all answers, each made once however many it went to."""
        used = {serial: tokens for serial, tokens, ask in self.given.values() if ask.kind != "vector"}
        return sum(used.values())

    async def one(self, gateway: LiteLLMGateway, ask: Ask, chance: random.Random) -> None:
        """Make one call and write down what came of it."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._make(gateway, ask))
        if ask.fate == "cancel":
            loop.call_later(chance.random() ** 2 * 0.3, task.cancel)
        for patience in (ask.timeout, GRACE):  # if the whole process was halted for a while, it has time once more
            await asyncio.wait({task}, timeout=patience)
        if not task.done():
            self.lost.append(f"{ask} was not over in time")
            task.cancel()
        try:
            await task
        except GatewayError as error:
            self.errors[type(error).__name__] += 1
            self._judge_part(ask, error.partial.text if error.partial is not None else "")
        except asyncio.CancelledError:
            self.cancelled += 1
        except Exception as error:
            self.untyped.append(f"{ask}: {error!r}")

    async def _make(self, gateway: LiteLLMGateway, ask: Ask) -> None:
        more: dict[str, Any] = {
            "model": ask.model, "tenant_id": ask.tenant, "timeout": ask.timeout, "priority": ask.priority,
        }  # fmt: skip
        if ask.kind == "vector":
            del more["priority"]
            texts = [f"{ask.question} part-{part}" for part in ask.parts]
            self._judge_vectors(ask, await gateway.embed_async(texts, **more))
            return
        more |= {"max_tokens": 64 if ask.kind != "long" else 500, **({"tools": [TOOL]} if ask.kind == "tool" else {})}
        if not ask.streamed:
            self._judge(ask, await gateway.generate_async(ask.prompt, **more))
            return
        stream = gateway.generate_stream_async(ask.prompt, **more)
        pieces: list[str] = []
        async with stream:
            async for piece in stream:
                pieces.append(piece)
                if len(pieces) == ask.leave_after:
                    self.left += 1
                    self._judge_part(ask, "".join(pieces))
                    return
        answer = await stream.response()
        if "".join(pieces) != answer.text:
            self.broken.append(f"{ask}: {''.join(pieces)!r} became {answer.text!r}")
        self._judge(ask, answer)

    def _judge(self, ask: Ask, answer: GenerateResponse) -> None:
        """Hold an answer against what the server had to say to this tenant's question."""
        self.answers += 1
        is_call = ask.kind == "tool"
        given = answer.tool_calls[0].arguments if answer.tool_calls else answer.text
        found = SERIAL.search(given)
        sent = self.server.sent.get(int(found[1])) if found else None
        wanted = "tool_calls" if is_call else "stop"
        if found is None or sent is None or answer.finish_reason != wanted:
            self.broken.append(f"{ask} ({answer.finish_reason}): {given!r} for {sent}")
        elif not self._is_own(ask, int(found[1])) or sent.question != ask.question:
            self.crossed.append(f"{ask}: {given!r}")
        elif ask.kind in BLOCKED:
            self.unguarded.append(f"{ask}: {given!r}")
        elif not _is_whole(ask, given, sent.content) or not _is_billed(answer.usage, sent):
            self.broken.append(f"{ask}: {given!r} and {answer.usage} for {sent}")
        else:
            self.given[answer.metadata["request_id"]] = int(found[1]), answer.usage.total_tokens, ask
            named = ask.model.partition("/")[0]
            self.elsewhere += named != "gpt" and not answer.metadata["provider"].startswith(named)

    def _is_own(self, ask: Ask, serial: int) -> bool:
        """No answer is for two tenants, even if nothing but their names tells their requests apart."""
        owner = self.owners.setdefault(serial, ask.tenant)
        return owner == ask.tenant and self.server.sent[serial].tenant == mark_of(ask.tenant)

    def _judge_vectors(self, ask: Ask, answer: EmbedResponse) -> None:
        self.answers += 1
        tenant, number = mark_of(ask.tenant).partition("-")[2] or "-1", ask.question.split("-")[1]
        rows = [list(vector) for vector in answer]
        serial = int(rows[0][0]) if rows and len(rows[0]) == 4 else 0
        sent = self.server.sent.get(serial)
        if rows == [[float(serial), float(tenant), float(number), float(part)] for part in ask.parts] and self._is_own(
            ask, serial
        ):
            self.given[answer.metadata["request_id"]] = serial, answer.usage.total_tokens, ask
        elif len(rows) != len(ask.parts):
            self.broken.append(f"{ask}: {rows} for {sent}")
        else:
            self.crossed.append(f"{ask}: {rows} for {sent}")

    def _judge_part(self, ask: Ask, text: str) -> None:
        """Hold the beginning of an answer against the whole of it."""
        if not text:
            return
        if has_marks_taken_out(ask.tenant) and MARK.search(text):
            self.unguarded.append(f"{ask}: {text!r} is a part")
        found = SERIAL.search(text)
        sent = self.server.sent.get(int(found[1])) if found else None
        start = f"{ask.question} <<{mark_of(ask.tenant)}>> #" if sent is None else sent.content
        whole, end = shown(ask.tenant, start), "" if sent is not None else re.sub(r"\d+$", "", text)
        if not whole.startswith(text) and not (end and whole.startswith(end)):
            self.broken.append(f"{ask}: {text!r} is no part of {whole!r}")
        if found and sent is not None and (not self._is_own(ask, int(found[1])) or sent.question != ask.question):
            self.crossed.append(f"{ask}: {text!r} is a part")

    def hold_against(self, sink: KeptEvents) -> None:
        """Hold what callers saw against what sinks were told: each call once, each answer made for one call."""
        ended = {event.call_id: event for event in sink.of(CallFinished)}
        started = Counter(event.call_id for event in sink.of(CallStarted))
        if started != Counter(event.call_id for event in sink.of(CallFinished)) or max(started.values()) > 1:
            self.told.append("calls that started and ended are not the same, each once")
        errors = Counter(event.error for event in ended.values() if event.outcome == "error")
        if errors != self.errors:
            self.told.append(f"errors {errors} for {self.errors}")
        outcomes = Counter(event.outcome for event in ended.values())
        if outcomes["success"] != self.answers or outcomes["abandoned"] != self.left:
            self.told.append(f"{outcomes} for {self.answers} answers, and {self.left} streams that were left")
        makers: dict[int, list[str]] = defaultdict(list)
        for call, (serial, _, _) in self.given.items():
            if not ended[call].cached and not ended[call].shared:
                makers[serial].append(call)
        for serial, calls in makers.items():
            self._check_shares(serial, calls)
        told = len(sink.of(AttemptFinished)) + self.server.dead
        if self.server.asked > told:
            self.doubled.append(f"{self.server.asked} requests upstream, of which {told} are accounted for")

    def _check_shares(self, serial: int, calls: list[str]) -> None:
        """One call made an answer, or several shared a request for embeddings and its tokens."""
        sent = self.server.sent[serial]
        texts = sum(len(self.given[call][2].parts) for call in calls)
        tokens = sum(self.given[call][1] for call in calls)
        if not sent.texts:
            if len(calls) > 1:
                self.doubled.append(f"{serial} went to {calls}")
        elif texts > sent.texts or (sent.tells_tokens and not _adds_up(texts, tokens, sent)):
            self.doubled.append(f"{tokens} tokens for {texts} texts of {sent}")


def _adds_up(texts: int, tokens: int, sent: Sent) -> bool:
    """The shares of a request are no more than it was billed with, and all of them no less."""
    return tokens in (0, sent.tokens) if texts == sent.texts else tokens <= sent.tokens


def _is_billed(usage: TokenUsage, sent: Sent) -> bool:
    """A stream that was cut after its finish is whole, but may not have told what is billed."""
    return usage.estimated or usage.total_tokens == sent.tokens


def _is_whole(ask: Ask, given: str, content: str) -> bool:
    """Arguments may be written anew as JSON; texts may not differ from what the guardrail makes of them."""
    if ask.kind != "tool":
        return given == shown(ask.tenant, content)
    try:
        return bool(json.loads(given) == json.loads(content))
    except ValueError:
        return False
