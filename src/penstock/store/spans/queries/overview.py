"""Totals, series and tops of a window: the overview page."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from penstock.store.spans.engine import Engine, Read
from penstock.store.spans.expressions import HOUR, measure
from penstock.store.spans.queries.cells import Cells, Dimension, ranges_of
from penstock.store.spans.queries.window import Window
from penstock.store.spans.types import Overview, Point, Top, Tops, Totals, UsageView

__all__ = ["Histogram", "known_cost", "overview", "step_of"]

TOP = 10
_SECOND = 1_000_000
_DAY = 24 * HOUR
STEPS = (
    *(seconds * _SECOND for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)),
    *(hours * HOUR for hours in (1, 2, 3, 4, 6, 12)),
    *(days * _DAY for days in (1, 2, 7, 14, 28)),
)
"""Lengths of a step of the series: those that a person reads off an axis without counting."""


def step_of(span: int, points: int) -> int:
    """The shortest step that cuts `span` microseconds into `points` steps at most."""
    least = -(-span // points)
    return next((step for step in STEPS if step >= least), -(-least // STEPS[-1]) * STEPS[-1])


class Histogram:
    """Counts by logarithmic bucket; percentiles by nearest rank."""

    def __init__(self) -> None:
        self.counts: defaultdict[int, int] = defaultdict(int)

    def add(self, bucket: int, calls: int) -> None:
        self.counts[bucket] += calls

    def include(self, other: "Histogram") -> None:
        for bucket, calls in other.counts.items():
            self.counts[bucket] += calls

    def percentile(self, share: float) -> int | None:
        """Within 2 % of the exact value; None when nothing was counted."""
        total = sum(self.counts.values())
        rank = max(1, math.ceil(total * share))
        for bucket in sorted(self.counts):
            rank -= self.counts[bucket]
            if rank <= 0:
                return measure(bucket)
        return None


class _Sums(msgspec.Struct):
    """A row of `Cells.sums` without its time and label."""

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

    def plus(self, other: "_Sums") -> "_Sums":
        return _Sums(*(mine + theirs for mine, theirs in zip(_values(self), _values(other), strict=True)))


def _values(sums: _Sums) -> tuple[Any, ...]:
    return msgspec.structs.astuple(sums)


def known_cost(cost: int, *, known: int, unknown: int) -> int | None:
    """The sum of what is known; None when there were costs and none is known."""
    return None if unknown and not known else cost


def overview(engine: Engine, window: Window, *, points: int) -> Overview:
    """The overview of a closed window. The series' steps lie on whole multiples of the step.

    Raises:
        ValueError: the window has an open end.
    """
    if window.from_ is None or window.to is None:
        raise ValueError("expected a window with both ends")
    step = step_of(window.to - window.from_, points)
    before = msgspec.structs.replace(window, from_=window.from_ - (window.to - window.from_), to=window.from_)
    with engine.snapshot() as read:
        cells = Cells(read, window.project, ranges_of(read, window, step=step), step=step)
        series, totals = _series(cells, window.from_ // step * step, window.to, step)
        return Overview(
            from_=window.from_,
            to=window.to,
            step=step,
            totals=totals,
            previous=_totals(_whole(read, before)),
            series=series,
            top=_tops(_whole(read, window)),
        )


def _whole(read: Read, window: Window) -> Cells:
    """The window as one step."""
    return Cells(read, window.project, ranges_of(read, window, step=HOUR), step=HOUR)


def _series(cells: Cells, first: int, end: int, step: int) -> tuple[list[Point], Totals]:
    sums = {row[0]: _Sums(*row[2:]) for row in cells.sums("all", by_time=True)}
    durations = _histograms(cells.histogram("all", by_time=True), by=0)
    ttfts = _histograms(cells.histogram("all", "ttft", by_time=True), by=0)
    series = [
        _point(t, sums.get(t, _Sums()), durations.get(t, Histogram()), ttfts.get(t, Histogram()))
        for t in range(first, end, step)
    ]
    whole = _Sums()
    for part in sums.values():
        whole = whole.plus(part)
    return series, _total(whole, _joined(durations.values()), _joined(ttfts.values()))


def _totals(cells: Cells) -> Totals:
    sums = [_Sums(*row[2:]) for row in cells.sums("all")]
    durations = _histograms(cells.histogram("all"), by=1)
    ttfts = _histograms(cells.histogram("all", "ttft"), by=1)
    return _total(sums[0] if sums else _Sums(), _joined(durations.values()), _joined(ttfts.values()))


def _tops(cells: Cells) -> Tops:
    return Tops(routes=_top(cells, "route"), models=_top(cells, "model"), keys=_top(cells, "key"))


def _top(cells: Cells, dimension: Dimension) -> list[Top]:
    rows: dict[str, _Sums] = {row[1]: _Sums(*row[2:]) for row in cells.sums(dimension) if row[1] is not None}
    most = sorted((label for label in rows if rows[label].calls), key=lambda label: (-rows[label].calls, label))[:TOP]
    latencies = _histograms(cells.histogram(dimension, labels=most), by=1) if most else {}
    return [
        Top(
            name=label,
            id=label,
            calls=rows[label].calls,
            errors=rows[label].errors,
            cost=known_cost(rows[label].cost, known=rows[label].known, unknown=rows[label].unknown),
            tokens=rows[label].tokens,
            p95=latencies[label].percentile(0.95) if label in latencies else None,
        )
        for label in most
    ]


def _histograms(rows: Iterable[Sequence[Any]], *, by: int) -> dict[Any, Histogram]:
    """Histograms out of `(t, label, bucket, calls)`, by the column of this index."""
    found: defaultdict[Any, Histogram] = defaultdict(Histogram)
    for row in rows:
        found[row[by]].add(row[2], row[3])
    return found


def _joined(histograms: Iterable[Histogram]) -> Histogram:
    joined = Histogram()
    for histogram in histograms:
        joined.include(histogram)
    return joined


def _measures(sums: _Sums, durations: Histogram, ttfts: Histogram) -> Mapping[str, Any]:
    return {
        "calls": sums.calls,
        "errors": sums.errors,
        "p50": durations.percentile(0.5),
        "p95": durations.percentile(0.95),
        "p99": durations.percentile(0.99),
        "ttft_p50": ttfts.percentile(0.5),
        "ttft_p95": ttfts.percentile(0.95),
        "cost": known_cost(sums.cost, known=sums.known, unknown=sums.unknown),
    }


def _point(t: int, sums: _Sums, durations: Histogram, ttfts: Histogram) -> Point:
    return Point(
        t=t,
        **_measures(sums, durations, ttfts),
        input=sums.input,
        cache_read=sums.cache_read,
        cache_write=sums.cache_write,
        output=sums.output,
        reasoning=sums.reasoning,
    )


def _total(sums: _Sums, durations: Histogram, ttfts: Histogram) -> Totals:
    return Totals(
        **_measures(sums, durations, ttfts),
        error_rate=sums.errors / sums.calls if sums.calls else 0.0,
        usage=UsageView(
            input=sums.input,
            cache_read=sums.cache_read,
            cache_write=sums.cache_write,
            output=sums.output,
            reasoning=sums.reasoning,
            total=sums.tokens,
            estimated=bool(sums.estimated),
        ),
        cost_unknown_calls=sums.unknown,
    )
