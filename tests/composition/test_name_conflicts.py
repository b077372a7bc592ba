"""One name, one distribution: two claims are refused when they matter and shown when they do not."""

from __future__ import annotations

import pytest
from litellm_gateway.errors import PluginConflictError


def put_two(shelf) -> None:
    shelf.put_provider("acme", distribution="acme-one", suffix="_one")
    shelf.put_provider("acme", distribution="acme-two", suffix="_two")


def test_a_wanted_name_two_distributions_claim_is_refused(shelf, compose) -> None:
    """The error names both distributions and the command that ends it; neither is imported."""
    put_two(shelf)

    with pytest.raises(PluginConflictError) as caught:
        compose(provider="acme")

    assert "acme-one" in caught.value.message
    assert "acme-two" in caught.value.message
    assert "pip uninstall acme-" in caught.value.message
    assert shelf.imported() == set()


def test_a_conflict_nobody_touches_is_a_line_in_describe(shelf, compose, row) -> None:
    """A gateway that does not want the name works and shows the clash."""
    put_two(shelf)

    described = row(compose(provider="echo"), "provider", "acme")

    assert described["state"] == "broken"
    assert {described["distribution"], described["reason"].split()[-1]} == {"acme-one", "acme-two"}


def test_claims_that_are_no_neighbours_are_seen(shelf, compose) -> None:
    """Other names between the two claims hide nothing."""
    shelf.put_provider("acme", distribution="a-first", suffix="_one")
    shelf.put_provider("middle", distribution="b-middle")
    shelf.put_provider("acme", distribution="c-last", suffix="_two")

    with pytest.raises(PluginConflictError, match="claimed by two packages"):
        compose(provider="acme")


def test_a_distribution_that_is_found_twice_is_one(shelf, compose, monkeypatch) -> None:
    """The same distribution in two folders of ``sys.path`` counts once, as for any import."""
    shelf.put_provider("acme")
    copy = type(shelf)(shelf.folder / "copy")
    copy.folder.mkdir()
    copy.put_provider("acme")
    monkeypatch.syspath_prepend(copy.folder)

    gateway = compose(provider="acme")

    assert gateway.describe()["default_provider"] == "acme"
    assert copy.imported() == {"shelf_acme"}


def test_the_same_name_in_two_kinds_is_no_conflict(shelf, compose) -> None:
    """Names belong to their kind."""
    shelf.put_provider("log")

    gateway = compose(provider="log")

    assert gateway.describe()["default_provider"] == "log"
    assert "log" in gateway.describe()["telemetry"]
