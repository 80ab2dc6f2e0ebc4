"""A caller's connection: framing by httptools, one request at a time, in the order they came."""

import asyncio
from collections import deque
from typing import Protocol

import httptools

from penstock.core.errors import InvalidInput
from penstock.gateway.inbound.request import Request

__all__ = ["BODY_SECONDS", "HEAD_SECONDS", "KEEPALIVE_SECONDS", "MAX_DISCARDED", "MAX_HEAD", "Connection"]

MAX_HEAD = 64 * 1024
"""Bytes of a request's first line and headers."""
HIGH_WATER = 256 * 1024
"""Bytes of a body held until the application asks for them; then the caller is made to wait."""
MAX_DISCARDED = 64 * 1024 * 1024
"""Bytes of a refused request's body that are read and dropped, so that its answer can be read before the close."""
KEEPALIVE_SECONDS = 75.0
HEAD_SECONDS = 30.0
"""For a head to be complete once it has begun."""
BODY_SECONDS = 60.0
"""Longest silence in the middle of a body."""
DRAIN_IDLE_SECONDS = 0.5
"""How long an idle connection is still served after draining began: its caller may be about to use it."""


def _refusal(status: bytes, text: bytes) -> bytes:
    return (
        b"HTTP/1.1 %b\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
        % (status, len(text), text)
    )


HEAD_TOO_LARGE = _refusal(
    b"431 Request Header Fields Too Large",
    b"The request's first line and headers are larger than the limit of %d bytes." % MAX_HEAD,
)
NOT_HTTP = _refusal(b"400 Bad Request", b"The request is not valid HTTP/1.1.")


class Host(Protocol):
    """What a connection needs of the listener it belongs to."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...

    @property
    def now(self) -> float:
        """Seconds of the loop's clock, as of the last tick."""
        ...

    @property
    def draining(self) -> bool: ...

    @property
    def connections(self) -> "set[Connection]": ...

    def serve(self, request: Request) -> None: ...


