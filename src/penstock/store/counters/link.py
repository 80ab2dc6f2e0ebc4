"""The way to Redis: scripts in one round trip each, with a time limit, and one error for whatever goes wrong."""

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any, Protocol, cast

import msgspec

from penstock.core.errors import InvalidInput, MissingExtra

if TYPE_CHECKING:
    from penstock.store.counters.pipeline import Pipeline

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
    _reader: asyncio.StreamReader | None
    _writer: asyncio.StreamWriter | None

    async def connect(self) -> None: ...

    async def disconnect(self, nowait: bool = False) -> None: ...


class _Pool(Protocol):
    def make_connection(self) -> _Connection: ...


class Link:
    """A connection to one Redis or Valkey, which all steps share.

    redis-py connects: addresses, TLS, authentication and the number of the database are its business. From there
    on commands go over a pipeline, at half of what its reading and writing cost. A step is sent once, and has one
    time limit from connecting to the last byte.

    Args:
        url: `redis://`, `rediss://` or `unix://`.
        prefix: In front of every key.

    Raises:
        MissingExtra: the packages `redis` and `hiredis` are not installed.
        InvalidInput: `url` is not an address of Redis.
    """

    def __init__(self, url: str, *, prefix: str) -> None:
        try:
            from hiredis import ReplyError  # noqa: PLC0415 - an extra
            from redis.asyncio import ConnectionPool  # noqa: PLC0415
            from redis.asyncio.retry import Retry  # noqa: PLC0415
            from redis.backoff import NoBackoff  # noqa: PLC0415
            from redis.exceptions import RedisError  # noqa: PLC0415

            from penstock.store.counters.pipeline import Pipeline  # noqa: PLC0415
        except ImportError as error:
            raise MissingExtra("redis", extra="redis") from error
        self._prefix = b"{%b}" % prefix.encode()  # braces: all keys in one slot of a cluster
        self._errors = (RedisError, OSError)
        self._refused = ReplyError
        self._made = Pipeline
        self._pipeline: Pipeline | None = None
        self._connecting = asyncio.Lock()
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
            # Whatever waits behind it would wait as long.
            if self._pipeline is not None:
                self._pipeline.abort()
            raise Lost(f"no answer within {timeout:g} s") from error
        except self._errors as error:
            raise Lost(f"{type(error).__name__}: {error}") from error

    async def _evaluate(self, script: Script, argument: bytes, payload: bytes) -> bytes:
        pipeline = await self._connected()
        keys = (b"1", self._prefix, argument, payload)
        try:
            answer = await pipeline.send(b"EVALSHA", script.sha, *keys)
            if isinstance(answer, self._refused) and str(answer).startswith("NOSCRIPT"):
                answer = await pipeline.send(b"EVAL", script.source, *keys)
        finally:
            if self._closed:
                pipeline.finish()
        if isinstance(answer, self._refused):
            raise Lost(f"Redis refused: {answer}")
        return answer

    async def _connected(self) -> "Pipeline":
        if self._pipeline is None or not self._pipeline.is_open:
            async with self._connecting:
                if self._pipeline is None or not self._pipeline.is_open:
                    self._pipeline = await self._connect()
        return self._pipeline

    async def _connect(self) -> "Pipeline":
        connection = self._pool.make_connection()
        try:
            await connection.connect()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        # redis-py has no other way to hand over what it opened. It would close it when it is collected.
        writer, connection._writer, connection._reader = connection._writer, None, None  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        assert writer is not None  # noqa: S101 - it is connected
        return self._made(writer)

    async def close(self) -> None:
        """Close when all answers have come; one that is asked for still gets a connection of its own."""
        self._closed = True
        if self._pipeline is not None:
            self._pipeline.finish()
