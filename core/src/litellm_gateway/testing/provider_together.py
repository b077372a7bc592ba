"""Promise P16 of a provider that answers several prompts by one request; one that cannot is passed over."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs
import pytest

from litellm_gateway.contracts import MultiGenerator
from litellm_gateway.errors import GatewayError
from litellm_gateway.messages import Message
from litellm_gateway.responses import GenerateResponse
from litellm_gateway.testing.provider_driver import HELLO, new_call
from litellm_gateway.testing.provider_fixture import CANARY, ProviderFixture
from litellm_gateway.testing.wire_player import Reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_gateway.requests import GenerateRequest
    from litellm_gateway.testing.wire_player import Recording

_PROMPTS = ("One", "Two", "Three")


class TogetherPromises(ProviderFixture):
    """Several prompts in one request."""

    def test_p16_an_answer_for_each_in_order(self) -> None:
        """P16: one request brings each prompt its own answer or error, in the order of the prompts."""
        self._needs_it()
        own = self.recordings is None
        for recording in (None,) if own else self.recorded("many"):
            provider, player = self.provider(*(() if recording is None else (recording.reply(),)))
            assert isinstance(provider, MultiGenerator)
            prompts = _PROMPTS if recording is None else self.prompts_of(recording)

            answers = asyncio.run(provider.generate_many(_requests(prompts), new_call()))

            assert len(answers) == len(prompts)
            assert len({id(answer) for answer in answers}) == len(prompts)
            for answer in answers:
                assert isinstance(answer, GenerateResponse | GatewayError)
                if isinstance(answer, GenerateResponse):
                    assert min(answer.usage.to_dict().values()) >= 0
            self.check_many(recording, prompts, answers)
            assert player.held == 0
            assert own or len(player.requests) == 1

    def test_p16_a_failure_of_the_whole_is_raised(self) -> None:
        """P16: an error status is one typed error for all, after one request, and shows no key."""
        self._needs_it()
        for recording in self.recorded("error"):
            provider, player = self.provider(recording.reply())
            assert isinstance(provider, MultiGenerator)

            with pytest.raises(GatewayError) as raised:
                asyncio.run(provider.generate_many(_requests(_PROMPTS), new_call()))

            assert raised.value.provider == self.offer.name, recording.id
            assert CANARY not in f"{raised.value!r} {vars(raised.value)}"
            assert len(player.requests) == 1, recording.id
            assert player.held == 0, recording.id

    def test_p16_garbage_is_no_answer(self) -> None:
        """P16: whatever else comes back, nobody gets an answer of it: a typed error, raised or for each."""
        self._needs_it()
        self.recorded("many")
        for body in (b"", b"{}", b"[]", b"null", b"<html>", b'{"answers": [', b"\xff\xfe"):
            provider, _ = self.provider(Reply(pieces=(body,)))
            assert isinstance(provider, MultiGenerator)
            try:
                answers = asyncio.run(provider.generate_many(_requests(_PROMPTS), new_call()))
            except GatewayError:
                continue
            assert all(isinstance(answer, GatewayError) for answer in answers), body

    def prompts_of(self, recording: Recording) -> Sequence[str]:
        """Give the prompts a recorded request asked for."""
        return tuple(map(str, (recording.request or {})["prompts"]))

    def check_many(
        self, recording: Recording | None, prompts: Sequence[str], answers: Sequence[GenerateResponse | GatewayError]
    ) -> None:
        """Compare with the second reading, ``texts`` with null for an error; override it to say more."""
        texts = ((recording.derived if recording is not None else None) or {}).get("texts")
        if texts is not None:
            told = [answer.text if isinstance(answer, GenerateResponse) else None for answer in answers]
            assert told == texts

    def _needs_it(self) -> None:
        if not isinstance(self.provider()[0], MultiGenerator):
            pytest.skip("this provider answers one prompt by one request")


def _requests(prompts: Sequence[str]) -> tuple[GenerateRequest, ...]:
    return tuple(attrs.evolve(HELLO, messages=(Message(role="user", content=prompt),)) for prompt in prompts)
