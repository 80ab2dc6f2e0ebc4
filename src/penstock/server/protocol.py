"""uvicorn's HTTP protocol with what it lacks: a bound on a request's head, and two things that ASGI cannot say."""

from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

__all__ = ["BoundedProtocol", "GatewayProtocol"]

MAX_HEAD = 64 * 1024
"""Bytes of a request's first line and headers."""
TOO_LARGE = b"The request's first line and headers are larger than the limit of %d bytes." % MAX_HEAD
REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(TOO_LARGE), TOO_LARGE)
)


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose request's head does not end within `MAX_HEAD` bytes.

    The parser keeps a header until its end has come, however long it is, before any key is asked for.
    """

    _head_bytes = 0
    """Of a head that is not complete."""
    _part_ended = False
    """A head or a body ended in the bytes that are being read; what follows it is less than one read."""
    _in_body = False

    def data_received(self, data: bytes) -> None:
        self._part_ended = False
        super().data_received(data)
        if self._part_ended:
            self._head_bytes = 0
        elif not self._in_body:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD and not self.transport.is_closing():
                self.transport.write(REFUSAL)
                self.transport.close()

    def on_headers_complete(self) -> None:
        self._part_ended = self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._part_ended = True
        self._in_body = False
        super().on_message_complete()


class GatewayProtocol(BoundedProtocol):
    """Tells the application when its caller leaves, and takes a whole answer in one piece.

    `scope["state"]["on_disconnect"]`, set by the application, is called when the connection is lost
    before the answer is complete. ASGI's own way, `receive()`, costs a second task for every request.

    `scope["state"]["answer"]`, called with the bytes of a head and a body, sends them. False means
    that this connection wants the ordinary way. ASGI's own way checks every header of every answer
    with two regular expressions.
    """

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        state: dict[str, Any] = self.scope["state"]  # pyright: ignore[reportTypedDictNotRequiredAccess] - uvicorn always sets it
        state["answer"] = partial(_answer, self.cycle)

    def connection_lost(self, exc: Exception | None) -> None:
        cycle = self.cycle
        super().connection_lost(exc)
        if cycle is not None and not cycle.response_complete:  # pyright: ignore[reportUnnecessaryComparison] - None before the first request
            callback = cycle.scope["state"].get("on_disconnect")  # pyright: ignore[reportTypedDictNotRequiredAccess] - as above
            if callback is not None:
                callback()


def _answer(cycle: RequestResponseCycle, data: bytes) -> bool:
    if cycle.disconnected or cycle.response_started or not cycle.keep_alive or cycle.flow.write_paused:
        return False
    cycle.response_started = cycle.response_complete = True
    cycle.transport.write(data)
    cycle.message_event.set()
    cycle.on_response()
    return True
