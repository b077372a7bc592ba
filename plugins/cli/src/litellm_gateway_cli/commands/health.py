"""``litellm-gateway health``: what a gateway of these settings says about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from litellm_gateway_cli.options import Setup, configured, debug_option
from litellm_gateway_cli.terminal import print_table, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@click.command("health", short_help="Show a gateway's health report.")
@click.option("-p", "--provider", metavar="NAME", help="Provider to ask; see 'plugins list'.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@debug_option
@click.pass_context
def command(ctx: click.Context, /, *, provider: str | None, as_json: bool) -> None:
    """Compose a gateway and show its health report; exits with 1 unless it is healthy."""
    with ctx.ensure_object(Setup).open_gateway(configured(provider=provider)) as gateway:
        report = gateway.get_health()
    if as_json:
        click.echo(to_json(report))
    else:
        print_table(("what", "value"), _rows(report))
    if report["status"] != "healthy":
        ctx.exit(1)


def _rows(report: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, value in report.items():
        if isinstance(value, dict):
            yield from _rows(value, f"{path}{name}.")
        elif isinstance(value, list | tuple):
            yield f"{path}{name}", ", ".join(map(str, value))
        else:
            yield f"{path}{name}", "-" if value is None else str(value)
