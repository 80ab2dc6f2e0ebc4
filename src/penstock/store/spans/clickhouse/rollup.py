"""Upkeep: closed hours and days are summed up once, so that a long window is read from few rows.

Nothing of a rollup is ever changed. An attempt at an hour writes rows with its number, and names itself last as the
attempt that counts; one that is cut short leaves rows that nobody reads, and that upkeep removes after a day.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from sqlglot import exp, parse_one

from penstock.store.spans.clickhouse.engine import ClickHouseEngine
from penstock.store.spans.engine import Prepared, prepare
from penstock.store.spans.expressions import HOUR, sql
from penstock.store.spans.queries.activity import ACTIVITIES, DAY, fill_activity
from penstock.store.spans.queries.cells import HISTOGRAMS, PROVIDERS, SUMS
from penstock.store.spans.queries.cube import BY_DAY, BY_HOUR, fill

__all__ = ["MOST_HOURS", "forget_segments", "of_few", "roll_up", "roll_up_days", "sweep", "touch"]

HOURS_AT_ONCE = 24
"""Hours of one piece of upkeep at most, unless few spans lie in them."""
MOST_HOURS = 14 * 24
"""Hours of one piece of upkeep at most, however few spans lie in them."""
MOST_DAYS = 31
"""Days of one piece of upkeep at most. Of more than one, few spans lie in them."""
SPANS_AT_ONCE = 200_000
"""Spans of a piece of upkeep that is longer for being of few: a statement takes some 20 ms, of whatever it is."""

_TABLES = {
    ("hour", "hours"): ("rollup", "rollup_latency", "rollup_providers", *(family.table for family in BY_HOUR)),
    ("day", "days"): (*ACTIVITIES.values(), *(family.table for family in BY_DAY)),
    ("hour", "text_hours"): ("text_blocks", "text_words"),
}
"""What is made anew by attempts, by the view that says which of them count."""
_TOUCH = """
    INSERT INTO touched_{period}s ({period}, version)
    SELECT arrayJoin({{starts:Array(Int64)}}) AS {period}, ifNull((SELECT max(version) FROM touched_{period}s), 0) + 1
"""
_PENDING = """
    SELECT {period}, touched FROM {period}s WHERE touched > rolled AND {period} <= {{last:Int64}}
    ORDER BY {period} LIMIT {{most:Int64}}
"""
_ROLLED = """
    INSERT INTO rolled_{period}s ({period}, version, attempt)
    SELECT given.1, given.2, given.3
    FROM (
        SELECT arrayJoin(
            arrayZip({{starts:Array(Int64)}}, {{versions:Array(Int64)}}, {{attempts:Array(Int64)}})
        ) AS given
    )
"""
_SPANS = "SELECT count() FROM spans WHERE started >= {first:Int64} AND started < {last:Int64}"
# Numbers of attempts grow with time, so that what is old can be told from what is under way.
_ATTEMPTS = "SELECT toInt64(generateSnowflakeID()) FROM numbers({number:Int64})"
_STALE = """
    attempt < toInt64(dateTimeToSnowflakeID(now() - INTERVAL 1 DAY))
    AND ({period}, attempt) NOT IN (SELECT {period}, attempt FROM {counted})
