"""OTLP in both of its encodings, as spans one at a time.

Nothing is copied that is not asked for: of a request with many spans only one stands in memory as Python objects.
Strings over `MAX_TEXT` are cut with a mark; what is nested deeper than `MAX_DEPTH`, or is more than
`MAX_ATTRIBUTES` of one span, is left out and counted.
"""

import base64
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from penstock.core.errors import InvalidInput, TooLarge
from penstock.tracing.otlp.body import PROTOBUF
from penstock.tracing.otlp.types import Attributes, Encoding, Event, Link, Origin, Received

__all__ = ["MAX_SPANS", "decode"]

MAX_SPANS = 100_000
"""Of one request."""
MAX_TEXT = 1024 * 1024
"""Characters of one value."""
MAX_ATTRIBUTES = 2000
"""Of one span, of one event, and of one list."""
MAX_EVENTS = 1000
"""Events and links of one span, each."""
MAX_DEPTH = 8
"""Lists and maps within each other."""


def decode(data: bytes, encoding: Encoding) -> Iterator[tuple[Origin, Received]]:
    """The spans of a request, in its order. The data is read when this is called, spans as they are taken.

    Raises:
        InvalidInput: `malformed_otlp`.
        TooLarge: more than `MAX_SPANS` spans.
    """
    return _from_protobuf(data) if encoding == PROTOBUF else _from_json(data)


def _check_count(count: int) -> None:
    if count > MAX_SPANS:
        raise TooLarge(f"A request has at most {MAX_SPANS} spans, this one {count}.", hint="Send smaller batches.")


class _Counted:
    """What one span lost to limits."""

    __slots__ = ("cut", "left_out")

    def __init__(self) -> None:
        self.cut = 0
        self.left_out = 0

    def text(self, text: str) -> str:
        if len(text) <= MAX_TEXT:
            return text
        self.cut += 1
        return f"{text[:MAX_TEXT]}… [{len(text) - MAX_TEXT} more characters were cut]"


# --- protobuf ---------------------------------------------------------------------------------


def _from_protobuf(data: bytes) -> Iterator[tuple[Origin, Received]]:
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(data)
    except DecodeError as error:
        raise InvalidInput(
            "The body is no ExportTraceServiceRequest in protobuf.", hint="Is it JSON?", code="malformed_otlp"
        ) from error
    if data and not request.resource_spans:
        # Unknown fields are no error to protobuf, so almost anything can be read as an empty request.
        raise InvalidInput(
            "The body has bytes, but no spans that an ExportTraceServiceRequest could hold.", code="malformed_otlp"
        )
    _check_count(sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans))
    return _protobuf_spans(request)


def _protobuf_spans(request: ExportTraceServiceRequest) -> Iterator[tuple[Origin, Received]]:
    for group in request.resource_spans:
        resource = _pairs(group.resource.attributes, _Counted())
        for part in group.scope_spans:
            scope = part.scope
            origin = Origin(
                resource=resource,
                scope=scope.name,
                scope_version=scope.version,
                scope_attributes=_pairs(scope.attributes, _Counted()),
            )
            for span in part.spans:
                yield origin, _protobuf_span(span)


