"""Promises P3, P4 and P9 to P11 of a provider: one request, a hidden key, typed errors."""

from __future__ import annotations

import asyncio
import json

from litellm_gateway.errors import GatewayError, ProviderConnectionError
from litellm_gateway.testing.provider_driver import HELLO, ask, ask_streamed
from litellm_gateway.testing.provider_fixture import CANARY, ProviderFixture
from litellm_gateway.testing.wire_player import Reply

_JSON = {"content-type": "application/json"}
_GARBAGE: tuple[tuple[str, bytes], ...] = (
    ("application/json", b""),
    ("application/json", b"{}"),
    ("application/json", b"[]"),
    ("application/json", b"null"),
    ("application/json", b'"text"'),
    ("application/json", b'{"choices": [{"mess'),
    ("text/html", b"<html><body>502 Bad Gateway</body></html>"),
    ("text/event-stream", b"data: {not json}\n\n"),
    ("text/event-stream", b"data: 17\n\n"),
    ("application/json", b"\xff\xfe\x00"),
)


class FailurePromises(ProviderFixture):
    """What a failing provider does, and what it never shows."""

    def test_p3_one_request_no_retry(self) -> None:
        """P3: a call sends one request, also when the answer is an error."""
        for recording in (*self.recorded("whole"), *self.recorded("error")):
            provider, player = self.provider(recording.reply())

            asyncio.run(ask(provider))

            assert len(player.requests) == 1, recording.id

    def test_p4_key_only_in_its_header(self) -> None:
        """P4: the key is in no URL, body, plain header, repr or error, even when the provider quotes it."""
        quoting = json.dumps({"error": {"message": f"Incorrect key {CANARY}", "type": "invalid_request_error"}})
        provider, player = self.provider(Reply(status=401, headers=_JSON, pieces=(quoting.encode(),)))
        self.recorded("error")

        outcomes = [asyncio.run(ask(provider)), asyncio.run(ask_streamed(provider))]

        seen = [repr(provider), repr(vars(provider))]
        for request in player.requests:
            seen += [repr(request), request.url, request.body.decode("utf-8", "replace"), repr(request.headers)]
        for outcome in outcomes:
            assert outcome.error is not None
            seen += [str(outcome.error), repr(outcome.error), repr(vars(outcome.error))]
        assert not [text for text in seen if CANARY in text]

    def test_p9_errors_are_typed(self) -> None:
        """P9: an error status raises a typed error that names provider, status and model, whole and streamed."""
        for recording in self.recorded("error"):
            for way in (ask, ask_streamed):
                provider, player = self.provider(recording.reply())

                error = asyncio.run(way(provider)).error

                assert error is not None, recording.id
                assert type(error) is not GatewayError, recording.id
                assert error.provider == self.offer.name, recording.id
                assert error.status_code == recording.status, recording.id
                assert error.model == HELLO.model, recording.id
                assert error.message.isprintable(), recording.id
                assert player.held == 0, recording.id

    def test_p10_garbage_is_a_typed_error(self) -> None:
        """P10: whatever the body, nothing but a typed error comes of it, and never an answer."""
        self.recorded("whole")
        for content_type, body in _GARBAGE:
            for way in (ask, ask_streamed):
                reply = Reply(headers={"content-type": content_type}, pieces=(body,))
                provider, player = self.provider(reply)

                outcome = asyncio.run(way(provider))

                assert not outcome.finished, (content_type, body)
                assert player.held == 0, (content_type, body)

    def test_p11_transport_errors_pass_through(self) -> None:
        """P11: an error of the transport keeps its class and gets the provider's name."""
        self.recorded("whole")
        refused = Reply(refuse=True, error=ProviderConnectionError("connection refused"))
        for way in (ask, ask_streamed):
            provider, _ = self.provider(refused)

            error = asyncio.run(way(provider)).error

            assert isinstance(error, ProviderConnectionError)
            assert error.provider == self.offer.name
