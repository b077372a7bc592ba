"""Choose between chat completions and the Responses API, by model and by what a request asks for."""

from __future__ import annotations

import re
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Literal

from litellm_gateway.messages import MediaPart
from litellm_gateway_dialect_openai.responses_items import is_responses_reasoning

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.messages import Message
    from litellm_gateway.requests import GenerateRequest

Api = Literal["auto", "chat", "responses"]

_ONLY_RESPONSES: Final = re.compile(r"(o\d|gpt-[\d.]+)-pro\b|.*codex|.*deep-research|computer-use")
# gpt-5.6 and later refuse function tools with reasoning on chat completions.
_TOOLS_BY_RESPONSES: Final = re.compile(r"gpt-(5\.([6-9]|\d\d)|[6-9]|\d\d)(?!.*chat)")


def chooser(api: Api) -> Callable[[GenerateRequest], bool]:
    """Give the function that says whether the Responses API answers a request."""
    if api == "auto":
        return wants_responses
    return lambda _: api == "responses"


def wants_responses(request: GenerateRequest) -> bool:
    """Tell whether the Responses API is the better, or the only, way for this request.

    It is for models that only it serves, for reasoning that came from it, for what only it can say (files by
    URL, media in a tool's result), and for function tools with reasoning from gpt-5.6 on. Whatever chat
    completions alone can say stays there.
    """
    only_responses, tools_by_responses = _manners(request.model)
    if only_responses:
        return True
    if _only_chat_says_it(request):
        return False
    if tools_by_responses and request.tools and request.reasoning_effort != "none":
        return True
    return _asks_for_it(request.messages)


@lru_cache(maxsize=256)
def _manners(model: str) -> tuple[bool, bool]:
    """Say whether only the Responses API serves a model, and whether only it takes tools with reasoning."""
    return _ONLY_RESPONSES.match(model) is not None, _TOOLS_BY_RESPONSES.match(model) is not None


_CHAT_PARAMETERS: Final = attrgetter("stop", "seed", "presence_penalty", "frequency_penalty")
_NONE_OF_THEM: Final = ((), None, None, None)


def _only_chat_says_it(request: GenerateRequest) -> bool:
    return _CHAT_PARAMETERS(request) != _NONE_OF_THEM or (request.n or 1) > 1


def _asks_for_it(messages: tuple[Message, ...]) -> bool:
    wants = False
    for message in messages:
        if isinstance(message.content, str):
            continue
        for part in message.content:
            if not isinstance(part, MediaPart):
                wants = wants or is_responses_reasoning(part)
            elif part.kind == "audio":
                return False
            else:
                wants = wants or message.role == "tool" or _is_file_by_url(part)
    return wants


def _is_file_by_url(part: MediaPart) -> bool:
    url = part.url or ""
    return part.kind == "file" and url.startswith(("https://", "http://"))