class Connection(asyncio.Protocol):
    """One caller's connection. Requests are served one after another, in the order they came."""

    __slots__ = (
        "_active",
        "_discarded",
        "_drain_waiters",
        "_head_bytes",
        "_headers",
        "_host",
        "_incoming",
        "_parser",
        "_part_ended",
        "_read_paused",
        "_transport",
        "_unparsed",
        "_url",
        "_waiter",
        "_waiting",
        "head_began",
        "is_open",
        "last_data",
        "write_paused",
    )

    def __init__(self, host: Host) -> None:
        self._host = host
        self.is_open = False
        self.write_paused = False
        self.last_data = host.now
        self.head_began = 0.0
        """When the head that is being read began; 0 when none is."""
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._unparsed: int | None = None
        """Bytes that are left of a body that the parser does not read."""
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._head_bytes = 0
        self._part_ended = False
        self._incoming: Request | None = None
        """Whose body is being read."""
        self._active: Request | None = None
        self._waiting: deque[Request] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._drain_waiters: list[asyncio.Future[None]] = []
        """Several: a stream's own writer, and a comment that keeps it alive."""
        self._read_paused = False
        self._discarded = 0

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # pyright: ignore[reportAttributeAccessIssue] - a stream's transport
        self.is_open = True
        self._host.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.is_open = False
        self._host.connections.discard(self)
        self._waiting.clear()
        self._wake()
        self.resume_writing()
        active = self._active
        if active is not None and not active.ended and active.on_disconnect is not None:
            active.on_disconnect()

    def pause_writing(self) -> None:
        self.write_paused = True

    def resume_writing(self) -> None:
        self.write_paused = False
        waiters, self._drain_waiters = self._drain_waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def data_received(self, data: bytes) -> None:
        self.last_data = self._host.now
        self._part_ended = False
        try:
            if self._unparsed is None:
                self._parser.feed_data(data)
            else:
                self._take_unparsed(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._begin_unparsed(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._fail(NOT_HTTP)
            return
        incoming = self._incoming
        if incoming is not None:
            # Its body is still coming; the application may read it, or refuse the request at once.
            if self._active is None:
                self._start(incoming)
        elif self._part_ended:
            self._head_bytes = 0
            self.head_began = 0.0
        else:
            self._count_head(len(data))

    # httptools callbacks

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        key = name.lower()
        headers = self._headers
        headers[key] = value if key not in headers else headers[key] + b", " + value

    def on_headers_complete(self) -> None:
        parser = self._parser
        url = self._url
        if not url.startswith(b"/"):
            # RFC 9112 §3.2.2: the absolute form; its authority is of no interest here.
            url = httptools.parse_url(url).path or b"/"
        request = Request(self, parser.get_method().decode("ascii"), url, self._headers)
        self._url = b""
        self._headers = {}
        version = parser.get_http_version()
        keep_alive = parser.should_keep_alive()
        if not keep_alive or version != "1.1":
            request.speaks(version, keep_alive=keep_alive)
        self._part_ended = True
        self._incoming = request
        if self._active is not None:
            self._waiting.append(request)
            self._pause_reading()
        if b"expect" in request.headers and self._active is None:
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        request = self._incoming
        if request is None:
            return
        if request.ended:
            self._discarded += len(body)
            if self._discarded > MAX_DISCARDED:
                self._transport.close()
        elif request.came(body) > HIGH_WATER:
            self._pause_reading()
        if request is self._active:
            self._wake()

    def on_message_complete(self) -> None:
        if self._parser.should_upgrade() and self._unparsed is None:
            return
        request, self._incoming = self._incoming, None
        self._part_ended = True
        if request is None:
            return
        request.came_whole()
        if self._active is None:
            self._start(request)
        elif request is self._active:
            if request.ended:
                self._next()
            else:
                self._wake()

    # What a request needs of it

    @property
    def draining(self) -> bool:
        return self._host.draining

    def write(self, data: bytes) -> None:
        if self.is_open:
            self._transport.write(data)

    async def drained(self) -> None:
        """Wait until the caller has read enough."""
        if self.write_paused and self.is_open:
            waiter = self._host.loop.create_future()
            self._drain_waiters.append(waiter)
            await waiter

    async def more(self, request: Request) -> None:
        """Wait for more of the body."""
        if not self.is_open:
            raise InvalidInput("The caller went away before the request body was complete.", code="client_disconnected")
        self.resume(request)
        waiter = self._waiter = self._host.loop.create_future()
        await waiter
        if not self.is_open and not request.complete:
            raise InvalidInput("The caller went away before the request body was complete.", code="client_disconnected")

    def resume(self, request: Request) -> None:
        """Read on, when what was held has been taken."""
        if self._read_paused and self.is_open and request is self._active and not self._waiting:
            self._read_paused = False
            self._transport.resume_reading()

    def finished(self, request: Request) -> None:
        """The answer is complete."""
        if request.complete:
            self._next()
        elif self._read_paused:
            self._read_paused = False
            self._transport.resume_reading()

    def abort(self) -> None:
        if self.is_open:
            self._transport.abort()

    def sweep(self, now: float, *, draining_since: float | None) -> None:
        """Close a connection that nobody uses, or whose request does not come on."""
        active = self._active
        quiet = now - self.last_data
        if active is None:
            if self.head_began:
                if now - self.head_began > HEAD_SECONDS:
                    self._transport.close()
            elif quiet > KEEPALIVE_SECONDS or (
                draining_since is not None and now - draining_since > DRAIN_IDLE_SECONDS
            ):
                self._transport.close()
        elif not active.complete and not self._read_paused and quiet > BODY_SECONDS:
            self._transport.abort()

    # Within

    def _start(self, request: Request) -> None:
        self._active = request
        self._host.serve(request)

    def _next(self) -> None:
        active, self._active = self._active, None
        self._discarded = 0
        self.last_data = self._host.now
        if active is not None and not active.keep_alive:
            self._transport.close()
            return
        if self._waiting:
            self._start(self._waiting.popleft())
        elif self._read_paused and self.is_open:
            self._read_paused = False
            self._transport.resume_reading()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _pause_reading(self) -> None:
        if not self._read_paused:
            self._read_paused = True
            self._transport.pause_reading()

    def _count_head(self, size: int) -> None:
        if not self._head_bytes:
            self.head_began = self._host.now
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD and not self._transport.is_closing():
            self._fail(HEAD_TOO_LARGE)

    def _begin_unparsed(self, data: bytes) -> None:
        """A caller offered another protocol, and the parser takes what follows the head for that protocol.

        Nothing here upgrades: what follows is the body, and the connection is closed after the answer.
        """
        request = self._incoming
        if request is None or b"transfer-encoding" in request.headers:
            self._fail(NOT_HTTP)
            return
        request.keep_alive = False
        self._unparsed = int(request.headers.get(b"content-length", b"0"))
        self._take_unparsed(data)

    def _take_unparsed(self, data: bytes) -> None:
        """More of a body that the parser does not read; what comes after it is dropped."""
        left = self._unparsed or 0
        body = data[:left]
        if body:
            self._unparsed = left - len(body)
            self.on_body(body)
        if not self._unparsed:
            self.on_message_complete()

    def _fail(self, refusal: bytes) -> None:
        """Answer what cannot be read, unless an answer to what came before is on its way."""
        if self._active is None:
            self._transport.write(refusal)
        self._transport.close()
