"""Totals, series and tops of a window: the overview page."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from penstock.store.spans.engine import Engine
from penstock.store.spans.expressions import HOUR, measure
from penstock.store.spans.queries.cells import Dimension, Latency
from penstock.store.spans.queries.compared import Cell, Compared, Sums
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
        found = _Found(Compared(read, window, before, step=step))
    first = window.from_ // step * step
    series = [found.part("all", t) for t in range(first, window.to, step)]
    return Overview(
        from_=window.from_,
        to=window.to,
        step=step,
        totals=_total(_joined(series)),
        previous=_total(found.part("all", None)),
        series=[_point(t, part) for t, part in zip(range(first, window.to, step), series, strict=True)],
        top=Tops(routes=found.top("route"), models=found.top("model"), keys=found.top("key")),
    )


class _Part(NamedTuple):
    sums: Sums
    durations: Histogram
    ttfts: Histogram


_Key = tuple[Dimension, int | str | None]
"""A dimension, and in it the step (None: the window before), or the label."""


class _Found:
    """What was read, by step and by label."""

    def __init__(self, compared: Compared) -> None:
        self._sums: defaultdict[_Key, Sums] = defaultdict(Sums)
        for cell, sums in compared.sums():
            self._sums[_key(cell)] = self._sums[_key(cell)].plus(sums)
        self._most: dict[Dimension, list[str]] = {
            "route": self._busiest("route"),
            "model": self._busiest("model"),
            "key": self._busiest("key"),
        }
        self._histograms: defaultdict[tuple[_Key, Latency], Histogram] = defaultdict(Histogram)
        for cell, latency, bucket, calls in compared.histograms(self._most):
            self._histograms[_key(cell), latency].add(bucket, calls)

    def _busiest(self, dimension: Dimension) -> list[str]:
        calls = {label: sums.calls for (of, label), sums in self._sums.items() if of == dimension and sums.calls}
        return sorted((str(label) for label in calls), key=lambda label: (-calls[label], label))[:TOP]

    def part(self, dimension: Dimension, at: int | str | None) -> _Part:
        key = (dimension, at)
        return _Part(self._sums[key], self._histograms[key, "duration"], self._histograms[key, "ttft"])

    def top(self, dimension: Dimension) -> list[Top]:
        return [_top(label, self.part(dimension, label)) for label in self._most[dimension]]


def _key(cell: Cell) -> _Key:
    return cell.dimension, cell.t if cell.dimension == "all" else cell.label


def _top(label: str, part: _Part) -> Top:
    sums = part.sums
    return Top(
        name=label,
        id=label,
        calls=sums.calls,
        errors=sums.errors,
        cost=known_cost(sums.cost, known=sums.known, unknown=sums.unknown),
        tokens=sums.tokens,
        p95=part.durations.percentile(0.95),
    )


def _joined(parts: Iterable[_Part]) -> _Part:
    joined = _Part(Sums(), Histogram(), Histogram())
    for part in parts:
        joined = joined._replace(sums=joined.sums.plus(part.sums))
        joined.durations.include(part.durations)
        joined.ttfts.include(part.ttfts)
    return joined


def _measures(part: _Part) -> Mapping[str, Any]:
    sums, durations, ttfts = part
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


def _point(t: int, part: _Part) -> Point:
    sums = part.sums
    return Point(
        t=t,
        **_measures(part),
        input=sums.input,
        cache_read=sums.cache_read,
        cache_write=sums.cache_write,
        output=sums.output,
        reasoning=sums.reasoning,
    )


def _total(part: _Part) -> Totals:
    sums = part.sums
    return Totals(
        **_measures(part),
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
