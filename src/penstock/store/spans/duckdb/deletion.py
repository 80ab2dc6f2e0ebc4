"""Deleting spans and scores with all that was made of them, a bounded number at a time, each time whole.

A batch is one transaction: spans, long texts, sums, scores, and how many they were. The hours of the spans are summed
up and indexed anew; what was summed up of them before is gone with the batch.
"""

import uuid

import duckdb
from sqlglot import exp

from penstock.store.spans.conditions import compiled, needs_totals
from penstock.store.spans.deletion import Deleted, Remaining, Selection
from penstock.store.spans.duckdb.engine import DuckDbEngine, render
from penstock.store.spans.duckdb.kin import sum_up_again
from penstock.store.spans.duckdb.rollup import make_pending
from penstock.store.spans.duckdb.text_index import forget_words
from penstock.store.spans.engine import Engine
from penstock.store.spans.expressions import HOUR, Values, bind, column
from penstock.store.spans.filters import Filter
from penstock.store.spans.queries.rows import ROW, with_totals
from penstock.store.spans.tree import Node, Not, all_of

__all__ = ["BATCH_SPANS", "delete_batch", "forget_deletion", "remaining", "scores_of", "spans_of"]

BATCH_SPANS = 50_000
"""Of one transaction at most, unless a single trace has more; ingestion waits for it."""
BATCH_TRACES = 5_000
BATCH_SCORES = 100_000

_SIZES = """
    SELECT trace_id, count(*) FROM spans
    WHERE project = $project AND trace_id IN (SELECT unnest($traces)) GROUP BY trace_id
"""
_THESE = "project = $project AND trace_id IN (SELECT trace_id FROM doomed)"
_HOURS = f"SELECT DISTINCT started // {HOUR} * {HOUR} FROM"
_PLACES = "CREATE OR REPLACE TEMP TABLE doomed AS"
_DOOMED = (
    "rowid AS place",
    *("project", "trace_id", "span_id", "started"),
    "coalesce(input_bytes, output_bytes, attributes_bytes) AS large",
)
_LARGE = """
    DELETE FROM payloads
    WHERE started >= (SELECT min(started) FROM doomed) AND started <= (SELECT max(started) FROM doomed)
        AND (project, trace_id, span_id) IN (SELECT project, trace_id, span_id FROM doomed WHERE large IS NOT NULL)
"""
_NOTE = (
    "INSERT INTO deletions SELECT $job, 0, 0 WHERE $job NOT IN (SELECT job FROM deletions)",
    "UPDATE deletions SET spans = spans + $spans, scores = scores + $scores WHERE job = $job",
)
_NOTED = "SELECT coalesce(max(spans), 0), coalesce(max(scores), 0) FROM deletions WHERE job = $job"


def delete_batch(engine: DuckDbEngine, selection: Selection, *, job: str) -> Deleted:
    """Delete some of the selection, and count it for the job.

    Args:
        engine: The store.
        selection: The same each time.
        job: Whose count it is; what was deleted under it before is in the answer, whatever crashed when.

    Raises:
        Unavailable: the store is down; nothing of this batch is deleted.
    """
    with engine.write() as cursor:
        spans = scores = 0
        if selection.spans:
            spans, scores = _delete_traces(cursor, selection) if selection.whole else _delete_spans(cursor, selection)
        if selection.scores and not spans:
            scores = _delete_scores(cursor, selection)
        if spans or scores:
            for statement in _NOTE:
                values = {"job": job, "spans": spans, "scores": scores}
                cursor.execute(statement, {name: values[name] for name in values if f"${name}" in statement})
        ((all_spans, all_scores),) = cursor.execute(_NOTED, {"job": job}).fetchall()
    return Deleted(spans=all_spans, scores=all_scores, more=bool(spans or scores))


def remaining(engine: Engine, selection: Selection) -> Remaining:
    """What of the selection is stored now. Raises `Unavailable` while the store is down."""
    spans = scores = 0
    with engine.snapshot() as read:
        if selection.spans:
            values: Values = {}
            ((spans,),) = read(spans_of(selection, values, "count(*)"), values)
        values = {}
        query = scores_of(selection, values, "count(*)")
        if query is not None:
            ((scores,),) = read(query, values)
    return Remaining(spans=spans, scores=scores)


def forget_deletion(engine: DuckDbEngine, job: str) -> None:
    """Drop the count of a deletion that is over."""
    with engine.write() as cursor:
        cursor.execute("DELETE FROM deletions WHERE job = $job", {"job": job})


