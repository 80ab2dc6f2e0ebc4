"""Where an attempt's answer goes."""

from typing import Protocol

import msgspec

from penstock.core.errors import UpstreamError
from penstock.gateway.call import Attempt

__all__ = ["Delivery", "Ending", "Held", "Outrun"]


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """What is still to be sent once the call is recorded: a whole answer, or a stream's last bytes."""

    stream: bool
    body: bytes
    content_type: str = "application/json"
    attempt: Attempt | None = None
    """Which one answered; None for what no model was asked for."""


class Delivery(Protocol):
    """Takes an answer as it comes. `gateway.http.Responder` is one: the caller itself."""

    @property
    def given(self) -> bool:
        """The caller has content: nothing can be tried again (FAILURES G15)."""
        ...

    def claim(self) -> bool:
        """The first content of an attempt is here, before anything of it is written.

        False: another attempt was quicker, and this one is not wanted any more.
        """
        ...

    async def write(self, data: bytes) -> None:
        """More of a stream, all but its last bytes."""
        ...


class Outrun(Exception):
    """Another attempt was quicker; this one is given up."""


class Held:
    """Keeps a stream back until somebody has decided what becomes of it.

    Args:
        limit: Bytes that are kept; more is an error of the upstream.
    """

    def __init__(self, limit: int) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._limit = limit

    @property
    def given(self) -> bool:
        return False

    def claim(self) -> bool:
        # What a failed attempt left here is no part of the next one's answer.
        self._parts.clear()
        self._size = 0
        return True

    async def write(self, data: bytes) -> None:
        self._take(data)

    def whole(self, ending: Ending) -> Ending:
        """Everything that was kept, and what the attempt ended with."""
        if not ending.stream:
            return ending
        self._take(ending.body)
        return msgspec.structs.replace(ending, body=b"".join(self._parts))

    def _take(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            raise UpstreamError(
                f"The answer is longer than the {self._limit} bytes that can be held back to be checked.",
                code="upstream_too_large",
                retryable=False,
                hint="Raise gateway.max_response, or use a strategy that does not check answers.",
            )
        self._parts.append(data)
