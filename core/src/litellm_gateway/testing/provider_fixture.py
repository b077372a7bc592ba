"""What the promises of a provider are tested on: the plugin, its settings, its recorded exchanges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from litellm_gateway.testing.provider_driver import Outcome, build
from litellm_gateway.testing.wire_player import Recording, Reply, WirePlayer, load_recordings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from litellm_gateway.contracts import Provider, ProviderOffer

CANARY = "sk-canary0123456789abcdefghijklmnopqrstuv"
"""The key the suite gives a provider; it must be seen in the header that carries it and nowhere else."""

FINISHES = {"stop", "length", "tool_calls", "content_filter", "error", "other"}


class ProviderFixture:
    """Says which plugin is tested; ``ProviderSuite`` adds the tests.

    Attributes:
        plugin: The module or object that holds ``gateway_provider``.
        settings: Settings to build with; a key is added when the offer takes one.
        recordings: Folder of recorded exchanges (see ``wire_player.Recording``) with at least one whole answer,
            one streamed answer and one error; None for a provider that answers without HTTP.
    """

    plugin: ClassVar[Any] = None
    settings: ClassVar[Mapping[str, Any]] = {}
    recordings: ClassVar[Path | None] = None

    @property
    def offer(self) -> ProviderOffer:
        """The plugin's offer."""
        assert self.plugin is not None, f"{type(self).__name__} must say which plugin it is about"
        offer: ProviderOffer = self.plugin.gateway_provider()
        return offer

    def provider(self, *replies: Reply) -> tuple[Provider, WirePlayer]:
        """Build the provider on a player of these replies."""
        player = WirePlayer(*(replies or (Reply(),)))
        key = {"api_key": CANARY} if self.offer.key_env else {}
        return build(self.offer, {**key, **self.settings}, player), player

    def texts_of(self, recording: Recording) -> tuple[str, ...]:
        """Give the texts an embedding request asked for."""
        asked = (recording.request or {}).get("input", (recording.request or {}).get("texts", ""))
        return (asked,) if isinstance(asked, str) else tuple(map(str, asked))

    def recorded(self, kind: str) -> Sequence[Recording]:
        """Give the recordings of a kind: ``whole``, ``stream``, ``error``, ``embeddings`` or ``many``."""
        if self.recordings is None:
            pytest.skip("this provider has no recorded exchanges: it answers without HTTP")
        found = [one for one in load_recordings(self.recordings) if _kind(one) == kind]
        if not found and kind == "embeddings":
            pytest.skip("this provider has no recorded embeddings")
        assert found, f"{self.recordings} holds no recording of kind '{kind}'"
        return found

    def played(self, kind: str) -> Sequence[tuple[str, Reply]]:
        """Give the recordings of a kind as replies; a provider without HTTP answers by itself, once."""
        if self.recordings is None:
            return [("its own answer", Reply())]
        return [(one.id, one.reply()) for one in self.recorded(kind)]

    def check_answer(self, recording: Recording, outcome: Outcome) -> None:
        """Compare an answer with the second reading that lies beside the recording."""
        answer, derived = outcome.answer, recording.derived or {}
        assert answer is not None
        assert answer.model
        assert answer.finish_reason in FINISHES, recording.id
        assert min(answer.usage.to_dict().values()) >= 0, recording.id
        if "text" in derived:
            assert answer.text == (derived["text"] or ""), recording.id
        if derived.get("finish"):
            assert answer.raw_finish_reason == derived["finish"], recording.id
        if derived.get("tool_calls") is not None:
            named = [(call.name, call.parse()) for call in answer.tool_calls]
            assert named == [(call["name"], call["arguments"]) for call in derived["tool_calls"]], recording.id


def _kind(recording: Recording) -> str:
    if recording.status >= 400:
        return "error"
    if recording.api.lower().startswith(("embed", "batchembed")):
        return "embeddings"
    if recording.api.lower().startswith("many"):
        return "many"
    return "stream" if recording.is_stream else "whole"
