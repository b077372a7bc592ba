"""``litellm-gateway doctor``: is everything there that the configuration wants."""

from __future__ import annotations

import attrs
import click

from litellm_gateway_cli.options import Setup, configured, debug_option
from litellm_gateway_cli.terminal import print_table, to_json


@click.command("doctor", short_help="Check what the configuration wants; send nothing.")
@click.option("-p", "--provider", metavar="NAME", help="Check as if this provider were configured.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@debug_option
@click.pass_context
def command(ctx: click.Context, /, *, provider: str | None, as_json: bool) -> None:
    """Check Python, plugins, keys, local weights and the configuration; nothing is sent.

    Keys are told by the name of their variable, never by value. Exits with 1 when something the configuration
    wants is broken; what is merely installed and unused shows as a note.
    """
    from litellm_gateway.doctor import examine

    setup = ctx.ensure_object(Setup)
    findings = examine(configured(provider=provider), open_gateway=setup.open_gateway)
    if as_json:
        click.echo(to_json([attrs.asdict(finding) for finding in findings]))
    else:
        rows = ((finding.state, finding.subject, finding.detail) for finding in findings)
        print_table(("state", "what", "finding"), rows)
    if any(finding.state == "broken" for finding in findings):
        ctx.exit(1)
