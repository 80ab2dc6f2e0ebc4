"""Spans on their way out of the process: marked with the context, queued, masked, exported."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, cast

from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage] - what all of OpenTelemetry's exporters set
    Context,
    attach,
    detach,
    set_value,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status

from penstock.core.clock import Clock
from penstock.sdk.context import span_attributes
from penstock.sdk.masking import Masker
from penstock.sdk.outbox import Bounds, Outbox
from penstock.sdk.state import Delivery

__all__ = ["SpanQueue"]

MAX_OPEN = 100_000
"""Spans in progress that are known to be parents or not; the oldest are forgotten."""
SPAN_BYTES = 500
"""Of a span without its texts, roughly."""


class SpanQueue(SpanProcessor):
    """Sends every sampled span to an exporter, in the background.

    A full queue drops spans without children first, so that what is left of a trace still holds together.

    Args:
        exporter: Any exporter of OpenTelemetry. It is called from one thread, and shut down at the end.
        masker: Applied to every text of a span before the exporter sees it.
        resource: Added to the spans' own; None adds nothing.
        clock: See `Outbox`.
        bounds: See `Outbox`.
        exit_seconds: How long `shutdown`, and so the process's exit, may take.
    """

    def __init__(
        self,
        exporter: SpanExporter,
        *,
        clock: Clock,
        masker: Masker | None = None,
        resource: Resource | None = None,
        bounds: Bounds = Bounds(),  # noqa: B008 - immutable
        exit_seconds: float = 5.0,
    ) -> None:
        self._exporter = exporter
        self._masker = masker
        self._resource = resource
        self._exit_seconds = exit_seconds
        self._outbox: Outbox[ReadableSpan] = Outbox(
            self._export, name="spans", weigh=_weigh, clock=clock, bounds=bounds, finish=exporter.shutdown
        )
        # Without a lock: each step on it is atomic, and a step that is missed costs a place in the order of dropping.
        self._open: OrderedDict[int, bool] = OrderedDict()
        self.stopped = False

    @property
    def delivery(self) -> Delivery:
        return self._outbox.delivery

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Put session, user and tags on the span, and note whose child it is."""
        del parent_context
        if self.stopped:
            return
        for name, value in span_attributes().items():
            if name not in (span.attributes or {}):
                span.set_attribute(name, value)
        own = span.get_span_context()
        self._open[own.span_id] = False
        if span.parent is not None and span.parent.span_id in self._open:
            self._open[span.parent.span_id] = True
        if len(self._open) > MAX_OPEN:
            self._open.popitem(last=False)

    def on_end(self, span: ReadableSpan) -> None:
        """Queue the span. Never blocks, never raises."""
        own = span.get_span_context()
        if self.stopped or own is None:
            return
        is_parent = self._open.pop(own.span_id, False)
        if own.trace_flags.sampled:
            is_root = span.parent is None or span.parent.is_remote
            self._outbox.put(span, vital=is_parent or is_root)

    def shutdown(self) -> None:
        """Send what waits, within the deadline of the exit; then take no more."""
        self.stopped = True
        self._outbox.close(self._exit_seconds)

    def force_flush(self, timeout_millis: int | None = None) -> bool:
        """Send what has ended so far; False when it took longer than the timeout, by default the exit's."""
        return self._outbox.flush(self._exit_seconds if timeout_millis is None else timeout_millis / 1000)

    def _export(self, spans: list[ReadableSpan]) -> bool:
        # What the exporter itself does must not become spans again.
        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        try:
            return self._exporter.export([self._prepared(span) for span in spans]) is SpanExportResult.SUCCESS
        finally:
            detach(token)

    def _prepared(self, span: ReadableSpan) -> ReadableSpan:
        """The span as it may leave: masked, with the resource's own attributes."""
        masker = self._masker
        if masker is None and self._resource is None:
            return span
        resource = span.resource if self._resource is None else span.resource.merge(self._resource)
        return ReadableSpan(
            name=span.name if masker is None else masker.text(span.name),
            context=span.get_span_context(),
            parent=span.parent,
            resource=resource,
            attributes=span.attributes if masker is None else _masked(span.attributes, masker),
            events=span.events if masker is None else [_masked_event(event, masker) for event in span.events],
            links=span.links,
            kind=span.kind,
            status=span.status if masker is None else _masked_status(span.status, masker),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )


def _masked(attributes: Mapping[str, Any] | None, masker: Masker) -> dict[str, Any]:
    return {name: masker.value(value) for name, value in (attributes or {}).items()}


def _masked_event(event: Event, masker: Masker) -> Event:
    return Event(masker.text(event.name), _masked(event.attributes, masker), event.timestamp)


def _masked_status(status: Status, masker: Masker) -> Status:
    if status.description is None:
        return status
    return Status(status.status_code, masker.text(status.description))


def _weigh(span: ReadableSpan) -> int:
    """Bytes of a span, roughly: texts make nearly all of what is large."""
    total = SPAN_BYTES + sum(_size(value) for value in (span.attributes or {}).values())
    for event in span.events:
        total += 100 + sum(_size(value) for value in (event.attributes or {}).values())
    return total


def _size(value: object) -> int:
    if isinstance(value, str | bytes):
        return 40 + len(value)
    if isinstance(value, Sequence):
        return 40 + sum(_size(entry) for entry in cast("Sequence[object]", value))
    if isinstance(value, Mapping):
        return 40 + sum(_size(entry) for entry in cast("Mapping[str, object]", value).values())
    return 40
