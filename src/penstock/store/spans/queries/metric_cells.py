"""What a metric comes to in a step, out of counts and sums: the parts of an answer that need no store."""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from penstock.store.spans.filters import form_of
from penstock.store.spans.metrics import MetricPoint, MetricQuery, MetricSeries
from penstock.store.spans.queries.populations import Labels

__all__ = ["Cell", "CellKey", "Kind", "kind_of", "series_of", "steps_of", "value_of"]

_SECOND = 1_000_000

CellKey = tuple[Labels, int]
"""A group, and the start of a step."""
Kind = Literal["additive", "bounds", "histogram", "exact"]


class Cell(msgspec.Struct):
    """Of one group and step: how many there are, and what their values come to."""

    count: int = 0
    values: int = 0
    """How many have a value; for a share, how many of which it holds."""
    total: float = 0
    low: float | None = None
    high: float | None = None
    exact: float | None = None
    """What only the engine can tell: a number of distinct values, a percentile."""

    def add(self, other: "Cell") -> None:
        self.count += other.count
        self.values += other.values
        self.total += other.total
        self.low = min((each for each in (self.low, other.low) if each is not None), default=None)
        self.high = max((each for each in (self.high, other.high) if each is not None), default=None)


def kind_of(query: MetricQuery) -> Kind:
    """How what is asked can be put together of parts."""
    if query.aggregation in {"min", "max"}:
        return "bounds"
    if query.aggregation == "distinct":
        return "exact"
    if not query.aggregation.startswith("p"):
        return "additive"
    whole = query.field is not None and form_of(query.field) == "integer"
    return "histogram" if whole else "exact"


def steps_of(query: MetricQuery) -> Iterator[tuple[int, float]]:
    """The start of each step, and how many seconds of it lie in the window."""
    if query.step is None:
        return
    for t in range(query.from_ // query.step * query.step, query.to, query.step):
        yield t, (min(t + query.step, query.to) - max(t, query.from_)) / _SECOND


def series_of(query: MetricQuery, labels: Labels, cells: Mapping[CellKey, Cell], total: Cell) -> MetricSeries:
    """One group's points, of which none is left out."""
    points = [_point(query, t, cells.get((labels, t), Cell()), seconds) for t, seconds in steps_of(query)]
    whole = _point(query, query.from_, total, (query.to - query.from_) / _SECOND)
    return MetricSeries(labels=labels, total=whole, points=points)


def _point(query: MetricQuery, t: int, cell: Cell, seconds: float) -> MetricPoint:
    return MetricPoint(t=t, value=value_of(query, cell, seconds), count=cell.count)


def value_of(query: MetricQuery, cell: Cell, seconds: float) -> float | None:  # noqa: PLR0911 - one for each
    """What is asked for, of a stretch of so many seconds."""
    match query.aggregation:
        case "count":
            return float(cell.count)
        case "rate":
            return cell.count / seconds if seconds else None
        case "share":
            return cell.values / cell.count if cell.count else None
        case "distinct":
            return float(cell.exact or 0)
        case "sum":
            return cell.total if cell.values else None
        case "avg":
            return cell.total / cell.values if cell.values else None
        case "min":
            return None if cell.low is None else float(cell.low)
        case "max":
            return None if cell.high is None else float(cell.high)
        case _:
            return None if cell.exact is None else float(cell.exact)
