"""The record → OpenTelemetry's span, by the newest GenAI conventions.

What an application sent goes out as it came in where its conventions are the standard's; totals are OpenTelemetry's,
which include their details.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, cast

import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from penstock.wire.span import Kind, Span
from penstock.wire.usage import Usage

__all__ = ["EXPORTED", "export_request"]

EXPORTED = "penstock.exported"
"""An attribute of the resource: who receives such spans and exports in turn leaves them out, so that none go round."""
SCOPE = "penstock"
_OPERATIONS: dict[Kind, str] = {
    "llm": "chat",
    "embedding": "embeddings",
    "retriever": "retrieval",
    "tool": "execute_tool",
    "agent": "invoke_agent",
}
_KINDS = {"server": OtlpSpan.SPAN_KIND_SERVER, "client": OtlpSpan.SPAN_KIND_CLIENT}
_OWN = frozenset(
    {
        "otel.kind",
        "otel.events",
        "otel.links",
        "otel.resource",
        "otel.scope.name",
        "otel.scope.version",
        "otel.trace_state",
    }
)
"""Attributes of the record that have a place of their own in OpenTelemetry's span."""


def export_request(spans: Iterable[Span], *, content: bool) -> ExportTraceServiceRequest:
    """One request with these spans.

    Args:
        spans: Of any projects.
        content: Whether input and output go out, too.
    """
    by_service: defaultdict[str, list[Span]] = defaultdict(list)
    for span in spans:
        by_service[span.service or "penstock-gateway"].append(span)
    request = ExportTraceServiceRequest()
    for service, members in by_service.items():
        group = request.resource_spans.add()
        group.resource.attributes.extend(_pairs({"service.name": service, EXPORTED: True}))
        part = group.scope_spans.add()
        part.scope.name = SCOPE
        part.spans.extend(_span(span, content=content) for span in members)
    return request


def _span(span: Span, *, content: bool) -> OtlpSpan:
    rest = _object(span.attributes)
    model = span.kind in _OPERATIONS and span.kind in {"llm", "embedding"}
    kind = _KINDS.get(str(rest.get("otel.kind")), OtlpSpan.SPAN_KIND_CLIENT if model else OtlpSpan.SPAN_KIND_INTERNAL)
    made = OtlpSpan(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=bytes.fromhex(span.span_id),
        parent_span_id=bytes.fromhex(span.parent_id) if span.parent_id else b"",
        name=span.name,
        kind=kind,
        start_time_unix_nano=span.started * 1000,
        end_time_unix_nano=(span.started + span.duration) * 1000,
        trace_state=str(rest.get("otel.trace_state", "")),
    )
    if span.status != "ok":
        made.status.code = Status.STATUS_CODE_ERROR
        made.status.message = (span.error_message or span.status) if content else span.status
    attributes = {name: value for name, value in rest.items() if name not in _OWN} if content else _parameters(rest)
    made.attributes.extend(_pairs(attributes | _standard(span) | (_content(span) if content else {})))
    if content:
        _add_events(made, rest)
    for link in _dicts(rest.get("otel.links")):
        linked = made.links.add()
        linked.trace_id = bytes.fromhex(str(link.get("trace_id")))
        linked.span_id = bytes.fromhex(str(link.get("span_id")))
    return made


def _standard(span: Span) -> dict[str, Any]:
    """Names of the conventions, and `penstock.*` for what they have none for. None is left out."""
    known: dict[str, Any] = {
        "gen_ai.operation.name": _OPERATIONS.get(span.kind),
        "gen_ai.provider.name": span.provider,
        "gen_ai.request.model": span.requested_model,
        "gen_ai.response.model": span.served_model,
        "gen_ai.response.finish_reasons": span.finish_reasons or None,
        "gen_ai.request.stream": span.stream or None,
        "gen_ai.conversation.id": span.session,
        "gen_ai.prompt.name": span.prompt_name,
        "gen_ai.response.time_to_first_chunk": None if span.ttft is None else span.ttft / 1e6,
        "error.type": span.error_type,
        "http.response.status_code": span.http_status,
        "session.id": span.session,
        "user.id": span.user,
        "penstock.kind": span.kind,
        "penstock.project": span.project,
        "penstock.route": span.route,
        "penstock.variant": span.variant,
        "penstock.key": span.key,
        "penstock.cache": span.cache,
        "penstock.status": span.status,
        **{f"penstock.tag.{name}": value for name, value in span.tags.items()},
        **_usage(span),
    }
    return {name: value for name, value in known.items() if value is not None}


def _usage(span: Span) -> dict[str, Any]:
    usage = Usage(
        **{name: getattr(span, f"usage_{name}") for name in Usage.__struct_fields__}  # the same names on both
    )
    if not usage.total:
        return {}
    return {
        "gen_ai.usage.input_tokens": usage.total_input,
        "gen_ai.usage.output_tokens": usage.total_output,
        "gen_ai.usage.cache_read.input_tokens": usage.cache_read or None,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write or None,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning or None,
        "gen_ai.usage.cost": None if span.cost is None else span.cost / 1e9,
    }


def _content(span: Span) -> dict[str, Any]:
    """Messages as JSON text, which the conventions allow on spans and every backend reads."""
    found: dict[str, Any] = {}
    if span.input is not None:
        found["gen_ai.input.messages"] = bytes(span.input).decode()
    if span.output is not None:
        found["gen_ai.output.messages"] = bytes(span.output).decode()
    return found


def _parameters(rest: dict[str, Any]) -> dict[str, Any]:
    """Of the attributes, those that hold no text of anybody's: numbers, and what names the server and the answer."""
    named = ("server.address", "server.port", "gen_ai.response.id", "gen_ai.agent.name", "gen_ai.tool.name")
    return {name: value for name, value in rest.items() if isinstance(value, bool | int | float) or name in named}


def _add_events(made: OtlpSpan, rest: dict[str, Any]) -> None:
    for event in _dicts(rest.get("otel.events")):
        added = made.events.add(name=str(event.get("name")), time_unix_nano=int(event.get("time") or 0) * 1000)
        attributes = event.get("attributes")
        if isinstance(attributes, dict):
            added.attributes.extend(_pairs(cast("dict[str, Any]", attributes)))


def _object(raw: msgspec.Raw | None) -> dict[str, Any]:
    found = msgspec.json.decode(raw) if raw is not None else None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _dicts(value: object) -> list[dict[str, Any]]:
    entries = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", entry) for entry in entries if isinstance(entry, dict)]


def _pairs(attributes: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=name, value=_any(value)) for name, value in attributes.items()]


def _any(value: object) -> AnyValue:
    made = AnyValue()
    if isinstance(value, bool):
        made.bool_value = value
    elif isinstance(value, int):
        made.int_value = value
    elif isinstance(value, float):
        made.double_value = value
    elif isinstance(value, str):
        made.string_value = value
    elif isinstance(value, list):
        made.array_value.SetInParent()
        made.array_value.values.extend(_any(each) for each in cast("list[object]", value))
    elif isinstance(value, dict):
        made.kvlist_value.SetInParent()
        made.kvlist_value.values.extend(_pairs(cast("dict[str, Any]", value)))
    return made
