"""Promise P17 of a provider: what it is asked for reaches the server, or is refused; nothing is lost in silence."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from litellm_gateway.messages import MediaPart, Message, ResponseFormat, TextPart, Tool, ToolCall, ToolChoice
from litellm_gateway.testing.provider_driver import HELLO, ask
from litellm_gateway.testing.provider_fixture import ProviderFixture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_gateway.requests import GenerateRequest

_SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
_BARE = evolve(HELLO, max_tokens=None, temperature=None)
_TOOLS = evolve(_BARE, tools=(Tool(name="look", description="Look something up", parameters=_SCHEMA),))
_PIXEL = MediaPart(kind="image", data=b"\x89PNG", media_type="image/png")
_FILE = MediaPart(kind="file", data=b"%PDF-1.4", media_type="application/pdf", filename="a.pdf")
_SOUND = MediaPart(kind="audio", data=b"RIFF", media_type="audio/wav")

_PARAMETERS: Mapping[str, tuple[GenerateRequest, Mapping[str, Any]]] = {
    "max_tokens": (_BARE, {"max_tokens": 4000}),
    "temperature": (_BARE, {"temperature": 0.25}),
    "top_p": (_BARE, {"top_p": 0.5}),
    "top_k": (_BARE, {"top_k": 7}),
    "stop": (_BARE, {"stop": ("END",)}),
    "seed": (_BARE, {"seed": 11}),
    "presence_penalty": (_BARE, {"presence_penalty": 0.5}),
    "frequency_penalty": (_BARE, {"frequency_penalty": 0.5}),
    "n": (_BARE, {"n": 2}),
    "logprobs": (_BARE, {"logprobs": True}),
    "top_logprobs": (evolve(_BARE, logprobs=True), {"top_logprobs": 3}),
    "tools": (_BARE, {"tools": _TOOLS.tools}),
    "tool_choice": (_TOOLS, {"tool_choice": ToolChoice(mode="required")}),
    "parallel_tool_calls": (_TOOLS, {"parallel_tool_calls": False}),
    "response_format": (_BARE, {"response_format": ResponseFormat()}),
    "json_schema": (_BARE, {"response_format": ResponseFormat(schema=_SCHEMA)}),
    "reasoning_effort": (_BARE, {"reasoning_effort": "low"}),
    "reasoning_budget": (_BARE, {"reasoning_budget": 2000}),
    "user": (_BARE, {"user": "somebody"}),
    "extra_body": (_BARE, {"extra_body": {"x_of_my_own": 1}}),
    "extra_headers": (_BARE, {"extra_headers": {"x-of-my-own": "1"}}),
}
"""What to ask for, by the name it may be refused under: the request without it, and the fields that ask for it."""


def _saying(*messages: Message) -> GenerateRequest:
    return evolve(_BARE, messages=messages)


_CONTENT: Mapping[str, GenerateRequest] = {
    "image": _saying(Message(role="user", content=(TextPart(text="Hello"), _PIXEL))),
    "file": _saying(Message(role="user", content=(TextPart(text="Hello"), _FILE))),
    "audio": _saying(Message(role="user", content=(TextPart(text="Hello"), _SOUND))),
    "system": _saying(Message(role="system", content="Be brief"), *_BARE.messages),
}
_TOLD = Message(role="assistant", tool_calls=(ToolCall(id="call_1", name="look", arguments='{"a": "canary"}'),))
_RESULT = Message(role="tool", content="the result", tool_call_id="call_1")
_CONVERSATION = (
    (*_BARE.messages, _TOLD, _RESULT),
    (*_BARE.messages, evolve(_TOLD, tool_calls=(evolve(_TOLD.tool_calls[0], arguments='{"a": "other"}'),)), _RESULT),
)


class ParameterPromises(ProviderFixture):
    """What is asked for is sent or refused."""

    @pytest.mark.parametrize("name", list(_PARAMETERS))
    def test_p17_no_parameter_is_lost(self, name: str) -> None:
        """P17: a parameter changes what is sent, is refused, or is one the offer says the model does not take."""
        without, fields = _PARAMETERS[name]
        self._takes(name, "response_format" if name == "json_schema" else name)

        assert self._sent(evolve(without, **fields)) != self._sent(without), f"{name} is lost: send or refuse it"

    @pytest.mark.parametrize("name", list(_CONTENT))
    def test_p17_no_content_is_lost(self, name: str) -> None:
        """P17: so does each kind of content."""
        self._takes(name)

        assert self._sent(_CONTENT[name]) != self._sent(_BARE), f"{name} is lost: send or refuse it"

    def test_p17_no_tool_call_is_lost(self) -> None:
        """P17: what the model asked of a function goes back with the conversation, or is refused."""
        self._takes("tools")
        one, other = (self._sent(evolve(_TOOLS, messages=messages)) for messages in _CONVERSATION)

        assert one != other or not one, "the arguments of a tool call are lost: send or refuse them"

    def _takes(self, *names: str) -> None:
        if self.recordings is None:
            pytest.skip("this provider answers without HTTP: nobody sees what it is asked")
        describe = self.offer.capabilities
        refused = describe(self.offer.default_model or _BARE.model).without if describe is not None else frozenset()
        if not refused.isdisjoint(names):
            pytest.skip("the offer says that its model does not take this")

    def _sent(self, request: GenerateRequest) -> Sequence[Any]:
        """Give all that goes over the wire but secrets; nothing if the request is refused."""
        asked = evolve(request, model=self.offer.default_model or request.model)
        provider, player = self.provider(self.recorded("whole")[0].reply())
        asyncio.run(ask(provider, asked))
        return [(sent.url, sent.body, tuple(sent.headers)) for sent in player.requests]
