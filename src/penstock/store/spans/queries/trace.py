"""One trace, whole."""

import uuid
from typing import Any

import msgspec

from penstock.store.spans.columns import COLUMNS, USAGE, Form
from penstock.store.spans.engine import Engine
from penstock.store.spans.expressions import column, sql
from penstock.store.spans.queries.overview import known_cost
from penstock.store.spans.types import SpanView, TraceTotals, TraceView, UsageView

__all__ = ["trace"]

_MODEL_KINDS = {"llm", "embedding", "reranker"}


def trace(engine: Engine, project: str, trace_id: str) -> TraceView | None:
    """All spans of a trace in order of start; None when the project has none of it.

    Raises:
        ValueError: `trace_id` is not 32 hex digits.
    """
    query = sql("SELECT 1 FROM spans WHERE project = $project AND trace_id = $trace ORDER BY started, span_id")
    query = query.select(*(column(each.name) for each in COLUMNS), append=False)
    rows = engine.read(query, {"project": project, "trace": uuid.UUID(hex=trace_id)})
    if not rows:
        return None
    spans = [_span(row) for row in rows]
    return TraceView(trace_id=spans[0].trace_id, spans=spans, totals=_totals(spans))


def _span(row: tuple[Any, ...]) -> SpanView:
    return SpanView(
        key_name=None, **{each.name: _value(each.form, value) for each, value in zip(COLUMNS, row, strict=True)}
    )


def _value(form: Form, value: Any) -> Any:
    """A stored value as the record spells it."""
    match form:
        case "tags" | "list" if value is None:
            value = {} if form == "tags" else []
        case _ if value is None:
            pass
        case "trace_id" | "digest":
            value = value.hex
        case "span_id":
            value = f"{value:016x}"
        case "json":
            # Checked when it was stored; sent on as it lies.
            value = msgspec.Raw(value.encode())
        case _:
            pass
    return value


def _totals(spans: list[SpanView]) -> TraceTotals:
    models = [span for span in spans if span.kind in _MODEL_KINDS]
    costs = [span.cost for span in spans if span.cost is not None]
    return TraceTotals(
        duration=max(span.started + span.duration for span in spans) - min(span.started for span in spans),
        cost=known_cost(
            sum(costs),
            known=sum(span.cost is not None for span in models),
            unknown=sum(span.cost is None for span in models),
        ),
        usage=UsageView(
            input=sum(span.usage_input for span in spans),
            cache_read=sum(span.usage_cache_read for span in spans),
            cache_write=sum(span.usage_cache_write for span in spans),
            output=sum(span.usage_output for span in spans),
            reasoning=sum(span.usage_reasoning for span in spans),
            total=sum(getattr(span, bucket) for span in spans for bucket in USAGE),
            estimated=any(span.usage_estimated for span in spans),
        ),
    )
