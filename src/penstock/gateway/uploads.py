"""Requests to providers whose body is sent while it comes, over the connections of `penstock.gateway.connections`.

The caller is read no faster than the provider takes. A provider may answer before the body has ended: a
refusal ends the sending at once, any other answer is passed on while the rest is sent.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import Protocol

from penstock.core.errors import InvalidInput, PenstockError, UpstreamError
from penstock.gateway.connections import Connection, Location, Origin, Pool, locate
from penstock.providers.types import Target

__all__ = ["Upload", "Uploading", "Uploads", "upload_head"]


class Streamed(Protocol):
    """What is sent; `penstock.gateway.passthrough.address.StreamedRequest` is one."""

    @property
    def method(self) -> str: ...

    @property
    def url(self) -> str: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def body(self) -> AsyncIterator[bytes]: ...

    @property
    def length(self) -> int | None:
        """Bytes of the body; None: chunked."""
        ...


class Uploads:
    """Sends requests of which the body streams.

    Args:
        pool: Where connections go back to.
        connect: Takes a connection for an origin from the pool, with the errors of `HttpTransport.send`.
    """

    def __init__(self, pool: Pool, connect: Callable[[Origin, Target], Awaitable[Connection]]) -> None:
        self._pool = pool
        self._connect = connect

    def send(self, request: Streamed, target: Target, *, progress: Callable[[bool], None] | None = None) -> "Uploading":
        """An exchange, to be entered with `async with`, which gives the answer once its head has come.

        Args:
            request: What is sent. Its body is read from a task of this exchange's own.
            target: Named in errors.
            progress: Called with False after each part that was sent and with True once all of it was, so
                that timers can wait for a caller who sends slowly.

        Raises:
            PenstockError: what reading the body raised; it comes before what the provider makes of it.
            UpstreamError: no connection, or it was closed before an answer.
            InvalidInput: a header would break the framing.
        """
        return Uploading(self._pool, self._connect, request, target, progress)


class Uploading:
    """One exchange. Leaving it stops what is still being sent, and closes the connection unless all was read."""

    def __init__(
        self,
        pool: Pool,
        connect: Callable[[Origin, Target], Awaitable[Connection]],
        request: Streamed,
        target: Target,
        progress: Callable[[bool], None] | None,
    ) -> None:
        self._pool = pool
        self._connect = connect
        self._request = request
        self._target = target
        self._progress = progress
        self._upload: Upload | None = None

    async def __aenter__(self) -> "Upload":
        location = locate(self._request.url)
        head = upload_head(self._request.method, location, self._request.headers, length=self._request.length)
        connection = await self._connect(location.origin, self._target)
        upload = Upload(connection, self._request, self._progress)
        try:
            await upload.begin(head)
        except BaseException:
            await upload.stop()
            self._pool.give_back(connection, reuse=False)
            raise
        self._upload = upload
        return upload

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del error, trace
        upload = self._upload
        if upload is not None:
            sent = upload.sent
            try:
                await upload.stop()
            finally:
                self._pool.give_back(upload.connection, reuse=sent and kind is None)


class Upload:
    """The answer to a request whose body may still be on its way. See `gateway.ports.UpstreamResponse`.

    Attributes:
        sent: The whole body was handed to the connection.
    """

    def __init__(self, connection: Connection, request: Streamed, progress: Callable[[bool], None] | None) -> None:
        self.connection = connection
        self.sent = False
        self._request = request
        self._progress = progress
        self._valve = _Valve(connection)
        self._sending: asyncio.Task[None] | None = None
        self._trouble: PenstockError | None = None

    @property
    def status(self) -> int:
        return self.connection.status

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case."""
        return self.connection.headers

    async def begin(self, head: bytes) -> None:
        """Start to send, and wait for the head of the answer."""
        self.connection.begin(head, b"")
        if self._request.length == 0:
            self._done()
        else:
            self._start()
        try:
            await self.connection.head()
        except UpstreamError as error:
            raise self._trouble or error from None
        if self.status >= 400 and not self.sent:
            await self._stop_sending()

    async def chunk(self) -> bytes:
        """The next bytes of the answer as they come; empty at its end.

        Raises:
            UpstreamError: it was cut.
            PenstockError: the rest of the request's body could not be read.
        """
        try:
            return await self.connection.chunk()
        except UpstreamError as error:
            raise self._trouble or error from None

    async def stop(self) -> None:
        """Send no more. The connection is itself again."""
        await self._stop_sending()
        self._valve.remove()

    def _start(self) -> None:
        self._valve.install()
        # Held here and awaited in `stop`: a task group would wrap every error of the exchange in a group.
        self._sending = asyncio.get_running_loop().create_task(self._send())

    def _done(self) -> None:
        self.sent = True
        if self._progress is not None:
            self._progress(True)

    async def _stop_sending(self) -> None:
        sending, self._sending = self._sending, None
        if sending is not None:
            sending.cancel()
            # A cancellation of the caller's own comes through: `wait` does not swallow it.
            await asyncio.wait([sending])
            if not sending.cancelled():
                sending.result()

    async def _send(self) -> None:
        try:
            await self._write_body()
        except PenstockError as error:
            # Without the rest of its body the request is none; the provider sees its caller leave.
            self._trouble = error
            self.connection.abort()
        except asyncio.CancelledError:
            raise
        except BaseException:
            # A defect: the one who waits for the answer must not wait in vain, and hears of it in `stop`.
            self.connection.abort()
            raise

    async def _write_body(self) -> None:
        transport = self.connection.transport
        assert transport is not None  # noqa: S101 - the head was sent on it
        chunked = self._request.length is None
        left = self._request.length or 0
        async with _closing(self._request.body) as parts:
            async for part in parts:
                if not part:
                    continue
                left -= len(part)
                if not chunked and left < 0:
                    raise InvalidInput("The request body is longer than its content-length.", code="malformed_request")
                await self._valve.open()
                if self.connection.closed:
                    return
                transport.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
                if self._progress is not None:
                    self._progress(False)
        if not chunked and left > 0:
            raise InvalidInput("The request body is shorter than its content-length.", code="malformed_request")
        if chunked and not self.connection.closed:
            transport.write(b"0\r\n\r\n")
        self._done()


