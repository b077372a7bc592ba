"""The command ``litellm-gateway``: finds the subcommand and turns every ending into its exit code."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import click
from litellm_gateway.errors import GatewayError

from litellm_gateway_cli.options import Setup
from litellm_gateway_cli.terminal import one_line, shown

COMMANDS = ("generate", "chat", "embed", "batch", "plugins", "doctor", "health", "new")
FAILED, INTERRUPTED, BROKEN_PIPE = 1, 130, 141


class Commands(click.Group):
    """Subcommands, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names in the order a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one subcommand."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"litellm_gateway_cli.commands.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand; what it failed with becomes one line and an exit code."""
        setup = ctx.ensure_object(Setup)
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _drop_standard_output()
            ctx.exit(BROKEN_PIPE)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except GatewayError as error:
            _tell(shown(error), traceback_too=setup.debug)
            ctx.exit(FAILED)
        except OSError as error:
            _tell(str(error), traceback_too=setup.debug)
            _drop_standard_output()
            ctx.exit(FAILED)


def _tell(message: str, *, traceback_too: bool) -> None:
    if traceback_too:
        import traceback

        traceback.print_exc()
    click.echo(f"error: {one_line(message)}", err=True)


def _drop_standard_output() -> None:
    """Let the interpreter's last flush go nowhere: the reader (``head``, ``less``) has left, or the disk is full."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return


def _show_version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from importlib import metadata

    click.echo(f"litellm-gateway {metadata.version('litellm-gateway')}")
    ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version.",
)
def main() -> None:
    """Ask language models, from whatever providers are installed.

    Settings come from LITELLM_GATEWAY_* environment variables (PROVIDER, DEFAULT_MODEL, BASE_URL, TIMEOUT,
    MAX_RETRIES, TRANSPORT); options go before them. Keys come from the variable each provider's users know,
    such as OPENAI_API_KEY.

    \b
    Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
    """  # noqa: D301 - click wants the character itself
