"""A whole answer as the pieces of a stream, and whether there is anything in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway.responses import StreamChunk, ToolCallDelta

if TYPE_CHECKING:
    from litellm_gateway.responses import GenerateResponse


def as_chunks(response: GenerateResponse) -> list[StreamChunk]:
    """Give a whole answer as the pieces a stream of it would have had."""
    pieces = [StreamChunk(kind="start", model=response.model)]
    pieces += [StreamChunk(kind="reasoning", reasoning=part) for part in response.reasoning]
    if response.text:
        pieces.append(StreamChunk(response.text))
    if response.refusal is not None:
        pieces.append(StreamChunk(kind="refusal", data={"text": response.refusal}))
    pieces += [StreamChunk(kind="annotation", data=note) for note in response.annotations]
    pieces += [
        StreamChunk(
            kind="tool_call",
            tool_call=ToolCallDelta(
                index=index, id=call.id, name=call.name, arguments=call.arguments, signature=call.signature
            ),
        )
        for index, call in enumerate(response.tool_calls)
    ]
    pieces.append(StreamChunk(kind="usage", usage=response.usage))
    pieces.append(
        StreamChunk(kind="finish", finish_reason=response.finish_reason, raw_finish_reason=response.raw_finish_reason)
    )
    return pieces


def says_something(response: GenerateResponse) -> bool:
    """Tell whether an answer holds content of any kind."""
    said = response.text or response.tool_calls or response.refusal
    return bool(said or response.reasoning or response.annotations)
