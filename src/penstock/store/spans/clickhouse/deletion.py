"""Deleting spans and scores with all that was made of them, a bounded number at a time.

Each step may be done again: a batch is chosen in the same way as long as its spans are there, they go last, and what
was counted for it is written down before, under a name made of what was chosen. Rows that are deleted are masked at
once, and gone from the disk when the job is over.
"""

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from penstock.store.spans.clickhouse.engine import ClickHouseEngine
from penstock.store.spans.clickhouse.functions import bound, render
from penstock.store.spans.clickhouse.kin import Without, refresh_traces
from penstock.store.spans.clickhouse.rollup import touch
from penstock.store.spans.deletion import Deleted, DiskUse, Selection
from penstock.store.spans.duckdb import deletion as limits
from penstock.store.spans.duckdb.deletion import scores_of, spans_of
from penstock.store.spans.expressions import HOUR, Values, sql

__all__ = ["delete_batch", "disk_use", "forget_deletion"]

BATCH_TRACES = 2000
"""Traces of one batch at most: their ids are one value, whose length a server limits."""
DAY = 24 * HOUR

_SIZES = """
    SELECT trace_id, count() FROM spans
    WHERE project = {project:String} AND trace_id IN {traces:Array(UUID)}
    GROUP BY trace_id ORDER BY trace_id
"""
_THESE = "project = {project:String} AND trace_id IN {traces:Array(UUID)}"
_NOTE = """
    INSERT INTO deletions (job, batch, spans, scores)
    SELECT {job:String}, {batch:Int64}, {spans:Int64}, {scores:Int64}
    WHERE (SELECT count() FROM deletions WHERE job = {job:String} AND batch = {batch:Int64}) = 0
"""
_NOTED = (
    "SELECT toInt64(ifNull(sum(spans), 0)), toInt64(ifNull(sum(scores), 0)) FROM deletions WHERE job = {job:String}"
)
_SUMMED = "SELECT DISTINCT trace_id FROM totals WHERE project = {project:String} AND trace_id IN"
_UNFINISHED = """
    SELECT DISTINCT table FROM system.mutations
    WHERE database = currentDatabase() AND table IN ('spans', 'scores') AND NOT is_done
"""
_MASKED = (
    "SELECT DISTINCT table FROM system.parts WHERE database = currentDatabase() AND active AND has_lightweight_delete"
)
_BYTES = """
    SELECT table, sum(bytes_on_disk) FROM system.parts
    WHERE database = currentDatabase() AND active GROUP BY table
"""
_INACTIVE = """
    SELECT ifNull(sum(bytes_on_disk), 0) FROM system.parts WHERE database = currentDatabase() AND NOT active
"""
_CAME = "SELECT coalesce(sum(spans), 0) FROM segments WHERE ingested_at >= $since"
_PROJECTS = "SELECT project, count(*) AS spans FROM spans GROUP BY project ORDER BY spans DESC, project"


def delete_batch(engine: ClickHouseEngine, selection: Selection, *, job: str) -> Deleted:
    """Delete some of the selection, and count it for the job.

    Args:
        engine: The store.
        selection: The same each time.
        job: Whose count it is; what was deleted under it before is in the answer, whatever crashed when.

    Raises:
        Unavailable: the server is down; the batch may be deleted in part, and is finished by the next call.
    """
    _catch_up(engine)
    spans = scores = 0
    if selection.spans:
        erase = _delete_traces if selection.whole else _delete_spans
        spans, scores = erase(engine, selection, job)
    if selection.scores and not spans:
        scores = _delete_scores(engine, selection, job)
    ((all_spans, all_scores),) = engine.ask(_NOTED, {"job": job})
    return Deleted(spans=all_spans, scores=all_scores, more=bool(spans or scores))


def forget_deletion(engine: ClickHouseEngine, job: str) -> None:
    """Drop the count of a deletion that is over, and write anew what still holds deleted rows."""
    for (table,) in engine.ask(_MASKED):
        engine.change(f"ALTER TABLE `{table}` APPLY DELETED MASK", settings={"mutations_sync": 1})
    engine.change("DELETE FROM deletions WHERE job = {job:String}", {"job": job})


def disk_use(engine: ClickHouseEngine, *, now: int) -> DiskUse:
    """What the tables hold on the server's disk. `free` is what it will remove by itself within minutes.

    Args:
        engine: The store.
        now: Microseconds since the epoch.

    Raises:
        Unavailable: the server is down.
    """
    sizes: dict[str, int] = dict(engine.ask(_BYTES))
    ((inactive,),) = engine.ask(_INACTIVE)
    ((came,),) = engine.read(sql(_CAME), {"since": now - DAY})
    projects = [(project, spans) for project, spans in engine.read(sql(_PROJECTS))]
    stored = sum(spans for _, spans in projects)
    own = {name: sizes.pop(name, 0) for name in ("spans", "payloads", "scores")}
    index = sum(sizes.pop(name, 0) for name in ("text_words_rows", "text_blocks_rows", "indexed_hours"))
    return DiskUse(
        spans=own["spans"],
        payloads=own["payloads"],
        rollups=sum(sizes.values()),
        text_index=index,
        scores=own["scores"],
        free=int(inactive),
        growth=(sum(own.values()) + index + sum(sizes.values())) * int(came) // stored if stored else 0,
        by_project=projects,
    )


