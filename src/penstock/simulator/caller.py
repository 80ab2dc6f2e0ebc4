"""One HTTP exchange over ASGI, with what ASGI lacks: closing and resetting the connection in the middle."""

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, NoReturn

from penstock.core.errors import TooLarge

__all__ = ["Broken", "Caller", "CallerLeft", "Headers", "Receive", "Scope", "Send"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_RESET: Final = struct.pack("ii", 1, 0)
"""`SO_LINGER` on, 0 seconds: close sends RST and drops what was not sent."""


class CallerLeft(Exception):
    """The caller closed its connection before the answer was complete."""


class Broken(Exception):
    """The exchange was broken off on order."""


class Caller:
    """The other side of one exchange.

    Args:
        scope: ASGI's. `state.transport` is the connection where the server gives it
            (`penstock.simulator.server` does); without it a reset is a plain close.
        receive: ASGI's.
        send: ASGI's.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state: dict[str, Any] = scope.get("state") or {}
        self._transport: asyncio.Transport | None = state.get("transport")
        self._receive = receive
        self._send = send
        self._complete = False

    async def body(self, limit: int) -> bytes:
        """The request's body.

        Raises:
            TooLarge: more than `limit` bytes came; the rest is not read.
            CallerLeft: the caller left before it was whole.
        """
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise CallerLeft
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            parts = [body]
            size = len(body)
            while message.get("more_body") and size <= limit:
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    raise CallerLeft
                parts.append(message.get("body", b""))
                size += len(parts[-1])
            body = b"".join(parts)
        if len(body) > limit:
            raise TooLarge(f"Expected a request body of at most {limit} bytes.")
        return body

    async def start(self, status: int, headers: Headers) -> None:
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, data: bytes, *, last: bool = False) -> None:
        self._complete = last
        await self._send({"type": "http.response.body", "body": data, "more_body": not last})

    async def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """A whole answer."""
        await self.start(status, [*headers, (b"content-length", b"%d" % len(body))])
        await self.write(body, last=True)

    async def wait(self, seconds: float | None) -> None:
        """Let time pass; None waits until the caller leaves.

        Raises:
            CallerLeft: it left meanwhile.
        """
        if seconds is not None and seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                while (await self._receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return
        raise CallerLeft

    async def close(self) -> NoReturn:
        """Send what was written, then close the connection, whatever is missing.

        Raises:
            Broken: always; the exchange is over.
        """
        if self._transport is not None:
            self._transport.close()
            await self._gone()
        raise Broken

    async def reset(self) -> NoReturn:
        """Reset the connection (RST).

        Raises:
            Broken: always; the exchange is over.
        """
        if self._transport is not None:
            _linger(self._transport)
            self._transport.abort()
            await self._gone()
        raise Broken

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _linger(transport: asyncio.Transport) -> None:
    """Make the coming close a reset. uvloop's socket object takes no options, so a duplicate does."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        with socket.socket(fileno=os.dup(connection.fileno())) as duplicate:
            duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
