"""The turns of a chat: what was said, in order, and how much of it is kept. It asks nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway.messages import Message, TextPart

if TYPE_CHECKING:
    from litellm_gateway.responses import GenerateResponse

MOST_TURNS = 200


class Conversation:
    """Question and answer by turns; beyond ``MOST_TURNS`` the oldest are forgotten."""

    def __init__(self) -> None:
        self._turns: list[tuple[Message, Message]] = []

    def messages(self, question: str) -> list[Message]:
        """Give everything said so far, followed by a new question."""
        said = [message for turn in self._turns for message in turn]
        return [*said, Message(role="user", content=question)]

    def answered(self, question: str, response: GenerateResponse) -> None:
        """Keep a whole turn; reasoning goes back to the model with the next one, as providers want it."""
        text = response.text or response.refusal or ""
        if response.reasoning:
            answer = Message(role="assistant", content=(*response.reasoning, TextPart(text=text)))
        else:
            answer = Message(role="assistant", content=text)
        self._keep(question, answer)

    def broken_off(self, question: str, partial: str) -> None:
        """Keep a turn that was broken off; with nothing said yet, forget the question too."""
        if partial:
            self._keep(question, Message(role="assistant", content=partial))

    def reset(self) -> None:
        """Forget everything."""
        self._turns.clear()

    def _keep(self, question: str, answer: Message) -> None:
        self._turns.append((Message(role="user", content=question), answer))
        del self._turns[:-MOST_TURNS]
