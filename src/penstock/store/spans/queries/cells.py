"""Sums and latency histograms of calls, by label and step of time: from the rollup, and from spans where it must.

The rollup holds every hour except those in `pending_hours`: the current one, and any that spans were
added to since. A window is cut into its whole hours and the rest, so the answer is the same as from
the spans alone, at a fraction of the rows.
"""

from collections.abc import Sequence
from functools import cache
from typing import Literal

import msgspec
from sqlglot import exp

from penstock.store.spans.engine import Prepared, Read, Rows, prepare
from penstock.store.spans.expressions import (
    FAILED,
    HOUR,
    MODEL,
    MODEL_SPAN,
    TOKENS,
    Values,
    bucket,
    sql,
)
from penstock.store.spans.queries.cube import Family
from penstock.store.spans.queries.window import Window

__all__ = [
    "HISTOGRAMS",
    "PROVIDERS",
    "SUMS",
    "Cells",
    "Dimension",
    "Latency",
    "Ranges",
    "among",
    "bounds_of",
    "ranges_beside",
    "ranges_of",
]

Dimension = Literal["all", "route", "model", "key"]
"""What is told apart. In `model` every request to a provider counts, attempts one by one; in the others every call."""
Latency = Literal["duration", "ttft"]

MAX_RANGES = 12
"""Pieces of a window read from spans at most; with more pending hours all of it is."""
_LABELS: dict[Dimension, str] = {"all": "NULL", "route": "route", "model": MODEL, "key": "key"}
_COUNTED: dict[Dimension, str] = {
    "all": "call",
    "route": "call",
    "model": f"{MODEL_SPAN} AND provider IS NOT NULL",
    "key": "call",
}
_SUMMED = (
    "calls", "errors", "input", "cache_read", "cache_write", "output", "reasoning", "tokens", "cost", "known", "unknown"
)  # fmt: skip


def _sums(dimension: Dimension) -> str:
    counted = _COUNTED[dimension]
    return f"""
        SELECT project, started // $step * $step AS t, {_LABELS[dimension]} AS label,
            count(*) FILTER (WHERE {counted}) AS calls,
            count(*) FILTER (WHERE {counted} AND {FAILED}) AS errors,
            sum(usage_input) AS input,
            sum(usage_cache_read) AS cache_read,
            sum(usage_cache_write) AS cache_write,
            sum(usage_output) AS output,
            sum(usage_reasoning) AS reasoning,
            sum({TOKENS}) AS tokens,
            bool_or(usage_estimated) AS estimated,
            coalesce(sum(cost), 0) AS cost,
            count(cost) FILTER (WHERE {MODEL_SPAN}) AS known,
            count(*) FILTER (WHERE {MODEL_SPAN} AND cost IS NULL) AS unknown
        FROM spans
        GROUP BY ALL
    """  # noqa: S608 - constants; values are bound


def _histogram(dimension: Dimension, measure: Latency) -> str:
    return f"""
        SELECT project, started // $step * $step AS t, {_LABELS[dimension]} AS label, {bucket(measure)} AS bucket,
            count(*) AS calls
        FROM spans
        WHERE {_COUNTED[dimension]} AND {measure} IS NOT NULL
        GROUP BY ALL
    """  # noqa: S608 - constants; values are bound


SUMS: dict[Dimension, str] = {dimension: _sums(dimension) for dimension in _LABELS}
HISTOGRAMS: dict[tuple[Dimension, Latency], str] = {
    ("all", "duration"): _histogram("all", "duration"),
    ("all", "ttft"): _histogram("all", "ttft"),
    ("route", "duration"): _histogram("route", "duration"),
    ("model", "duration"): _histogram("model", "duration"),
    ("model", "ttft"): _histogram("model", "ttft"),
    ("key", "duration"): _histogram("key", "duration"),
}
"""What of latency is kept."""
PROVIDERS = f"""
    SELECT project, started // $step * $step AS t, provider AS label,
        count(*) AS calls,
        count(*) FILTER (WHERE {FAILED}) AS errors,
        max(started + duration) FILTER (WHERE status = 'ok') AS last_success,
        max(started + duration) FILTER (WHERE {FAILED}) AS last_error,
        arg_max(error_message, started + duration) FILTER (WHERE {FAILED}) AS last_error_message
    FROM spans
    WHERE {MODEL_SPAN} AND provider IS NOT NULL
    GROUP BY ALL
"""  # noqa: S608 - constants; values are bound
_ROLLED_PROVIDERS = """
    SELECT project, hour // $step * $step AS t, label, calls, errors, last_success, last_error, last_error_message
    FROM rollup_providers
    WHERE project = $project
"""
_ROLLED_SUMS = f"""
    SELECT project, hour // $step * $step AS t, label, {", ".join(_SUMMED[:8])}, estimated, {", ".join(_SUMMED[8:])}
    FROM rollup
    WHERE project = $project AND dimension = $dimension
"""  # noqa: S608 - constants; values are bound
_ROLLED_HISTOGRAM = """
    SELECT project, hour // $step * $step AS t, label, bucket, calls
    FROM rollup_latency
    WHERE project = $project AND dimension = $dimension AND measure = $measure
"""

