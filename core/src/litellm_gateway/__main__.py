"""``python -m litellm_gateway``: what is installed, is it well, write a new plugin.

Standard library only; for prompts and chats install ``litellm-gateway-cli``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_gateway.config import GatewayConfig
    from litellm_gateway.gateway import LiteLLMGateway


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0 when all is well, 1 when something is broken or failed; argparse itself exits with 2.
    """
    from litellm_gateway.errors import GatewayError

    chosen = _parser().parse_args(arguments)
    commands = {"plugins": list_plugins, "doctor": show_findings, "new": write_plugin}
    try:
        return commands[chosen.command](chosen)
    except GatewayError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1


def list_plugins(chosen: argparse.Namespace) -> int:
    """Print what is installed per kind, as lines or as JSON, without importing any plugin."""
    from litellm_gateway.discovery import GROUPS, installed

    found = [plugin for kind in GROUPS for plugin in installed(kind)]
    if chosen.json:
        _print_json([_announced(plugin) for plugin in found])
        return 0
    for plugin in found:
        clash = f"  also claimed by {plugin.conflict}" if plugin.conflict else ""
        print(f"{plugin.kind:<10} {plugin.name:<20} {plugin.distribution} {plugin.version}{clash}")
    return 0


def show_findings(chosen: argparse.Namespace) -> int:
    """Print what the doctor found; 1 when something wanted is broken."""
    from litellm_gateway.config import GatewayConfig
    from litellm_gateway.doctor import examine

    findings = examine(GatewayConfig.from_env(), open_gateway=_open_gateway)
    if chosen.json:
        import attrs

        _print_json([attrs.asdict(finding) for finding in findings])
    else:
        for finding in findings:
            print(f"{finding.state:<7} {finding.subject}: {finding.detail}")
    return 1 if any(finding.state == "broken" for finding in findings) else 0


def write_plugin(chosen: argparse.Namespace) -> int:
    """Write a new plugin's folder and print where it is."""
    from litellm_gateway.scaffolding import new_plugin

    print(new_plugin(chosen.kind, chosen.name, Path(chosen.into)))
    print('next: cd there, pip install -e ".[test]", pytest', file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m litellm_gateway",
        description="Look at an installation of LiteLLM Gateway, or write a new plugin.",
        epilog="exit codes: 0 well, 1 something is broken or failed, 2 wrong usage",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, purpose in (
        ("plugins", "list installed plugins per kind"),
        ("doctor", "check python, plugins, keys and configuration"),
    ):
        command = commands.add_parser(name, help=purpose, description=purpose)
        command.add_argument("--json", action="store_true", help="print JSON")
    new = commands.add_parser("new", help="write a new plugin", description="write a new plugin")
    new.add_argument("kind", help="provider, guardrail, cache, telemetry, transport, policy, limits or state")
    new.add_argument("name", help="lower-case letters, digits and hyphens, for example acme")
    new.add_argument("--into", default=".", metavar="DIR", help="folder to write it in (default: here)")
    return parser


def _open_gateway(config: GatewayConfig) -> LiteLLMGateway:
    from litellm_gateway.gateway import LiteLLMGateway

    return LiteLLMGateway(config=config)


def _announced(plugin: object) -> dict[str, object]:
    import attrs

    return attrs.asdict(plugin)  # type: ignore[arg-type]


def _print_json(value: object) -> None:
    import json

    print(json.dumps(value, indent=2))


if __name__ == "__main__":
    sys.exit(main())
