"""``litellm-gateway chat``: a conversation, line by line, from a keyboard or a pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import attrs
import click
from litellm_gateway.errors import GatewayError

from litellm_gateway_cli.answering import show_streamed
from litellm_gateway_cli.conversation import Conversation
from litellm_gateway_cli.options import Setup, configured, model_options, quiet_option, sampling_options
from litellm_gateway_cli.standard_input import read_line
from litellm_gateway_cli.terminal import is_terminal, note, one_line, shown
from litellm_gateway_cli.wording import awaited, footer

if TYPE_CHECKING:
    from litellm_gateway.gateway import LiteLLMGateway

HELP = "/exit leaves, /reset forgets, /system [TEXT] sets the instruction, /model [NAME] the model"


@click.command("chat", short_help="Talk with a model, turn by turn.")
@model_options
@sampling_options
@quiet_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    provider: str | None,
    timeout: float | None,
    tenant: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Talk with a model; each line is a turn, the model hears all that was said before.

    Lines that start with a slash steer the chat: /exit, /reset, /system TEXT, /model NAME, /help. Two slashes
    send a line that starts with one.
    Ctrl-C breaks off the answer, Ctrl-D leaves.
    From a pipe, each line is answered in turn and the first failure ends the chat with exit code 1.
    """
    config = configured(provider=provider, model=options["model"], timeout=timeout)
    options["tenant_id"] = tenant
    with ctx.ensure_object(Setup).open_gateway(config) as gateway:
        chat = Chat(gateway=gateway, options=options, quiet=quiet, interactive=is_terminal(sys.stdin))
        chat.run()


@attrs.define(eq=False)
class Chat:
    """One chat: reads lines, steers, asks, until the input ends."""

    gateway: LiteLLMGateway
    options: dict[str, Any]
    quiet: bool
    interactive: bool
    asked_before: bool = False
    conversation: Conversation = attrs.field(factory=Conversation)

    def run(self) -> None:
        """Talk until /exit or the end of the input."""
        if self.interactive and not self.quiet:
            note(HELP)
        while (line := self._next_line()) is not None:
            if line.startswith("/") and not line.startswith("//"):
                if not self._steer(line):
                    return
            elif line.strip():
                self._turn(line.removeprefix("/") if line.startswith("//") else line)

    def _next_line(self) -> str | None:
        """Give the next line, None at the end; Ctrl-C at the prompt drops what was typed."""
        while True:
            try:
                return _read_line(interactive=self.interactive)
            except KeyboardInterrupt:
                if not self.interactive:
                    raise
                click.echo(err=True)

    def _steer(self, line: str) -> bool:
        """Obey a line that starts with a slash; False ends the chat."""
        word, _, rest = line.strip().partition(" ")
        value = rest.strip() or None
        if word in ("/exit", "/quit"):
            return False
        if word == "/reset":
            self.conversation.reset()
            self._say("forgotten")
        elif word == "/system":
            self.options["system"] = value
            self._say("instruction set" if value else "no instruction")
        elif word == "/model":
            self._choose_model(value)
        else:
            note(HELP if word == "/help" else f"{word} is not known. {HELP}")
        return True

    def _choose_model(self, model: str | None) -> None:
        if model:
            self.options["model"] = model
        self._say(f"model {self.options['model'] or 'of the configuration'}")

    def _turn(self, question: str) -> None:
        """Ask, show the answer, remember both."""
        heard: list[str] = []
        try:
            self._ask(question, heard)
        except KeyboardInterrupt:
            if not self.interactive:
                raise
            self.conversation.broken_off(question, "".join(heard))
            self._say("broken off")
        except GatewayError as error:
            if not self.interactive:
                raise
            click.echo(f"error: {one_line(shown(error))}", err=True)

    def _ask(self, question: str, heard: list[str]) -> None:
        options = self.options | {"messages": self.conversation.messages(question)}
        wait_for = "waiting for the answer" if self.asked_before else awaited(self.gateway)
        self.asked_before = True
        response = show_streamed(self.gateway, options, wait_for=wait_for, heard=heard)
        if response.refusal and not response.text:
            note(f"refused: {one_line(response.refusal)}")
        self.conversation.answered(question, response)
        heard.clear()  # the turn is kept: an interruption from here on must not keep it twice
        if not self.quiet:
            note(footer(response))

    def _say(self, text: str) -> None:
        if not self.quiet:
            note(text)


def _read_line(*, interactive: bool) -> str | None:
    """Read one line; the prompt shows on a terminal only, never in the answers of a pipe."""
    if interactive and is_terminal(sys.stdout):
        _load_line_editing()
        try:
            return input("> ")
        except EOFError:
            click.echo()
            return None
    if interactive:
        click.echo("> ", err=True, nl=False)
    return read_line()


def _load_line_editing() -> None:
    """Give ``input`` arrow keys and history where the platform has them."""
    try:
        import readline  # noqa: F401 - importing it is what turns it on
    except ImportError:
        return
