"""Promises P5 to P8 and P14 of a provider: what it makes of the answers it gets."""

from __future__ import annotations

import asyncio
import random

import attrs

from litellm_gateway.contracts import Embedder
from litellm_gateway.errors import ProviderConnectionError
from litellm_gateway.requests import EmbedRequest
from litellm_gateway.testing.provider_driver import ask, ask_streamed, new_call
from litellm_gateway.testing.provider_fixture import ProviderFixture
from litellm_gateway.testing.wire_player import Reply


class AnswerPromises(ProviderFixture):
    """Whole and streamed answers, embeddings."""

    def test_p5_whole_answers(self) -> None:
        """P5: text, tool calls and finish are what the provider sent; the finish is also one of the unified words."""
        for recording in self.recorded("whole"):
            provider, player = self.provider(recording.reply())

            outcome = asyncio.run(ask(provider))

            assert outcome.error is None, f"{recording.id}: {outcome.error!r}"
            self.check_answer(recording, outcome)
            assert player.held == 0, recording.id

    def test_p6_streams_end_in_one_finish(self) -> None:
        """P6: usage comes at most once, the finish once and last, and the connection is given back."""
        for name, reply in self.played("stream"):
            provider, player = self.provider(reply)

            outcome = asyncio.run(ask_streamed(provider))

            kinds = [piece.kind for piece in outcome.pieces]
            assert outcome.error is None, f"{name}: {outcome.error!r}"
            assert kinds.count("finish") == 1, name
            assert kinds[-1] == "finish", name
            assert kinds.count("usage") <= 1, name
            assert player.held == 0, name

    def test_p6_streams_say_what_was_sent(self) -> None:
        """P6: the joined pieces are the answer the provider sent."""
        for recording in self.recorded("stream"):
            provider, _ = self.provider(recording.reply())

            outcome = asyncio.run(ask_streamed(provider))

            self.check_answer(recording, outcome)

    def test_p7_network_cuts_do_not_matter(self) -> None:
        """P7: the pieces are the same wherever the network cuts the body, inside a character too."""
        chance = random.Random(7)  # noqa: S311 - no secret is made of it
        for recording in self.recorded("stream"):
            whole = asyncio.run(ask_streamed(self.provider(recording.reply())[0]))
            size = len(recording.body)
            for cuts in (range(size), *(chance.choices(range(size), k=chance.randint(1, 40)) for _ in range(10))):
                provider, _ = self.provider(recording.reply(cuts))

                outcome = asyncio.run(ask_streamed(provider))

                assert outcome.pieces == whole.pieces, recording.id
                assert outcome.content == whole.content, recording.id

    def test_p8_cut_streams_never_succeed(self) -> None:
        """P8: a stream that breaks off has no finish, or all its content came; a broken connection is an error."""
        for recording in self.recorded("stream"):
            whole = asyncio.run(ask_streamed(self.provider(recording.reply())[0]))
            size = len(recording.body)
            for length in range(0, size, max(1, size // 40)):
                part = recording.body[:length]
                ended = Reply(headers=recording.headers, pieces=(part,))
                broken = attrs.evolve(ended, error=ProviderConnectionError("the peer hung up"))

                outcome = asyncio.run(ask_streamed(self.provider(ended)[0]))
                failure = asyncio.run(ask_streamed(self.provider(broken)[0]))

                assert not outcome.finished or outcome.content == whole.content, f"{recording.id} at {length}"
                assert failure.error is not None, f"{recording.id} at {length}"

    def test_p14_embeddings_in_order(self) -> None:
        """P14: there is one vector of floats for each text, all of one length, each of them a buffer."""
        for recording in self.recorded("embeddings"):
            provider, _ = self.provider(recording.reply())
            assert isinstance(provider, Embedder)
            texts = self.texts_of(recording)

            answer = asyncio.run(provider.embed(EmbedRequest(model="some-model", texts=texts), new_call()))

            assert len(answer) == len(texts), recording.id
            assert len({len(vector) for vector in answer}) == 1, recording.id
            assert all(memoryview(vector).format == "f" for vector in answer), recording.id  # type: ignore[arg-type]
