"""A server on the loopback address that speaks the providers' formats and misbehaves as told."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from typing import TYPE_CHECKING, Any

from attrs import define, field

from litellm_gateway.testing.faults.catalogue import scenarios
from litellm_gateway.testing.faults.scenario import Scenario
from litellm_gateway.testing.faults.turn import Turn
from litellm_gateway.testing.loopback import LoopbackServer, in_thread
from litellm_gateway.testing.wires import WIRES, Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from typing import Self

    from litellm_gateway.testing.loopback import Exchange
    from litellm_gateway.testing.wires import Wire

    Step = Scenario | str | Callable[[Turn], Awaitable[None]]

TEXT = Answer(
    text='Answer #1: naïve café 日本語 über-long 👩\u200d🚀 "quoted" back\\slash {braces} data: x\n\n'
    "event: [DONE]\r\n"
    "separators \u2028 \u2029 \x85 \x0b end, tab\t, and so on until it is long enough to be cut in many places. Fin."
)
"""What a server says unless told otherwise: everything that makes readers stumble."""
CALL = Answer(
    text='{"serial": 1, "words": "naïve 日本語 \\"quoted\\" {braces} \u2028 data: [DONE] until it is long enough"}',
    tool="note",
    step=12,
)
"""The same as a call of a tool named ``note``."""


@define(eq=False)
class Station:
    """One address of a fault server, with a script and a log of its own.

    Attributes:
        url: Its address, ``http://127.0.0.1:port/1``; a provider's base URL begins with it.
        script: What each request meets, in order; the last one goes on for ever.
        text, call: What there is to say; ``call`` to requests that give tools.
        requests: Every request so far.
        errors: What scripts raised, broken connections aside: mistakes of the test.
    """

    url: str
    script: Sequence[Callable[[Turn], Awaitable[None]]]
    text: Answer
    call: Answer
    requests: list[Exchange] = field(factory=list, repr=False)
    errors: list[BaseException] = field(factory=list)
    _alive: set[int] = field(factory=set, repr=False)

    @property
    def open(self) -> int:
        """Connections open now."""
        return len({request.connection for request in list(self.requests)} & self._alive)

    @property
    def keys(self) -> set[str]:
        """The keys that came, wherever providers want them."""
        names = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
        found = (request.headers.get(name, "") for request in list(self.requests) for name in names)
        return {value.rpartition(" ")[2] for value in found if value}

    def settled(self, connections: int = 0, seconds: float = 1.0) -> bool:
        """Wait until no more than so many connections are open; tell whether it came to that."""
        limit = time.monotonic() + seconds
        while self.open > connections and time.monotonic() < limit:
            time.sleep(0.005)
        return self.open <= connections

    async def answer(self, exchange: Exchange, wires: Sequence[Wire]) -> None:
        """Answer the next request as the script says."""
        self.requests.append(exchange)
        step = self.script[min(len(self.requests), len(self.script)) - 1]
        path = exchange.path.partition("?")[0]
        wire = next((wire for wire in wires if wire.answers(path)), None)
        if wire is None:
            await exchange.respond(b'{"error": {"message": "no format answers this path"}}', status=404)
            return
        body = _json(exchange.body)
        said = self.call if _gives_tools(body) else self.text
        embeds = wire.embedded is not None and "mbed" in path
        if embeds:
            wire = _of_embeddings(wire, body)
        turn = Turn(exchange=exchange, wire=wire, answer=said, is_stream=not embeds and wire.wants_stream(path, body))
        try:
            await step(turn)
        except OSError:
            raise
        except Exception as error:
            self.errors.append(error)
            raise


@define(eq=False)
class FaultServer:
    """Serves faults on 127.0.0.1 from a thread of its own, so it suits any test, awaited or not.

    Example::

        with FaultServer() as server:
            flaky = server.play("status 503, html", "status 503, html", "a right answer")
            gateway = create_gateway(provider="openai", api_key="sk-test", base_url=f"{flaky.url}/v1")
            gateway.generate("Hello")
            assert len(flaky.requests) == 3

    Attributes:
        wires: The formats it speaks; the first that answers a request's path is taken.
        strays: Requests to addresses nobody gave out, such as the target of a redirect.
    """

    wires: Sequence[Wire] = WIRES
    strays: list[Exchange] = field(factory=list, repr=False, init=False)
    _stations: list[Station] = field(factory=list, repr=False, init=False)
    _open: contextlib.ExitStack = field(factory=contextlib.ExitStack, repr=False, init=False)
    _server: LoopbackServer = field(init=False, repr=False)
    _scenarios: dict[str, Scenario] = field(factory=scenarios, repr=False, init=False)

    def __enter__(self) -> Self:
        self._server = LoopbackServer(self._answer)
        self._open.enter_context(in_thread(self._server))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def play(self, *steps: Step, text: Answer = TEXT, call: Answer = CALL) -> Station:
        """Give an address where each request meets the next step, and the last one for ever.

        Args:
            steps: Scenarios, their names, or functions that take a :class:`Turn`.
            text: What there is to say.
            call: What there is to say to a request that gives tools.

        Raises:
            KeyError: No scenario has this name.
        """
        assert steps, "a script needs at least one step"
        script = [self._does(step) for step in steps]
        url = f"{self._server.url}/{len(self._stations)}"
        station = Station(url=url, script=script, text=text, call=call, alive=self._server.alive)
        self._stations.append(station)
        return station

    @contextlib.contextmanager
    def refusing(self) -> Iterator[str]:
        """Give an address where every connection is refused."""
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"

    @contextlib.contextmanager
    def silent(self) -> Iterator[str]:
        """Give an address that takes connections and never reads from them."""
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            bound.listen(64)
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"

    def _does(self, step: Step) -> Callable[[Turn], Awaitable[None]]:
        if isinstance(step, str):
            step = self._scenarios[step]
        return step.does if isinstance(step, Scenario) else step

    async def _answer(self, exchange: Exchange) -> None:
        number = exchange.path.split("/")[1]
        if not number.isdecimal() or int(number) >= len(self._stations):
            self.strays.append(exchange)
            await exchange.respond(status=404)
            return
        await self._stations[int(number)].answer(exchange, self.wires)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _gives_tools(body: Any) -> bool:
    return isinstance(body, dict) and bool(body.get("tools") or body.get("toolConfig"))


def _of_embeddings(wire: Wire, body: Any) -> Wire:
    """Give a format whose right answer is the vectors asked for."""
    from attrs import evolve

    texts = [""]
    for name in ("input", "texts", "requests"):
        found = body.get(name) if isinstance(body, dict) else None
        texts = found if isinstance(found, list) else texts
    assert wire.embedded is not None
    vectors = wire.embedded(texts)
    return evolve(wire, whole=lambda _: vectors)
