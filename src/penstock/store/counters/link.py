"""The way to Redis: scripts in one round trip each, with a time limit, and one error for whatever goes wrong."""

import asyncio
import hashlib
from typing import Any, Protocol, cast

import msgspec

from penstock.core.errors import InvalidInput, MissingExtra

__all__ = ["Link", "Lost", "Script"]

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode


class Lost(Exception):
    """Redis did not do what it was asked; whether it did part of it is not known."""


class Script:
    """Lua, and the name that Redis has for it."""

    def __init__(self, source: str) -> None:
        self.source = source.encode()
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest().encode()


class _Connection(Protocol):
    @property
    def is_connected(self) -> bool: ...

    async def connect(self) -> None: ...

    async def send_command(self, *args: bytes) -> None: ...

    async def read_response(self) -> Any: ...

    async def disconnect(self, nowait: bool = False) -> None: ...


class _Pool(Protocol):
    def make_connection(self) -> _Connection: ...


class Link:
    """Connections to one Redis or Valkey.

    redis-py's connections without its client: a step is sent once, has one time limit from connecting to the
    last byte, and does not pay for a pool that checks each connection.

    Args:
        url: `redis://`, `rediss://` or `unix://`.
        prefix: In front of every key.

    Raises:
        MissingExtra: the package `redis` is not installed.
        InvalidInput: `url` is not an address of Redis.
    """

    def __init__(self, url: str, *, prefix: str) -> None:
        try:
            from redis.asyncio import ConnectionPool  # noqa: PLC0415 - an extra
            from redis.asyncio.retry import Retry  # noqa: PLC0415
            from redis.backoff import NoBackoff  # noqa: PLC0415
            from redis.exceptions import NoScriptError, RedisError  # noqa: PLC0415
        except ImportError as error:
            raise MissingExtra("redis", extra="redis") from error
        self._prefix = b"{%b}" % prefix.encode()  # braces: all keys in one slot of a cluster
        self._errors = (RedisError, OSError, TimeoutError)
        self._no_script = NoScriptError
        self._idle: list[_Connection] = []
        self._closed = False
        try:
            # A command that is silently sent twice would count twice, so there are no retries.
            pool = ConnectionPool.from_url(url, retry=Retry(NoBackoff(), 0), protocol=2)  # pyright: ignore[reportUnknownMemberType] - untyped there
        except ValueError as error:
            raise InvalidInput(
                f"The address of Redis is not one: {error}.",
                field="redis.url",
                hint="Write redis://HOST:PORT/0, rediss://… or unix:///PATH.",
            ) from error
        self._pool = cast("_Pool", pool)

    async def run(self, script: Script, *arguments: object, timeout: float, payload: bytes = b"") -> Any:  # noqa: ASYNC109 - one limit for connecting, sending and reading
        """Run a script with its arguments; its answer, as plain lists, numbers and text.

        `payload` goes beside the arguments, as `ARGV[2]`: Redis's MessagePack knows no bytes.

        Raises:
            Lost: no connection, no answer in `timeout` seconds, or Redis refused (loading, read-only, full).
        """
        answer = await self.fetch(script, *arguments, timeout=timeout, payload=payload)
        try:
            return _unpack(answer)
        except msgspec.DecodeError as error:
            raise Lost(f"an answer that is not readable: {error}") from error

    async def fetch(self, script: Script, *arguments: object, timeout: float, payload: bytes = b"") -> bytes:  # noqa: ASYNC109 - as `run`
        """As `run`, for a script whose answer is bytes and nothing else."""
        argument = _pack(arguments)
        try:
            async with asyncio.timeout(timeout):
                return await self._evaluate(script, argument, payload)
        except TimeoutError as error:
            raise Lost(f"no answer within {timeout:g} s") from error
        except self._errors as error:
            raise Lost(f"{type(error).__name__}: {error}") from error

    async def _evaluate(self, script: Script, argument: bytes, payload: bytes) -> bytes:
        connection = self._idle.pop() if self._idle else self._pool.make_connection()
        try:
            if not connection.is_connected:
                await connection.connect()
            try:
                await connection.send_command(b"EVALSHA", script.sha, b"1", self._prefix, argument, payload)
                answer = await connection.read_response()
            except self._no_script:
                await connection.send_command(b"EVAL", script.source, b"1", self._prefix, argument, payload)
                answer = await connection.read_response()
        except BaseException:
            # An answer that nobody waits for any more must not be taken for the next one's.
            await connection.disconnect(nowait=True)
            raise
        if self._closed:
            await connection.disconnect(nowait=True)
        else:
            self._idle.append(connection)
        return answer

    async def close(self) -> None:
        """Close what is idle; a connection in use is closed after its answer."""
        self._closed = True
        while self._idle:
            await self._idle.pop().disconnect(nowait=True)
