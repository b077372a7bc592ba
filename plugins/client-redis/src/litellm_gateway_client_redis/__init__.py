"""Connections to Redis or Valkey for plugins of LiteLLM Gateway."""

from litellm_gateway_client_redis.channels import Ear
from litellm_gateway_client_redis.client import RedisClient, Script

__all__ = ["Ear", "RedisClient", "Script"]
