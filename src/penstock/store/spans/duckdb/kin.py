"""What new spans mean for the traces that they belong to: covered model calls, and sums over whole traces.

Runs in the transaction of the spans, on the traces that have more than one span and were added to. Batches of nothing
but calls with one attempt, the most of a gateway's load, are passed over.
"""

import duckdb

from penstock.store.spans.columns import USAGE
from penstock.store.spans.cover import Answer, covered, covered_beside
from penstock.store.spans.expressions import FAILED, HOUR, MODEL_SPAN, TOKENS

__all__ = ["SLACK", "refresh", "sum_up_again"]

SLACK = 60_000_000
"""Microseconds by which the attempts of a call may lie outside of its own time: another clock, a call cut short."""

_MODEL = "kind IN ('llm', 'embedding', 'reranker')"
_CONCERNED = """
    CREATE OR REPLACE TEMP TABLE concerned AS
    SELECT row_number() OVER () AS trace, project, trace_id
    FROM (
        SELECT DISTINCT project, trace_id FROM spans WHERE rowid > $mark AND (source = 'otlp' OR parent_id IS NOT NULL)
    )
"""
_NARROW = f"""
    concerned.trace, spans.rowid AS place, spans.span_id, parent_id, started, kind, call, status, covered, cost,
    usage_estimated, {", ".join(USAGE)}, source = 'otlp' AND {_MODEL} AND NOT covered AS candidate,
    {_MODEL} OR call AS teller, source = 'otlp' OR (call AND parent_id IS NOT NULL) AS joined
"""
_KIN = f"""
    CREATE OR REPLACE TEMP TABLE kin AS
    SELECT {_NARROW} FROM spans JOIN concerned USING (project, trace_id)
"""  # noqa: S608 - constants; values are bound
_NEAR = " WHERE started >= $low AND started <= $high"
# Only where a span that may be covered has anything below it.
_TO_COVER = """
    SELECT trace, span_id, parent_id, candidate, teller FROM kin
    WHERE trace IN (
        SELECT above.trace FROM kin AS above
        JOIN kin AS below ON below.trace = above.trace AND below.parent_id = above.span_id
        WHERE above.candidate
    )
"""
_TOLD = """json_extract_string({text}, ['$."gen_ai.response.id"', '$."otel.scope.name"'])"""
# Of traces in which a call may be told of twice beside each other, the spans that tell of the same answer. What lies
# apart tells later of what.
_ANSWERS = f"""
    WITH tellers AS MATERIALIZED (
        SELECT kin.trace, kin.span_id, kin.candidate, NOT kin.candidate AND NOT kin.covered AS stays,
            {_TOLD.format(text="spans.attributes")} AS told,
            CASE WHEN spans.attributes_bytes IS NOT NULL THEN kin.started END AS apart
        FROM kin JOIN spans ON spans.rowid = kin.place
        WHERE kin.teller AND kin.trace IN (
            SELECT trace FROM kin WHERE teller GROUP BY trace HAVING bool_or(candidate) AND count(*) > 1
        )
    )
    SELECT trace, span_id, candidate, stays, told[1], told[2], apart FROM tellers
    WHERE trace IN (SELECT trace FROM tellers WHERE apart IS NOT NULL)
        OR (trace, told[1]) IN (
            SELECT (trace, told[1]) FROM tellers WHERE told[1] IS NOT NULL GROUP BY trace, told[1] HAVING count(*) > 1
        )
"""  # noqa: S608 - constants
_ANSWERS_APART = f"""
    SELECT trace, span_id, told[1], told[2] FROM (
        SELECT concerned.trace, payloads.span_id, {_TOLD.format(text="payloads.text")} AS told
        FROM payloads JOIN concerned USING (project, trace_id)
        WHERE field = 'attributes' AND started >= $first AND started <= $last AND list_contains($spans, span_id)
    )
"""  # noqa: S608 - constants; values are bound
_PLACES = f"""
    SELECT place, started // {HOUR} * {HOUR} AS hour FROM kin
    WHERE candidate AND list_contains($spans, span_id) AND (trace, span_id) IN (SELECT unnest($traces), unnest($spans))
"""  # noqa: S608 - a constant; values are bound
_HOURS = "SELECT DISTINCT started // $hour * $hour FROM kin WHERE call OR parent_id IS NULL"
_SAID = ", ".join(f"'{name.removeprefix('usage_')}', {name}" for name in USAGE)
_ZERO = ", ".join(f"{name} = 0" for name in USAGE)
# A sender that gave numbers without an object of its own keeps them in ours.
_KEEP_WORD = f"""
    UPDATE spans SET usage_raw = json_object({_SAID})
    WHERE rowid IN (SELECT place FROM told) AND usage_raw IS NULL AND {TOKENS} > 0
"""  # noqa: S608 - constants
_UNCOUNT = f"SET covered = true, usage_estimated = false, cost = NULL, {_ZERO}"
_COVER = (
    _KEEP_WORD,
    f"UPDATE spans {_UNCOUNT} WHERE rowid IN (SELECT place FROM told)",  # noqa: S608 - constants
    f"UPDATE kin {_UNCOUNT} WHERE place IN (SELECT place FROM told)",  # noqa: S608 - constants
)
_SUMS = f"""
    count(*) AS spans,
    count(*) FILTER ({FAILED}) AS errors,
    {", ".join(f"sum({name}) AS {name}" for name in USAGE)},
    sum({TOKENS}) AS usage_total,
    bool_or(usage_estimated) AS usage_estimated,
    CASE WHEN count(cost) FILTER ({MODEL_SPAN}) > 0 OR count(*) FILTER ({MODEL_SPAN}) = 0
        THEN coalesce(sum(cost), 0) END AS cost,
    count(cost) FILTER ({MODEL_SPAN}) AS known,
    count(*) FILTER ({MODEL_SPAN} AND cost IS NULL) AS unknown
"""
_LEFT = """
    CREATE OR REPLACE TEMP TABLE concerned AS
    SELECT row_number() OVER () AS trace, project, trace_id
    FROM (
        SELECT DISTINCT project, trace_id FROM totals
        WHERE (project, trace_id) IN (SELECT project, trace_id FROM doomed)
    )
"""
_FORGET = """
    DELETE FROM totals
    WHERE started >= (SELECT min(started) FROM kin) AND (project, trace_id) IN (SELECT project, trace_id FROM concerned)
"""
# A root stands for its trace; a call inside of one, for its attempts.
_TOTALS = f"""
    INSERT INTO totals BY NAME
    WITH whole AS (SELECT trace, {_SUMS} FROM kin GROUP BY trace HAVING count(*) > 1),
    attempts AS (
        SELECT trace, parent_id, {_SUMS} FROM kin
        WHERE NOT call AND (trace, parent_id) IN (
            SELECT (trace, span_id) FROM kin WHERE call AND kind = 'gateway' AND parent_id IS NOT NULL
        )
        GROUP BY trace, parent_id
    ),
    rows AS (
        SELECT roots.span_id, roots.started, whole.* FROM whole JOIN kin AS roots USING (trace)
        WHERE roots.parent_id IS NULL
        UNION ALL BY NAME
        SELECT calls.span_id, calls.started, attempts.* EXCLUDE (parent_id, spans), attempts.spans + 1 AS spans
        FROM attempts JOIN kin AS calls ON calls.trace = attempts.trace AND calls.span_id = attempts.parent_id
        WHERE calls.call
    )
    SELECT concerned.project, concerned.trace_id, rows.* EXCLUDE (trace) FROM rows JOIN concerned USING (trace)
"""  # noqa: S608 - constants


