"""A span as it was sent → the record.

Every convention reads what it knows and takes it away; what is left stays in `attributes`. The same span sent again
gives the same record, so that the store can tell that it has it.
"""

import re
from typing import Any

import msgspec

from penstock.tracing.otlp.mapping import genai, openinference, plain, traceloop
from penstock.tracing.otlp.mapping.draft import MODEL_KINDS, Draft
from penstock.tracing.otlp.mapping.messages import fitted, joined
from penstock.tracing.otlp.mapping.privacy import hide_secrets
from penstock.tracing.otlp.mapping.shape import Shape, Shapes
from penstock.tracing.otlp.mapping.usage import take_cost, take_usage
from penstock.tracing.otlp.mapping.values import encode
from penstock.tracing.otlp.ports import Hide, Pricing
from penstock.tracing.otlp.types import Attributes, Event, Origin, Received, Refused
from penstock.wire.span import Kind, Span

__all__ = ["SpanMapper"]

MAX_NAME = 500
"""Characters of a span's name, a model's, and the like."""
MAX_ATTRIBUTES = 2 * 1024 * 1024
"""Bytes of all that has no column."""
DAY = 86_400_000_000
REPORTED = "reported"
"""The price version of a cost that its sender computed."""
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}\Z").match
_SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}\Z").match


