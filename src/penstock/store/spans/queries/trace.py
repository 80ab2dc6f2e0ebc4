"""One trace, and one span of it, whole."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from penstock.store.spans.columns import COLUMNS, USAGE, Form
from penstock.store.spans.duckdb.payloads import PAYLOADS, TextKey, large_texts
from penstock.store.spans.engine import Engine, Prepared, Read, prepare
from penstock.store.spans.expressions import column, sql
from penstock.store.spans.queries.outline import outline
from penstock.store.spans.queries.overview import known_cost
from penstock.store.spans.queries.scores import ScoreFilter, list_scores
from penstock.store.spans.types import SpanView, TraceTotals, TraceView, UsageView

__all__ = ["LONG", "MOST_TEXT", "MOST_WHOLE", "span", "trace"]

MOST_WHOLE = 200
"""Spans of a trace that is sent with its texts."""
MOST_TEXT = 1024 * 1024
"""Bytes of text of a trace that is sent with them."""
MOST_SCORES = 1000
LONG = ("input", "output", "attributes", "usage_raw")
"""Columns that a large trace is sent without."""
_MODEL_KINDS = {"llm", "embedding", "reranker"}
_NARROW = tuple(each for each in COLUMNS if each.name not in LONG)
_EXTRA = ("input_preview", "output_preview", *(f"{name}_bytes" for name in PAYLOADS), "rowid")


def _asked(text: str, *names: str) -> Prepared:
    query = sql(text)
    return prepare(query.select(*(column(name) for name in names), append=False))


_SPANS = _asked(
    "SELECT 1 FROM spans WHERE project = $project AND trace_id = $trace ORDER BY started, span_id",
    *(each.name for each in _NARROW),
    *_EXTRA,
)
_FEW = prepare(sql("SELECT span_id FROM spans WHERE project = $project AND trace_id = $trace LIMIT $limit"))
_SPAN = _asked(
    "SELECT 1 FROM spans WHERE project = $project AND trace_id = $trace AND span_id = $span LIMIT 1",
    *(each.name for each in _NARROW),
    *_EXTRA,
)
_TEXTS = _asked("SELECT 1 FROM spans WHERE rowid IN (SELECT unnest($rows))", "rowid", *LONG)


def trace(engine: Engine, project: str, trace_id: str, *, outlined: bool = False) -> TraceView | None:
    """All spans of a trace in order of start; None when the project has none of it.

    One of more than `MOST_WHOLE` spans or `MOST_TEXT` bytes is sent without its texts: `complete` is false, the
    columns of `LONG` are None, and `span` has them. With `outlined`, one of more than `MOST_WHOLE` spans is sent as
    its `outline`.

    Raises:
        ValueError: `trace_id` is not 32 hex digits.
    """
    values = {"project": project, "trace": uuid.UUID(hex=trace_id)}
    with engine.snapshot() as read:
        if outlined and len(read(_FEW, {**values, "limit": MOST_WHOLE + 1})) > MOST_WHOLE:
            return _outlined(engine, read, values)
        rows = read(_SPANS, values)
        if not rows:
            return None
        texts = _texts(read, project, trace_id, rows) if len(rows) <= MOST_WHOLE else None
    if texts is not None and sum(len(text) for text in texts.values()) > MOST_TEXT:
        texts = None
    spans = [_span(row, texts or {}) for row in rows]
    wanted = ScoreFilter(project=project, trace_id=trace_id)
    return TraceView(
        trace_id=spans[0].trace_id,
        spans=spans,
        totals=_totals(spans),
        scores=list_scores(engine, wanted, after=None, limit=MOST_SCORES),
        complete=texts is not None,
    )


def _outlined(engine: Engine, read: Read, values: dict[str, Any]) -> TraceView:
    made, totals = outline(read, values)
    trace_id = values["trace"].hex
    wanted = ScoreFilter(project=values["project"], trace_id=trace_id)
    return TraceView(
        trace_id=trace_id,
        spans=[],
        totals=totals,
        scores=list_scores(engine, wanted, after=None, limit=MOST_SCORES),
        complete=False,
        outline=made,
    )


def span(engine: Engine, project: str, trace_id: str, span_id: str) -> SpanView | None:
    """One span with everything that is known of it; None when the project has no such span.

    Raises:
        ValueError: an id is not 32, or 16, hex digits.
    """
    values = {"project": project, "trace": uuid.UUID(hex=trace_id), "span": int(span_id, 16)}
    with engine.snapshot() as read:
        rows = read(_SPAN, values)
        return _span(rows[0], _texts(read, project, trace_id, rows)) if rows else None


def _texts(read: Read, project: str, trace_id: str, rows: Sequence[Sequence[Any]]) -> Mapping[TextKey, str]:
    """The texts of these rows, by span id and column, wherever they lie."""
    spans = {row[-1]: row[_SPAN_AT] for row in rows}
    texts: dict[TextKey, str] = {}
    for place, *found in read(_TEXTS, {"rows": list(spans)}):
        texts |= {(spans[place], name): text for name, text in zip(LONG, found, strict=True) if text is not None}
    apart = [row for row in rows if any(size is not None for size in row[-1 - len(PAYLOADS) : -1])]
    starts, ids = [row[_STARTED_AT] for row in apart], [row[_SPAN_AT] for row in apart]
    return {**texts, **large_texts(read, project, trace_id, starts, spans=ids)}


_SPAN_AT = next(at for at, each in enumerate(_NARROW) if each.name == "span_id")
_STARTED_AT = next(at for at, each in enumerate(_NARROW) if each.name == "started")


def _spelling(form: Form) -> Callable[[Any], Any] | None:
    """How a stored value becomes what the record has; None: it is that already."""
    match form:
        case "tags":
            return lambda value: {} if value is None else value
        case "list":
            return lambda value: [] if value is None else value
        case "trace_id" | "digest":
            return lambda value: None if value is None else value.hex
        case "span_id":
            return lambda value: None if value is None else f"{value:016x}"
        case _:
            return None


_NAMES = tuple(each.name for each in _NARROW)
_SPELLED = tuple((at, spell) for at, each in enumerate(_NARROW) if (spell := _spelling(each.form)) is not None)
_WITHOUT: dict[str, Any] = dict.fromkeys(LONG)


def _span(row: Sequence[Any], texts: Mapping[TextKey, str]) -> SpanView:
    # Twenty thousand of these are one answer: only what is spelled otherwise is looked at.
    values = list(row[: len(_NAMES)])
    for at, spell in _SPELLED:
        values[at] = spell(values[at])
    fields: dict[str, Any] = dict(zip(_NAMES, values, strict=True))
    fields |= _WITHOUT
    if texts:
        # Checked when they were stored; sent on as they lie.
        for name in LONG:
            text = texts.get((row[_SPAN_AT], name))
            if text is not None:
                fields[name] = msgspec.Raw(text.encode())
    asked, answered = row[len(_NAMES) : len(_NAMES) + 2]
    return SpanView(key_name=None, **fields, input_preview=asked or "", output_preview=answered or "")


def _totals(spans: list[SpanView]) -> TraceTotals:
    models = [span for span in spans if span.kind in _MODEL_KINDS and not span.covered]
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
