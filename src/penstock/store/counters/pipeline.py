"""Commands to Redis and their answers over one connection: many on the way at a time, in order."""

import asyncio
from collections import deque
from typing import Any, cast

import hiredis

__all__ = ["Gone", "Pipeline"]


class Gone(ConnectionError):
    """The connection ended before the answer."""


class Pipeline(asyncio.Protocol):
    """What is sent in one turn of the event loop leaves in one write, and what comes in one read is answered at once.

    Args:
        writer: Of a connection that is authenticated and has no answer outstanding; it is this object's now.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        """Kept because it closes its transport when it is collected."""
        self._transport = transport = cast("asyncio.Transport", writer.transport)
        self._reader = hiredis.Reader()
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._ending = False
        self.is_open = True
        transport.set_protocol(self)

    def send(self, *parts: bytes) -> asyncio.Future[Any]:
        """Send a command; its answer, or `Gone`. An error that Redis answers with is `hiredis.ReplyError`, a result.

        Whoever waits no longer cancels: the answer is taken and dropped, and the next ones stay in their places.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.is_open:
            self._waiting.append(answer)
            self._transport.write(hiredis.pack_command(parts))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType, reportArgumentType] - declared for one argument only
        else:
            answer.set_exception(Gone("the connection is closed"))
        return answer

    def finish(self) -> None:
        """Close once all answers have come."""
        self._ending = True
        if not self._waiting:
            self.abort()

    def abort(self) -> None:
        """Close at once; whoever waits gets `Gone`."""
        self._transport.abort()
        self._lose("the connection was closed")

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (answer := self._reader.gets()) is not False:
                future = self._waiting.popleft()
                if not future.done():
                    future.set_result(answer)
        except (hiredis.ProtocolError, IndexError) as error:
            # Not Redis's protocol, or an answer to nothing: whatever comes next could be taken for another's.
            self._transport.abort()
            self._lose(f"not an answer of Redis: {error}")
        if self._ending and not self._waiting:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(str(exc) if exc is not None else "Redis closed the connection")

    def _lose(self, reason: str) -> None:
        self.is_open = False
        waiting, self._waiting = self._waiting, deque()
        for answer in waiting:
            if not answer.done():
                answer.set_exception(Gone(reason))
