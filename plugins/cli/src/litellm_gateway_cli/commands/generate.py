"""``litellm-gateway generate``: one prompt, one answer, streamed to standard output."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from litellm_gateway_cli.answering import show_streamed
from litellm_gateway_cli.options import Setup, configured, model_options, quiet_option, sampling_options
from litellm_gateway_cli.standard_input import is_piped, read_text
from litellm_gateway_cli.terminal import AnswerWriter, note, one_line, to_json, waiting
from litellm_gateway_cli.wording import awaited, footer

if TYPE_CHECKING:
    from litellm_gateway.gateway import LiteLLMGateway
    from litellm_gateway.messages import ResponseFormat
    from litellm_gateway.responses import GenerateResponse


@click.command("generate", short_help="Answer a prompt.")
@click.argument("prompt", required=False)
@model_options
@sampling_options
@click.option("--schema", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="JSON schema the answer must fit.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as one JSON object.")
@click.option("--no-stream", is_flag=True, help="Print the answer when it is whole.")
@quiet_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    prompt: str | None,
    *,
    model: str | None,
    provider: str | None,
    timeout: float | None,
    tenant: str | None,
    schema: Path | None,
    as_json: bool,
    no_stream: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Answer PROMPT; only the answer goes to standard output.

    Without PROMPT, or with "-", the prompt is read from standard input. With both, what is piped in follows
    the prompt after an empty line:

    \b
      git diff | litellm-gateway generate "Write a commit message for this change."
    """  # noqa: D301 - click wants the character itself
    text = _whole_prompt(prompt)
    options |= {"prompt": text, "model": model, "tenant_id": tenant, "response_format": _response_format(schema)}
    config = configured(provider=provider, model=model, timeout=timeout)
    with ctx.ensure_object(Setup).open_gateway(config) as gateway:
        ask = _whole if as_json or no_stream else _streamed
        response = ask(gateway, options)
    writer = AnswerWriter()
    if as_json:
        writer.write(to_json(response.to_dict()) + "\n")
    elif no_stream:
        writer.write(response.text)
        writer.end_line()
    if not quiet:
        note(footer(response))
    if response.refusal and not response.text and not as_json:
        click.echo(f"refused: {one_line(response.refusal)}", err=True)
        ctx.exit(1)


def _whole_prompt(prompt: str | None) -> str:
    """Join the argument and what is piped in."""
    if prompt == "-" or (prompt is None and is_piped()):
        text = read_text()
    elif prompt is None:
        raise click.UsageError("give a PROMPT, or pipe one in")
    else:
        piped = read_text() if is_piped() else ""
        text = f"{prompt}\n\n{piped}" if piped.strip() else prompt
    if not text.strip():
        raise click.UsageError("the prompt is empty")
    return text


def _response_format(schema: Path | None) -> ResponseFormat | None:
    if schema is None:
        return None
    from litellm_gateway import json_codec
    from litellm_gateway.messages import ResponseFormat

    try:
        content = json_codec.decode(schema.read_bytes())
    except ValueError as error:
        raise click.BadParameter(f"{schema} is not JSON: {error}", param_hint="--schema") from None
    if not isinstance(content, dict):
        raise click.BadParameter(f"{schema} holds no JSON object", param_hint="--schema")
    return ResponseFormat(schema=content)


def _whole(gateway: LiteLLMGateway, options: dict[str, Any]) -> GenerateResponse:
    with waiting(awaited(gateway)):
        return gateway.generate(**options)


def _streamed(gateway: LiteLLMGateway, options: dict[str, Any]) -> GenerateResponse:
    return show_streamed(gateway, options, wait_for=awaited(gateway), heard=[])