_PENDING = {
    "hour": "SELECT hour FROM pending_hours WHERE hour > $after AND hour < $before",
    "day": "SELECT day FROM pending_days WHERE day > $after AND day < $before",
}
_SPREAD = """
    SELECT start FROM spread
    WHERE family = $family AND project = $project AND start > $after AND start < $before
"""


class Ranges(msgspec.Struct, frozen=True):
    """A window, cut up."""

    spans: tuple[tuple[int, int], ...]
    """Half-open pieces that are read from spans."""
    rolled: tuple[int, int] | None = None
    """From this hour to before that one the rollup is read. Hours in `spans` are not in it."""


def ranges_of(read: Read, window: Window, *, step: int, family: Family | None = None) -> Ranges:
    """Where each part of the window is read from. A step that does not hold whole hours needs the spans.

    Args:
        read: The snapshot that is read.
        window: May have open ends.
        step: Microseconds.
        family: What is read of, where it is told; it may be by the shift, or bounded.
    """
    low, high = _extent(read, window)
    grain = HOUR if family is None else family.grain
    first, last = _whole(low, high, grain)
    if step % grain or first >= last:
        return Ranges(((low, high),) if low < high else ())
    return _cut(low, high, grain, _missing(read, window.project, family, first, last))


def ranges_beside(read: Read, windows: Sequence[Window]) -> list[Ranges]:
    """`ranges_of` each of some closed windows of one project, for steps of whole hours; asked about at once."""
    ends = [(window.from_ or 0, window.to or 0) for window in windows]
    first, last = _whole(min(low for low, _ in ends), max(high for _, high in ends), HOUR)
    missing = _missing(read, windows[0].project, None, first, last) if first < last else []
    return [_cut(low, high, HOUR, missing) for low, high in ends]


