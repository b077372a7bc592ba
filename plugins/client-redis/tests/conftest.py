"""A Redis server of one's own for the tests that need one."""

from litellm_gateway_client_redis.testing import own_redis_server, redis_program, redis_server

__all__ = ["own_redis_server", "redis_program", "redis_server"]
