"""A span as it was sent, and what became of a request."""

from typing import Any, NamedTuple

import msgspec

__all__ = ["Attributes", "Encoding", "Event", "Link", "Mapped", "Origin", "Outcome", "Received", "Refused"]

Attributes = dict[str, Any]
"""Values are str, int, float, bool, None, bytes, or lists and dictionaries of them."""
Encoding = str
"""`application/x-protobuf` or `application/json`."""


class Event(msgspec.Struct, frozen=True):
    """Something that happened at one moment of a span."""

    name: str
    time: int
    """Microseconds since the epoch."""
    attributes: Attributes


class Link(msgspec.Struct, frozen=True):
    """Another span that this one has to do with."""

    trace_id: str
    span_id: str
    attributes: Attributes


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What a group of spans has in common."""

    resource: Attributes
    scope: str = ""
    """Name of the instrumentation."""
    scope_version: str = ""
    scope_attributes: Attributes = {}


class Received(msgspec.Struct, kw_only=True):
    """One span as it came. Ids are lower-case hex; a wrong one is kept, so that it can be told."""

    trace_id: str
    span_id: str
    parent_id: str
    """Empty for a root."""
    name: str
    kind: int
    """OpenTelemetry's SpanKind: 1 internal, 2 server, 3 client, 4 producer, 5 consumer."""
    start: int
    """Nanoseconds since the epoch; 0 is none."""
    end: int
    status: int
    """0 unset, 1 ok, 2 error."""
    message: str
    """Of the status."""
    attributes: Attributes
    events: list[Event]
    links: list[Link]
    trace_state: str
    left_out: int
    """Attributes, events and links that the sender or a limit left out."""
    cut: int = 0
    """Values that were longer than the limit and were cut."""


class Refused(NamedTuple):
    """Why a span is not taken."""

    reason: str


class Mapped(NamedTuple):
    """One request as lines of the journal."""

    lines: bytes
    spans: int
    """How many lines."""
    rejected: dict[str, int]
    """Spans that were not taken, by reason."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one request."""

    accepted: int
    """Spans that are on the disk."""
    rejected: dict[str, int]
    """Spans that were not taken, by reason."""
