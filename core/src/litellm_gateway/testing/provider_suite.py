"""What every provider must do, as tests to subclass; the numbers are those of ``docs/reference/contracts.md``.

::

    class TestAcme(ProviderSuite):
        plugin = litellm_gateway_provider_acme.plugin
        recordings = Path(__file__).parent / "wire"
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

import attrs

from litellm_gateway.contracts import PLUGIN_API, Provider, ProviderOffer
from litellm_gateway.testing.provider_answers import AnswerPromises
from litellm_gateway.testing.provider_driver import Outcome, ask_streamed, open_stream
from litellm_gateway.testing.provider_failures import FailurePromises
from litellm_gateway.testing.provider_fixture import CANARY
from litellm_gateway.testing.provider_parameters import ParameterPromises
from litellm_gateway.testing.provider_together import TogetherPromises
from litellm_gateway.testing.wire_player import cut

if TYPE_CHECKING:
    import pytest

    from litellm_gateway.testing.wire_player import Reply

__all__ = ["CANARY", "ProviderSuite"]


class ProviderSuite(AnswerPromises, FailurePromises, ParameterPromises, TogetherPromises):
    """Subclass it, name it ``Test...``, and set ``plugin``, ``settings`` and ``recordings``."""

    def test_p1_offer_is_whole(self) -> None:
        """P1: the offer names itself, is made for this interface, and its settings are an attrs class."""
        offer = self.offer

        assert isinstance(offer, ProviderOffer)
        assert offer.name
        assert offer.name == offer.name.lower().strip()
        assert offer.summary
        assert "\n" not in offer.summary
        assert offer.api == PLUGIN_API
        assert offer.settings is object or attrs.has(offer.settings)
        assert callable(offer.build)

    def test_p2_building_does_no_io(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """P2: building sends nothing and opens no socket."""

        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("building the provider opened a socket")

        monkeypatch.setattr(socket, "socket", refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)

        provider, player = self.provider()

        assert isinstance(provider, Provider)
        assert not player.requests

    def test_p12_early_close_frees_the_connection(self) -> None:
        """P12: a reader that stops, or is cancelled, leaves no connection held."""
        for name, reply in self.played("stream"):
            body = b"".join(reply.pieces)
            slow = attrs.evolve(reply, pieces=tuple(cut(body, range(0, len(body), 64))), waits=bool(body))

            assert asyncio.run(self._held_after_break(slow)) == 0, name
            assert asyncio.run(self._held_after_cancel(slow)) == 0, name

    def test_p13_one_instance_serves_many(self) -> None:
        """P13: one instance answers calls side by side, and in one event loop after another."""
        _, reply = self.played("stream")[0]
        provider, _ = self.provider(reply)

        first = asyncio.run(_side_by_side(provider, 4))
        second = asyncio.run(_side_by_side(provider, 2))

        assert all(outcome.finished for outcome in (*first, *second))
        assert len({outcome.content for outcome in (*first, *second)}) == 1

    def test_p15_closing(self) -> None:
        """P15: closing an unused provider works, and closes nothing of the gateway's."""
        provider, player = self.provider()

        asyncio.run(provider.aclose())

        assert not player.closed

    async def _held_after_break(self, reply: Reply) -> int:
        provider, player = self.provider(reply)
        async with aclosing(open_stream(provider)) as stream:
            await anext(stream)
        return player.held

    async def _held_after_cancel(self, reply: Reply) -> int:
        provider, player = self.provider(reply)
        reading = asyncio.ensure_future(ask_streamed(provider))
        for _ in range(8):
            await asyncio.sleep(0)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
        return player.held


async def _side_by_side(provider: Provider, count: int) -> list[Outcome]:
    return list(await asyncio.gather(*(ask_streamed(provider) for _ in range(count))))
