"""What a provider's batches must do, as tests to subclass; the numbers are those of ``docs/reference/contracts.md``.

::

    class TestAcmeBatches(BatchSuite):
        plugin = litellm_gateway_provider_acme.plugin
        submitted = (reply({"id": "batch-1", "state": "new"}),)
        finished = (reply({"id": "batch-1", "state": "done"}), lines([...]))
        finished_ids = {"one", "two"}
"""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pytest

from litellm_gateway import json_codec
from litellm_gateway.batch_records import BatchItem, BatchSubmission
from litellm_gateway.contracts import BatchRunner, BatchTerms
from litellm_gateway.errors import GatewayError
from litellm_gateway.messages import Message
from litellm_gateway.requests import GenerateRequest
from litellm_gateway.testing.provider_driver import new_call
from litellm_gateway.testing.provider_fixture import CANARY, ProviderFixture
from litellm_gateway.testing.wire_player import Reply

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from litellm_gateway.batch_records import Batch, BatchResult
    from litellm_gateway.testing.wire_player import WirePlayer

GARBAGE = (b"", b"<html>busy</html>", b'{"id": ', b"[1, 2]", b'"text"', b"null", b'{"id": 7, "name": 7}', b"\xff\xfe")


def reply(body: Any, status: int = 200) -> Reply:
    """Give an answer to play: its JSON."""
    return Reply(status=status, pieces=(json_codec.encode(body),))


def lines(results: Sequence[Any]) -> Reply:
    """Give a file of results to play, cut in the middle of lines as a network may."""
    body = b"".join(json_codec.encode(result) + b"\n" for result in results)
    return Reply(pieces=tuple(body[start : start + 7] for start in range(0, len(body), 7)))


class BatchSuite(ProviderFixture):
    """Subclass it, name it ``Test...``, and set ``plugin``, ``settings`` and these.

    Attributes:
        submitted: Answers to the requests that submit a batch, in order.
        finished: Answers to those that read the results of one that is done, in order.
        finished_ids: Custom ids among these results.
    """

    submitted: ClassVar[Sequence[Reply]] = ()
    finished: ClassVar[Sequence[Reply]] = ()
    finished_ids: ClassVar[set[str]] = set()

    def test_b1_terms_are_whole(self) -> None:
        """B1: the offer says what a batch may hold and what part of the price it costs, with source and day."""
        terms = self.offer.batches

        assert isinstance(terms, BatchTerms)
        assert terms.bytes > 0
        assert terms.requests is None or terms.requests > 0
        assert terms.operations
        assert terms.operations <= {"generate", "embed"}
        if terms.price is None:
            return
        assert 0 < terms.price <= 1
        assert terms.source
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", terms.as_of)

    def test_b2_a_submission_is_made_with_one_request(self) -> None:
        """B2: one request marked ``once`` makes the batch; every custom id was sent, the key in its header only."""
        runner, player = self._runner(*self.submitted)

        batch, before = asyncio.run(_submit(runner, player))

        assert batch.id
        assert not batch.done
        assert [wire.once for wire in player.requests] == [False] * before + [True]
        sent = b"".join(wire.body for wire in player.requests)
        assert all(item.custom_id.encode() in sent for item in SUBMISSION.items)
        for wire in player.requests:
            assert CANARY not in repr(wire) + wire.url + str(wire.headers)
            assert CANARY.encode() not in wire.body
            assert any(CANARY in secret.reveal() for _, secret in wire.secret_headers)

    @pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
    def test_b3_a_failure_is_typed_and_not_repeated(self, status: int) -> None:
        """B3: an error status is one typed error that names the provider and no key."""
        *before, _ = self.submitted
        runner, player = self._runner(*before, reply({"error": {"message": f"no {CANARY}"}}, status))

        with pytest.raises(GatewayError) as caught:
            asyncio.run(_submit(runner, player))

        assert len(player.requests) == len(self.submitted)
        assert caught.value.status_code == status
        assert caught.value.provider == self.offer.name
        assert CANARY not in str(caught.value)

    @pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
    def test_b4_garbage_is_a_typed_error(self, body: bytes) -> None:
        """B4: whatever comes in place of a batch, only a typed error comes of it."""
        runner, player = self._runner(Reply(pieces=(body,)))

        with pytest.raises(GatewayError):
            asyncio.run(runner.batch_status("batch-1", new_call()))
        with pytest.raises(GatewayError):
            asyncio.run(_results(runner))

        assert player.held == 0

    def test_b5_results_come_once_each(self) -> None:
        """B5: each result comes once, with an answer or a typed error; one line that cannot be read spoils no other."""
        runner, player = self._runner(*self.finished)

        results = asyncio.run(_results(runner))

        ids = [result.custom_id for result in results if result.custom_id is not None]
        assert sorted(ids) == sorted(self.finished_ids)
        assert all((result.response is None) != (result.error is None) for result in results)
        assert all(result.error is None or isinstance(result.error, GatewayError) for result in results)
        assert player.held == 0

    def test_b6_leaving_early_holds_nothing(self) -> None:
        """B6: a reader that stops after the first result leaves no connection held."""
        runner, player = self._runner(*self.finished)

        asyncio.run(_first(runner))

        assert player.held == 0

    def _runner(self, *replies: Reply) -> tuple[BatchRunner, WirePlayer]:
        provider, player = self.provider(*replies)
        assert isinstance(provider, BatchRunner)
        return provider, player


SUBMISSION = BatchSubmission(
    items=tuple(
        BatchItem(
            custom_id=custom_id,
            request=GenerateRequest(model="some-model", messages=(Message(role="user", content="Hi"),), max_tokens=16),
        )
        for custom_id in ("first-of-two", "second-of-two")
    ),
    model="some-model",
    label="a label",
    most_bytes=1_000_000,
)


async def _submit(runner: BatchRunner, player: WirePlayer) -> tuple[Batch, int]:
    """Submit; give the batch, and how many requests went before the one that made it."""
    call = new_call()
    prepared = await runner.prepare_batch(SUBMISSION, call)
    before = len(player.requests)
    return await runner.start_batch(SUBMISSION, prepared, call), before


async def _results(runner: BatchRunner) -> list[BatchResult]:
    return [result async for result in runner.batch_results("batch-1", new_call())]


async def _first(runner: BatchRunner) -> None:
    async with aclosing(cast("AsyncGenerator[BatchResult, None]", runner.batch_results("batch-1", new_call()))) as all_:
        await anext(all_)
