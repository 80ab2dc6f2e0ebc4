"""Sums and latencies of a window beside those of the one before it, of all that is told apart, in few questions.

An engine takes longer to plan such a question than to read what few hours are summed up to; so each question asks for
all dimensions of both windows at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec
from sqlglot import exp

from penstock.store.spans.engine import Prepared, Read, prepare
from penstock.store.spans.expressions import FAILED, HOUR, MODEL, MODEL_SPAN, TOKENS, Values, bucket, sql
from penstock.store.spans.queries.cells import Dimension, Latency, among, bounds_of, ranges_beside
from penstock.store.spans.queries.window import Window

__all__ = ["Cell", "Compared", "Sums"]

_LABELED: tuple[Dimension, ...] = ("route", "model", "key")


class Sums(msgspec.Struct):
    """What spans add up to. `cost` sums what is known; `known` and `unknown` count requests with a cost and without."""

    calls: int = 0
    errors: int = 0
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    tokens: int = 0
    estimated: bool = False
    cost: int = 0
    known: int = 0
    unknown: int = 0

    def plus(self, other: "Sums") -> "Sums":
        return Sums(*(mine + theirs for mine, theirs in zip(_values(self), _values(other), strict=True)))


def _values(sums: Sums) -> tuple[Any, ...]:
    return msgspec.structs.astuple(sums)


class Cell(NamedTuple):
    """Where something belongs."""

    dimension: Dimension
    label: str | None
    """None in `all`."""
    t: int | None
    """In `all` the start of the step, None for the window before; None in the other dimensions."""


class Compared:
    """Reads a window and the one before it: of both what all spans sum up to, of the later one each label, too.

    An answer may tell of a cell several times; its parts add up.

    Args:
        read: One snapshot for all questions.
        window: Closed.
        before: Closed; ends where the window begins.
        step: Microseconds of a step of time.
    """

    def __init__(self, read: Read, window: Window, before: Window, *, step: int) -> None:
        self._read = read
        begin, end = window.from_ or 0, window.to or 0
        ranges = ranges_beside(read, (before, window))
        pieces = [piece for each in ranges for piece in each.spans]
        kept = [each.rolled for each in ranges if each.rolled is not None]
        self._pieces, self._kept = len(pieces), len(kept)
        given: Values = {"project": window.project, "step": step}
        self._values = given | {"from": begin} | bounds_of("piece", pieces) | bounds_of("kept", kept)
        # Steps that do not hold whole hours are read from spans, all of them.
        self._apart = bool(step % HOUR) and ranges[1].rolled is not None
        self._whole = given | bounds_of("piece", [(begin, end)])

    def sums(self) -> Iterator[tuple[Cell, Sums]]:
        """What counts as a call in `model` is a request to a provider."""
        if self._apart:
            for t, *sums in self._read(_steps(), self._whole):
                yield Cell("all", None, t), Sums(*sums)
        if self._pieces:
            for grouped, t, *row in self._read(_direct_sums(self._pieces), self._values):
                cell = self._cell(_GROUPED[grouped], row[:3], t)
                counted, summed = row[3:5] if cell.dimension != "model" else row[5:7], row[7:]
                if self._wanted(cell):
                    yield cell, Sums(*counted, *summed)
        if self._kept:
            for dimension, label, t, *sums in self._read(_kept_sums(self._kept), self._values):
                cell = Cell(dimension, label, t)
                if self._wanted(cell):
                    yield cell, Sums(*sums)

    def histograms(self, labels: Mapping[Dimension, Sequence[str]]) -> Iterator[tuple[Cell, Latency, int, int]]:
        """`(cell, what is measured, bucket, calls)`; of these labels, and maybe others, the durations alone.

        What has not been measured has no bucket, and is not told.
        """
        # Who has a label of another dimension is told, too; nobody asks for that.
        chosen = {"labels": sorted({label for each in labels.values() for label in each})}
        if self._apart:
            for of_ttft, t, number, calls in self._read(_latency_of_steps(), self._whole):
                if number is not None:
                    yield Cell("all", None, t), _MEASURES[of_ttft], number, calls
        if self._pieces:
            for grouped, of_ttft, t, *row in self._read(_direct_latency(self._pieces), self._values | chosen):
                cell = self._cell(_GROUPED[grouped], row[:3], t)
                calls = row[5] if cell.dimension == "model" else row[4]
                if row[3] is not None and self._wanted(cell):
                    yield cell, _MEASURES[of_ttft], row[3], calls
        if self._kept:
            for dimension, label, t, measure, number, calls in self._read(
                _kept_latency(self._kept), self._values | chosen
            ):
                cell = Cell(dimension, label, t)
                if self._wanted(cell):
                    yield cell, measure, number, calls

    def _cell(self, dimension: Dimension, labels: Sequence[str | None], t: int | None) -> Cell:
        if dimension == "all":
            return Cell("all", None, t)
        return Cell(dimension, labels[_LABELED.index(dimension)], None)

    def _wanted(self, cell: Cell) -> bool:
        """Not what has no label, and not the steps that are read apart."""
        if cell.dimension == "all":
            return cell.t is None or not self._apart
        return cell.label is not None


_ASKED = f"({MODEL_SPAN} AND provider IS NOT NULL)"
_STEP = "started // $step * $step"
_USAGE = ("input", "cache_read", "cache_write", "output", "reasoning")
_GROUPED: dict[int, Dimension] = {0b0111: "all", 0b1011: "route", 0b1101: "model", 0b1110: "key"}
"""What `GROUPING` tells of the four keys: a bit is set where a row is not grouped by that one."""
_MEASURES: tuple[Latency, Latency] = ("ttft", "duration")
"""What `GROUPING` tells of the bucket of `ttft`."""
_SUMS = f"""
    {", ".join(f"CAST(sum(usage_{name}) AS BIGINT)" for name in _USAGE)}, CAST(sum(tokens) AS BIGINT),
    bool_or(usage_estimated), CAST(coalesce(sum(cost), 0) AS BIGINT), count(cost) FILTER (WHERE of_model),
    count(*) FILTER (WHERE of_model AND cost IS NULL)
