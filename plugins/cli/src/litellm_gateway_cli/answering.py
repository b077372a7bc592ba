"""Show a streamed answer on standard output as it comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway_cli.terminal import AnswerWriter, waiting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_gateway.gateway import LiteLLMGateway
    from litellm_gateway.responses import GenerateResponse


def show_streamed(
    gateway: LiteLLMGateway, options: Mapping[str, Any], *, wait_for: str, heard: list[str]
) -> GenerateResponse:
    """Write the pieces as they come, and give the whole answer.

    However it ends, the stream is closed and the last line ended.

    Args:
        gateway: Who is asked.
        options: Arguments of ``generate_stream``.
        wait_for: What the spinner says until the first piece is there.
        heard: Takes the pieces written, for when the answer is broken off.
    """
    writer = AnswerWriter()
    with waiting(wait_for) as stop_waiting:
        stream = gateway.generate_stream(**options)
        try:
            for chunk in stream:
                if not chunk:
                    continue
                stop_waiting()
                heard.append(chunk.text)
                writer.write(chunk.text)
        finally:
            stop_waiting()
            stream.close()
            writer.end_line()
    return stream.response()
