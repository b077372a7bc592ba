"""The reference names everything there is, and nothing that is not."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import attrs
import click
import litellm_gateway
import pytest
from litellm_gateway import config, contracts, errors, hookspecs, messages, requests, responses, telemetry, wire
from litellm_gateway.abilities import ABILITIES
from litellm_gateway.builtin import echo, log_sink, memory_cache, size_guardrail
from litellm_gateway.discovery import GROUPS, Discovery
from litellm_gateway.gateway import LiteLLMGateway

DOCS = Path(__file__).parents[2] / "docs"
SETTINGS = (
    config.GatewayConfig,
    config.RateLimitConfig,
    config.Budget,
    config.CacheConfig,
    config.CircuitBreakerConfig,
    config.RetryBudgetConfig,
    config.RouteConfig,
    config.HedgingConfig,
    config.HealthCheckConfig,
    echo.EchoSettings,
    memory_cache.MemoryCacheSettings,
    size_guardrail.SizeSettings,
    log_sink.LogSettings,
)
TABLES = {
    "GenerateResponse": responses.GenerateResponse,
    "TokenUsage": responses.TokenUsage,
    "EmbedResponse": responses.EmbedResponse,
    "RerankResponse": litellm_gateway.RerankResponse,
    "ModerationResponse": litellm_gateway.ModerationResponse,
    "TokenCount": litellm_gateway.TokenCount,
    "ModelList": litellm_gateway.ModelList,
    "Price": responses.Price,
}
HANDLED = (
    requests.GenerateRequest,
    requests.EmbedRequest,
    requests.RerankRequest,
    requests.ModerationRequest,
    requests.TokenCountRequest,
    requests.ModelListRequest,
    wire.WireRequest,
    wire.WireResponse,
    wire.Timeouts,
    wire.Limits,
    contracts.Route,
    contracts.Call,
    contracts.BuildContext,
    *get_args(telemetry.Event),
)
FLAGS = ("retry_here", "try_next_route", "provider_fault")


def section(page: str, heading: str) -> str:
    """Give what stands under a heading of a page, up to the next one of the same depth or higher."""
    text = (DOCS / "reference" / page).read_text(encoding="utf-8")
    found = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert found is not None, f"{page} has no heading '{heading}'"
    depth = len(found[1])
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{depth}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(text: str) -> dict[str, list[str]]:
    """Give the rows of all tables in a text, by each name in code in their first cell."""
    found: dict[str, list[str]] = {}
    for line in text.split("\n"):
        if line.startswith("|") and not line.startswith("|-"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            for name in re.findall(r"`([^`]+)`", cells[0]):
                found[name] = cells
    return found


def subclasses(kind: type) -> list[type]:
    """Give a class and all classes made from it."""
    children: list[type] = kind.__subclasses__()
    return [kind, *(each for child in children for each in subclasses(child))]


ERRORS = [kind for kind in subclasses(errors.GatewayError) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", SETTINGS, ids=lambda kind: kind.__name__)
def test_every_setting_has_its_line_and_its_default(kind: type) -> None:
    """The table of a settings class names each key with the default it has, and no other key."""
    table = rows(section("configuration.md", kind.__name__))
    fields = {field.name: default_of(field) for field in attrs.fields(kind)}

    assert set(table) == set(fields)
    assert {name: cells[2] for name, cells in table.items()} == {name: f"`{shown}`" for name, shown in fields.items()}


def default_of(field: Any) -> str:
    """Show a default as the reference writes it."""
    if field.default is attrs.NOTHING:
        return "required"
    default = field.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return repr(default.factory())
    return f"{type(default).__name__}()" if attrs.has(type(default)) else repr(default)


def test_every_hook_has_its_heading() -> None:
    """The page of hooks has one heading per hook, and none for a hook that does not exist."""
    hooks = {name for name in vars(hookspecs) if name.startswith("gateway_")}
    text = (DOCS / "reference" / "hooks.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^## (gateway_\w+)$", text, re.MULTILINE)) == hooks


def test_every_kind_has_its_entry_point_group() -> None:
    """The table of entry points holds every kind with its group."""
    table = rows(section("hooks.md", "Entry points"))
    kinds = {cells[0]: cells[1].strip("`") for cells in tables_cells(section("hooks.md", "Entry points"))}

    assert {kind: kinds.get(kind) for kind in GROUPS} == GROUPS
    assert not table


def tables_cells(text: str) -> list[list[str]]:
    """Give the cells of every row."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.split("\n") if line.startswith("|")]


