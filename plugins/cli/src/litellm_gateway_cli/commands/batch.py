"""``litellm-gateway batch``: many requests at once, answered by the provider within hours for less."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

import click
from litellm_gateway.errors import InvalidRequestError

from litellm_gateway_cli.options import Setup, configured, debug_option, model_options, sampling_options
from litellm_gateway_cli.terminal import AnswerWriter, note, print_table, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from litellm_gateway.batch_records import Batch, BatchResult
    from litellm_gateway.gateway import LiteLLMGateway

_LONGEST_LINE = 16 * 1024 * 1024


@click.group("batch", short_help="Submit many requests at once, for less.")
def command() -> None:
    """Submit batches to a provider, and fetch what became of them by their id."""


@command.command("submit")
@click.argument("file", type=click.File("rb"))
@model_options
@sampling_options
@click.option("--label", metavar="TEXT", help="What the batch is called at the provider.")
@click.pass_context
def submit(
    ctx: click.Context,
    /,
    file: IO[bytes],
    *,
    model: str | None,
    provider: str | None,
    timeout: float | None,
    tenant: str | None,
    label: str | None,
    **sampling: Any,
) -> None:
    """Submit the requests in FILE ('-' for standard input) and print the id of the batch.

    Each line is JSON: a prompt as a text, or an object with the arguments of generate ("prompt" or "messages",
    "custom_id", "max_tokens", ...) or of embed ("texts", ...). Options hold for all lines that do not say otherwise.
    """
    requests = _requests(file)
    shared = {name: value for name, value in {"model": model, **sampling}.items() if value is not None}
    options = {} if timeout is None else {"timeout": timeout}
    with ctx.ensure_object(Setup).open_gateway(configured(provider=provider, model=model)) as gateway:
        batch = gateway.batches.submit(requests, label=label, tenant_id=tenant, **options, **shared)
    click.echo(batch.id)
    note(f"{len(requests)} requests, {batch.state}; 'litellm-gateway batch results --wait {batch.id}' fetches them")


@command.command("status")
@click.argument("batch_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@debug_option
@click.pass_context
def status(ctx: click.Context, /, batch_id: str, *, as_json: bool) -> None:
    """Say how the batch ID stands."""
    with _gateway_of(ctx, batch_id) as gateway:
        batch = gateway.batches.status(batch_id)
    click.echo(to_json(_described(batch)) if as_json else _line(batch))


@command.command("results")
@click.argument("batch_id", metavar="ID")
@click.option("--wait", is_flag=True, help="Wait until the batch is done, and tell how it stands meanwhile.")
@debug_option
@click.pass_context
def results(ctx: click.Context, /, batch_id: str, *, wait: bool) -> None:
    """Print the results of the batch ID, one JSON object per line.

    A line has "custom_id" and either "text" and the rest of an answer, or "error". They come in the provider's order.
    """
    with _gateway_of(ctx, batch_id) as gateway:
        if wait:
            gateway.batches.wait(batch_id, on_progress=lambda batch: note(_line(batch)))
        failed = _write(gateway.batches.results(batch_id))
    if failed:
        note(f"{failed} of the requests failed")


@command.command("cancel")
@click.argument("batch_id", metavar="ID")
@debug_option
@click.pass_context
def cancel(ctx: click.Context, /, batch_id: str) -> None:
    """Ask for the batch ID to be stopped; what was answered by then keeps its results."""
    with _gateway_of(ctx, batch_id) as gateway:
        click.echo(_line(gateway.batches.cancel(batch_id)))


@command.command("list")
@click.option("-p", "--provider", metavar="NAME", help="Provider to ask.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, metavar="N", help="Most batches to list.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@debug_option
@click.pass_context
def list_batches(ctx: click.Context, /, *, provider: str | None, limit: int, as_json: bool) -> None:
    """List the latest batches of a provider's account, newest first."""
    with ctx.ensure_object(Setup).open_gateway(configured(provider=provider)) as gateway:
        batches = gateway.batches.list(limit=limit)
    if as_json:
        click.echo(to_json([_described(batch) for batch in batches]))
        return
    rows = ((batch.id, batch.state, _progress(batch), batch.label or "") for batch in batches)
    print_table(("id", "state", "done", "label"), rows)


def _gateway_of(ctx: click.Context, batch_id: str) -> LiteLLMGateway:
    """Open a gateway to the provider a batch's id names."""
    provider = batch_id.rpartition(":")[0]
    if not provider:
        raise click.UsageError("ID is what 'batch submit' printed, such as 'openai:batch_abc'")
    return ctx.ensure_object(Setup).open_gateway(configured(provider=provider))


def _requests(file: IO[bytes]) -> list[Any]:
    found = []
    number = 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        try:
            found += [json.loads(line)] if line.strip() else []
        except ValueError:
            raise InvalidRequestError(f"line {number} of the file is not JSON of less than 16 MiB") from None
    if not found:
        raise click.UsageError("there are no requests in FILE")
    return found


def _write(found: Iterable[BatchResult]) -> int:
    """Print results as they come; give how many of them are errors."""
    writer, failed = AnswerWriter(), 0
    for result in found:
        if result.error is None and result.response is not None:
            answer = result.response.to_dict()
        else:
            failed += 1
            answer = {"error": {"type": type(result.error).__name__, "message": str(result.error)}}
        writer.write(to_json({"custom_id": result.custom_id, **answer}) + "\n")
    return failed


def _line(batch: Batch) -> str:
    return f"{batch.id} {batch.state} {_progress(batch)}".rstrip()


def _progress(batch: Batch) -> str:
    counts = batch.counts
    if counts.total is None:
        return ""
    return f"{counts.finished}/{counts.total}" + (f", {counts.failed} failed" if counts.failed else "")


def _described(batch: Batch) -> dict[str, Any]:
    moments = {name: getattr(batch, name) for name in ("created_at", "ended_at", "expires_at")}
    counts = {name: getattr(batch.counts, name) for name in ("total", "succeeded", "failed", "cancelled", "expired")}
    return {
        "id": batch.id,
        "state": batch.state,
        "raw_state": batch.raw_state,
        "model": batch.model,
        "label": batch.label,
        "counts": counts,
        "reasons": list(batch.reasons),
        **{name: None if moment is None else moment.isoformat() for name, moment in moments.items()},
    }