def _whole(low: int, high: int, grain: int) -> tuple[int, int]:
    """From the first to the last whole multiple of the grain within."""
    return -(-low // grain) * grain, high // grain * grain


def _cut(low: int, high: int, grain: int, missing: Sequence[tuple[int, int]]) -> Ranges:
    """The window from `low` to `high`, when these parts, in order, are not summed up."""
    first, last = _whole(low, high, grain)
    if first >= last:
        return Ranges(((low, high),) if low < high else ())
    pieces: list[tuple[int, int]] = [(low, first)]
    within = ((max(begin, first), min(end, last)) for begin, end in missing)
    for begin, end in [*(part for part in within if part[0] < part[1]), (last, high)]:
        if pieces[-1][1] == begin:
            pieces[-1] = (pieces[-1][0], end)
        else:
            pieces.append((begin, end))
    if len(pieces) > MAX_RANGES:
        return Ranges(((low, high),))
    return Ranges(tuple(piece for piece in pieces if piece[0] < piece[1]), (first, last))


def _missing(read: Read, project: str, family: Family | None, first: int, last: int) -> list[tuple[int, int]]:
    """The parts of `[first, last)` that are not summed up, in order of time."""
    period, length = ("hour", HOUR) if family is None else (family.period, family.length)
    values = {"after": first - length, "before": last, "project": project}
    found = set(read(sql(_PENDING[period]), values))
    if family is not None and family.bounded:
        found |= set(read(sql(_SPREAD), values | {"family": family.table}))
    return [(max(start, first), min(start + length, last)) for (start,) in sorted(found)]


def _extent(read: Read, window: Window) -> tuple[int, int]:
    """The window with its open ends put where the spans end."""
    low, high = window.from_, window.to
    if low is None or high is None:
        ((oldest, newest),) = read(sql("SELECT min(started), max(started) FROM spans"), {})
        low = (oldest or 0) if low is None else low
        high = (newest or 0) + 1 if high is None else high
    return low, high


class Cells:
    """Reads sums and histograms over one cut-up window.

    Args:
        read: One snapshot for all questions.
        project: Whose calls.
        ranges: From `ranges_of`, with the same step.
        step: Microseconds.
    """

    def __init__(self, read: Read, project: str, ranges: Ranges, *, step: int) -> None:
        self._read = read
        self._ranges = ranges
        self._values: Values = {"project": project, "step": step} | bounds_of("piece", ranges.spans)
        if ranges.rolled is not None:
            self._values |= bounds_of("kept", [ranges.rolled])

    def sums(self, dimension: Dimension) -> Rows:
        """Rows of `(label, calls, errors, input, cache_read, cache_write, output, reasoning, tokens, estimated, cost,
        known, unknown)`. `cost` sums what is known.
        """
        pieces = len(self._ranges.spans)
        if not pieces and self._ranges.rolled is None:
            return []
        query = _sums_query(dimension, pieces=pieces, rolled=self._ranges.rolled is not None)
        return self._read(query, self._values | {"dimension": dimension})

    def histogram(self, dimension: Dimension, measure: Latency = "duration") -> Rows:
        """Rows of `(label, bucket, calls)`."""
        pieces = len(self._ranges.spans)
        if not pieces and self._ranges.rolled is None:
            return []
        query = _histogram_query(dimension, measure, pieces=pieces, rolled=self._ranges.rolled is not None)
        return self._read(query, self._values | {"dimension": dimension, "measure": measure})

    def providers(self) -> Rows:
        """Rows of `(label, calls, errors, last_success, last_error, last_error_message)`, by provider."""
        pieces = len(self._ranges.spans)
        if not pieces and self._ranges.rolled is None:
            return []
        return self._read(_providers_query(pieces=pieces, rolled=self._ranges.rolled is not None), self._values)


@cache
def _providers_query(*, pieces: int, rolled: bool) -> Prepared:
    query = exp.select(
        "label",
        "CAST(sum(calls) AS BIGINT)",
        "CAST(sum(errors) AS BIGINT)",
        "max(last_success)",
        "max(last_error)",
        "arg_max(last_error_message, last_error)",
    )
    parts = _parts(sql(PROVIDERS), sql(_ROLLED_PROVIDERS) if rolled else None, pieces)
    return prepare(query.from_(parts).group_by("label").order_by("label"))


@cache
def _sums_query(dimension: Dimension, *, pieces: int, rolled: bool) -> Prepared:
    totals = [f"CAST(sum({name}) AS BIGINT)" for name in _SUMMED]
    query = exp.select("label", *totals[:8], "bool_or(estimated)", *totals[8:])
    parts = _parts(sql(SUMS[dimension]), sql(_ROLLED_SUMS) if rolled else None, pieces)
    return prepare(query.from_(parts).group_by("label"))


@cache
def _histogram_query(dimension: Dimension, measure: Latency, *, pieces: int, rolled: bool) -> Prepared:
    query = exp.select("label", "bucket", "CAST(sum(calls) AS BIGINT)")
    parts = _parts(sql(HISTOGRAMS[dimension, measure]), sql(_ROLLED_HISTOGRAM) if rolled else None, pieces)
    return prepare(query.from_(parts).group_by("label", "bucket"))


def _parts(direct: exp.Select, rolled: exp.Select | None, pieces: int) -> exp.Subquery:
    """What of a window is read from spans, and what from a rollup, one below the other."""
    queries: list[exp.Query] = []
    if pieces:
        queries.append(direct.where("project = $project", among("started", "piece", pieces), dialect="duckdb"))
    if rolled is not None:
        queries.append(rolled.where(among("hour", "kept", 1), dialect="duckdb"))
    united = queries[0] if len(queries) == 1 else exp.union(*queries, distinct=False)
    return united.subquery("parts")


def among(moment: str, name: str, pieces: int) -> str:
    """Text of the condition that a moment lies in one of some pieces, the placeholders of which are `bounds_of` them.

    One condition for all of them: a branch of a union for each would be planned each by itself, which takes longer
    than reading what little lies in most.
    """
    bounds = (f"{moment} >= ${name}{number}_from AND {moment} < ${name}{number}_to" for number in range(pieces))
    return f"({' OR '.join(f'({each})' for each in bounds)})"


def bounds_of(name: str, pieces: Sequence[tuple[int, int]]) -> Values:
    """Values of the placeholders of `among`."""
    values: Values = {}
    for number, (low, high) in enumerate(pieces):
        values |= {f"{name}{number}_from": low, f"{name}{number}_to": high}
    return values
