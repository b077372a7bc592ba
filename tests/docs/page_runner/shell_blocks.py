"""Check that every command a shell block names exists, with the options and packages it is given."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

from pages import PageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

OTHER_PROGRAMS = frozenset(
    {
        ".",
        "cat",
        "cd",
        "curl",
        "echo",
        "export",
        "git",
        "jq",
        "lint-imports",
        "mkdocs",
        "mypy",
        "pytest",
        "ruff",
        "source",
    }
)
"""Programs that are not ours: only their names are looked at."""

_SEPARATORS = frozenset({"&&", "||", "|", ";", "&"})
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[([a-z0-9,_-]+)\])?(?:[=<>!~].*)?")


class Workspace:
    """What this repository offers to install."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.packages: dict[str, frozenset[str]] = {}
        for path in (root / "core" / "pyproject.toml", *sorted(root.glob("plugins/*/pyproject.toml"))):
            project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
            self.packages[project["name"]] = frozenset(project.get("optional-dependencies", {}))


def commands(text: str) -> Iterator[list[str]]:
    """Give every command of a block as words; in a transcript only the lines after ``$``."""
    lines = text.replace("\\\n", " ").split("\n")
    prompted = [line[2:] for line in lines if line.startswith("$ ")]
    for line in prompted or lines:
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        command: list[str] = []
        for word in words:
            if word in _SEPARATORS:
                yield command
                command = []
            else:
                command.append(word)
        if command:
            yield command


def check(text: str, workspace: Workspace) -> None:
    """Check every command of a block.

    Raises:
        PageError: A command, an option, a package or a path does not exist.
    """
    for words in commands(text):
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words = words[1:]
        if words:
            _check_command(words, workspace)


def _check_command(words: Sequence[str], workspace: Workspace) -> None:
    program, arguments = words[0], list(words[1:])
    if program == "litellm-gateway":
        _check_litellm_gateway(arguments)
    elif program == "python" and arguments[:2] == ["-m", "litellm_gateway"]:
        _check_module(arguments[2:])
    elif program == "python":
        _check_python(arguments, workspace)
    elif program in ("pip", "uv"):
        _check_install(arguments, workspace)
    elif program not in OTHER_PROGRAMS:
        raise PageError(f"the program '{program}' is not known to the check of shell blocks")


def _check_python(arguments: list[str], workspace: Workspace) -> None:
    if arguments[:1] not in (["-m"], ["-c"]) and not (workspace.root / arguments[0]).exists():
        raise PageError(f"there is no program at {arguments[0]}")


def _check_litellm_gateway(arguments: list[str]) -> None:
    """Let click read the arguments without running anything."""
    import click
    from litellm_gateway_cli.main import main

    arguments = [word for word in arguments if word not in ("<", ">", "/dev/null")]
    try:
        group: click.Command = main
        while True:
            context = group.make_context("litellm-gateway", arguments)
            if not isinstance(group, click.Group):
                return
            name, command, arguments = group.resolve_command(context, [*context._protected_args, *context.args])
            if command is None:
                raise PageError(f"litellm-gateway has no command '{name}'")
            group = command
    except click.exceptions.Exit:
        return
    except click.ClickException as error:
        raise PageError(f"litellm-gateway {shlex.join(arguments)}: {error.format_message()}") from error


def _check_module(arguments: list[str]) -> None:
    """Ask the module itself for help about the command; it knows neither a wrong command nor a wrong option."""
    done = subprocess.run(
        [sys.executable, "-m", "litellm_gateway", *arguments, "--help"], capture_output=True, text=True, check=False
    )
    known = done.stdout.split()
    wrong = [word for word in arguments if word.startswith("-") and word not in known and f"[{word}]" not in known]
    if done.returncode or wrong:
        raise PageError(f"python -m litellm_gateway {shlex.join(arguments)}: {done.stderr or wrong}")


def _check_install(arguments: list[str], workspace: Workspace) -> None:
    if "install" not in arguments:
        return
    for word in arguments[arguments.index("install") + 1 :]:
        if word.startswith("-"):
            continue
        if word.startswith("."):
            place = workspace.root / word.partition("[")[0]
            if word.partition("[")[0] != "." and not (place / "pyproject.toml").is_file():
                raise PageError(f"there is no package to install at {word}")
            continue
        found = _REQUIREMENT.fullmatch(word)
        if found is None:
            raise PageError(f"pip cannot install '{word}'")
        name, extras = found[1], frozenset(filter(None, (found[2] or "").split(",")))
        if not name.startswith("litellm-gateway"):
            continue
        if name not in workspace.packages or not extras <= workspace.packages[name]:
            raise PageError(f"this repository holds no package '{word}'")