class SpanMapper:
    """Maps the spans of one request.

    Args:
        project: Id of the project that they belong to.
        now: Microseconds since the epoch.
        pricing: What model calls cost.
        hide: The hash of an end user's id.
    """

    def __init__(self, project: str, *, now: int, pricing: Pricing, hide: Hide) -> None:
        self._project = project
        self._now = now
        self._pricing = pricing
        self._hide = hide
        self._shapes = Shapes()
        self._trace_id = ""
        """The last one that was well formed."""
        self._origin: Origin | None = None
        self._known: dict[str, Any] = {}
        self._service: str | None = None
        self._environment: str | None = None

    def map(self, origin: Origin, received: Received) -> Span | Refused:
        """The record, or why there can be none."""
        refused = self._refusal(received)
        if refused is not None:
            return refused
        attributes = received.attributes
        shape = self._shapes.of(attributes)
        hide_secrets(attributes, shape.secrets)
        kind = _kind(attributes)
        draft = Draft(kind)
        tags: dict[str, str] = {}
        events = received.events
        started = received.start // 1000
        if events:
            draft.ttft = plain.first_chunk(events, started)
            events = genai.read_events(attributes, events, draft)
            # An event may have brought attributes of its own.
            shape = self._shapes.of(attributes)._replace(genai=True)
            hide_secrets(attributes, shape.secrets)
        _read(attributes, draft, tags, shape)
        if origin is not self._origin:
            self._enter(origin)
        if self._environment is not None:
            tags.setdefault("environment", self._environment)
        _close(draft)
        span = Span(
            project=self._project,
            trace_id=received.trace_id,
            span_id=received.span_id,
            parent_id=received.parent_id or None,
            name=received.name[:MAX_NAME] or kind,
            kind=kind,
            source="otlp",
            service=self._service,
            started=started,
            # Both ends are rounded down, so that spans that touched still touch.
            duration=max(0, received.end // 1000 - started),
            http_status=plain.http_status(attributes) if shape.http else None,
            operation=draft.operation,
            session=_short(draft.session),
            tags=tags,
            finish_reasons=draft.finish_reasons,
        )
        if draft.ttft is not None or draft.stream:
            span.ttft, span.stream = draft.ttft, True
        if kind in MODEL_KINDS:
            span.provider = _short(draft.provider)
            span.target_model = span.requested_model = _short(draft.model)
            span.served_model = _short(draft.served)
        if draft.prompt_name is not None or draft.prompt_version is not None:
            span.prompt_name, span.prompt_version = _short(draft.prompt_name), _short(draft.prompt_version)
        if draft.user:
            span.user = self._hide(draft.user)
        if received.status == 2:
            span.status = "error"
            span.error_type, span.error_message = plain.error_of(received)
        self._bill(span, attributes, shape)
        _write_text(span, draft)
        self._write_attributes(span, received, events)
        return span

    def _enter(self, origin: Origin) -> None:
        """What all spans of one origin have in common is read once."""
        self._origin = origin
        self._known = plain.describe_resource(origin)
        self._environment = plain.environment_of(origin)
        service = origin.resource.get("service.name")
        self._service = service[:MAX_NAME] if isinstance(service, str) and service else None

    def _refusal(self, received: Received) -> Refused | None:  # noqa: PLR0911 - one for each reason
        if received.trace_id != self._trace_id:
            if not _TRACE_ID(received.trace_id):
                return Refused("the trace id is not 16 bytes, or all zero")
            self._trace_id = received.trace_id
        if not _SPAN_ID(received.span_id):
            return Refused("the span id is not 8 bytes, or all zero")
        if received.parent_id and not _SPAN_ID(received.parent_id):
            if received.parent_id.strip("0"):
                return Refused("the parent's span id is not 8 bytes")
            received.parent_id = ""
        if received.parent_id == received.span_id:
            return Refused("the span is its own parent")
        if received.start <= 0:
            return Refused("there is no start time")
        if received.start // 1000 > self._now + DAY:
            return Refused("the start time lies more than a day ahead")
        return None

    def _bill(self, span: Span, attributes: Attributes, shape: Shape) -> None:
        """Usage and cost of a model call; anything else costs nothing itself, and totals stay where they are."""
        if span.kind not in MODEL_KINDS:
            span.cost = 0
            return
        cost = take_cost(attributes)
        reported = take_usage(attributes, shape.usage)
        if cost is not None:
            span.cost, span.price_version = cost, REPORTED
        if reported is None:
            return
        usage = reported.usage
        span.usage_input = usage.input
        span.usage_cache_read = usage.cache_read
        span.usage_cache_write = usage.cache_write
        span.usage_output = usage.output
        span.usage_reasoning = usage.reasoning
        span.usage_input_audio = usage.input_audio
        span.usage_output_audio = usage.output_audio
        span.usage_raw = msgspec.Raw(encode(reported.raw))
        for model in dict.fromkeys((span.served_model, span.target_model)):
            if span.cost is None and model is not None:
                span.cost, span.price_version = self._pricing(span.provider or "", model, usage, span.started)

    def _write_attributes(self, span: Span, received: Received, events: list[Event]) -> None:
        rest = received.attributes
        rest.update(self._known)
        rest.update(plain.describe(received, events))
        if not rest:
            return
        data = encode(rest)
        if len(data) > MAX_ATTRIBUTES:
            sizes = {name: len(encode(value)) for name, value in rest.items()}
            rest = {name: value for name, value in rest.items() if sizes[name] * 64 <= MAX_ATTRIBUTES}
            rest["otel.not_recorded"] = {name: size for name, size in sizes.items() if name not in rest}
            data = encode(rest) if sum(sizes[name] for name in rest if name in sizes) <= MAX_ATTRIBUTES else b"{}"
        span.attributes = msgspec.Raw(data)


def _kind(attributes: Attributes) -> Kind:
    return (
        openinference.kind_of(attributes)
        or genai.kind_of(attributes)
        or traceloop.kind_of(attributes)
        or plain.kind_of(attributes)
        or "span"
    )


def _read(attributes: Attributes, draft: Draft, tags: dict[str, str], shape: Shape) -> None:
    """By each convention that the span shows a sign of."""
    plain.read(attributes, draft, shape.owners)
    if shape.openinference:
        openinference.read(attributes, draft)
    if shape.genai:
        genai.read(attributes, draft)
    if shape.traceloop:
        traceloop.read(attributes, draft, tags)
    if shape.values:
        openinference.read_values(attributes, draft)
    if shape.tags:
        plain.read_tags(attributes, shape.tags, tags)
    if shape.listed_tags:
        plain.read_listed_tags(attributes, tags)


def _close(draft: Draft) -> None:
    """Finish reasons stand on the span and on the messages of its output; either may be the only one that was told."""
    if not draft.finish_reasons:
        draft.finish_reasons = joined(draft.output)
    elif len(draft.finish_reasons) == len(draft.output):
        for message, reason in zip(draft.output, draft.finish_reasons, strict=True):
            message.setdefault("finish_reason", reason)


def _write_text(span: Span, draft: Draft) -> None:
    if draft.input and (given := fitted(draft.input)) is not None:
        span.input = msgspec.Raw(given)
    if draft.output and (answered := fitted(draft.output)) is not None:
        span.output = msgspec.Raw(answered)


def _short(name: str | None) -> str | None:
    return None if name is None else name[:MAX_NAME]