def _protobuf_span(span: Any) -> Received:
    counted = _Counted()
    attributes = _pairs(span.attributes, counted)
    events: list[Event] = []
    links: list[Link] = []
    if happened := span.events:
        counted.left_out += max(0, len(happened) - MAX_EVENTS)
        events = [
            Event(event.name, event.time_unix_nano // 1000, _pairs(event.attributes, counted))
            for event in happened[:MAX_EVENTS]
        ]
    if linked := span.links:
        counted.left_out += max(0, len(linked) - MAX_EVENTS)
        links = [
            Link(link.trace_id.hex(), link.span_id.hex(), _pairs(link.attributes, counted))
            for link in linked[:MAX_EVENTS]
        ]
    status = span.status
    return Received(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        kind=span.kind,
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        status=status.code,
        message=counted.text(status.message),
        attributes=attributes,
        events=events,
        links=links,
        trace_state=span.trace_state,
        left_out=counted.left_out
        + span.dropped_attributes_count
        + span.dropped_events_count
        + span.dropped_links_count,
        cut=counted.cut,
    )


def _pairs(pairs: Any, counted: _Counted, depth: int = 0) -> Attributes:
    if len(pairs) > MAX_ATTRIBUTES:
        counted.left_out += len(pairs) - MAX_ATTRIBUTES
        pairs = pairs[:MAX_ATTRIBUTES]
    found: Attributes = {}
    for pair in pairs:
        value = pair.value
        # Asking which kind a value is costs more than reading it as what most are. A member that is not set is empty.
        if text := value.string_value:
            found[pair.key] = text if len(text) <= MAX_TEXT else counted.text(text)
        elif number := value.int_value or value.double_value:
            found[pair.key] = number
        else:
            found[pair.key] = _value(value, counted, depth)
    return found


def _value(value: Any, counted: _Counted, depth: int) -> Any:  # noqa: PLR0911 - one for each kind of value
    kind = value.WhichOneof("value")
    match kind:
        case "string_value":
            return counted.text(value.string_value)
        case "int_value" | "bool_value" | "double_value":
            return getattr(value, kind)
        case "array_value" | "kvlist_value" if depth >= MAX_DEPTH:
            counted.left_out += 1
            return None
        case "array_value":
            values = value.array_value.values
            counted.left_out += max(0, len(values) - MAX_ATTRIBUTES)
            return [_value(each, counted, depth + 1) for each in values[:MAX_ATTRIBUTES]]
        case "kvlist_value":
            return _pairs(value.kvlist_value.values, counted, depth + 1)
        case "bytes_value":
            return _bytes(value.bytes_value, counted)
        case _:
            return None


def _bytes(data: bytes, counted: _Counted) -> str:
    """Base64, as OTLP's JSON writes it."""
    return counted.text(base64.b64encode(data).decode())


# --- JSON -------------------------------------------------------------------------------------


class _JsonValue(msgspec.Struct, rename="camel"):
    """AnyValue: one member is set. 64-bit integers may come as text (proto3's JSON mapping)."""

    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    array_value: "_JsonValues | None" = None
    kvlist_value: "_JsonPairs | None" = None
    bytes_value: str | None = None


class _JsonValues(msgspec.Struct):
    values: list[_JsonValue] = []


class _JsonPair(msgspec.Struct):
    key: str = ""
    value: _JsonValue | None = None


class _JsonPairs(msgspec.Struct):
    values: list[_JsonPair] = []


class _JsonEvent(msgspec.Struct, rename="camel"):
    time_unix_nano: int | str = 0
    name: str = ""
    attributes: list[_JsonPair] = []


class _JsonLink(msgspec.Struct, rename="camel"):
    trace_id: str = ""
    span_id: str = ""
    attributes: list[_JsonPair] = []


class _JsonStatus(msgspec.Struct):
    code: int | str = 0
    message: str = ""


class _JsonSpan(msgspec.Struct, rename="camel"):
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str | None = ""
    trace_state: str | None = ""
    name: str = ""
    kind: int | str = 0
    start_time_unix_nano: int | str = 0
    end_time_unix_nano: int | str = 0
    attributes: list[_JsonPair] = []
    events: list[_JsonEvent] = []
    links: list[_JsonLink] = []
    status: _JsonStatus | None = None
    dropped_attributes_count: int = 0
    dropped_events_count: int = 0
    dropped_links_count: int = 0


class _JsonScope(msgspec.Struct):
    name: str = ""
    version: str = ""
    attributes: list[_JsonPair] = []


class _JsonScopeSpans(msgspec.Struct):
    scope: _JsonScope | None = None
    spans: list[_JsonSpan] = []


class _JsonResource(msgspec.Struct):
    attributes: list[_JsonPair] = []


class _JsonResourceSpans(msgspec.Struct, rename="camel"):
    resource: _JsonResource | None = None
    scope_spans: list[_JsonScopeSpans] = []


class _JsonRequest(msgspec.Struct, rename="camel"):
    resource_spans: list[_JsonResourceSpans] = []


_decode_json = msgspec.json.Decoder(_JsonRequest).decode
_STATUS = {"STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
_KIND = {
    f"SPAN_KIND_{name}": number
    for number, name in enumerate(("INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"), 1)
}
_UINT64 = 2**64


def _from_json(data: bytes) -> Iterator[tuple[Origin, Received]]:
    try:
        request = _decode_json(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(
            f"The body is no ExportTraceServiceRequest in JSON: {error}.", code="malformed_otlp"
        ) from error
    _check_count(sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans))
    return _json_spans(request)


def _json_spans(request: _JsonRequest) -> Iterator[tuple[Origin, Received]]:
    for group in request.resource_spans:
        resource = _json_pairs(group.resource.attributes, _Counted()) if group.resource is not None else {}
        for part in group.scope_spans:
            scope = part.scope or _JsonScope()
            origin = Origin(
                resource=resource,
                scope=scope.name,
                scope_version=scope.version,
                scope_attributes=_json_pairs(scope.attributes, _Counted()),
            )
            for span in part.spans:
                yield origin, _json_span(span)


def _json_span(span: _JsonSpan) -> Received:
    counted = _Counted()
    counted.left_out = max(0, len(span.events) - MAX_EVENTS) + max(0, len(span.links) - MAX_EVENTS)
    status = span.status or _JsonStatus()
    return Received(
        trace_id=span.trace_id.lower(),
        span_id=span.span_id.lower(),
        parent_id=(span.parent_span_id or "").lower(),
        name=span.name,
        kind=span.kind if isinstance(span.kind, int) else _KIND.get(span.kind, 0),
        start=_integer(span.start_time_unix_nano),
        end=_integer(span.end_time_unix_nano),
        status=status.code if isinstance(status.code, int) else _STATUS.get(status.code, 0),
        message=counted.text(status.message),
        attributes=_json_pairs(span.attributes, counted),
        events=[
            Event(event.name, _integer(event.time_unix_nano) // 1000, _json_pairs(event.attributes, counted))
            for event in span.events[:MAX_EVENTS]
        ],
        links=[
            Link(link.trace_id.lower(), link.span_id.lower(), _json_pairs(link.attributes, counted))
            for link in span.links[:MAX_EVENTS]
        ],
        trace_state=span.trace_state or "",
        left_out=counted.left_out
        + span.dropped_attributes_count
        + span.dropped_events_count
        + span.dropped_links_count,
        cut=counted.cut,
    )


def _integer(given: int | str) -> int:
    """A time of a span; what is none is 0, which no span may have."""
    if isinstance(given, int):
        return given if 0 <= given < _UINT64 else 0
    return int(given) if given.isascii() and given.isdigit() and len(given) <= 20 else 0


def _json_pairs(pairs: Iterable[_JsonPair], counted: _Counted, depth: int = 0) -> Attributes:
    pairs = list(pairs)
    if len(pairs) > MAX_ATTRIBUTES:
        counted.left_out += len(pairs) - MAX_ATTRIBUTES
        del pairs[MAX_ATTRIBUTES:]
    return {pair.key: None if pair.value is None else _json_value(pair.value, counted, depth) for pair in pairs}


def _json_value(value: _JsonValue, counted: _Counted, depth: int) -> Any:  # noqa: PLR0911 - as above
    if value.string_value is not None:
        return counted.text(value.string_value)
    if value.int_value is not None:
        return _number(value.int_value, int)
    if value.bool_value is not None:
        return value.bool_value
    if value.double_value is not None:
        return _number(value.double_value, float)
    if value.bytes_value is not None:
        return counted.text(value.bytes_value)
    if value.array_value is None and value.kvlist_value is None:
        return None
    if depth >= MAX_DEPTH:
        counted.left_out += 1
        return None
    if value.array_value is not None:
        values = value.array_value.values
        counted.left_out += max(0, len(values) - MAX_ATTRIBUTES)
        return [_json_value(each, counted, depth + 1) for each in values[:MAX_ATTRIBUTES]]
    assert value.kvlist_value is not None  # noqa: S101 - narrows the type
    return _json_pairs(value.kvlist_value.values, counted, depth + 1)


def _number(given: float | str, kind: type[int] | type[float]) -> int | float | str:
    """A number that came as text; text that is none stays what it is."""
    if isinstance(given, float):
        return given
    try:
        number = kind(given) if len(str(given)) <= 400 else given
    except ValueError:
        return given
    # What is wider than 64 bits is no number of OTLP's, and none that is stored.
    return (
        number
        if isinstance(number, float) or (isinstance(number, int) and -_UINT64 // 2 <= number < _UINT64)
        else str(given)
    )
