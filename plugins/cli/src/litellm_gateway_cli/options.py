"""What all commands share: how a gateway is opened, and the options that shape it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

if TYPE_CHECKING:
    from litellm_gateway.config import GatewayConfig
    from litellm_gateway.gateway import LiteLLMGateway

Command = TypeVar("Command", bound=Callable[..., Any])


def open_gateway(config: GatewayConfig) -> LiteLLMGateway:
    """Compose the real gateway."""
    from litellm_gateway.gateway import LiteLLMGateway

    return LiteLLMGateway(config=config)


@attrs.define
class Setup:
    """One run of the program: click's context object.

    Attributes:
        open_gateway: Makes a gateway from its settings.
        debug: Show the traceback of a failure.
    """

    open_gateway: Callable[[GatewayConfig], LiteLLMGateway] = open_gateway
    debug: bool = False


def configured(*, provider: str | None, model: str | None = None, timeout: float | None = None) -> GatewayConfig:
    """Read the settings from the environment and let the options given go before them.

    A model written ``provider/name`` chooses its provider, unless ``provider`` is given too: then a slash
    belongs to the model's name. Settings made for one provider are not used for another.
    """
    from litellm_gateway.config import GatewayConfig

    config = GatewayConfig.from_env()
    chosen = provider or _provider_in(model)
    changes: dict[str, Any] = {} if timeout is None else {"timeout": timeout}
    if chosen:
        changes["provider"] = chosen
        owner = config.provider or _provider_in(config.default_model)
        if owner and owner != chosen:
            changes |= {"base_url": None, "default_model": None, "default_embedding_model": None}
    return attrs.evolve(config, **changes)


def _provider_in(model: str | None) -> str | None:
    """Give the provider a model's name begins with, if it is installed or at least known."""
    name, slash, _ = (model or "").partition("/")
    if not slash:
        return None
    from litellm_gateway.discovery import Discovery, known_plugins

    known = known_plugins()["packages"]["provider"]
    return name if name in known or name in Discovery().names("provider") else None


def _remember_debug(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Setup).debug = True


def debug_option(command: Command) -> Command:
    """Add ``--debug``."""
    return click.option(
        "--debug",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_remember_debug,
        help="Show the traceback of a failure.",
    )(command)


def model_options(command: Command) -> Command:
    """Add the options every command with a model behind it takes: model, provider, timeout, tenant, debug."""
    for option in (
        debug_option,
        click.option("--tenant", metavar="ID", help="Tenant the call belongs to."),
        click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
                     help="Seconds the whole call may take."),
        click.option("-p", "--provider", metavar="NAME", help="Provider to ask; see 'plugins list'."),
        click.option("-m", "--model", metavar="MODEL", help="Model to ask, as NAME or PROVIDER/NAME."),
    ):  # fmt: skip
        command = option(command)
    return command


def sampling_options(command: Command) -> Command:
    """Add the options that shape a text answer: system, max tokens, temperature."""
    for option in (
        click.option("--temperature", type=click.FloatRange(0, 2), help="0 is steady, 2 is wild."),
        click.option("--max-tokens", type=click.IntRange(min=1), metavar="N", help="Most tokens to answer with."),
        click.option("-s", "--system", metavar="TEXT", help="Instruction the model follows throughout."),
    ):
        command = option(command)
    return command


def quiet_option(command: Command) -> Command:
    """Add ``--quiet``."""
    return click.option("-q", "--quiet", is_flag=True, help="No footer and no notes on standard error.")(command)