"""


def touch(engine: ClickHouseEngine, hours: Collection[int]) -> None:
    """Let these hours, and their days, be summed up anew; also those whose summing up has begun."""
    if hours:
        engine.change(_TOUCH.format(period="hour"), {"starts": sorted(hours)})
        engine.change(_TOUCH.format(period="day"), {"starts": sorted({hour // DAY * DAY for hour in hours})})


def roll_up(engine: ClickHouseEngine, *, before: int) -> int:
    """Sum up the pending hours that end by `before`, the oldest first; returns how many were.

    They are at most a day's, or as many more as few spans lie in.

    Raises:
        Unavailable: the server is down; what was begun is begun anew.
    """
    found = _pending(engine, "hour", last=before - HOUR, most=MOST_HOURS)
    found = of_few(engine, found, length=HOUR, least=HOURS_AT_ONCE)
    if found:
        attempts = _attempts(engine, found)
        for first, last in _runs(list(found)):
            _roll_up_run(engine, first, last, attempts)
        _name(engine, "hour", found, attempts)
    return len(found)


def roll_up_days(engine: ClickHouseEngine, *, before: int) -> int:
    """Sum up the oldest pending days that ended by `before`: sessions, users, pairs of columns; how many there were.

    It is one day, or as many more as few spans lie in.
    """
    found = of_few(engine, _pending(engine, "day", last=before - DAY, most=MOST_DAYS), length=DAY, least=1)
    if found:
        attempts = _attempts(engine, found)
        filled = [(table, fill_activity(who)) for who, table in ACTIVITIES.items()]
        filled += [(family.table, text) for family in BY_DAY for text in fill(family)]
        values = {"first": min(found), "last": max(found) + DAY}
        for table, text in filled:
            engine.insert_rows(f"{table}_rows", _query(text), values, period="day", attempts=attempts)
        _name(engine, "day", found, attempts)
    return len(found)


def sweep(engine: ClickHouseEngine) -> None:
    """Remove rows of attempts that no longer count, or never did."""
    for (period, counted), tables in _TABLES.items():
        stale = _STALE.format(period=period, counted=counted)
        for table in tables:
            if engine.ask(f"SELECT 1 FROM {table}_rows WHERE {stale} LIMIT 1"):  # noqa: S608 - constants
                engine.change(f"DELETE FROM {table}_rows WHERE {stale}")  # noqa: S608 - as above


def _pending(engine: ClickHouseEngine, period: str, *, last: int, most: int) -> dict[int, int]:
    """Starts of pending hours or days, with the version of the last touch."""
    rows = engine.ask(_PENDING.format(period=period), {"last": last, "most": most})
    return dict(rows)  # pyright: ignore[reportArgumentType] - rows of two


def of_few(engine: ClickHouseEngine, found: dict[int, int], *, length: int, least: int) -> dict[int, int]:
    """The first of these hours or days: `least` of them, or as many more as few spans lie in and between.

    Args:
        engine: The store.
        found: By their starts.
        length: Of each, microseconds.
        least: As many are not too many, whatever lies in them.
    """
    while len(found) > least:
        ((spans,),) = engine.ask(_SPANS, {"first": min(found), "last": max(found) + length})
        if spans <= SPANS_AT_ONCE:
            break
        found = dict(sorted(found.items())[: max(least, len(found) // 2)])
    return found


def _attempts(engine: ClickHouseEngine, found: Collection[int]) -> dict[int, int]:
    """A number for the attempt at each of these hours or days: no two have the same."""
    numbers = engine.ask(_ATTEMPTS, {"number": len(found)})
    return {start: number for start, (number,) in zip(found, numbers, strict=True)}


def _name(engine: ClickHouseEngine, period: str, found: Mapping[int, int], attempts: Mapping[int, int]) -> None:
    """Let the attempts count, for what had been touched when they began."""
    starts = list(found)
    values = {"starts": starts, "versions": list(found.values()), "attempts": [attempts[start] for start in starts]}
    engine.change(_ROLLED.format(period=period), values)


def _runs(hours: Sequence[int]) -> list[tuple[int, int]]:
    """Hours that lie near each other as half-open ranges.

    What is made of hours between them is not stored; a statement more takes longer than an hour more.
    """
    runs: list[tuple[int, int]] = []
    for hour in hours:
        if runs and hour - runs[-1][1] < DAY:
            runs[-1] = (runs[-1][0], hour + HOUR)
        else:
            runs.append((hour, hour + HOUR))
    return runs


def _roll_up_run(engine: ClickHouseEngine, first: int, last: int, attempts: Mapping[int, int]) -> None:
    values: dict[str, Any] = {"step": HOUR, "first": first, "last": last}
    insert = partial(engine.insert_rows, values=values, period="hour", attempts=attempts)
    for dimension, text in SUMS.items():
        insert("rollup_rows", _cells(text), dimension=dimension)
    for (dimension, measure), text in HISTOGRAMS.items():
        insert("rollup_latency_rows", _cells(text), dimension=dimension, measure=measure)
    insert("rollup_providers_rows", _cells(PROVIDERS))
    for family in BY_HOUR:
        for text in fill(family):
            insert(f"{family.table}_rows", _query(text))


@cache
def _cells(text: str) -> Prepared:
    """The cells of some hours, with their hour by its name."""
    query = sql(text).where("started >= $first AND started < $last", dialect="duckdb")
    for column in query.selects:
        if column.alias == "t":
            column.set("alias", exp.to_identifier("hour"))
    return prepare(query)


@cache
def _query(text: str) -> Prepared:
    return prepare(parse_one(text, dialect="duckdb"))


def forget_segments(engine: ClickHouseEngine, *, before: int, waiting: Sequence[Path]) -> None:
    """Drop the names of segments stored before this time, unless their files still lie in one of the folders."""
    files = (path for folder in waiting for path in folder.glob("*-*-*"))
    present = [path.stem for path in files if path.suffix in {".ndjson", ".open"}]
    old = "ingested_at < {before:Int64} AND name NOT IN {present:Array(String)}"
    values = {"before": before, "present": present}
    if engine.ask(f"SELECT 1 FROM segments WHERE {old} LIMIT 1", values):  # noqa: S608 - a constant
        engine.change(f"DELETE FROM segments WHERE {old}", values)  # noqa: S608 - as above
