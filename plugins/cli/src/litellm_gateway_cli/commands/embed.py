"""``litellm-gateway embed``: texts in, vectors out as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from litellm_gateway_cli.options import Setup, configured, model_options
from litellm_gateway_cli.standard_input import read_text
from litellm_gateway_cli.terminal import AnswerWriter, to_json, waiting
from litellm_gateway_cli.wording import awaited

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command("embed", short_help="Turn texts into vectors.")
@click.argument("texts", nargs=-1)
@model_options
@click.option("--dimensions", type=click.IntRange(min=1), metavar="N", help="Length of the vectors.")
@click.option("--json", "as_json", is_flag=True, help="Print all vectors, model and usage as one JSON object.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    texts: tuple[str, ...],
    *,
    model: str | None,
    provider: str | None,
    timeout: float | None,
    tenant: str | None,
    dimensions: int | None,
    as_json: bool,
) -> None:
    """Embed each TEXT, or each line of standard input when no TEXT is given.

    Prints one JSON object per text: {"index": 0, "vector": [...]}. Blank lines are passed over; "index"
    counts all lines, so it leads back to the line of the input.
    """
    numbered = _numbered(texts)
    config = configured(provider=provider, model=model, timeout=timeout)
    with ctx.ensure_object(Setup).open_gateway(config) as gateway, waiting(awaited(gateway)):
        response = gateway.embed([text for _, text in numbered], model=model, tenant_id=tenant, dimensions=dimensions)
    writer = AnswerWriter()
    if as_json:
        writer.write(to_json(response.to_dict()) + "\n")
        return
    for (index, _), vector in zip(numbered, response, strict=True):
        writer.write(to_json({"index": index, "vector": list(vector)}) + "\n")


def _numbered(texts: Sequence[str]) -> list[tuple[int, str]]:
    """Pair each text that is not blank with its place in the input."""
    given = list(texts) or read_text().split("\n")
    numbered = [(index, text) for index, text in enumerate(given) if text.strip()]
    if not numbered:
        raise click.UsageError("give a TEXT, or pipe lines in")
    if texts and len(numbered) < len(texts):
        raise click.UsageError("a TEXT is empty")
    return numbered
