"""A transport for LiteLLM Gateway on aiohttp: the fast HTTP door."""