def test_every_field_of_an_offer_has_its_line() -> None:
    """The table of offers holds every field any offer has."""
    offers = (contracts.Offer, contracts.ProviderOffer, contracts.GuardrailOffer, contracts.TransportOffer)
    fields = {field.name for offer in offers for field in attrs.fields(offer)}

    assert set(rows(section("hooks.md", "Offers"))) == fields


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_has_its_line_and_its_flags(kind: type) -> None:
    """The table of errors names each class with exactly the flags it has."""
    cells = rows(section("errors.md", "Every class"))[kind.__name__]
    flags = {flag for flag in FLAGS if getattr(kind, flag)}

    assert set(re.findall(r"`(\w+)`", cells[3])) == flags


def test_no_error_is_made_up() -> None:
    """The table of errors names no class that does not exist, and the tree names them all."""
    names = {kind.__name__ for kind in ERRORS}

    assert set(rows(section("errors.md", "Every class"))) == names
    assert set(re.findall(r"\w+Error", section("errors.md", "The tree").partition("`Queue")[0])) == names


@pytest.mark.parametrize(
    ("heading", "options"),
    [("Options of generate", requests.GenerateOptions), ("Options of embed", requests.EmbedOptions)],
)
def test_every_option_has_its_line(heading: str, options: type) -> None:
    """The table of a call's options is the options the call takes."""
    assert set(rows(section("api.md", heading))) == set(options.__annotations__)


@pytest.mark.parametrize("name", TABLES)
def test_every_field_of_an_answer_has_its_line(name: str) -> None:
    """The table of an answer names every field and property it has."""
    kind = TABLES[name]
    fields = {field.name for field in attrs.fields(kind)}
    properties = {key for key, value in vars(kind).items() if isinstance(value, property)}

    assert set(rows(section("api.md", name))) >= fields | properties


def test_every_chunk_kind_has_its_line() -> None:
    """The page of the API tells what each kind of chunk is, and each field."""
    table = rows(section("api.md", "StreamChunk"))
    fields = {name for name in responses.StreamChunk.__annotations__ if not name.startswith("_")}

    assert set(table) >= {*get_args(responses.ChunkKind), *fields}


def test_every_message_class_has_its_fields() -> None:
    """The table of messages names every field of every class that travels to a model."""
    table = rows(section("api.md", "Messages"))
    kinds = (messages.Message, messages.TextPart, messages.MediaPart, messages.ReasoningPart)

    for kind in (*kinds, messages.Tool, messages.ToolCall, messages.ToolChoice, messages.ResponseFormat):
        fields = {field.name for field in attrs.fields(kind)}
        assert fields <= set(re.findall(r"`(\w+)`", table[kind.__name__][1])), kind.__name__


def test_every_public_method_has_its_line() -> None:
    """The table of the gateway names each of its public methods."""
    named = {name.partition("(")[0] for name in rows(section("api.md", "LiteLLMGateway"))}
    methods = {name for name in dir(LiteLLMGateway) if not name.startswith("_")}

    assert {name for name in methods if callable(getattr(LiteLLMGateway, name))} <= named


def test_every_contract_has_its_section() -> None:
    """Whatever a plugin may fulfil is told on the page of contracts, with its method where it has but one."""
    text = (DOCS / "reference" / "contracts.md").read_text(encoding="utf-8")
    protocols = [name for name, value in vars(contracts).items() if getattr(value, "_is_runtime_protocol", False)]

    assert len(protocols) >= 9
    assert [name for name in protocols if f"`{name}`" not in text and f".{name}`" not in text] == []
    assert [ability.method for ability in ABILITIES.values() if f"`{ability.method}`" not in text] == []


def test_every_public_name_is_mentioned() -> None:
    """Each name the package exports stands somewhere in the reference."""
    text = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md"))
    missing = [name for name in dir(litellm_gateway) if name[0].isupper() and name not in text]

    assert not missing


