"""Spans out of segments into their table: those of the gateway as they come, those of applications each once."""

from collections.abc import Sequence

import duckdb

from penstock.store.spans.duckdb.engine import MalformedLine
from penstock.store.spans.duckdb.kin import refresh
from penstock.store.spans.duckdb.payloads import PAYLOADS, inserts, stored_size, stored_text
from penstock.store.spans.duckdb.reading import NAMES, SPAN_LINES, VALUES, Source, longest_line
from penstock.store.spans.expressions import HOUR

__all__ = ["insert_intake", "insert_spans", "touch"]

_COLUMNS = ", ".join(f'"{name}"' for name in NAMES)
_INSERT = f"INSERT INTO spans ({_COLUMNS}) SELECT {', '.join(VALUES)} {SPAN_LINES}"  # noqa: S608 - names of columns; values are bound
_STAGE = f"""
    CREATE OR REPLACE TEMP TABLE staged AS
    SELECT filename, {", ".join(f'{value} AS "{name}"' for name, value in zip(NAMES, VALUES, strict=True))} {SPAN_LINES}
"""  # noqa: S608 - names of columns; values are bound
_SIZES = [f"{name}_bytes" for name in PAYLOADS]
_FROM_STAGED = f"""
    INSERT INTO spans ({_COLUMNS}, {", ".join(_SIZES)})
    SELECT {", ".join(stored_text(name) if name in PAYLOADS else f'"{name}"' for name in NAMES)},
        {", ".join(stored_size(name) for name in PAYLOADS)}
    FROM staged
"""  # noqa: S608 - names of columns
# The first of a name wins, whether it was stored before or stands further up in this batch. A span that is sent again
# started when it started before, so that only that part of the table is looked at.
_REPEATED = """
    CREATE OR REPLACE TEMP TABLE repeated AS
    SELECT place FROM (
        SELECT rowid AS place, row_number() OVER (PARTITION BY project, trace_id, span_id ORDER BY rowid) AS nth
        FROM staged
    ) WHERE nth > 1
    UNION
    SELECT staged.rowid AS place
    FROM spans JOIN staged USING (project, trace_id, span_id)
    WHERE spans.started >= (SELECT min(started) FROM staged) AND spans.started <= (SELECT max(started) FROM staged)
"""
_NEW = "rowid NOT IN (SELECT place FROM repeated)"
_KEPT = f"SELECT filename, count(*), count(*) FILTER ({_NEW}) FROM staged GROUP BY filename"  # noqa: S608 - a constant
_MARK = "SELECT coalesce(max(rowid), -1) FROM spans"
_ADDED = """
    SELECT started // $hour, min(started), max(started), bool_or(parent_id IS NOT NULL OR source = 'otlp'),
        bool_or(source = 'otlp' OR (call AND parent_id IS NOT NULL))
    FROM spans WHERE rowid > $mark
    GROUP BY ALL
"""
# Hours that were rolled up and are added to are rolled up anew.
_UNROLL = (
    "DELETE FROM rollup WHERE list_contains($hours, hour)",
    "DELETE FROM rollup_latency WHERE list_contains($hours, hour)",
    "DELETE FROM rollup_providers WHERE list_contains($hours, hour)",
    "INSERT INTO pending_hours SELECT unnest($hours) EXCEPT SELECT hour FROM pending_hours",
)


def insert_spans(cursor: duckdb.DuckDBPyConnection, sources: Sequence[Source]) -> dict[str, int]:
    """Store what gateways recorded; returns how many spans each file brought.

    Raises:
        MalformedLine: a file holds something else than was counted in it.
    """
    mark = _mark(cursor)
    if any(source.large for source in sources):
        _stage(cursor, sources)
        stored = _store_staged(cursor, kept="true")
    else:
        stored = _count(cursor.execute(_INSERT, _lines(sources)))
    _settle(cursor, mark)
    if stored != sum(source.records for source in sources):
        # Blank lines, or fields in another order than is written: they must be looked at one by one.
        raise MalformedLine(f"expected {sum(source.records for source in sources)} spans, the engine read {stored}")
    return {str(source.read_from): source.records for source in sources}


def insert_intake(cursor: duckdb.DuckDBPyConnection, sources: Sequence[Source]) -> dict[str, int]:
    """Store what applications sent, each span once, however often it was sent; returns how many each file brought.

    Raises `MalformedLine` as `insert_spans` does.
    """
    mark = _mark(cursor)
    _stage(cursor, sources)
    cursor.execute(_REPEATED)
    _store_staged(cursor, kept=_NEW)
    counts = {file: (records, new) for file, records, new in cursor.execute(_KEPT).fetchall()}
    _settle(cursor, mark)
    for source in sources:
        if counts.get(str(source.read_from), (0, 0))[0] != source.records:
            raise MalformedLine(f"expected {source.records} spans in {source.path.name}")
    return {file: new for file, (_, new) in counts.items()}


def touch(cursor: duckdb.DuckDBPyConnection, starts: set[int]) -> None:
    """Let the hours in which these spans started be summed up anew."""
    hours = sorted({started // HOUR * HOUR for started in starts})
    if hours:
        for statement in _UNROLL:
            cursor.execute(statement, {"hours": hours})


def _mark(cursor: duckdb.DuckDBPyConnection) -> int:
    ((mark,),) = cursor.execute(_MARK).fetchall()
    return mark


def _lines(sources: Sequence[Source]) -> dict[str, object]:
    return {"paths": [str(source.read_from) for source in sources], "longest": longest_line(sources)}


def _stage(cursor: duckdb.DuckDBPyConnection, sources: Sequence[Source]) -> None:
    cursor.execute(_STAGE, _lines(sources))


def _store_staged(cursor: duckdb.DuckDBPyConnection, *, kept: str) -> int:
    stored = _count(cursor.execute(f"{_FROM_STAGED} WHERE {kept}"))
    for statement in inserts(kept):
        cursor.execute(statement)
    return stored


def _count(done: duckdb.DuckDBPyConnection) -> int:
    """How many rows a statement wrote."""
    row = done.fetchone()
    return row[0] if row is not None else 0


def _settle(cursor: duckdb.DuckDBPyConnection, mark: int) -> None:
    """What follows from the new rows: hours to sum up, covered calls, sums of traces."""
    added = cursor.execute(_ADDED, {"hour": HOUR, "mark": mark}).fetchall()
    starts = {row[1] for row in added}
    if any(row[3] for row in added):
        starts |= refresh(
            cursor,
            mark=mark,
            joined=any(row[4] for row in added),
            low=min(row[1] for row in added),
            high=max(row[2] for row in added),
        )
    touch(cursor, starts)