"""
_COUNTS = "count(*) FILTER (WHERE call), count(*) FILTER (WHERE call AND failed)"
_SUMMED = f"""
    {", ".join(f"usage_{name}" for name in _USAGE)}, {TOKENS} AS tokens, usage_estimated, cost, call,
    {MODEL_SPAN} AS of_model, {FAILED} AS failed
"""
# Spans of the window before have none of these, and fall into one group.
_KEYS = f"CASE WHEN started >= $from THEN {_STEP} END AS t"
_STEPS = f"""
    SELECT t, {_COUNTS}, {_SUMS} FROM (SELECT {_STEP} AS t, {_SUMMED} FROM spans) AS found GROUP BY t
"""  # noqa: S608 - constants; values are bound
_TOLD = ("calls", "call_errors", "requests", "request_errors", *(f"{name}_sum" for name in (*_USAGE, "tokens")))
# Spans are summed up once for all four keys, and sums for each. DuckDB 2.0.0 sums up spans under conditions for several
# sets of keys at once too, and now and then reaches for memory that is none of its own.
_DIRECT_SUMS = f"""
    SELECT GROUPING(t, route, model, key), t, route, model, key,
        {", ".join(f"CAST(sum({name}) AS BIGINT)" for name in _TOLD)}, bool_or(estimated),
        {", ".join(f"CAST(sum({name}) AS BIGINT)" for name in ("costs", "known", "unknown"))}
    FROM (
        SELECT t, route, model, key,
            count(*) FILTER (WHERE call) AS calls, count(*) FILTER (WHERE call AND failed) AS call_errors,
            count(*) FILTER (WHERE asked) AS requests, count(*) FILTER (WHERE asked AND failed) AS request_errors,
            {", ".join(f"sum(usage_{name}) AS {name}_sum" for name in _USAGE)}, sum(tokens) AS tokens_sum,
            bool_or(usage_estimated) AS estimated, coalesce(sum(cost), 0) AS costs,
            count(cost) FILTER (WHERE of_model) AS known,
            count(*) FILTER (WHERE of_model AND cost IS NULL) AS unknown
        FROM (
            SELECT {_KEYS}, {_ASKED} AS asked, {_SUMMED},
                CASE WHEN started >= $from THEN route END AS route,
                CASE WHEN started >= $from THEN {MODEL} END AS model,
                CASE WHEN started >= $from THEN key END AS key
            FROM spans
        ) AS found
        GROUP BY t, route, model, key
    ) AS summed
    GROUP BY GROUPING SETS ((t), (route), (model), (key))
