"""The gateway's one way to answer: whole, or as an event stream."""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus

from penstock.gateway.inbound.request import Request

__all__ = ["Responder", "header_lines", "status_line", "vendor_headers"]

VENDOR_PREFIXES = (b"anthropic-", b"openai-")
COMMENT = b": keep-alive\n\n"
STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


EVENT_STREAM = b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n"
JSON = b"content-type: application/json\r\n"


def vendor_headers(request: Request) -> dict[str, str]:
    """The caller's headers that concern a provider: `anthropic-*` and `openai-*`."""
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in request.headers.items()
        if name.startswith(VENDOR_PREFIXES)
    }


def status_line(status: int) -> bytes:
    return STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def header_lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join([b"%b: %b\r\n" % header for header in headers])


class Responder:
    """Answers one request: whole, or as an event stream.

    Attributes:
        started: The response head was sent; from then on errors can only be events of the stream.
        given: The caller has, or is about to have, content of an answer: no other can be given instead.
        status: What was sent, 0 before.
        finished: The last byte was handed over.
    """

    __slots__ = (
        "_at_boundary",
        "_headers",
        "_interval",
        "_quiet_since",
        "_request",
        "finished",
        "given",
        "started",
        "status",
        "tasks",
    )

    def __init__(self, request: Request, headers: bytes, *, tasks: asyncio.TaskGroup) -> None:
        self._request = request
        self._headers = headers
        self._quiet_since = 0.0
        self._interval = 0.0
        self._at_boundary = True
        self.tasks = tasks
        self.started = False
        self.finished = False
        self.given = False
        self.status = 0

    def add_headers(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """More headers of the answer, before it starts. None may come from a caller or a provider unchecked."""
        self._headers += header_lines(headers)

    def whole(
        self,
        status: int,
        body: bytes,
        *,
        content_type: bytes | None = None,
        headers: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        """Answer at once; JSON unless `content_type` says otherwise."""
        self.started = self.finished = True
        self.status = status
        kind = JSON if content_type is None else b"content-type: %b\r\n" % content_type
        self._request.respond(b"%b%b%b%b" % (status_line(status), kind, self._headers, header_lines(headers)), body)

    def open_stream(self) -> None:
        """Send the head of an event stream."""
        self.started = True
        self.status = 200
        self._request.open(b"%b%b%b" % (STATUS_LINES[200], EVENT_STREAM, self._headers))

    def open(self, status: int, headers: Iterable[tuple[bytes, bytes]], *, length: int | None) -> None:
        """Send the head of an answer that is passed on as it is; `length` bytes follow, where that is known."""
        self.started = self.given = True
        self.status = status
        self._request.open(b"%b%b%b" % (status_line(status), header_lines(headers), self._headers), length=length)

    def claim(self) -> bool:
        """The first content is about to come, and the caller wants it."""
        self.given = True
        return True

    async def write(self, data: bytes) -> None:
        """More of the stream; opens it when it is not open."""
        if not self.started:
            self.open_stream()
        self._quiet_since = self._now()
        self._at_boundary = data.endswith(b"\n\n")
        await self._request.write(data)

    def abort(self) -> None:
        """Break an answer off, so that nobody takes it for complete."""
        self.finished = True
        self._request.abort()

    def end(self, data: bytes = b"") -> None:
        """The last of the stream."""
        if not self.started:
            self.open_stream()
        self.finished = True
        self._request.end(data)

    def keep_streams_alive(self, interval: float) -> None:
        """Send a comment after each `interval` seconds of silence, so that no proxy on the way gives up."""
        self._interval = interval
        self._quiet_since = self._now()

    def keep_alive(self, now: float) -> None:
        """Called by the watchdog each tick."""
        if self._interval <= 0 or self.finished or not self._at_boundary or now - self._quiet_since < self._interval:
            return
        self._quiet_since = now
        self.tasks.create_task(self._comment())

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _comment(self) -> None:
        if self._at_boundary and not self.finished:
            await self.write(COMMENT)
