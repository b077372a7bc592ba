"""Read tool calls of whole answers and of stream pieces; arguments stay the text they came as."""

from __future__ import annotations

from typing import Any

from attrs import define
from litellm_gateway import json_codec
from litellm_gateway.messages import ToolCall
from litellm_gateway.responses import ToolCallDelta
from litellm_gateway.wire_shapes import as_list, as_object, as_text


def read_tool_calls(message: dict[str, Any], response_id: str) -> tuple[ToolCall, ...]:
    """Give the calls of a whole message; the form of before 2024 (``function_call``) counts as one."""
    items = as_list(message.get("tool_calls"), "tool_calls")
    if message.get("function_call") is not None:
        items = [*items, {"function": message["function_call"]}]
    if not items:
        return ()
    return tuple(_read_call(item, index, response_id) for index, item in enumerate(items))


def _read_call(item: Any, index: int, response_id: str) -> ToolCall:
    call = as_object(item, "tool call")
    name, arguments = _name_and_arguments(call)
    if not name:
        raise ValueError("a tool call has no name")
    call_id = as_text(call.get("id"), "tool call id") or made_id(index, response_id)
    return ToolCall(id=call_id, name=name, arguments=arguments or "{}")


def made_id(index: int, response_id: str) -> str:
    """Give a call an id where the server gave none; the answer's own id keeps it apart from other turns."""
    return f"call_{index}_{response_id}" if response_id else f"call_{index}"


def fitting_id(call_id: str, length: int | None) -> str:
    """Give an id of as many letters and digits as the server wants; the same one for the same id each time."""
    if length is None or (len(call_id) == length and call_id.isascii() and call_id.isalnum()):
        return call_id
    import hashlib  # costs milliseconds where it is not loaded yet

    return hashlib.blake2b(call_id.encode("utf-8", "replace"), digest_size=32).hexdigest()[:length]


def _name_and_arguments(call: dict[str, Any]) -> tuple[str, str]:
    if call.get("custom") is not None:
        custom = as_object(call["custom"], "custom tool call")
        return as_text(custom.get("name"), "tool name"), as_text(custom.get("input"), "tool input")
    function = as_object(call.get("function"), "function")
    arguments = function.get("arguments")
    if isinstance(arguments, dict):  # older servers give the object itself
        arguments = json_codec.encode(arguments).decode()
    return as_text(function.get("name"), "tool name"), as_text(arguments, "tool arguments")


@define
class _Seen:
    index: int
    id: str
    named: bool


class ToolCallPieces:
    """Tells apart the calls of one stream and says each id and name once.

    Servers are unlike here: most give an index with every piece and the id with the first, some repeat the
    id, some give no index, and some give every call the index 0.
    """

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}
        self._count = 0
        self._last = 0

    def __bool__(self) -> bool:
        return self._count > 0

    def read(self, delta: dict[str, Any], response_id: str) -> list[ToolCallDelta]:
        """Give the pieces in one delta."""
        items = as_list(delta.get("tool_calls"), "tool_calls")
        if delta.get("function_call") is not None:
            items = [*items, {"index": 0, "function": delta["function_call"]}]
        return [self._piece(as_object(item, "tool call"), response_id) for item in items]

    def _piece(self, item: dict[str, Any], response_id: str) -> ToolCallDelta:
        name, arguments = _name_and_arguments(item)
        call_id = as_text(item.get("id"), "tool call id")
        place = item.get("index")
        if place is None:
            place = self._last + 1 if call_id and self._count else self._last
        elif isinstance(place, bool) or not isinstance(place, int):
            raise ValueError("the index of a tool call is no whole number")
        self._last = place
        known = self._seen.get(place)
        if known is None or (call_id and name and known.named and call_id != known.id):
            return self._open(place, call_id, name, arguments, response_id)
        late_name = name if name and not known.named else None
        known.named = known.named or bool(name)
        return ToolCallDelta(index=known.index, name=late_name, arguments=arguments)

    def _open(self, place: int, call_id: str, name: str, arguments: str, response_id: str) -> ToolCallDelta:
        index, self._count = self._count, self._count + 1
        call_id = call_id or made_id(index, response_id)
        self._seen[place] = _Seen(index=index, id=call_id, named=bool(name))
        return ToolCallDelta(index=index, id=call_id, name=name or None, arguments=arguments)
