"""OTLP requests for tests: built from plain dictionaries, in both encodings."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from penstock.core.clock import ManualClock
from penstock.tracing.otlp.body import PROTOBUF
from penstock.tracing.otlp.decode import decode
from penstock.tracing.otlp.intake import IntakeLimits, OtlpIntake
from penstock.tracing.otlp.mapping.span import SpanMapper
from penstock.wire.span import Span, decode_span
from penstock.wire.usage import Usage

__all__ = ["NOW", "Log", "as_json", "intake_of", "map_one", "price", "request", "span", "stream"]

NOW = 1_700_000_000_000_000
"""Microseconds: what a ManualClock begins with."""
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def any_value(value: object) -> AnyValue:  # noqa: PLR0911 - one for each kind
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case str():
            return AnyValue(string_value=value)
        case list() | tuple():
            made = AnyValue()
            made.array_value.SetInParent()
            made.array_value.values.extend(any_value(each) for each in value)
            return made
        case dict():
            made = AnyValue()
            made.kvlist_value.SetInParent()
            made.kvlist_value.values.extend(pairs(value))
            return made
        case _:
            raise TypeError(type(value))


def pairs(attributes: Mapping[str, object]) -> list[KeyValue]:
    return [KeyValue(key=name, value=any_value(value)) for name, value in attributes.items()]


def span(attributes: Mapping[str, object] | None = None, **fields: Any) -> dict[str, Any]:
    """What `request` makes a span of."""
    return {"attributes": attributes or {}, **fields}


def request(
    *spans: dict[str, Any],
    resource: Mapping[str, object] | None = None,
    scope: tuple[str, str] = ("", ""),
    scope_attributes: Mapping[str, object] | None = None,
) -> ExportTraceServiceRequest:
    made = ExportTraceServiceRequest()
    group = made.resource_spans.add()
    group.resource.attributes.extend(pairs({"service.name": "shop"} if resource is None else resource))
    part = group.scope_spans.add()
    part.scope.name, part.scope.version = scope
    part.scope.attributes.extend(pairs(scope_attributes or {}))
    for number, fields in enumerate(spans):
        one = part.spans.add()
        one.trace_id = bytes.fromhex(fields.get("trace_id", TRACE))
        one.span_id = bytes.fromhex(fields.get("span_id", f"{int(SPAN, 16) + number:016x}"))
        one.parent_span_id = bytes.fromhex(fields.get("parent_id", ""))
        one.name = fields.get("name", "work")
        one.kind = fields.get("kind", 1)
        one.start_time_unix_nano = fields.get("start", NOW * 1000)
        one.end_time_unix_nano = fields.get("end", NOW * 1000 + 1_500_000)
        one.trace_state = fields.get("trace_state", "")
        one.dropped_attributes_count = fields.get("dropped", 0)
        one.status.code, one.status.message = fields.get("status", (0, ""))
        one.attributes.extend(pairs(fields["attributes"]))
        for name, time, attributes in fields.get("events", ()):
            event = one.events.add(name=name, time_unix_nano=time)
            event.attributes.extend(pairs(attributes))
        for trace_id, span_id, attributes in fields.get("links", ()):
            link = one.links.add(trace_id=bytes.fromhex(trace_id), span_id=bytes.fromhex(span_id))
            link.attributes.extend(pairs(attributes))
    return made


def as_json(made: ExportTraceServiceRequest) -> bytes:
    """As OTLP's JSON has it: ids in hex, where proto3's own mapping has base64."""
    told = MessageToDict(made, use_integers_for_enums=True)
    for group, source in zip(told.get("resourceSpans", []), made.resource_spans, strict=True):
        for part, original in zip(group["scopeSpans"], source.scope_spans, strict=True):
            for one, real in zip(part.get("spans", []), original.spans, strict=True):
                one["traceId"], one["spanId"] = real.trace_id.hex(), real.span_id.hex()
                one["parentSpanId"] = real.parent_span_id.hex()
                for link, linked in zip(one.get("links", []), real.links, strict=True):
                    link["traceId"], link["spanId"] = linked.trace_id.hex(), linked.span_id.hex()
    return json.dumps(told).encode()


def price(provider: str, model: str, usage: Usage, at: int) -> tuple[int | None, str | None]:
    """Ten nano-dollars a token for every model of OpenAI's and Anthropic's."""
    known = provider in {"openai", "anthropic"}
    return (usage.total * 10, "list 1") if known else (None, None)


def map_one(attributes: Mapping[str, object] | None = None, **fields: Any) -> Span:
    """The record of one span, through protobuf and its journal line."""
    options = {name: fields.pop(name) for name in ("resource", "scope", "scope_attributes") if name in fields}
    data = request(span(attributes, **fields), **options).SerializeToString()
    mapper = SpanMapper("p1", now=NOW, pricing=price, hide=lambda user: f"hash of {user}")
    ((origin, received),) = decode(data, PROTOBUF)
    mapped = mapper.map(origin, received)
    assert isinstance(mapped, Span), mapped
    return mapped


class Log:
    """An intake log in memory, which may be told to fail."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.failure: Exception | None = None
        self.before: Callable[[], Any] | None = None

    async def append_durably(self, lines: bytes, count: int) -> None:
        if self.before is not None:
            await self.before()
        if self.failure is not None:
            raise self.failure
        assert lines.count(b"\n") == count
        self.lines += lines.splitlines()

    @property
    def spans(self) -> list[Span]:
        return [decode_span(line.replace(b'"record":"span",', b"", 1)) for line in self.lines]


def intake_of(log: Any, folder: Path, clock: ManualClock, **limits: int) -> OtlpIntake:
    return OtlpIntake(
        log, folder, clock=clock, pricing=price, hide=lambda user: f"hash of {user}", limits=IntakeLimits(**limits)
    )


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
