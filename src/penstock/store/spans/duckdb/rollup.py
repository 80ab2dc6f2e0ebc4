"""Upkeep: closed hours are summed up once, so that a long window is read from few rows."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import duckdb

from penstock.store.spans.duckdb.engine import DuckDbEngine, render
from penstock.store.spans.expressions import HOUR, MODEL, sql
from penstock.store.spans.queries.activity import ACTIVITIES, DAY, fill_activity
from penstock.store.spans.queries.cells import HISTOGRAMS, PROVIDERS, SUMS
from penstock.store.spans.queries.cube import BY_DAY, BY_HOUR, Family, fill

__all__ = ["forget_segments", "make_pending", "roll_up", "roll_up_days"]

HOURS_AT_ONCE = 24
"""Hours of one transaction at most: ingestion waits for it."""
FEW = 1000
"""Rows of a bounded family that a project may have in a period, however few spans they sum up."""
SPANS_PER_ROW = 1.5
"""How many spans a row of a bounded family stands for at least, on average; otherwise they are read themselves."""


def roll_up(engine: DuckDbEngine, *, before: int) -> int:
    """Sum up the pending hours that end by `before`, the oldest first; returns how many were, at most a day's.

    Raises:
        Unavailable: the store is down; nothing has changed.
    """
    query = sql("SELECT hour FROM pending_hours WHERE hour <= $last ORDER BY hour LIMIT $many")
    found = engine.read(query, {"last": before - HOUR, "many": HOURS_AT_ONCE})
    hours = [hour for (hour,) in found]
    if not hours:
        return 0
    with engine.write() as cursor:
        for first, last in _runs(hours):
            _roll_up_run(cursor, first, last)
        cursor.execute("DELETE FROM pending_hours WHERE list_contains($hours, hour)", {"hours": hours})
    return len(hours)


def _runs(hours: list[int]) -> list[tuple[int, int]]:
    """Neighbouring hours as half-open ranges."""
    runs: list[tuple[int, int]] = []
    for hour in hours:
        if runs and runs[-1][1] == hour:
            runs[-1] = (runs[-1][0], hour + HOUR)
        else:
            runs.append((hour, hour + HOUR))
    return runs


def _roll_up_run(cursor: duckdb.DuckDBPyConnection, first: int, last: int) -> None:
    values = {"step": HOUR, "first": first, "last": last}
    for dimension, text in SUMS.items():
        cursor.execute(_insert("rollup", text, "dimension"), values | {"dimension": dimension})
    for family in BY_HOUR:
        _fill(cursor, family, first, last)
    for (dimension, measure), text in HISTOGRAMS.items():
        constants = {"dimension": dimension, "measure": measure}
        cursor.execute(_insert("rollup_latency", text, *constants), values | constants)
    cursor.execute(_insert("rollup_providers", PROVIDERS), values)


def _fill(cursor: duckdb.DuckDBPyConnection, family: Family, first: int, last: int) -> None:
    values = {"first": first, "last": last}
    for text in fill(family):
        if family.brief:
            # Where a label has many values, its rows beside each other take a third less.
            text = f"SELECT *, {MODEL} AS model FROM ({text}) ORDER BY project, {', '.join(family.columns[::-1])}"  # noqa: S608 - constants; values are bound
        cursor.execute(f"INSERT INTO {family.table} BY NAME {text}", values)
    if not family.bounded:
        return
    bound = {"length": family.length, "few": FEW, "share": SPANS_PER_ROW}
    found = cursor.execute(_SPREAD.format(table=family.table, period=family.period), values | bound).fetchall()
    if found:
        cursor.executemany("INSERT INTO spread VALUES (?, ?, ?)", [(family.table, *each) for each in found])
        cursor.execute(
            f"DELETE FROM {family.table} WHERE ({family.period}, project) IN"  # noqa: S608 - constants; values are bound
            " (SELECT start, project FROM spread WHERE family = $family AND start >= $first AND start < $last)",
            values | {"family": family.table},
        )


_SPREAD = """
    SELECT start, project
    FROM (
        SELECT {period} AS start, project, count(*) AS combinations FROM {table}
        WHERE {period} >= $first AND {period} < $last GROUP BY ALL
    )
    JOIN (
        SELECT started // $length * $length AS start, project, count(*) AS spans FROM spans
        WHERE started >= $first AND started < $last GROUP BY ALL
    ) USING (start, project)
    WHERE combinations > $few AND combinations * $share > spans
