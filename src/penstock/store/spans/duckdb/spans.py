"""Spans out of segments into their table: those of the gateway as they come, those of applications each once."""

from collections.abc import Mapping, Sequence

import duckdb

from penstock.store.spans.duckdb.engine import MalformedLine
from penstock.store.spans.duckdb.kin import refresh
from penstock.store.spans.duckdb.payloads import PAYLOADS, store_large_texts, stored_size, stored_text
from penstock.store.spans.duckdb.reading import NAMES, SPAN_LINES, VALUES, Source, longest_line
from penstock.store.spans.duckdb.rollup import make_pending
from penstock.store.spans.duckdb.text_index import forget_words
from penstock.store.spans.expressions import HOUR

__all__ = ["insert_intake", "insert_spans", "touch"]

STEP = 60_000_000
"""Microseconds: new spans are looked at by minutes, so that a late one does not undo the index of a whole hour."""
_COLUMNS = ", ".join(f'"{name}"' for name in NAMES)
_INSERT = f"INSERT INTO spans ({_COLUMNS}, summed) SELECT {', '.join(VALUES)}, false {SPAN_LINES}"
_STAGE = f"""
    CREATE OR REPLACE TEMP TABLE staged AS
    SELECT filename, {", ".join(f'{value} AS "{name}"' for name, value in zip(NAMES, VALUES, strict=True))} {SPAN_LINES}
"""
_SIZES = [f"{name}_bytes" for name in PAYLOADS]
_FROM_STAGED = f"""
    INSERT INTO spans ({_COLUMNS}, {", ".join(_SIZES)}, summed)
    SELECT {", ".join(stored_text(name) if name in PAYLOADS else f'"{name}"' for name in NAMES)},
        {", ".join(stored_size(name) for name in PAYLOADS)}, false
    FROM staged
    WHERE rowid NOT IN (SELECT place FROM repeated)
"""  # noqa: S608 - names of columns
_NONE_REPEATED = "CREATE OR REPLACE TEMP TABLE repeated (place BIGINT)"
# The first of a name wins, whether it was stored before or stands further up in this batch. A span that is sent again
# started when it started before, so that only that part of the table is looked at. Files are read side by side, so
# that their rows have no order but that of their names.
_REPEATED = """
    CREATE OR REPLACE TEMP TABLE repeated AS
    SELECT place FROM (
        SELECT rowid AS place,
            row_number() OVER (PARTITION BY project, trace_id, span_id ORDER BY filename, rowid) AS nth
        FROM staged
    ) WHERE nth > 1
    UNION
    SELECT staged.rowid AS place
    FROM staged JOIN spans USING (project, trace_id, span_id)
    WHERE spans.started >= (SELECT min(started) FROM staged) AND spans.started <= (SELECT max(started) FROM staged)
"""
_KEPT = """
    SELECT filename, count(*) FILTER (rowid NOT IN (SELECT place FROM repeated)) FROM staged GROUP BY filename
"""
_ANY_REPEATED = """
    WITH new AS (SELECT project, trace_id, span_id FROM spans WHERE rowid > $mark)
    SELECT (SELECT count(*) FROM new) > (SELECT count(*) FROM (SELECT DISTINCT * FROM new)) OR EXISTS (
        SELECT 1 FROM new JOIN spans AS old USING (project, trace_id, span_id)
        WHERE old.rowid <= $mark AND old.started >= $low AND old.started <= $high
    )
"""
_BOUNDS = "SELECT min(started), max(started) FROM spans WHERE rowid > $mark"
_TAKE_BACK = "DELETE FROM spans WHERE rowid > $mark"
_MARK = "SELECT coalesce(max(rowid), -1) FROM spans"
_ADDED = """
    SELECT started // $step, min(started), max(started), bool_or(parent_id IS NOT NULL OR source = 'otlp'),
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
    lines = {"paths": [str(source.read_from) for source in sources], "longest": longest_line(sources)}
    if any(source.large for source in sources):
        new = _insert_staged(cursor, sources, lines, once=once)
    else:
        _check(_count(cursor.execute(_INSERT, lines)), sources)
        new = {str(source.read_from): source.records for source in sources}
        if once and _any_repeated(cursor, mark):
            # Seldom: a table between costs a third more, so that it is made only now.
            cursor.execute(_TAKE_BACK, {"mark": mark})
            new = _insert_staged(cursor, sources, lines, once=True)
    _settle(cursor, mark)
    return new


def _insert_staged(
    cursor: duckdb.DuckDBPyConnection, sources: Sequence[Source], lines: Mapping[str, object], *, once: bool
) -> dict[str, int]:
    """By way of a table of its own: what stands twice is left out, and long texts are put apart."""
    _check(_count(cursor.execute(_STAGE, lines)), sources)
    cursor.execute(_REPEATED if once else _NONE_REPEATED)
    cursor.execute(_FROM_STAGED)
    store_large_texts(cursor)
    kept = dict(cursor.execute(_KEPT).fetchall())
    return {str(source.read_from): kept.get(str(source.read_from), 0) for source in sources}


def _check(read: int, sources: Sequence[Source]) -> None:
    expected = sum(source.records for source in sources)
    if read != expected:
        # Blank lines, or fields in another order than is written: they must be looked at one by one.
        raise MalformedLine(f"expected {expected} spans, the engine read {read}")


def _any_repeated(cursor: duckdb.DuckDBPyConnection, mark: int) -> bool:
    """Whether any of the new rows has the ids of another, new or old."""
    ((low, high),) = cursor.execute(_BOUNDS, {"mark": mark}).fetchall()
    ((repeated,),) = cursor.execute(_ANY_REPEATED, {"mark": mark, "low": low, "high": high}).fetchall()
    return repeated


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
    added = cursor.execute(_ADDED, {"step": STEP, "mark": mark}).fetchall()
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
    if added:
        forget_words(cursor, [(row[1], row[2] + 1) for row in added])
