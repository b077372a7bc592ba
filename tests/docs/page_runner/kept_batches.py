"""The batches a stand-in keeps, on Anthropic's wire: done when they are asked for the second time."""

from __future__ import annotations

import json
from typing import Any

import answers
from answers import Answer


class KeptBatches:
    """Takes batches and answers each of their requests."""

    def __init__(self) -> None:
        self._requests: list[list[dict[str, Any]]] = []
        self._asked: dict[int, int] = {}
        self._stopped: set[int] = set()

    def reply(self, path: str, body: dict[str, Any]) -> dict[str, Any] | list[bytes]:
        """Answer a request below ``/messages/batches``."""
        rest = path.partition("?")[0].partition("/messages/batches")[2].strip("/").split("/")
        if "requests" in body:
            self._requests.append(body["requests"])
            return self._described(len(self._requests))
        if rest == [""]:
            return {
                "data": [self._described(number) for number in range(len(self._requests), 0, -1)],
                "has_more": False,
            }
        number = int(rest[0].removeprefix("msgbatch_"))
        if rest[1:] == ["results"]:
            return [self._line(each) for each in reversed(self._requests[number - 1])]
        if rest[1:] == ["cancel"]:
            self._stopped.add(number)
        else:
            self._asked[number] = self._asked.get(number, 0) + 1
        return self._described(number)

    def _line(self, asked: dict[str, Any]) -> bytes:
        prompt = asked["params"]["messages"][-1]["content"]
        if prompt == "fail":
            fault = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
            result: dict[str, Any] = {"type": "errored", "error": fault}
        else:
            message = answers.anthropic_whole(Answer(text=f"about {prompt}"), asked["params"])
            result = {"type": "succeeded", "message": message}
        return json.dumps({"custom_id": asked["custom_id"], "result": result}).encode() + b"\n"

    def _described(self, number: int) -> dict[str, Any]:
        total, ended = len(self._requests[number - 1]), self._asked.get(number, 0) > 1
        counts = {"processing": 0 if ended else total, "succeeded": total if ended else 0}
        stopping = number in self._stopped and not ended
        place = f"https://api.anthropic.com/v1/messages/batches/msgbatch_{number:02d}/results"
        return {
            "id": f"msgbatch_{number:02d}", "type": "message_batch", "request_counts": counts,
            "processing_status": "ended" if ended else "canceling" if stopping else "in_progress",
            "created_at": "2026-11-20T10:00:00Z", "expires_at": "2026-11-21T10:00:00Z",
            "results_url": place if ended else None,
        }  # fmt: skip
