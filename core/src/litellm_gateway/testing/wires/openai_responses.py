"""OpenAI's Responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define

from litellm_gateway.testing.wires.openai_chat import OPENAI_REPORTS
from litellm_gateway.testing.wires.wire import Answer, Frame, Report, Wire, asks_in_body, event, insert

if TYPE_CHECKING:
    from litellm_gateway.testing.wires.wire import Kind


def _item(answer: Answer) -> dict[str, Any]:
    if answer.tool:
        call = {"call_id": "call_1", "name": answer.tool, "arguments": answer.text}
        return {"type": "function_call", "id": "fc_1", **call, "status": "completed"}
    part = {"type": "output_text", "text": answer.text, "annotations": []}
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}


def _whole(answer: Answer) -> dict[str, Any]:
    told, said = answer.input_tokens, answer.output_tokens
    return {
        "id": "resp_1", "object": "response", "status": answer.finish or "completed", "error": None, "model": "m-2026",
        "output": [_item(answer)],
        "usage": {"input_tokens": told, "output_tokens": said, "total_tokens": told + said},
    }  # fmt: skip


@define
class _Numbered:
    """Events count from 0."""

    number: int = 0

    def write(self, kind: Kind, name: str, **more: Any) -> Frame:
        said = {"type": name, "sequence_number": self.number, **more}
        self.number += 1
        return Frame(kind, event(said, name=name))


def _content(answer: Answer, events: _Numbered) -> list[Frame]:
    place = {"output_index": 0, "item_id": "fc_1" if answer.tool else "msg_1"}
    if answer.tool:
        kind, done = "response.function_call_arguments", {"arguments": answer.text}
    else:
        kind, done = "response.output_text", {"text": answer.text}
        place["content_index"] = 0
    deltas = [events.write("content", f"{kind}.delta", delta=piece, **place) for piece in answer.pieces()]
    return [*deltas, events.write("content", f"{kind}.done", **done, **place)]


def _streamed(answer: Answer) -> list[Frame]:
    events = _Numbered()
    begun = {**_whole(answer), "status": "in_progress", "output": [], "usage": None}
    item = _item(answer)
    blank: dict[str, Any] = {"arguments": ""} if answer.tool else {"content": []}
    opened = {**item, "status": "in_progress", **blank}
    end = answer.finish or "completed"
    return [
        events.write("start", "response.created", response=begun),
        events.write("start", "response.in_progress", response=begun),
        events.write("content", "response.output_item.added", output_index=0, item=opened),
        *_content(answer, events),
        events.write("content", "response.output_item.done", output_index=0, item=item),
        events.write("end", f"response.{end}", response=_whole(answer)),
    ]


def _reported(report: Report) -> Frame:
    """Write the flat form, which has a code and no kind."""
    error = report.body["error"]
    told = {"code": error["code"] or error["type"], "message": error["message"], "param": error["param"]}
    return Frame("content", event({"type": "error", "sequence_number": 9, **told}, name="error"))


def _other(kind: str, **more: Any) -> Frame:
    return Frame("content", event({"type": kind, "sequence_number": 99, **more}, name=kind))


_ODDITIES = {
    "unknown event": lambda answer: insert(_streamed(answer), "content", _other("response.hologram.delta", delta="x")),
    "unknown item": lambda answer: insert(
        _streamed(answer),
        "content",
        _other("response.output_item.added", output_index=7, item={"type": "hologram", "id": "h_1"}),
    ),
    "keepalive": lambda answer: insert(_streamed(answer), "content", _other("keepalive")),
    "empty delta": lambda answer: insert(
        _streamed(answer),
        "content",
        _other("response.output_text.delta", output_index=0, item_id="msg_1", content_index=0, delta=""),
    ),
    "names in data only": lambda answer: [
        Frame(frame.kind, frame.data.partition(b"\n")[2]) for frame in _streamed(answer)
    ],
    "done after the end": lambda answer: [*_streamed(answer), Frame("end", event("[DONE]"))],
    "no start": lambda answer: _streamed(answer)[2:],
}

OPENAI_RESPONSES = Wire(
    name="openai-responses",
    answers=lambda path: path.endswith("/responses"),
    wants_stream=asks_in_body,
    whole=_whole,
    streamed=_streamed,
    reports=OPENAI_REPORTS,
    reported=_reported,
    oddities=_ODDITIES,
)
