"""Tests for plugin authors: conformance suites to subclass, and stand-ins for what a plugin meets.

Nothing in the gateway imports this package; ``pytest`` is needed to use it.
"""

import pkgutil

import pytest

# so that a promise that is broken shows the two sides of its assertion
pytest.register_assert_rewrite(*(f"{__name__}.{each.name}" for each in pkgutil.iter_modules(__path__)))
