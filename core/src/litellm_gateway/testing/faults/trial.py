"""Put a gateway through a scenario and judge what came of it."""

from __future__ import annotations

import asyncio
import json
import time
from io import StringIO
from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from litellm_gateway.errors import GatewayError
from litellm_gateway.responses import EmbedResponse

if TYPE_CHECKING:
    from litellm_gateway.gateway import LiteLLMGateway
    from litellm_gateway.responses import GenerateResponse
    from litellm_gateway.testing.faults.scenario import Expected, Scenario
    from litellm_gateway.testing.faults.server import Station
    from litellm_gateway.testing.wires import Answer, Wire

Way = Literal["whole", "stream", "embeddings"]
"""What is asked for: a whole answer, a stream of it, or the vectors of two texts."""

_TOOL = {"name": "note", "description": "Note something", "parameters": {"type": "object", "properties": {}}}
_MOST_HEARD = 100_000
_CLOSE_ENOUGH = 1.5
"""Seconds by which ``retry_after`` may differ: a date has none smaller than one."""


@frozen(kw_only=True)
class Trial:
    """What came of one scenario.

    Attributes:
        scenario, wire, way: What was tried.
        outcome: The class of the error, or ``right``.
        findings: What is wrong about it; empty is what is wanted.
        seconds: How long the calls took.
    """

    scenario: str
    wire: str
    way: Way
    outcome: str
    findings: tuple[str, ...]
    seconds: float


async def attempt(
    gateway: LiteLLMGateway, model: str, scenario: Scenario, station: Station, *, wire: Wire, way: Way,
    patience: float = 5.0, most_requests: int = 1,
) -> Trial:  # fmt: skip
    """Make the scenario's calls and hold what comes of the last one against what is expected.

    Args:
        gateway: Sends to ``station``; its own deadline must be well under ``patience``.
        model: What to ask for, as ``provider/model``.
        scenario: What the station plays.
        station: Where it is played.
        wire: The format that is spoken.
        way: Ask for whole answers, for streams or for embeddings.
        patience: Seconds after which a call counts as hung.
        most_requests: Requests one call may send, as long as no content was given.
    """
    expected = scenario.expects(wire, way == "stream")
    assert expected is not None, f"'{scenario.name}' makes no sense here"
    findings: list[str] = []
    outcome, answer = "right", station.call if scenario.tool else station.text
    began = time.monotonic()
    for number in range(scenario.calls):
        said = StringIO()
        try:
            async with asyncio.timeout(patience):
                response = await _ask(gateway, model, said, way, tool=scenario.tool)
            if number == scenario.calls - 1 or not expected.right:
                findings += _judge_answer(expected, response, answer)
        except GatewayError as error:
            outcome = type(error).__name__
            findings += _judge_error(expected, error, answer, said.getvalue(), station.keys)
        except TimeoutError:
            outcome, findings = "hung", [*findings, f"no end after {patience} seconds"]
        except Exception as error:
            outcome, findings = type(error).__name__, [*findings, f"foreign error {error!r}"]
    seconds = time.monotonic() - began
    findings += await _judge_traffic(scenario, station, 1 if said.getvalue() else most_requests)
    return Trial(
        scenario=scenario.name, wire=wire.name, way=way, outcome=outcome, findings=tuple(findings),
        seconds=seconds,
    )  # fmt: skip


async def _ask(
    gateway: LiteLLMGateway, model: str, said: StringIO, way: Way, *, tool: bool
) -> GenerateResponse | EmbedResponse:
    if way == "embeddings":
        return await gateway.embed_async(["one", "two"], model=model)
    more: dict[str, Any] = {"tools": [_TOOL]} if tool else {}
    if way == "whole":
        return await gateway.generate_async("Hello", model=model, **more)
    stream = gateway.generate_stream_async("Hello", model=model, **more)
    async for piece in stream:
        if said.tell() < _MOST_HEARD:  # what is longer is not the answer, and not to be kept
            said.write(piece)
    answer = await stream.response()
    assert said.getvalue() == answer.text, "the pieces of a stream are not its answer"
    return answer


