"""Gemini as providers ``google`` and ``vertex``; the hooks are in ``plugin`` and ``vertex_plugin``."""