class _Valve(asyncio.Protocol):
    """Stands between a transport and its connection while a body is sent, and hears when to pause."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._open = asyncio.Event()
        self._open.set()

    def install(self) -> None:
        if self._connection.transport is not None:
            self._connection.transport.set_protocol(self)

    def remove(self) -> None:
        if self._connection.transport is not None and not self._connection.closed:
            self._connection.transport.set_protocol(self._connection)

    async def open(self) -> None:
        """Wait until the provider has taken enough of what was written."""
        await self._open.wait()

    def pause_writing(self) -> None:
        self._open.clear()

    def resume_writing(self) -> None:
        self._open.set()

    def data_received(self, data: bytes) -> None:
        self._connection.data_received(data)

    def eof_received(self) -> bool | None:
        return self._connection.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.set()
        self._connection.connection_lost(exc)


def upload_head(method: str, location: Location, headers: Mapping[str, str], *, length: int | None) -> bytes:
    """The head of a request; `length` None frames its body in chunks.

    Raises:
        InvalidInput: a header would break the framing.
    """
    lines = [f"{method} {location.path} HTTP/1.1", f"host: {location.authority}", "accept-encoding: identity"]
    for name, value in headers.items():
        if not (name + value).isprintable():
            raise InvalidInput(f"The header {name!r} holds a control character.", field=name)
        lines.append(f"{name}: {value}")
    if length is None:
        lines.append("transfer-encoding: chunked")
    elif length or method not in ("GET", "DELETE"):
        lines.append(f"content-length: {length}")
    try:
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    except UnicodeEncodeError as error:
        raise InvalidInput("A header holds a character that HTTP cannot carry.") from error


@contextlib.asynccontextmanager
async def _closing(parts: AsyncIterator[bytes]) -> AsyncGenerator[AsyncIterator[bytes]]:
    """Close a generator that is left early, so that what it holds is let go now."""
    try:
        yield parts
    finally:
        close = getattr(parts, "aclose", None)
        if close is not None:
            await close()