def _judge_answer(expected: Expected, response: GenerateResponse | EmbedResponse, answer: Answer) -> list[str]:
    if not expected.right:
        wanted = " or ".join(kind.__name__ for kind in expected.errors)
        return [f"an answer where {wanted} is due: {response!r:.200}"]
    if isinstance(response, EmbedResponse):
        vectors = [list(vector) for vector in response]
        return [] if vectors == [[0.0, 1.0], [1.0, 1.0]] else [f"not the vectors that were sent: {vectors}"]
    wanted = answer.text if expected.text is None else expected.text
    if wanted == "*":
        return []
    given = response.text
    if answer.tool and response.tool_calls:
        given = response.tool_calls[0].arguments
    if not _same(given, wanted):
        return [f"not the answer that was sent: {given[-60:]!r}"]
    return []


def _same(given: str, wanted: str) -> bool:
    """Arguments may be written anew as JSON; texts may not differ."""
    if given == wanted:
        return True
    try:
        return bool(wanted.startswith("{") and json.loads(given) == json.loads(wanted))
    except (ValueError, RecursionError):
        return False


def _judge_error(expected: Expected, error: GatewayError, answer: Answer, given: str, keys: set[str]) -> list[str]:
    found: list[str] = []
    fits = type(error) in expected.errors if expected.exactly else isinstance(error, expected.errors)
    if not expected.errors or not fits:
        wanted = " or ".join(kind.__name__ for kind in expected.errors) or "the answer"
        found.append(f"{type(error).__name__} where {wanted} is due: {error}")
    if not error.provider or not error.model:
        found.append(f"provider {error.provider!r} and model {error.model!r} of the error")
    if expected.status is not None and error.status_code != expected.status:
        found.append(f"status_code {error.status_code}, not {expected.status}")
    found += [f"{words!r} is missing in {str(error)!r}" for words in expected.in_message if words not in str(error)]
    if not str(error).isprintable():
        found.append(f"control characters in {str(error)!r}")
    if any(key in f"{error} {error!r} {vars(error)}" for key in keys):
        found.append("the key stands in the error")
    if len(str(error)) > 2000:
        found.append(f"a message of {len(str(error))} characters")
    if expected.retry_after:
        found += _judge_hint(expected.retry_after, getattr(error, "retry_after", "none at all"))
    return found + _judge_partial(expected, error, answer, given)


def _judge_hint(allowed: tuple[float | None, ...], hint: Any) -> list[str]:
    for wanted in allowed:
        if hint is None or wanted is None or not isinstance(hint, float):
            if hint is wanted:
                return []
        elif abs(hint - wanted) < (_CLOSE_ENOUGH if wanted else 0.01):
            return []
    return [f"retry_after {hint!r}, not {' or '.join(map(str, allowed))}"]


def _judge_partial(expected: Expected, error: GatewayError, answer: Answer, given: str) -> list[str]:
    if not answer.tool and not answer.text.startswith(given) and expected.text != "*":
        return [f"what was streamed is no beginning of the answer: {given[-60:]!r}"]
    if given and error.partial is None:
        return ["no partial answer though content was given"]
    if expected.partial and (error.partial is None or not given or error.partial.text != given):
        return ["the partial answer is not what was given"]
    return []


async def _judge_traffic(scenario: Scenario, station: Station, most: int) -> list[str]:
    found = []
    allowed = most * scenario.calls if scenario.most_requests is None else scenario.most_requests
    if len(station.requests) > allowed:
        found.append(f"{len(station.requests)} requests, not {allowed}")
    if scenario.hangs_up and not await asyncio.to_thread(station.settled, 0, 1.0):
        found.append(f"{station.open} connections open a second later")
    return found + [f"the script raised {error!r}" for error in station.errors]
