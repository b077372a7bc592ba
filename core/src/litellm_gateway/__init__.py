"""LiteLLM Gateway: one interface to many LLM providers, composed of whatever plugins are installed."""