# Rows that may have sums; a query joins no others.
_MARK = """
    UPDATE spans SET summed = true
    WHERE NOT summed AND rowid IN (
        SELECT place FROM kin
        WHERE (call OR parent_id IS NULL) AND trace IN (SELECT trace FROM kin GROUP BY trace HAVING count(*) > 1)
    )
"""


def refresh(cursor: duckdb.DuckDBPyConnection, *, mark: int, joined: bool, low: int, high: int) -> set[int]:
    """Cover model calls and sum up traces anew, where spans beyond the mark have changed what holds.

    Args:
        cursor: In the transaction that stored the spans.
        mark: Spans with a greater row number are new.
        joined: Whether any of them was sent by an application, or is a call with a parent: then the rest of its trace
            may lie anywhere in time. Otherwise it lies near.
        low: When the first of the new spans started.
        high: And the last.

    Returns:
        When spans started that count otherwise now, those that are covered and rows whose sums are others: a moment
        of each hour at least.
    """
    cursor.execute(_CONCERNED, {"mark": mark})
    if not joined:
        cursor.execute(_KIN + _NEAR, {"low": low - SLACK, "high": high + SLACK})
        ((joined,),) = cursor.execute("SELECT coalesce(bool_or(joined), false) FROM kin").fetchall()
    if joined:
        cursor.execute(_KIN)
    moved = _cover(cursor) if joined else set[int]()
    cursor.execute(_FORGET)
    cursor.execute(_TOTALS)
    cursor.execute(_MARK)
    rows = cursor.execute(_HOURS, {"hour": HOUR}).fetchall()
    return moved | {hour for (hour,) in rows}


def sum_up_again(cursor: duckdb.DuckDBPyConnection) -> None:
    """Sum up the traces of the spans in the temporary table `doomed`, which are deleted, from those that are left."""
    cursor.execute(_LEFT)
    cursor.execute(_KIN)
    cursor.execute("DELETE FROM totals WHERE (project, trace_id) IN (SELECT project, trace_id FROM concerned)")
    cursor.execute(_TOTALS)


def _answers(cursor: duckdb.DuckDBPyConnection) -> list[Answer]:
    """What model spans say of the answers that they tell of, as far as others of their trace may say the same."""
    rows = cursor.execute(_ANSWERS).fetchall()
    apart = {span: started for _, span, *_, started in rows if started is not None}
    told: dict[tuple[int, int], tuple[str | None, str | None]] = {}
    if apart:
        values = {"first": min(apart.values()), "last": max(apart.values()), "spans": list(apart)}
        for trace, span, answer, scope in cursor.execute(_ANSWERS_APART, values).fetchall():
            told[trace, span] = (answer, scope)
    return [
        (trace, span, candidate, stays, *told.get((trace, span), (answer, scope)))
        for trace, span, candidate, stays, answer, scope, _ in rows
    ]


def _cover(cursor: duckdb.DuckDBPyConnection) -> set[int]:
    found = covered(cursor.execute(_TO_COVER).fetchall())
    found |= covered_beside(_answers(cursor), found)
    if not found:
        return set()
    values = {"traces": [trace for trace, _ in found], "spans": [span for _, span in found]}
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE told AS {_PLACES}", values)
    for statement in _COVER:
        cursor.execute(statement)
    return {hour for (hour,) in cursor.execute("SELECT DISTINCT hour FROM told").fetchall()}
