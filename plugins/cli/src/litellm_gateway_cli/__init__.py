"""LiteLLM Gateway on the command line; the console script ``litellm-gateway`` starts in ``main``."""
