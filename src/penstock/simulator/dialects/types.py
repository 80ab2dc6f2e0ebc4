"""What the server needs from a dialect."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import msgspec

from penstock.simulator.ask import Ask
from penstock.simulator.completion import Completion
from penstock.simulator.faults import UsageStyle
from penstock.simulator.models import Vendor

__all__ = ["Dialect", "Event", "StreamStyle"]


class Event(NamedTuple):
    """One frame of a stream."""

    data: bytes
    """The whole SSE event, blank line included."""
    tokens: int = 0
    """Tokens of content that it carries; 0 for lifecycle events."""


class StreamStyle(msgspec.Struct, frozen=True):
    """How a stream is cut and what it tells."""

    chunk_tokens: int = 1
    usage: UsageStyle | None = None
    """None: as the vendor does."""
    sse: bool = True
    """Gemini: False streams a JSON array, as it does without `alt=sse`."""


class Dialect(Protocol):
    """One wire format. Stateless."""

    @property
    def vendor(self) -> Vendor: ...

    def parse(self, body: bytes, *, model: str | None, stream: bool | None) -> Ask:
        """The request of a body; model and streaming as the path says, where it says so.

        Raises:
            InvalidInput: what the vendor would answer with 400.
        """
        ...

    def whole(self, ask: Ask, completion: Completion) -> bytes:
        """The body of an answer that is not streamed."""
        ...

    def events(self, ask: Ask, completion: Completion, style: StreamStyle) -> Iterator[Event]:
        """The frames of a streamed answer, in the vendor's order."""
        ...

    def error(self, status: int, message: str) -> bytes:
        """The vendor's error object for an HTTP status."""
        ...

    def error_event(self, message: str) -> bytes:
        """The frame that the vendor sends when a stream fails after it began."""
        ...
