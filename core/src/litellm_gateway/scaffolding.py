"""Write the folder of a new plugin from the templates of its kind; nothing is installed or overwritten."""

from __future__ import annotations

import re
from importlib import metadata, resources
from pathlib import Path, PurePosixPath
from string import Template
from typing import TYPE_CHECKING

from litellm_gateway.config import nearest
from litellm_gateway.discovery import GROUPS
from litellm_gateway.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST_NAME = 40
_SUFFIX = ".template"
_PACKAGE_FOLDER = "_package_"

_USES = {
    "provider": 'provider="$name"',
    "guardrail": 'provider="local", guardrails=["$name"]',
    "cache": 'provider="local", enable_caching=True, cache_backend="$name"',
    "telemetry": 'provider="local", telemetry=["$name"]',
    "transport": 'provider="openai", transport="$name"',
    "limits": 'provider="local", rate_limit_config={"storage": "$name://"}',
    "state": 'provider="local", shared_state="$name://"',
    "policy": 'provider="local", policies=["$name"]',
}
KINDS = tuple(GROUPS)
"""Kinds of plugin there is a template for."""


def new_plugin(kind: str, name: str, into: Path) -> Path:
    """Write the folder ``<kind>-<name>`` below ``into``.

    Args:
        kind: One of :data:`KINDS`.
        name: Lower-case letters, digits and single hyphens; becomes the entry point's name.
        into: An existing folder.

    Returns:
        The folder written.

    Raises:
        ConfigurationError: The kind is unknown, the name is not one, ``into`` is no folder, or the new folder
            is already there.
    """
    if kind not in KINDS:
        raise ConfigurationError(
            f"there is no kind '{kind}'{nearest(kind, KINDS)} Known: {', '.join(KINDS)}.", path="kind"
        )
    check_name(name)
    if not into.is_dir():
        raise ConfigurationError(f"{into} is not a folder; make it first or choose another", path="into")
    folder = into / f"{kind}-{name}"
    files = dict(render(kind, name))
    try:
        folder.mkdir()
    except FileExistsError:
        raise ConfigurationError(
            f"{folder} is already there; choose another name or folder, nothing was written", path="name"
        ) from None
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")
    return folder


def check_name(name: str) -> None:
    """Refuse what cannot name a distribution, a package and an entry point alike.

    Raises:
        ConfigurationError: Other characters than lower-case letters, digits and single hyphens, or too long.
    """
    if len(name) <= _LONGEST_NAME and _NAME.fullmatch(name):
        return
    raise ConfigurationError(
        f"{name[:_LONGEST_NAME]!r} cannot name a plugin; use lower-case letters, digits and single hyphens, "
        f"a letter first, at most {_LONGEST_NAME} characters, for example 'acme' or 'acme-search'",
        path="name",
    )


def render(kind: str, name: str) -> Iterator[tuple[PurePosixPath, str]]:
    """Give path and text of every file of a new plugin, without writing any."""
    words = _words(kind, name)
    root = resources.files("litellm_gateway") / "templates"
    for folder in (root / "every_kind", root / kind):
        for path, source in _files(folder, PurePosixPath()):
            parts = (words["package"] if part == _PACKAGE_FOLDER else part for part in path.parts)
            target = PurePosixPath(*parts)
            text = Template(source.read_text(encoding="utf-8")).substitute(words)
            yield target.with_name(target.name.removesuffix(_SUFFIX)), text


def _words(kind: str, name: str) -> Mapping[str, str]:
    snake = name.replace("-", "_")
    settings = Template(_USES[kind]).substitute(name=name)
    return {
        "kind": kind,
        "name": name,
        "title": "".join(part.capitalize() for part in name.split("-")),
        "upper": snake.upper(),
        "package": f"litellm_gateway_{kind}_{snake}",
        "distribution": f"litellm-gateway-{kind}-{name}",
        "group": GROUPS[kind],
        "compatible": _compatible(metadata.version("litellm-gateway")),
        "settings": settings,
    }


def _compatible(version: str) -> str:
    """Give the versions of core that promise the same contracts: the same minor."""
    major, minor = (int(part) for part in version.split(".")[:2])
    return f">={major}.{minor},<{major}.{minor + 1}"


def _files(folder: Traversable, below: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _files(entry, below / entry.name)
        elif entry.name.endswith(_SUFFIX):
            yield below / entry.name, entry
