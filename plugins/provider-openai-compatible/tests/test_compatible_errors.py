"""What a gateway does about the errors of servers that say them in their own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from litellm_gateway import ContextWindowExceededError, create_gateway
from litellm_gateway.testing.loopback import LoopbackServer

if TYPE_CHECKING:
    from litellm_gateway.testing.loopback import Exchange

KEY = "key-0123456789abcdef"
LLAMA = b'error: {"code":400,"message":"the request exceeds the available context size","type":"server_error"}\n\n'


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n"])
async def test_an_error_in_a_field_of_its_own_is_read(end: bytes) -> None:
    """Older servers of llama.cpp send no event but a field ``error``: its words come out, after one request."""

    async def script(exchange: Exchange) -> None:
        await exchange.respond(LLAMA + end, headers={"content-type": "text/event-stream"})

    async with LoopbackServer(script) as server:
        settings = {"base_url": server.url, "default_model": "m", "max_retries": 2}
        async with create_gateway(provider="llamacpp", **settings) as gateway:
            with pytest.raises(ContextWindowExceededError, match="available context size") as caught:
                await gateway.generate_stream_async("Hello").response()

    assert len(server.requests) == 1
    assert caught.value.status_code == 400
