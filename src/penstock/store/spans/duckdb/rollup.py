"""Upkeep: closed hours are summed up once, so that a long window is read from few rows."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from penstock.store.spans.duckdb.engine import DuckDbEngine, render
from penstock.store.spans.expressions import HOUR, sql
from penstock.store.spans.queries.cells import HISTOGRAMS, PROVIDERS, SUMS

__all__ = ["forget_segments", "roll_up"]

HOURS_AT_ONCE = 24
"""Hours of one transaction at most: ingestion waits for it."""


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
    for (dimension, measure), text in HISTOGRAMS.items():
        constants = {"dimension": dimension, "measure": measure}
        cursor.execute(_insert("rollup_latency", text, *constants), values | constants)
    cursor.execute(_insert("rollup_providers", PROVIDERS), values)


def _insert(table: str, cells: str, *constants: str) -> str:
    """The cells of some hours as rows of a rollup; the constants beside them are bound too."""
    rows = sql(cells).where("started >= $first AND started < $last", dialect="duckdb")
    columns = "".join(f"${name} AS {name}, " for name in constants)
    return f"INSERT INTO {table} BY NAME SELECT {columns}t AS hour, * EXCLUDE (t) FROM ({render(rows)})"  # noqa: S608 - constants; values are bound


def forget_segments(engine: DuckDbEngine, *, before: int, waiting: Sequence[Path]) -> None:
    """Drop the names of segments stored before this time, unless their files still lie in one of the folders."""
    files = (path for folder in waiting for path in folder.glob("*-*-*"))
    present = [path.stem for path in files if path.suffix in {".ndjson", ".open"}]
    with engine.write() as cursor:
        cursor.execute(
            "DELETE FROM segments WHERE ingested_at < $before AND NOT list_contains($present, name)",
            {"before": before, "present": present},
        )