def test_every_health_key_has_its_line() -> None:
    """The table of the health report holds exactly the keys of a report."""
    with litellm_gateway.create_gateway(provider="echo") as gateway:
        health = gateway.get_health()
    table = section("api.md", "Health report")

    assert [cells[0].strip("`") for cells in tables_cells(table)[2:]] == list(health)


def test_every_event_is_mentioned() -> None:
    """Plugin authors find each event."""
    text = (DOCS / "how-to" / "write-other-plugins.md").read_text(encoding="utf-8")

    assert all(event.__name__ in text for event in get_args(telemetry.Event))


class Asked(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def get(self, key: str, default: Any = None) -> Any:
        self[key] = ""
        return default


def test_every_variable_of_the_configuration_has_its_line() -> None:
    """The table of settings from the environment is what ``from_env`` reads."""
    asked = Asked()

    config.GatewayConfig.from_env(asked)

    assert set(rows(section("environment.md", "Settings of a gateway"))) >= set(asked)
    assert len(asked) == len(re.findall(r"`LITELLM_GATEWAY_\w+`", section("environment.md", "Settings of a gateway")))


def test_every_key_variable_has_its_line() -> None:
    """The variables installed providers read their keys from are all listed."""
    found = Discovery()
    offers = [found.load("provider", name).gateway_provider() for name in found.names("provider")]
    variables = {name for offer in offers for name in offer.key_env}

    assert variables <= set(rows(section("environment.md", "Keys")))


def test_no_variable_stands_twice() -> None:
    """Each variable of the environment is told once, in one place."""
    text = (DOCS / "reference" / "environment.md").read_text(encoding="utf-8")
    named = [name for row in tables_cells(text) for name in re.findall(r"`([A-Z][A-Z_]+)`", row[0])]

    assert sorted(set(named)) == sorted(named)


def test_every_command_and_option_has_its_line() -> None:
    """The page of the command line names each command and each option, and no option that is not."""
    from litellm_gateway_cli.main import main

    text = section("command-line.md", "litellm-gateway")
    commands = dict(leaves(main, "litellm-gateway"))
    options = {option for command in [main, *commands.values()] for option in options_of(command)} | {"-h", "--help"}

    assert [name for name in commands if f"`{name}" not in text] == []
    assert set(re.findall(r"`(--?[a-z-]+)", text)) == options


def leaves(command: click.Command, path: str) -> list[tuple[str, click.Command]]:
    """Give each command that does something, by its whole name."""
    if not isinstance(command, click.Group):
        return [(path, command)]
    context = click.Context(command)
    children = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
    return [leaf for name, child in children if child is not None for leaf in leaves(child, f"{path} {name}")]


def options_of(command: click.Command) -> list[str]:
    """Give the options of one command."""
    return [text for option in command.params if isinstance(option, click.Option) for text in option.opts]


def test_no_room_of_the_house_is_made_up() -> None:
    """The page about the house names rooms that stand, each on a floor below the ones it is told under."""
    page = (DOCS / "explanation" / "the-house.md").read_text(encoding="utf-8").partition("## Floors")[2]
    rows = [row for row in tables_cells(page.partition("stand beside")[0]) if "`" in row[1]]
    layers = tomllib.loads((DOCS.parent / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"][0]
    floors = {name.strip(): depth for depth, layer in enumerate(layers["layers"]) for name in layer.split("|")}
    told = [[floors[name] for name in re.findall(r"`(\w+)`", row[1])] for row in rows]

    assert len(told) > 8
    assert all(max(upper) < min(lower) for upper, lower in pairwise(told))


@pytest.mark.parametrize("kind", HANDLED, ids=lambda kind: kind.__name__)
def test_every_field_a_plugin_handles_is_there(kind: type) -> None:
    """Name by name, with its default."""
    table = rows(section("plugin-types.md", kind.__name__))

    assert list(table) == [field.name for field in attrs.fields(kind)]
    for field in attrs.fields(kind):
        told = table[field.name][1]
        assert (told == "must be given") == (field.default is attrs.NOTHING), field.name