def _catch_up(engine: ClickHouseEngine) -> None:
    """Wait for what a server that died deletes anew by itself.

    A batch chosen meanwhile would be another one than it was, and counted once more, or find nothing left of it.
    """
    for (table,) in engine.ask(_UNFINISHED):
        # Deletions of a table are done one after the other: this one, of nothing, is over when those before it are.
        engine.change(f"DELETE FROM `{table}` WHERE 0")  # noqa: S608 - a name of ours


def _delete_traces(engine: ClickHouseEngine, selection: Selection, job: str) -> tuple[int, int]:
    values: Values = {}
    query = spans_of(selection, values, "trace_id").distinct().order_by("trace_id").limit(BATCH_TRACES)
    found = [trace for (trace,) in engine.read(query, values)]
    if not found:
        return 0, 0
    own: dict[str, Any] = {"project": selection.project}
    chosen: list[uuid.UUID] = []
    spans = 0
    for trace, size in engine.ask(_SIZES, own | {"traces": found}):
        if not chosen or spans + size <= limits.BATCH_SPANS:
            chosen.append(trace)
            spans += size
    own["traces"] = chosen
    scores = 0
    if selection.scores:
        ((scores,),) = engine.ask(f"SELECT count() FROM scores WHERE {_THESE}", own)  # noqa: S608 - a constant
    _note(engine, job, [trace.hex for trace in chosen], spans, scores)
    hours = _hours(engine, _THESE, own)
    touch(engine, hours)
    for table in ("payloads", "totals", *(["scores"] if selection.scores else []), "spans"):
        engine.change(f"DELETE FROM {table} WHERE {_THESE}", own)  # noqa: S608 - as above
    touch(engine, hours)
    return spans, scores


def _delete_spans(engine: ClickHouseEngine, selection: Selection, job: str) -> tuple[int, int]:
    values: Values = {}
    chosen = spans_of(selection, values, "rowid").order_by("rowid").limit(limits.BATCH_SPANS)
    rows = [row for (row,) in engine.read(chosen, values)]
    if not rows:
        return 0, 0
    values["edge"] = rows[-1]
    doomed, given = _condition(spans_of(selection, values, "1").where("rowid <= $edge", dialect="duckdb"), values)
    _note(engine, job, ["spans", str(rows[0]), str(rows[-1])], len(rows), 0)
    hours = _hours(engine, doomed, given)
    touch(engine, hours)
    # Sums are made as they will be without these spans, which therefore go last.
    summed = engine.ask(
        f"{_SUMMED} (SELECT trace_id FROM spans WHERE {doomed})",  # noqa: S608 - an expression; values are bound
        given | {"project": selection.project},
    )
    traces = [trace for (trace,) in summed]
    refresh_traces(engine, selection.project, traces, without=Without(doomed, given))
    engine.change(f"DELETE FROM spans WHERE {doomed}", given)  # noqa: S608 - as above
    touch(engine, hours)
    return len(rows), 0


def _delete_scores(engine: ClickHouseEngine, selection: Selection, job: str) -> int:
    values: Values = {}
    query = scores_of(selection, values, "count(*)", "min(id)", "max(id)")
    if query is None:
        return 0
    ((scores, first, last),) = engine.read(query, values)
    if not scores:
        return 0
    _note(engine, job, ["scores", str(scores), first, last], 0, scores)
    condition, given = _condition(query, values)
    engine.change(f"DELETE FROM scores WHERE {condition}", given)  # noqa: S608 - an expression; values are bound
    return scores


def _condition(query: exp.Select, values: Values) -> tuple[str, dict[str, Any]]:
    """What a query asks of the rows of its one table."""
    return bound(render(query.args["where"].this), values)


def _hours(engine: ClickHouseEngine, condition: str, values: dict[str, Any]) -> list[int]:
    """Hours in which spans started for which this holds.

    They are touched before and after the spans go: who sums them up in between begins anew, and who finds them gone has
    a touch to begin with.
    """
    query = f"SELECT DISTINCT intDiv(started, {HOUR}) * {HOUR} FROM spans WHERE {condition}"  # noqa: S608 - an expression; values are bound
    return [hour for (hour,) in engine.ask(query, values)]


def _note(engine: ClickHouseEngine, job: str, chosen: Sequence[str], spans: int, scores: int) -> None:
    digest = hashlib.blake2b("\n".join(chosen).encode(), digest_size=7).digest()
    values = {"job": job, "batch": int.from_bytes(digest), "spans": spans, "scores": scores}
    engine.change(_NOTE, values)
