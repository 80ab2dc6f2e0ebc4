"""One request: what came, and the one way to answer it."""

from collections.abc import Callable
from typing import Protocol
from urllib.parse import unquote

from penstock.core.errors import InvalidInput, TooLarge

__all__ = ["Channel", "Request"]


STATUS = slice(9, 12)
"""Where the status stands in a head."""
BODILESS = frozenset({b"204", b"304"})
"""RFC 9110 §8.6 and §15.4.5: no body, and no length of one."""


class Channel(Protocol):
    """What a request needs of its connection."""

    @property
    def is_open(self) -> bool: ...

    @property
    def write_paused(self) -> bool:
        """The caller is slow to read."""
        ...

    @property
    def draining(self) -> bool:
        """Connections are closed after their next answer."""
        ...

    def write(self, data: bytes) -> None: ...

    async def drained(self) -> None:
        """Wait until the caller has read enough."""
        ...

    async def more(self, request: "Request") -> None:
        """Wait for more of the body. Raises `InvalidInput` when the caller went away."""
        ...

    def resume(self, request: "Request") -> None:
        """Read on, when what was held has been taken."""
        ...

    def finished(self, request: "Request") -> None:
        """The answer is complete."""
        ...

    def abort(self) -> None: ...


class Request:
    """The head of an HTTP request, its body as it comes, and the way to answer.

    Attributes:
        path: Decoded.
        headers: Names in lower case; a repeated header's values joined by a comma.
        on_disconnect: Called when the caller goes away before its answer is complete.
        answered_soon: The answer follows in this turn of the event loop, after the application has returned.
    """

    __slots__ = (
        "_bodiless",
        "_chunked",
        "_complete",
        "_connection",
        "_ended",
        "_parts",
        "_size",
        "_version",
        "answered_soon",
        "headers",
        "keep_alive",
        "method",
        "on_disconnect",
        "path",
        "query",
        "raw_path",
    )

    def __init__(self, connection: Channel, method: str, url: bytes, headers: dict[bytes, bytes]) -> None:
        self._connection = connection
        self.method = method
        raw_path, _, self.query = url.partition(b"?")
        self.raw_path = raw_path
        path = raw_path.decode("latin-1")
        self.path = unquote(path) if "%" in path else path
        self.headers = headers
        self.keep_alive = True
        self.on_disconnect: Callable[[], None] | None = None
        self.answered_soon = False
        self._version = "1.1"
        self._parts: list[bytes] = []
        self._size = 0
        self._complete = False
        self._chunked = False
        self._bodiless = False
        self._ended = False

    # What came

    def header(self, name: str) -> str | None:
        value = self.headers.get(name.encode())
        return None if value is None else value.decode("latin-1")

    @property
    def complete(self) -> bool:
        """The whole body has come."""
        return self._complete

    async def read(self) -> bytes:
        """The next part of the body, empty at its end.

        Raises:
            InvalidInput: `client_disconnected`: the caller went away before its end.
        """
        while not self._parts:
            if self._complete:
                return b""
            await self._connection.more(self)
        parts = self._parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self._size = 0
        self._connection.resume(self)
        return data

    async def body(self, limit: int) -> bytes:
        """The whole body.

        Raises:
            TooLarge: more than `limit` bytes were announced or came.
            InvalidInput: the body is compressed, or the caller went away before its end.
        """
        declared = self.headers.get(b"content-length")
        if declared is not None and int(declared) > limit:
            raise _too_large(limit)
        if self.headers.get(b"content-encoding", b"identity") != b"identity":
            raise InvalidInput(
                "A request body must come uncompressed (content-encoding: identity).", code="unsupported_encoding"
            )
        parts: list[bytes] = []
        size = 0
        while True:
            part = await self.read()
            size += len(part)
            if size > limit:
                raise _too_large(limit)
            if self._complete and not self._parts:
                return part if not parts else b"".join([*parts, part])
            parts.append(part)

    # The answer. Heads are given without their blank line and without framing headers.

    def respond(self, head: bytes, body: bytes) -> None:
        """The whole answer."""
        connection = self._connection
        self._ended = True
        if not connection.is_open:
            return
        length = b"content-length: %d\r\n" % len(body)
        if self.method == "HEAD":
            body = b""
        elif head[STATUS] in BODILESS:
            length = body = b""
        connection.write(head + length + self._persistence() + b"\r\n" + body)
        connection.finished(self)

    def open(self, head: bytes, *, length: int | None = None) -> None:
        """Begin an answer whose parts follow; `length` bytes of them, where that is known."""
        self._bodiless = self.method == "HEAD" or head[STATUS] in BODILESS
        if head[STATUS] in BODILESS:
            framing = b""
        elif length is not None:
            framing = b"content-length: %d\r\n" % length
        elif self._version == "1.0":
            # It ends where the connection does.
            self.keep_alive = False
            framing = b""
        else:
            self._chunked = True
            framing = b"transfer-encoding: chunked\r\n"
        self._connection.write(head + framing + self._persistence() + b"\r\n")

    async def write(self, data: bytes) -> None:
        """A part of the answer; waits while the caller is slow to read."""
        if data and not self._bodiless:
            self._connection.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
            if self._connection.write_paused:
                await self._connection.drained()

    def end(self, data: bytes = b"") -> None:
        """The last part."""
        self._ended = True
        connection = self._connection
        if not connection.is_open:
            return
        if self._bodiless:
            data = b""
        elif self._chunked:
            data = b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if data else b"0\r\n\r\n"
        connection.write(data)
        connection.finished(self)

    def abort(self) -> None:
        """Break an answer off, so that nobody takes it for complete."""
        self._connection.abort()

    def _persistence(self) -> bytes:
        if self._connection.draining:
            self.keep_alive = False
        if not self.keep_alive:
            return b"connection: close\r\n"
        return b"" if self._version == "1.1" else b"connection: keep-alive\r\n"

    # What the connection tells

    def came(self, data: bytes) -> int:
        """Bytes held now."""
        self._parts.append(data)
        self._size += len(data)
        return self._size

    def came_whole(self) -> None:
        self._complete = True

    def speaks(self, version: str, *, keep_alive: bool) -> None:
        self._version = version
        self.keep_alive = keep_alive

    @property
    def ended(self) -> bool:
        """The answer is complete."""
        return self._ended


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The request body is larger than the limit of {limit} bytes.",
        hint="Send less, or raise gateway.max_body in penstock.yaml.",
        code="request_too_large",
    )