"""  # noqa: S608 - as above
_KEPT_SUMS = f"""
    SELECT dimension, label, CASE WHEN dimension = 'all' AND hour >= $from THEN hour // $step * $step END AS t,
        {", ".join(f"CAST(sum({name}) AS BIGINT)" for name in ("calls", "errors", *_USAGE, "tokens"))},
        bool_or(estimated), {", ".join(f"CAST(sum({name}) AS BIGINT)" for name in ("cost", "known", "unknown"))}
    FROM rollup
    WHERE project = $project AND (dimension = 'all' OR hour >= $from)
    GROUP BY dimension, label, t
"""  # noqa: S608 - as above
_LATENCY_OF_STEPS = f"""
    SELECT GROUPING(of_ttft), t, coalesce(of_ttft, of_duration), count(*)
    FROM (
        SELECT {_STEP} AS t, {bucket("duration")} AS of_duration, {bucket("ttft")} AS of_ttft
        FROM spans
        WHERE call
    ) AS found
    GROUP BY GROUPING SETS ((t, of_duration), (t, of_ttft))
"""  # noqa: S608 - as above
_DIRECT_LATENCY = f"""
    SELECT GROUPING(t, route, model, key), GROUPING(of_ttft), t, route, model, key, coalesce(of_ttft, of_duration),
        count(*) FILTER (WHERE call), count(*) FILTER (WHERE asked)
    FROM (
        SELECT {_KEYS}, call, {_ASKED} AS asked, {bucket("duration")} AS of_duration, {bucket("ttft")} AS of_ttft,
            CASE WHEN started >= $from AND route IN (SELECT unnest($labels)) THEN route END AS route,
            CASE WHEN started >= $from AND {MODEL} IN (SELECT unnest($labels)) THEN {MODEL} END AS model,
            CASE WHEN started >= $from AND key IN (SELECT unnest($labels)) THEN key END AS key
        FROM spans
    ) AS found
    GROUP BY GROUPING SETS (
        (t, of_duration), (t, of_ttft), (route, of_duration), (model, of_duration), (key, of_duration)
    )
"""  # noqa: S608 - as above
_KEPT_LATENCY = """
    SELECT dimension, label, CASE WHEN dimension = 'all' AND hour >= $from THEN hour // $step * $step END AS t,
        measure, bucket, CAST(sum(calls) AS BIGINT)
    FROM rollup_latency
    WHERE project = $project
        AND (dimension = 'all' OR (hour >= $from AND measure = 'duration' AND label IN (SELECT unnest($labels))))
    GROUP BY dimension, label, t, measure, bucket
"""


@cache
def _steps() -> Prepared:
    return _direct(_STEPS, 1)


@cache
def _latency_of_steps() -> Prepared:
    return _direct(_LATENCY_OF_STEPS, 1)


@cache
def _direct_sums(pieces: int) -> Prepared:
    return _direct(_DIRECT_SUMS, pieces)


@cache
def _direct_latency(pieces: int) -> Prepared:
    return _direct(_DIRECT_LATENCY, pieces)


def _direct(template: str, pieces: int) -> Prepared:
    """Of the spans in the pieces of a window."""
    query = sql(template)
    source = next(table for table in query.find_all(exp.Table) if table.name == "spans").parent_select
    assert isinstance(source, exp.Select)  # noqa: S101 - the templates are constants
    source.where("project = $project", among("started", "piece", pieces), dialect="duckdb", copy=False)
    return prepare(query)


@cache
def _kept_sums(ranges: int) -> Prepared:
    return prepare(sql(_KEPT_SUMS).where(among("hour", "kept", ranges), dialect="duckdb"))


@cache
def _kept_latency(ranges: int) -> Prepared:
    return prepare(sql(_KEPT_LATENCY).where(among("hour", "kept", ranges), dialect="duckdb"))
