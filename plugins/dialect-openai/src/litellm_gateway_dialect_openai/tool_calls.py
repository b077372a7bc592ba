"""Read tool calls of whole answers and of stream pieces; arguments stay the text they came as."""

from __future__ import annotations

from typing import Any

from attrs import define, field
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


def is_whole(arguments: str) -> bool:
    """Tell whether arguments are a whole JSON object."""
    try:
        return isinstance(json_codec.decode(arguments), dict)
    except ValueError:
        return False


@define
class _Seen:
    """One call so far.

    Attributes:
        index: Its place among the calls handed out.
        named_by_server: Its id is the server's own.
        name: Its name; ``""`` until it came.
        pieces: Its arguments, in the pieces they came in.
        looks_whole: They end as a JSON object does.
        looks_left: How often they may still be parsed, so that odd streams cost no more than long ones.
        begun_again: Its name came once more, alone, after all of its arguments.
    """

    index: int
    named_by_server: bool
    name: str
    pieces: list[str] = field(factory=list)
    looks_whole: bool = False
    looks_left: int = 64
    begun_again: bool = False

    def add(self, arguments: str) -> None:
        """Keep a piece of the arguments."""
        self.pieces.append(arguments)
        if end := arguments.rstrip():
            self.looks_whole = end[-1] == "}"

    def is_complete(self) -> bool:
        """Tell whether nothing can follow in the arguments; asked only where a piece may begin another call."""
        if not self.looks_whole or not self.looks_left:
            return False
        self.looks_left -= 1
        return is_whole("".join(self.pieces))


class ToolCallPieces:
    """Tells apart the calls of one stream and says each id and name once.

    Servers are unlike here: most give an index with every piece and the id with the first, some repeat the
    id, some give no index, some give every call the index 0, and some (Gemini's OpenAI face) no id beside it.
    A known id counts before the index, and a name after whole arguments begins another call.
    """

    def __init__(self) -> None:
        self._calls: list[_Seen] = []
        self._by_index: dict[int, _Seen] = {}
        self._by_id: dict[str, _Seen] = {}
        self._last: _Seen | None = None

    def __bool__(self) -> bool:
        return bool(self._calls)

    def read(self, delta: dict[str, Any], response_id: str) -> list[ToolCallDelta]:
        """Give the pieces in one delta."""
        items = as_list(delta.get("tool_calls"), "tool_calls")
        if delta.get("function_call") is not None:
            items = [*items, {"index": 0, "function": delta["function_call"]}]
        return [self._piece(as_object(item, "tool call"), response_id) for item in items]

    def check_names(self) -> None:
        """Refuse the calls of an answer that is over when one has no name, as in a whole answer."""
        if not all(call.name for call in self._calls):
            raise ValueError("a tool call has no name")

    def _piece(self, item: dict[str, Any], response_id: str) -> ToolCallDelta:
        name, arguments = _name_and_arguments(item)
        call_id = as_text(item.get("id"), "tool call id")
        place = item.get("index")
        if place is not None and (isinstance(place, bool) or not isinstance(place, int)):
            raise ValueError("the index of a tool call is no whole number")
        call = self._by_id.get(call_id) or (self._last if place is None else self._by_index.get(place))
        if call is None or self._begins_another(call, call_id, name, arguments, is_placed=place is not None):
            return self._open(place, call_id, name or (call.name if call else ""), arguments, response_id)
        self._last = call
        if call_id:
            self._by_id.setdefault(call_id, call)
        if place is not None:
            self._by_index.setdefault(place, call)
        late_name = name if name and not call.name else None
        call.name = call.name or name
        if arguments:
            call.add(arguments)
        return ToolCallDelta(index=call.index, name=late_name, arguments=arguments)

    def _begins_another(self, call: _Seen, call_id: str, name: str, arguments: str, *, is_placed: bool) -> bool:
        """Tell whether a piece is the first of a new call, although its id or its index is that of a known one."""
        if not call.name:
            return False
        is_new_id = bool(call_id) and call_id not in self._by_id
        if not name:
            may_be = (is_new_id and not is_placed) or (call.begun_again and bool(arguments.strip()))
            return may_be and call.is_complete()
        if (is_new_id and call.named_by_server) or (name != call.name and not call.pieces):
            return True
        if not call.is_complete():
            return False
        call.begun_again = True
        return name != call.name or bool(arguments.strip())

    def _open(self, place: int | None, call_id: str, name: str, arguments: str, response_id: str) -> ToolCallDelta:
        index = len(self._calls)
        call = self._last = _Seen(index=index, named_by_server=bool(call_id), name=name)
        self._calls.append(call)
        self._by_index[index if place is None else place] = call
        is_taken = call_id in self._by_id
        if call_id:
            self._by_id[call_id] = call
        if arguments:
            call.add(arguments)
        shown = made_id(index, response_id) if is_taken or not call_id else call_id
        return ToolCallDelta(index=index, id=shown, name=name or None, arguments=arguments)
