"""``litellm-gateway new``: write the folder of a new plugin; the work is done by ``python -m litellm_gateway``."""

from __future__ import annotations

import click

KINDS = ("provider", "guardrail", "cache", "telemetry", "transport", "policy", "limits")


@click.command("new", short_help="Write a new plugin from a template.")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option("--into", default=".", metavar="DIR", help="Folder to write it in; here by default.")
@click.pass_context
def command(ctx: click.Context, /, kind: str, name: str, *, into: str) -> None:
    """Write a new plugin that works and passes its tests; prints its folder.

    NAME is lower-case letters, digits and hyphens; the folder is KIND-NAME and must not be there yet.
    """
    from litellm_gateway.__main__ import main

    ctx.exit(main(["new", f"--into={into}", "--", kind, name]))
