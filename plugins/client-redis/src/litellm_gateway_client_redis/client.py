"""Ask a Redis or Valkey server from any event loop, thread and process; the door to the client ``redis``.

It runs scripts and listens to channels. What they mean is known to the plugins that use it.
"""

from __future__ import annotations

import asyncio
from hashlib import sha1
from typing import TYPE_CHECKING, Any

from litellm_gateway.errors import ConfigurationError
from litellm_gateway.per_loop import PerLoop
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from litellm_gateway_client_redis.channels import Channels

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from litellm_gateway_client_redis.channels import Ear

_CONNECTIONS = 16
_SCHEMES = {"valkey": "redis", "valkeys": "rediss", "redis+unix": "unix"}


class Script:
    """A Lua script and the name a server that has run it knows it by."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = sha1(text.encode(), usedforsecurity=False).hexdigest()


class RedisClient:
    """Connections to one server, made when first needed.

    Args:
        uri: ``redis://``, ``rediss://``, ``unix://`` or the same with ``valkey``; password and options as the
            client ``redis`` reads them.
        timeout: Seconds to wait for a connection or an answer.
        setting: What the URI is called in the configuration, for errors.

    Raises:
        ConfigurationError: The URI cannot be read; not a word of it is shown.
    """

    def __init__(self, uri: str, *, timeout: float, setting: str = "uri") -> None:
        scheme, _, rest = uri.partition("://")
        self._uri = f"{_SCHEMES.get(scheme, scheme)}://{rest}"
        _check(self._uri, setting)
        self._timeout = timeout
        self._clients: PerLoop[Redis] = PerLoop(self._connect, _close)
        self._channels: PerLoop[Channels] = PerLoop(self._tune_in, Channels.aclose)

    async def run(self, script: Script, keys: list[str], arguments: list[Any]) -> Any:
        """Run a script, which is one round trip on a server that knows it."""
        client = self._clients.find() or await self._clients.enter()
        task = asyncio.current_task()
        before = 0 if task is None else task.cancelling()
        asked: Any = client.evalsha(script.digest, len(keys), *keys, *arguments)
        try:
            answer = await asked
        except NoScriptError:  # a server that was started anew
            asked = client.eval(script.text, len(keys), *keys, *arguments)
            answer = await asked
        if task is not None and task.cancelling() > before:
            # Before Python 3.12 wait_for, which the client uses, may answer in spite of a cancellation.
            raise asyncio.CancelledError
        return answer

    def hear(self, channel: str) -> AbstractAsyncContextManager[Ear]:
        """Listen to a channel from when the context is entered; all channels of an event loop share a connection."""
        return _Hearing(self._channels, channel)

    async def aclose(self) -> None:
        """Close the connections; what is kept at the server stays."""
        await self._channels.aclose()
        await self._clients.aclose()

    def __repr__(self) -> str:
        return "RedisClient()"

    def _pool(self, **options: Any) -> BlockingConnectionPool:
        pool = BlockingConnectionPool.from_url(
            self._uri,
            max_connections=_CONNECTIONS,
            timeout=self._timeout,
            socket_connect_timeout=self._timeout,
            retry=Retry(NoBackoff(), 0),  # a question asked again might count twice
            **options,
        )
        pool.connection_kwargs["decode_responses"] = False  # whatever the URI says: values are bytes
        return pool

    def _connect(self) -> Redis:
        return Redis(connection_pool=self._pool(socket_timeout=self._timeout))

    def _tune_in(self) -> Channels:
        pool = self._pool()
        # what a server says unasked comes in its own way in later protocols
        pool.connection_kwargs |= {"protocol": 2, "socket_timeout": None}
        return Channels(pool.make_connection, timeout=self._timeout)


class _Hearing:
    """Finds the channels of the running event loop."""

    def __init__(self, channels: PerLoop[Channels], channel: str) -> None:
        self._channels = channels
        self._channel = channel
        self._listening: tuple[Channels, Ear] | None = None

    async def __aenter__(self) -> Ear:
        channels = self._channels.find() or await self._channels.enter()
        ear = await channels.open(self._channel)
        self._listening = channels, ear
        return ear

    async def __aexit__(self, *_error: object) -> None:
        if self._listening is not None:
            channels, ear = self._listening
            channels.close(ear)


def _check(uri: str, setting: str) -> None:
    """Refuse a URI the client cannot read, without a word of it: it may hold a password."""
    try:
        parse_url(uri)
        return
    except ValueError:
        name = setting.rpartition(".")[2]
        fault = ConfigurationError(
            f"{name} is no URI of a Redis or Valkey server; write redis://host:port/0", path=setting
        )
    raise fault


async def _close(client: Redis) -> None:
    await client.aclose()
    await client.connection_pool.disconnect()