def spans_of(selection: Selection, values: Values, *columns: str) -> exp.Select:
    """The spans that the selection is about; of whole traces at least one each."""
    values["project"] = selection.project
    query = with_totals(exp.select(*columns).from_("spans"), needed=needs_totals(selection.where))
    query = query.where("project = $project", dialect="duckdb")
    conditions: list[Node | None] = [
        Filter(column="trace_id", operator="in", value=list(selection.traces)) if selection.traces else None,
        *(
            Filter(column=name, operator="eq", value=value)
            for name, value in (("session", selection.session), ("key", selection.key))
            if value is not None
        ),
        Filter(column="user", operator="in", value=list(selection.users)) if selection.users else None,
        None if selection.before is None else Filter(column="started", operator="lt", value=selection.before),
        Filter(column="kind", operator="in", value=list(selection.kinds)) if selection.kinds else None,
        Not(Filter(column="kind", operator="in", value=list(selection.other_kinds))) if selection.other_kinds else None,
    ]
    own = all_of(*conditions)
    if own is not None:
        query = query.where(compiled(own, values))
    if selection.where is not None:
        query = query.where(ROW, compiled(selection.where, values, scope="row"), dialect="duckdb")
    return query


def scores_of(selection: Selection, values: Values, *columns: str) -> exp.Select | None:
    """The scores that the selection is about beside those of its traces; None when there are no such."""
    if not selection.scores:
        return None
    values["project"] = selection.project
    query = exp.select(*columns).from_("scores").where("project = $project", dialect="duckdb")
    if selection.traces:
        traces = [bind(values, uuid.UUID(hex=trace)) for trace in selection.traces]
        query = query.where(exp.In(this=column("trace_id"), expressions=traces))
    elif selection.session is not None:
        query = query.where(exp.EQ(this=column("session"), expression=bind(values, selection.session)))
    elif selection.whole or selection.kinds:
        return None
    if selection.before is not None:
        query = query.where(exp.LT(this=column("created"), expression=bind(values, selection.before)))
    return query


def _delete_traces(cursor: duckdb.DuckDBPyConnection, selection: Selection) -> tuple[int, int]:
    values: Values = {}
    query = spans_of(selection, values, "trace_id").distinct().limit(BATCH_TRACES)
    found = [trace for (trace,) in cursor.execute(render(query), values).fetchall()]
    if not found:
        return 0, 0
    own = {"project": selection.project}
    chosen: list[uuid.UUID] = []
    room = BATCH_SPANS
    for trace, size in cursor.execute(_SIZES, own | {"traces": found}).fetchall():
        if not chosen or size <= room:
            chosen.append(trace)
            room -= size
    cursor.execute(f"{_PLACES} SELECT unnest($traces) AS trace_id", {"traces": chosen})
    hours = cursor.execute(f"{_HOURS} spans WHERE {_THESE}", own).fetchall()
    deleted = [
        _count(cursor.execute(f"DELETE FROM {table} WHERE {_THESE}", own))  # noqa: S608 - constants; values are bound
        for table in ("spans", "payloads", "totals", *(["scores"] if selection.scores else []))
    ]
    make_pending(cursor, [hour for (hour,) in hours])
    forget_words(cursor, [(hour, hour + HOUR) for (hour,) in hours])
    return deleted[0], deleted[3] if selection.scores else 0


def _delete_spans(cursor: duckdb.DuckDBPyConnection, selection: Selection) -> tuple[int, int]:
    values: Values = {}
    query = spans_of(selection, values, *_DOOMED).limit(BATCH_SPANS)
    cursor.execute(f"{_PLACES} {render(query)}", values)
    hours = cursor.execute(f"{_HOURS} doomed").fetchall()
    if not hours:
        return 0, 0
    deleted = _count(cursor.execute("DELETE FROM spans WHERE rowid IN (SELECT place FROM doomed)"))
    cursor.execute(_LARGE)
    sum_up_again(cursor)
    make_pending(cursor, [hour for (hour,) in hours])
    forget_words(cursor, [(hour, hour + HOUR) for (hour,) in hours])
    return deleted, 0


def _delete_scores(cursor: duckdb.DuckDBPyConnection, selection: Selection) -> int:
    values: Values = {}
    query = scores_of(selection, values, "rowid")
    if query is None:
        return 0
    return _count(cursor.execute(f"DELETE FROM scores WHERE rowid IN ({render(query.limit(BATCH_SCORES))})", values))  # noqa: S608 - an expression; values are bound


def _count(done: duckdb.DuckDBPyConnection) -> int:
    row = done.fetchone()
    return row[0] if row is not None else 0
