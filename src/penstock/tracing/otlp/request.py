"""One request from its bytes to lines of the journal. Pure work of the processor: nothing is read or written."""

import logging
from collections import Counter

import msgspec

from penstock.tracing.otlp.body import unpack
from penstock.tracing.otlp.decode import decode
from penstock.tracing.otlp.mapping.span import SpanMapper
from penstock.tracing.otlp.ports import Hide, Pricing
from penstock.tracing.otlp.types import Encoding, Mapped, Refused
from penstock.wire.span import Span

__all__ = ["Arrived", "append_line", "map_request"]

logger = logging.getLogger(__name__)

PREFIX = b'{"record":"span",'
_COMMA = PREFIX[-1]
_encode_into = msgspec.json.Encoder().encode_into


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a request beside its body."""

    project: str
    """Id of the project that the spans belong to."""
    encoding: Encoding
    content_encoding: str | None
    """The header of that name."""
    at: int
    """When it came, microseconds since the epoch."""
    limit: int
    """Bytes that it may have when it is unpacked."""


def append_line(lines: bytearray, span: Span) -> None:
    """Write a span that was mapped behind other lines, without a copy of it in between."""
    lines += PREFIX
    brace = len(lines) - 1
    # All JSON in the span was encoded here, so that no newline stands between its values.
    _encode_into(span, lines, brace)
    lines[brace] = _COMMA
    lines += b"\n"


def map_request(arrived: Arrived, body: bytes, *, pricing: Pricing, hide: Hide) -> Mapped:
    """The lines of what can be taken, and why the rest cannot.

    Raises:
        UnsupportedMedia: 415.
        InvalidInput: 400, not what its headers say.
        TooLarge: 413.
    """
    data = unpack(body, arrived.content_encoding, limit=arrived.limit)
    del body
    mapper = SpanMapper(arrived.project, now=arrived.at, pricing=pricing, hide=hide)
    lines = bytearray()
    spans = 0
    rejected: Counter[str] = Counter()
    for origin, received in decode(data, arrived.encoding):
        whole = len(lines)
        try:
            mapped = mapper.map(origin, received)
            if not isinstance(mapped, Refused):
                append_line(lines, mapped)
        except Exception:  # boundary: a span that nobody foresaw must not cost the others of its request
            logger.exception("span %s of project %s cannot be mapped", received.span_id, arrived.project)
            mapped = Refused("it could not be read; the console's log has the details")
            del lines[whole:]
        if isinstance(mapped, Refused):
            rejected[mapped.reason] += 1
        else:
            spans += 1
    return Mapped(bytes(lines), spans, dict(rejected))
