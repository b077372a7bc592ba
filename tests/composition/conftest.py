"""Plugins that exist only for one test: real distributions on ``sys.path``, made in a temporary folder."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway.config import GatewayConfig
from litellm_gateway.discovery import GROUPS
from litellm_gateway.gateway import LiteLLMGateway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PROVIDER = """
from attrs import frozen

from litellm_gateway.builtin.echo import EchoSettings, build
from litellm_gateway.contracts import Offer, ProviderOffer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.responses import Price
from litellm_gateway.secrets import Secret


@frozen(kw_only=True)
class KeyedSettings(EchoSettings):
    api_key: Secret | None = None


def offer(name, **more):
    return ProviderOffer(
        name=name, summary=f"Says it again as {{name}}", build=build, default_model=name,
        **{{"settings": EchoSettings, **more}},
    )


@hookimpl
def gateway_provider():
    return offer("{name}"{more})
"""


class Shelf:
    """A folder on ``sys.path`` where distributions can be put, as an installer would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(
        self,
        distribution: str,
        *,
        modules: Mapping[str, str] | None = None,
        version: str = "1.2.3",
        **entry_points: Mapping[str, str],
    ) -> None:
        """Add a distribution: the text of its modules, and ``kind={name: target}`` for its entry points."""
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        lines = []
        for kind, targets in entry_points.items():
            lines += [f"[{GROUPS[kind]}]", *(f"{name} = {target}" for name, target in targets.items())]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        for name, text in (modules or {}).items():
            (self.folder / f"{name}.py").write_text("from __future__ import annotations\n" + dedent(text))
        importlib.invalidate_caches()

    def put_provider(self, name: str, *, more: str = "", distribution: str | None = None, suffix: str = "") -> None:
        """Add a distribution that brings one provider, which echoes; ``more`` goes into its offer."""
        module = f"shelf_{name.replace('-', '_')}{suffix}"
        text = PROVIDER.format(name=name, more=f", {more}" if more else "")
        self.put(distribution or f"litellm-gateway-provider-{name}", modules={module: text}, provider={name: module})

    def imported(self) -> set[str]:
        """Name the modules of this folder that somebody has imported."""
        return {name for name, module in list(sys.modules.items()) if self._holds(module)}

    def _holds(self, module: Any) -> bool:
        file = getattr(module, "__file__", None)
        return bool(file) and Path(file).is_relative_to(self.folder)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """A fresh folder on ``sys.path``; its modules are forgotten after the test."""
    shelf = Shelf(tmp_path / "site")
    shelf.folder.mkdir()
    monkeypatch.syspath_prepend(shelf.folder)
    yield shelf
    for name in shelf.imported():
        del sys.modules[name]


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of whoever runs the tests must not choose a provider."""
    for name in list(os.environ):
        if name.startswith("LITELLM_GATEWAY_") or name.endswith(("_KEY", "_TOKEN")):
            monkeypatch.delenv(name)


@pytest.fixture
def compose() -> Iterator[Callable[..., LiteLLMGateway]]:
    """Make gateways from settings; they are closed after the test."""
    made: list[LiteLLMGateway] = []

    def make(**settings: Any) -> LiteLLMGateway:
        made.append(LiteLLMGateway(config=GatewayConfig.from_dict(settings)))
        return made[-1]

    yield make
    for gateway in made:
        gateway.close()


@pytest.fixture
def row() -> Callable[[LiteLLMGateway, str, str], dict[str, Any]]:
    """Give what ``describe()`` says of one plugin."""

    def find(gateway: LiteLLMGateway, kind: str, name: str) -> dict[str, Any]:
        rows = [row for row in gateway.describe()["plugins"] if (row["kind"], row["name"]) == (kind, name)]
        assert len(rows) == 1
        return rows[0]

    return find
