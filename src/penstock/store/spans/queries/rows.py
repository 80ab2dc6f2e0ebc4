"""Rows of a list, out of narrow columns: what a call, the root of a trace or a span shows at a glance."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from sqlglot import exp

from penstock.store.spans.columns import USAGE
from penstock.store.spans.engine import Read, Rows
from penstock.store.spans.expressions import FAILED, TOKENS, Values, scatter, sql
from penstock.store.spans.filters import Scope
from penstock.store.spans.types import TraceRow, UsageView

__all__ = ["ROW", "fetch", "with_totals"]

ROW = "(call OR parent_id IS NULL)"
"""A row of the trace list: a call to the gateway, or the root of a trace that came from elsewhere."""
_FIELDS = (
    "trace_id", "span_id", "parent_id", "name", "kind", "call", "source", "service", "started", "duration", "ttft",
    "status", "error_type", "http_status", "operation", "stream", "route", "variant", "provider", "requested_model",
    "served_model", "prompt_name", "prompt_version", "session", "user", "key", "tags", "cache", "finish_reasons",
)  # fmt: skip
_BUCKETS = ("usage_input", "usage_cache_read", "usage_cache_write", "usage_output", "usage_reasoning")
_OWN = f"""
    SELECT {", ".join(f'"{name}"' for name in _FIELDS)}, coalesce(input_preview, ''), coalesce(output_preview, ''),
        1, CAST({FAILED} AS INTEGER), cost, usage_estimated, {TOKENS}, {", ".join(_BUCKETS)}
    FROM spans
    WHERE rowid IN (SELECT unnest($rows))
"""  # noqa: S608 - constants; values are bound
_STARTED = "project = $project AND started IN (SELECT unnest($starts))"
_TOTALS = f"""
    SELECT trace_id, span_id, spans, errors, cost, usage_estimated, {TOKENS}, {", ".join(_BUCKETS)}
    FROM totals
    WHERE project = $project AND started IN (SELECT unnest($starts)) AND span_id IN (SELECT unnest($spans))
"""  # noqa: S608 - as above
_SCORES = """
    SELECT trace_id, span_id, name, label, number FROM scores
    WHERE project = $project AND trace_id IN (SELECT unnest($traces))
    ORDER BY created
"""
_JOIN = f"""
    SELECT 1 FROM spans LEFT JOIN (
        SELECT trace_id AS total_trace, span_id AS total_span, cost AS total_cost, usage_total AS total_usage_total,
            {", ".join(f"{name} AS total_{name}" for name in USAGE)}
        FROM totals
        WHERE project = $project
    ) AS of_row ON CASE WHEN summed THEN span_id END = total_span AND trace_id = total_trace
"""  # noqa: S608 - constants; values are bound


def with_totals(
    query: exp.Select, *, needed: bool = True, inner: bool = False, time: Iterable[exp.Expr] = ()
) -> exp.Select:
    """The query over `spans` with the sums of each row beside it, as `total_<column>`, null where there are none.

    With `inner` there are only rows that have sums. Conditions compiled with the scope `row` look for them there.
    `time` is what holds of when the rows started, and so of their sums: no more of these are read.
    """
    if not needed:
        return query
    joined = sql(_JOIN)
    joins = [join.copy() for join in joined.args["joins"]]
    for join in joins:
        join.set("side", None if inner else join.side)
        sums = join.this.this
        sums.where(*(condition.copy() for condition in time), copy=False)
    query.set("joins", joins)
    return query


def fetch(
    read: Read, project: str, places: Sequence[int], starts: Sequence[int], *, scope: Scope = "row"
) -> list[TraceRow]:
    """Rows by their places in storage, in this order.

    Args:
        read: The snapshot in which the places were found.
        project: Whose rows.
        places: Theirs.
        starts: When they started, in any order.
        scope: Whether rows stand for what they sum up to.
    """
    if not places:
        return []
    values: Values = {"project": project, "rows": list(places), "starts": sorted(starts)}
    query = sql(_OWN).select("summed", "rowid")
    scatter(query)
    found = read(query.where(_STARTED, dialect="duckdb") if read.finds_by_time else query, values)
    summed = [row for row in found if row[-2]]
    totals = _totals(read, project, summed) if summed and scope == "row" else {}
    rows = {row[-1]: _row(row, totals.get((row[0], row[1]), ())) for row in found}
    listed = [rows[place] for place in places if place in rows]
    _judge(read, project, {row[0] for row in found}, listed)
    return listed


def _totals(read: Read, project: str, rows: Rows) -> dict[tuple[Any, Any], Sequence[Any]]:
    values: Values = {
        "project": project,
        "starts": [row[_FIELDS.index("started")] for row in rows],
        "spans": [row[1] for row in rows],
    }
    return {(row[0], row[1]): row[2:] for row in read(sql(_TOTALS), values)}


def _row(row: Sequence[Any], totals: Sequence[Any]) -> TraceRow:
    fields = dict(zip(_FIELDS, row, strict=False))
    asked, answered, *own = row[len(_FIELDS) : -2]
    spans, failed, cost, estimated, total, *buckets = totals or own
    fields |= {
        "trace_id": row[0].hex,
        "span_id": f"{row[1]:016x}",
        "parent_id": None if row[2] is None else f"{row[2]:016x}",
        "tags": fields["tags"] or {},
        "finish_reasons": fields["finish_reasons"] or [],
    }
    names = [name.removeprefix("usage_") for name in _BUCKETS]
    usage = UsageView(
        **dict(zip(names, cast("list[int]", buckets), strict=True)), total=int(total), estimated=bool(estimated)
    )
    return TraceRow(
        **fields,
        key_name=None,
        usage=usage,
        cost=cost,
        spans=int(spans),
        failed=int(failed),
        input_preview=asked,
        output_preview=answered,
    )


def _judge(read: Read, project: str, traces: set[Any], rows: Sequence[TraceRow]) -> None:
    """Put the scores of these traces beside their rows."""
    found = read(sql(_SCORES), {"project": project, "traces": list(traces)})
    by_trace: dict[str, list[Sequence[Any]]] = {}
    for trace, span, name, label, number in found:
        value = number if label is None else label
        by_trace.setdefault(trace.hex, []).append((None if span is None else f"{span:016x}", name, value))
    for row in rows:
        for span, name, value in by_trace.get(row.trace_id, ()):
            if span in {None, row.span_id} or row.parent_id is None:
                row.scores = row.scores | {name: value}
