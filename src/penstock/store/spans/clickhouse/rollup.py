"""Upkeep: closed hours are summed up once, so that a long window is read from few rows.

Nothing of a rollup is ever changed. An attempt at an hour writes rows with its number, and names itself last as the
attempt that counts; one that is cut short leaves rows that nobody reads, and that upkeep removes.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from penstock.core.clock import Clock
from penstock.store.spans.clickhouse.engine import ClickHouseEngine
from penstock.store.spans.expressions import HOUR

__all__ = ["HOURS_AT_ONCE", "forget_segments", "roll_up", "touch"]

HOURS_AT_ONCE = 24
"""Hours of one piece of upkeep at most."""

_TOUCH = """
    INSERT INTO touched_hours (hour, version)
    SELECT arrayJoin({hours:Array(Int64)}) AS hour, ifNull((SELECT max(version) FROM touched_hours), 0) + 1
"""


def touch(engine: ClickHouseEngine, hours: Collection[int]) -> None:
    """Let these hours be summed up anew. An hour whose summing has begun is summed up once more."""
    if hours:
        engine.change(_TOUCH, {"hours": sorted(hours)})


def roll_up(engine: ClickHouseEngine, *, before: int, clock: Clock) -> int:
    return 0


def forget_segments(engine: ClickHouseEngine, *, before: int, waiting: Sequence[Path]) -> None:
    """Drop the names of segments stored before this time, unless their files still lie in one of the folders."""
    old = engine.ask("SELECT name FROM segments WHERE ingested_at < {before:Int64}", {"before": before})
    if not old:
        return
    files = (path for folder in waiting for path in folder.glob("*-*-*"))
    present = [path.stem for path in files if path.suffix in {".ndjson", ".open"}]
    engine.change(
        "DELETE FROM segments WHERE ingested_at < {before:Int64} AND name NOT IN {present:Array(String)}",
        {"before": before, "present": present},
    )
