"""Spans out of segments into their table: those of the gateway as they come, those of applications each once."""

from bisect import bisect_left
from collections.abc import Sequence

import duckdb

from penstock.store.spans.duckdb.engine import MalformedLine
from penstock.store.spans.duckdb.kin import refresh
from penstock.store.spans.duckdb.payloads import PAYLOADS, store_large_texts, stored_size, stored_text
from penstock.store.spans.duckdb.reading import NAMES, SPAN_LINES, VALUES, Source, longest_line
from penstock.store.spans.duckdb.rollup import make_pending
from penstock.store.spans.expressions import HOUR

__all__ = ["insert_intake", "insert_spans", "touch"]

_COLUMNS = ", ".join(f'"{name}"' for name in NAMES)
_INSERT = f"INSERT INTO spans ({_COLUMNS}) SELECT {', '.join(VALUES)} {SPAN_LINES}"
_STAGE = f"""
    CREATE OR REPLACE TEMP TABLE staged AS
    SELECT {", ".join(f'{value} AS "{name}"' for name, value in zip(NAMES, VALUES, strict=True))} {SPAN_LINES}
"""
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
    WITH new AS (SELECT project, trace_id, span_id, rowid AS place FROM spans WHERE rowid > $mark)
    SELECT place FROM (
        SELECT place, row_number() OVER (PARTITION BY project, trace_id, span_id ORDER BY place) AS nth FROM new
    ) WHERE nth > 1
    UNION
    SELECT place
    FROM new JOIN spans AS old USING (project, trace_id, span_id)
    WHERE old.rowid <= $mark AND old.started >= $low AND old.started <= $high
"""
_BOUNDS = "SELECT min(rowid), min(started), max(started) FROM spans WHERE rowid > $mark"
_MARK = "SELECT coalesce(max(rowid), -1) FROM spans"
_ADDED = """
    SELECT started // $hour, min(started), max(started), bool_or(parent_id IS NOT NULL OR source = 'otlp'),
        bool_or(source = 'otlp' OR (call AND parent_id IS NOT NULL))
    FROM spans WHERE rowid > $mark
    GROUP BY ALL
"""


def insert_spans(cursor: duckdb.DuckDBPyConnection, sources: Sequence[Source]) -> dict[str, int]:
    """Store what gateways recorded; returns how many spans each file brought.

    Raises:
        MalformedLine: a file holds something else than was counted in it.
    """
    return _insert(cursor, sources, once=False)


def insert_intake(cursor: duckdb.DuckDBPyConnection, sources: Sequence[Source]) -> dict[str, int]:
    """Store what applications sent, each span once, however often it was sent; returns how many each file brought.

    Raises `MalformedLine` as `insert_spans` does.
    """
    return _insert(cursor, sources, once=True)


def _insert(cursor: duckdb.DuckDBPyConnection, sources: Sequence[Source], *, once: bool) -> dict[str, int]:
    ((mark,),) = cursor.execute(_MARK).fetchall()
    large = any(source.large for source in sources)
    lines = {"paths": [str(source.read_from) for source in sources], "longest": longest_line(sources)}
    if large:
        cursor.execute(_STAGE, lines)
        stored = _count(cursor.execute(_FROM_STAGED))
    else:
        stored = _count(cursor.execute(_INSERT, lines))
    if stored != sum(source.records for source in sources):
        # Blank lines, or fields in another order than is written: they must be looked at one by one.
        raise MalformedLine(f"expected {sum(source.records for source in sources)} spans, the engine read {stored}")
    repeated = _drop_repeated(cursor, mark) if once and stored else []
    if large:
        store_large_texts(cursor, repeated)
    _settle(cursor, mark)
    return _new_by_file(sources, repeated)


def _drop_repeated(cursor: duckdb.DuckDBPyConnection, mark: int) -> list[int]:
    """Delete the new rows that were stored before; returns their positions among the new rows."""
    ((first, low, high),) = cursor.execute(_BOUNDS, {"mark": mark}).fetchall()
    cursor.execute(_REPEATED, {"mark": mark, "low": low, "high": high})
    places = [place for (place,) in cursor.execute("SELECT place FROM repeated ORDER BY place").fetchall()]
    if places:
        cursor.execute("DELETE FROM spans WHERE rowid IN (SELECT place FROM repeated)")
    return [place - first for place in places]


def _new_by_file(sources: Sequence[Source], repeated: Sequence[int]) -> dict[str, int]:
    """How many rows each file brought. The rows have the order of the files and of their lines."""
    new: dict[str, int] = {}
    first = 0
    for source in sources:
        last = first + source.records
        dropped = bisect_left(repeated, last) - bisect_left(repeated, first)
        new[str(source.read_from)] = source.records - dropped
        first = last
    return new


def touch(cursor: duckdb.DuckDBPyConnection, starts: set[int]) -> None:
    """Let the hours in which these spans started be summed up anew."""
    hours = sorted({started // HOUR * HOUR for started in starts})
    if hours:
        make_pending(cursor, hours)


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
