"""The gateway's side of HTTP: what came in, and the one way to answer."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from penstock.core.errors import InvalidInput, TooLarge

__all__ = ["Receive", "Request", "Responder", "Scope", "Send", "read_body"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

VENDOR_PREFIXES = (b"anthropic-", b"openai-")
COMMENT = b": keep-alive\n\n"


class Request:
    """The head of an HTTP request."""

    __slots__ = ("headers", "method", "path", "query", "receive", "state")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.receive = receive
        self.state: dict[str, Any] = scope["state"]

    def header(self, name: str) -> str | None:
        value = self.headers.get(name.encode())
        return None if value is None else value.decode("latin-1")

    def vendor_headers(self) -> dict[str, str]:
        """The caller's headers that concern a provider: `anthropic-*` and `openai-*`."""
        return {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in self.headers.items()
            if name.startswith(VENDOR_PREFIXES)
        }

    def on_disconnect(self, callback: Callable[[], None]) -> None:
        """Have `callback` called when the caller goes away before its answer is complete.

        `server.protocol` calls it; ASGI's own way is a second task per request that waits for it.
        """
        self.state["on_disconnect"] = callback


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body.

    Raises:
        TooLarge: more than `limit` bytes were announced or came.
        InvalidInput: the body is compressed, or the caller went away before its end.
    """
    declared = request.headers.get(b"content-length")
    if declared is not None and int(declared) > limit:
        raise _too_large(limit)
    if request.headers.get(b"content-encoding", b"identity") != b"identity":
        raise InvalidInput(
            "A request body must come uncompressed (content-encoding: identity).", code="unsupported_encoding"
        )
    message = await request.receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False) and message["type"] == "http.request":
        return body
    parts = [body]
    size = len(body)
    while message["type"] == "http.request" and message.get("more_body", False):
        message = await request.receive()
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    if message["type"] != "http.request":
        raise InvalidInput("The caller went away before the request body was complete.", code="client_disconnected")
    return b"".join(parts)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The request body is larger than the limit of {limit} bytes.",
        hint="Send less, or raise gateway.max_body in penstock.yaml.",
        code="request_too_large",
    )


STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


def _head(status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
    line = STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
    return line + b"".join([b"%b: %b\r\n" % header for header in headers]) + b"\r\n"


class Responder:
    """Answers one request: whole, or as an event stream.

    Attributes:
        started: The response head was sent; from then on errors can only be events of the stream.
        status: What was sent, 0 before.
        finished: The last byte was handed over.
    """

    __slots__ = (
        "_answer",
        "_at_boundary",
        "_headers",
        "_interval",
        "_loop",
        "_quiet_since",
        "_send",
        "finished",
        "started",
        "status",
        "tasks",
    )

    def __init__(
        self, request: Request, send: Send, headers: list[tuple[bytes, bytes]], *, tasks: asyncio.TaskGroup
    ) -> None:
        self._send = send
        self._answer: Callable[[bytes], bool] | None = request.state.get("answer")
        self._headers = headers
        self._loop = asyncio.get_running_loop()
        self._quiet_since = self._loop.time()
        self._interval = 0.0
        self._at_boundary = True
        self.tasks = tasks
        self.started = False
        self.finished = False
        self.status = 0

    async def whole(
        self,
        status: int,
        body: bytes,
        *,
        content_type: bytes = b"application/json",
        headers: list[tuple[bytes, bytes]] | None = None,
    ) -> None:
        """Answer at once. No header may come from a caller or a provider unchecked."""
        self.started = self.finished = True
        self.status = status
        head = [
            (b"content-type", content_type),
            (b"content-length", b"%d" % len(body)),
            *self._headers,
            *(headers or ()),
        ]
        if self._answer is not None and self._answer(_head(status, head) + body):
            return
        await self._send({"type": "http.response.start", "status": status, "headers": head})
        await self._send({"type": "http.response.body", "body": body})

    async def open_stream(self) -> None:
        """Send the head of an event stream."""
        self.started = True
        self.status = 200
        head = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-cache"),
            (b"x-accel-buffering", b"no"),
            *self._headers,
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": head})

    async def write(self, data: bytes) -> None:
        """More of the stream; opens it when it is not open."""
        if not self.started:
            await self.open_stream()
        self._quiet_since = self._loop.time()
        self._at_boundary = data.endswith(b"\n\n")
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """The last of the stream."""
        if not self.started:
            await self.open_stream()
        self.finished = True
        await self._send({"type": "http.response.body", "body": data})

    def keep_streams_alive(self, interval: float) -> None:
        """Send a comment after each `interval` seconds of silence, so that no proxy on the way gives up."""
        self._interval = interval

    def keep_alive(self, now: float) -> None:
        """Called by the watchdog each tick."""
        if self._interval <= 0 or self.finished or not self._at_boundary or now - self._quiet_since < self._interval:
            return
        self._quiet_since = now
        self.tasks.create_task(self._comment())

    async def _comment(self) -> None:
        if self._at_boundary and not self.finished:
            await self.write(COMMENT)
