"""Finding plugins reads what is installed now and writes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from litellm_gateway.discovery import Discovery

if TYPE_CHECKING:
    from pathlib import Path

COMPOSE = """
import sys
from litellm_gateway import create_gateway
with create_gateway(provider="acme", enable_caching=True) as gateway:
    assert gateway.generate("Hello").text == "Hello"
assert "stevedore" in sys.modules
"""


def test_nothing_is_written_to_the_home_folder(shelf, tmp_path: Path) -> None:
    """A whole process that finds and loads plugins leaves no cache behind."""
    shelf.put_provider("acme")
    home = tmp_path / "home"
    home.mkdir()
    places = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "PYTHONPATH": str(shelf.folder)}

    subprocess.run(
        [sys.executable, "-B", "-c", COMPOSE], env={**os.environ, **places}, check=True, cwd=tmp_path, timeout=60
    )

    assert list(home.rglob("*")) == []


def test_an_entry_point_edited_in_place_is_seen(shelf, compose) -> None:
    """Editing what is installed takes effect with the next gateway: no stale copy is served."""
    shelf.put_provider("acme")
    compose(provider="acme")
    shelf.put_provider("acme-two", distribution="second")
    entry_points = shelf.folder / "litellm_gateway_provider_acme-1.2.3.dist-info" / "entry_points.txt"
    entry_points.write_text("[litellm_gateway.providers]\nacme-two = shelf_acme_two\n")
    (shelf.folder / "second-1.2.3.dist-info" / "entry_points.txt").write_text("")

    gateway = compose(provider="acme-two")

    assert gateway.describe()["default_provider"] == "acme-two"
    assert "acme" not in Discovery().names("provider")


def test_other_users_of_stevedore_are_left_alone(shelf, compose) -> None:
    """Loading plugins changes nothing for an application that uses the same library."""
    from stevedore import ExtensionManager

    shelf.put_provider("acme")
    before = dict(ExtensionManager.ENTRY_POINT_CACHE)

    compose(provider="acme")

    assert before == ExtensionManager.ENTRY_POINT_CACHE