"""


@cache
def _insert(table: str, cells: str, *constants: str) -> str:
    """The cells of some hours as rows of a rollup; the constants beside them are bound too."""
    rows = sql(cells).where("started >= $first AND started < $last", dialect="duckdb")
    columns = "".join(f"${name} AS {name}, " for name in constants)
    return f"INSERT INTO {table} BY NAME SELECT {columns}t AS hour, * EXCLUDE (t) FROM ({render(rows)})"  # noqa: S608 - constants; values are bound


def roll_up_days(engine: DuckDbEngine, *, before: int) -> bool:
    """Sum up the oldest pending day that ended by `before`: sessions, users, and pairs of columns.

    Returns whether there was one.

    Raises:
        Unavailable: the store is down; nothing has changed.
    """
    query = sql("SELECT min(day) FROM pending_days WHERE day <= $last")
    ((day,),) = engine.read(query, {"last": before - DAY})
    if day is None:
        return False
    with engine.write() as cursor:
        for who, table in ACTIVITIES.items():
            cursor.execute(
                f"INSERT INTO {table} BY NAME {fill_activity(who)}",
                {"first": day, "last": day + DAY},
            )
        for family in BY_DAY:
            _fill(cursor, family, day, day + DAY)
        cursor.execute("DELETE FROM pending_days WHERE day = $day", {"day": day})
    return True


def make_pending(cursor: duckdb.DuckDBPyConnection, hours: Sequence[int]) -> None:
    """Let these hours be summed up anew, for their spans have changed.

    Args:
        cursor: In the transaction that changes the spans.
        hours: Their starts, microseconds since the epoch.
    """
    for key, pending, tables, length in _PENDING:
        starts = sorted({hour // length * length for hour in hours})
        known = cursor.execute(f"SELECT {key} FROM {pending}").fetchall()  # noqa: S608 - constants; values are bound
        fresh = sorted({*starts} - {start for (start,) in known})
        if not fresh:
            continue
        for table in tables:
            cursor.execute(f"DELETE FROM {table} WHERE {key} IN (SELECT unnest($starts))", {"starts": fresh})  # noqa: S608 - constants; values are bound
        cursor.execute(
            "DELETE FROM spread WHERE list_contains($tables, family) AND start IN (SELECT unnest($starts))",
            {"tables": list(tables), "starts": fresh},
        )
        cursor.execute(f"INSERT INTO {pending} SELECT unnest($starts)", {"starts": fresh})


_PENDING = (
    (
        "hour",
        "pending_hours",
        ("rollup", "rollup_latency", "rollup_providers", *(each.table for each in BY_HOUR)),
        HOUR,
    ),
    ("day", "pending_days", (*ACTIVITIES.values(), *(each.table for each in BY_DAY)), DAY),
)


def forget_segments(engine: DuckDbEngine, *, before: int, waiting: Sequence[Path]) -> None:
    """Drop the names of segments stored before this time, unless their files still lie in one of the folders."""
    files = (path for folder in waiting for path in folder.glob("*-*-*"))
    present = [path.stem for path in files if path.suffix in {".ndjson", ".open"}]
    with engine.write() as cursor:
        cursor.execute(
            "DELETE FROM segments WHERE ingested_at < $before AND NOT list_contains($present, name)",
            {"before": before, "present": present},
        )
