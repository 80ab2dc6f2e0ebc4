"""uvicorn's HTTP protocol with what it lacks: a bound on a request's head, and a stop that drops no request."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["BoundedProtocol"]

MAX_HEAD = 64 * 1024
"""Bytes of a request's first line and headers."""
TOO_LARGE = b"The request's first line and headers are larger than the limit of %d bytes." % MAX_HEAD
REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(TOO_LARGE), TOO_LARGE)
)


ARRIVAL_SECONDS = 0.5
"""How long the first request of a connection is waited for when the server stops: it may be on its way."""


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

    def shutdown(self) -> None:
        """Stop with the answer under way; a connection that was only just made gets one, too."""
        if self.cycle is None:  # pyright: ignore[reportUnnecessaryComparison] - typed as if there were one from the start
            asyncio.get_running_loop().call_later(ARRIVAL_SECONDS, super().shutdown)
        else:
            super().shutdown()

    def on_headers_complete(self) -> None:
        self._part_ended = self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._part_ended = True
        self._in_body = False
        super().on_message_complete()
