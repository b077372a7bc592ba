"""The names people import: the same for programs and for type checkers, and every one documented."""

from __future__ import annotations

import ast
import inspect

import attrs
import litellm_gateway
import pytest
from litellm_gateway import config, errors, hookspecs

ERRORS = sorted(
    name
    for name, value in vars(errors).items()
    if inspect.isclass(value) and issubclass(value, errors.GatewayError) and not name.startswith("_")
)
HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("gateway_"))
SETTINGS = [
    (kind.__name__, attribute.name)
    for kind in (
        config.GatewayConfig,
        config.RateLimitConfig,
        config.Budget,
        config.CacheConfig,
        config.CircuitBreakerConfig,
        config.RetryBudgetConfig,
        config.RouteConfig,
        config.HedgingConfig,
        config.HealthCheckConfig,
    )
    for attribute in attrs.fields(kind)
]


@pytest.fixture(scope="session")
def reference(tree) -> str:
    """All reference pages."""
    return "\n".join(tree.text(path) for path in tree.below("docs/reference/", ending=".md"))


@pytest.fixture(scope="session")
def tested(tree) -> str:
    """All test code but this folder's."""
    paths = [
        path
        for path in tree.below("tests/", "plugins/", "core/src/litellm_gateway/testing/", ending=".py")
        if "/src/litellm_gateway_" not in path and not path.startswith("tests/architecture/")
    ]
    return "\n".join(tree.text(path) for path in paths)


def test_type_checkers_and_programs_see_the_same_names(tree) -> None:
    """``__init__.pyi`` names exactly what ``__init__.py`` gives."""
    stub = ast.parse(tree.text("core/src/litellm_gateway/__init__.pyi"))
    names = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}

    assert {*names, "__version__"} == set(litellm_gateway.__all__)


def test_the_stub_names_the_right_homes(tree) -> None:
    """Each name comes from the module the stub says."""
    stub = ast.parse(tree.text("core/src/litellm_gateway/__init__.pyi"))
    homes = {alias.name: node.module for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}

    strangers = {name: home for name, home in homes.items() if getattr(litellm_gateway, name).__module__ != home}

    assert strangers == {}


def test_every_public_name_can_be_imported() -> None:
    """Whatever ``__all__`` lists is there."""
    missing = [name for name in litellm_gateway.__all__ if not hasattr(litellm_gateway, name)]

    assert missing == []


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A typing mistake is told as Python does."""
    with pytest.raises(AttributeError, match="no attribute 'create_gatway'"):
        _ = litellm_gateway.create_gatway


def test_every_error_is_public() -> None:
    """People can catch each error by importing it from the package."""
    assert set(ERRORS) <= set(litellm_gateway.__all__)


def test_the_version_is_the_distribution_s(tree) -> None:
    """``__version__`` and the project file agree."""
    assert litellm_gateway.__version__ == tree.toml("core/pyproject.toml")["project"]["version"]


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_is_in_the_reference_and_tested(reference: str, tested: str, name: str) -> None:
    """An error class has a line in the reference and a test."""
    assert name in reference
    assert name in tested


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_is_in_the_reference_and_tested(reference: str, tested: str, name: str) -> None:
    """A hook has a line in the reference and a test."""
    assert f"`{name}`" in reference or f"def {name}" in reference or f"{name}(" in reference
    assert f"def {name}(" in tested


@pytest.mark.parametrize(("kind", "name"), SETTINGS)
def test_every_setting_is_in_the_reference_and_tested(reference: str, tested: str, kind: str, name: str) -> None:
    """A setting has a line in the reference and a test."""
    assert f"`{name}`" in reference
    assert f"{name}=" in tested or f'"{name}"' in tested
