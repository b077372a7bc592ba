"""``litellm-gateway plugins``: what is installed, and whether it can be imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import click

from litellm_gateway_cli.options import debug_option
from litellm_gateway_cli.terminal import print_table, to_json

if TYPE_CHECKING:
    from litellm_gateway.doctor import Inspection


@click.group("plugins")
def command() -> None:
    """Look at installed plugins."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@debug_option
def list_plugins(*, as_json: bool) -> None:
    """List what is installed per kind; in a pipe, as tab-separated lines."""
    from litellm_gateway.doctor import inspect_plugins

    inspections = list(inspect_plugins())
    if as_json:
        click.echo(to_json([_described(inspection) for inspection in inspections]))
        return
    headings = ("kind", "name", "package", "version", "state", "about")
    print_table(headings, map(_row, inspections))


def _described(inspection: Inspection) -> dict[str, Any]:
    state = {"state": _state(inspection)}
    if inspection.error:
        state["reason"] = inspection.error.message
    if inspection.offer:
        state["summary"] = inspection.offer.summary
    return attrs.asdict(inspection.plugin) | state


def _row(inspection: Inspection) -> tuple[str, ...]:
    plugin = inspection.plugin
    about = inspection.offer.summary if inspection.offer else ""
    if inspection.error:
        about = inspection.error.message
    return plugin.kind, plugin.name, plugin.distribution, plugin.version, _state(inspection), about


def _state(inspection: Inspection) -> str:
    return "broken" if inspection.error else "available"
