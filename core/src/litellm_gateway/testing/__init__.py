"""Tests for plugin authors: conformance suites to subclass, and stand-ins for what a plugin meets.

Nothing in the gateway imports this package; ``pytest`` is needed to use it.
"""
