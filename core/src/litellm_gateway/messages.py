"""What travels to a model: parts, messages, tools. It checks shapes; it sends and translates nothing."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from litellm_gateway.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

Role = Literal["system", "developer", "user", "assistant", "tool"]
ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})


@frozen(kw_only=True)
class TextPart:
    """A piece of text.

    Attributes:
        cache: Ask the provider to cache the prompt up to here; a text such as ``"1h"`` names how long.
        signature: What a provider wants back unchanged with this text.
    """

    text: str
    cache: bool | str = False
    signature: str | None = None


@frozen(kw_only=True)
class MediaPart:
    """An image, document or audio piece: by ``url``, or by ``data`` (raw bytes) and ``media_type``.

    ``detail`` is the provider's word for image resolution (``"low"``, ``"high"``, ``"auto"``). ``options`` are
    further fields of the provider's own block, such as ``{"citations": {"enabled": True}}``.
    """

    kind: Literal["image", "file", "audio"]
    url: str | None = None
    data: bytes | None = field(default=None, repr=False)
    media_type: str | None = None
    filename: str | None = None
    detail: str | None = None
    cache: bool | str = False
    options: Mapping[str, Any] | None = None

    def __attrs_post_init__(self) -> None:
        if (self.url is None) == (self.data is None):
            raise InvalidRequestError(f"a {self.kind} part needs exactly one of url and data", parameter="messages")
        if self.data is not None and not self.media_type:
            raise InvalidRequestError(
                f"a {self.kind} part with data needs a media_type such as 'image/png'", parameter="messages"
            )

    def base64(self) -> str:
        """Give ``data`` in base64."""
        return base64.b64encode(self.data or b"").decode("ascii")

    def data_url(self) -> str:
        """Give the part as one URL: ``url`` itself, or ``data`` as a ``data:`` URL."""
        return self.url or f"data:{self.media_type};base64,{self.base64()}"


@frozen(kw_only=True)
class ReasoningPart:
    """A model's reasoning as it came: its text, and what must go back unchanged with it.

    ``signature`` is opaque; ``redacted`` marks reasoning of which only the signature is shown;
    ``extra`` holds the provider's own item where more than a signature must return.
    """

    text: str = ""
    signature: str | None = None
    redacted: bool = False
    extra: Mapping[str, Any] | None = None


@frozen(kw_only=True)
class ToolCall:
    """A call the model asks for; ``arguments`` is the JSON text as it came, valid or not."""

    id: str
    name: str
    arguments: str = "{}"
    signature: str | None = None

    def parse(self) -> dict[str, Any]:
        """Read ``arguments`` as an object.

        Raises:
            ValueError: It is not a JSON object (a model cut off by ``max_tokens`` leaves such).
        """
        from litellm_gateway import json_codec

        value = json_codec.decode(self.arguments or "{}")
        if not isinstance(value, dict):
            raise ValueError(f"arguments of tool '{self.name}' are not a JSON object")
        return value


Part = TextPart | MediaPart | ReasoningPart


@frozen(kw_only=True)
class Message:
    """One turn of a conversation.

    Attributes:
        role: Who speaks.
        content: Plain text, or parts in order.
        tool_calls: Calls an assistant turn asks for.
        tool_call_id: For role ``tool``: the call this answers.
        is_error: For role ``tool``: the tool failed, ``content`` says how.
        name: Name of the tool or the speaker, where a provider takes one.
    """

    role: Role
    content: str | tuple[Part, ...] = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    is_error: bool = False
    name: str | None = None

    @property
    def text(self) -> str:
        """The text of all text parts, joined."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content if isinstance(part, TextPart))

    @property
    def parts(self) -> tuple[Part, ...]:
        """The content as parts, whichever way it was given."""
        if isinstance(self.content, str):
            return (TextPart(text=self.content),) if self.content else ()
        return self.content


@frozen(kw_only=True)
class Tool:
    """A function a model may call; ``parameters`` is a JSON schema of its arguments."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(factory=dict)
    strict: bool | None = None


@frozen(kw_only=True)
class ToolChoice:
    """Which tools the model may or must call; ``names`` limits the choice to these."""

    mode: Literal["auto", "none", "required"] = "auto"
    names: tuple[str, ...] = ()


@frozen(kw_only=True)
class ResponseFormat:
    """The shape an answer must have: any JSON object (``schema`` None), or one that fits ``schema``.

    ``description`` tells the model what the shape is for, where a provider takes that.
    """

    schema: Mapping[str, Any] | None = None
    name: str = "answer"
    strict: bool = True
    description: str | None = None
