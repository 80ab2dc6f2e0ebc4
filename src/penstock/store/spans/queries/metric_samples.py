"""Metrics of a sample of spans, where very many texts would have to be looked into."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec
from sqlglot import exp

from penstock.store.spans.conditions import Texts, compiled
from penstock.store.spans.engine import Read
from penstock.store.spans.expressions import Values, bucket, parsed
from penstock.store.spans.expressions import measure as bucket_value
from penstock.store.spans.metrics import MetricPoint, MetricQuery, MetricResult, MetricSeries
from penstock.store.spans.queries.metric_cells import Cell, kind_of, steps_of, value_of
from penstock.store.spans.queries.populations import (
    Labels,
    columns_of,
    field_of,
    grouped_by,
    source_of,
    unit_of,
)
from penstock.store.spans.queries.samples import FEW, limit_of_few
from penstock.store.spans.queries.search import Stretch, searches
from penstock.store.spans.queries.step_samples import Spread, StepSample, draw_steps, step_of
from penstock.store.spans.queries.texts import lie_apart
from penstock.store.spans.queries.window import Window, within

__all__ = ["estimate"]

MOST_GROUPS = 100


class _Found(msgspec.Struct):
    """Of one group, in one block and step."""

    count: int = 0
    values: int = 0
    """How many have a value; for a share, how many of which it holds."""
    total: float = 0
    buckets: Counter[int] = msgspec.field(default_factory=Counter[int])
    """How many values lie in each, for percentiles."""


_Measure = Callable[[_Found], float]
_Group = dict[tuple[int, int], _Found]
"""What was found of a group, by block and step."""


def estimate(read: Read, query: MetricQuery, stretches: Sequence[Stretch] | None) -> MetricResult | None:
    """A metric of some of the spans, scaled up; None where all are to be asked, or the sample holds nothing.

    Args:
        read: The snapshot.
        query: Checked, of anything but scores.
        stretches: Where spans can lie that fit, when it is known.
    """
    kind = kind_of(query)
    if kind not in {"additive", "histogram"} or not (searches(query.where) or searches(query.of)):
        return None
    window = Window(project=query.project, from_=query.from_, to=query.to)
    drawn = draw_steps(read, window, query.step, stretches)
    if drawn is None:
        return None
    groups = _asked(read, query, window, drawn, histogram=kind == "histogram")
    # Of what lies in no block that was read, a sample cannot tell that there is none.
    if not groups:
        return None
    estimated = {labels: _Estimated(query, drawn, found) for labels, found in groups.items()}
    most = sorted(
        estimated, key=lambda labels: (-estimated[labels].size, [(each is None, each or "") for each in labels])
    )
    top = max(1, min(query.top, MOST_GROUPS))
    return MetricResult(
        step=query.step,
        unit=unit_of(query.aggregation, query.field),
        series=[estimated[labels].series(labels) for labels in most[:top]],
        groups=len(estimated),
        sample=drawn.sample.share,
        unknown=sum(not drawn.tells(t) for t, _ in steps_of(query)),
    )


def _asked(
    read: Read, query: MetricQuery, window: Window, drawn: StepSample, *, histogram: bool
) -> dict[Labels, _Group]:
    values: Values = {"project": query.project}
    texts = Texts(apart=lie_apart(read, window))
    wanted = columns_of(query.where, query.of, fields=(query.field, *query.group_by))
    part, scope = source_of(
        query.population,
        query.where,
        values,
        columns=wanted,
        field=query.field,
        time=within(window, values),
        texts=texts,
    )
    labels = grouped_by(query.group_by, values, scope=scope)
    names = [f"g{number}" for number in range(len(labels))]
    keys = [
        *(exp.alias_(label, name, copy=False) for label, name in zip(labels, names, strict=True)),
        exp.alias_(drawn.sample.number(values), "block", copy=False),
        exp.alias_(step_of(query.step, values, query.from_), "t", copy=False),
    ]
    amounts: list[exp.Expr] = [exp.Count(this=exp.Star())]
    by = [*names, "block", "t"]
    if query.aggregation == "share" and query.of is not None:
        holds = compiled(query.of, values, scope=scope, texts=texts)
        amounts.append(exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=holds)))
    elif query.field is not None:
        place = field_of(query.field, query.population, values, scope=scope)
        if histogram:
            keys.append(exp.alias_(parsed(bucket(place.sql("duckdb"))), "bucket", copy=False))
            by.append("bucket")
        else:
            amounts += [exp.Count(this=place.copy()), exp.func("sum", place)]
    asked = part.select(*keys, *amounts, append=False, copy=False).group_by(*by, copy=False)
    drawn.sample.narrow(asked, values)
    groups: defaultdict[Labels, _Group] = defaultdict(lambda: defaultdict(_Found))
    for row in read(asked, values):
        given, (block, t, *found) = tuple(row[: len(names)]), row[len(names) :]
        one = groups[given][block, t]
        if histogram:
            place, count = found
            one.count += count
            if place is not None:
                one.values += count
                one.buckets[place] += count
        else:
            one.count, one.values, one.total = found[0], *_amounts(found[1:])
    return dict(groups)


def _amounts(found: Sequence[float | None]) -> tuple[int, float]:
    values, total = (*found, 0, 0)[:2]
    return int(values or 0), float(total or 0)


class _Part(NamedTuple):
    """What was found in all of the sample or in a step, and what it means for all spans."""

    spans: int
    values: int
    cell: Cell
    """Scaled up."""
    deviation: float
    """Of the amount that the error comes from, scaled up."""
    scale: float
    left: float
    """The share of the spans that was not read."""
    seconds: float


class _Estimated:
    """One group's metric, in all and in each step."""

    def __init__(self, query: MetricQuery, drawn: StepSample, found: _Group) -> None:
        self._query = query
        self._drawn = drawn
        self._found = found
        self._scales = {block: area.scale for area in drawn.areas for block in area.blocks}
        self._all = self._cell((self._scales[block], one) for (block, _), one in found.items())
        self._hits: _Measure = (
            (lambda one: one.values) if query.aggregation in {"avg", "sum"} else lambda one: one.count
        )
        self._of_metric = self._spread(self._amount(), self._hits)
        self._together = self._clustering()
        self._by_step: defaultdict[int, list[_Found]] = defaultdict(list)
        for (_, t), one in found.items():
            self._by_step[t].append(one)

    @property
    def size(self) -> int:
        return self._all.count

    def series(self, labels: Labels) -> MetricSeries:
        points = [self._point(t, seconds) for t, seconds in steps_of(self._query)]
        return MetricSeries(labels=labels, total=self._total(), points=points)

    def _amount(self) -> _Measure:
        """What the metric's error comes from: of a ratio, by how much what it is made of is off it."""
        whole = self._all
        match self._query.aggregation:
            case "share":
                part = whole.values / whole.count if whole.count else 0.0
                return lambda one: one.values - part * one.count
            case "avg":
                mean = whole.total / whole.values if whole.values else 0.0
                return lambda one: one.total - mean * one.values
            case "sum":
                return lambda one: one.total
            case _:
                return lambda one: one.count

    def _clustering(self) -> float:
        """How many times as far hits differ between blocks as if each lay anywhere."""
        if self._query.aggregation == "share":
            part = self._all.values / self._all.count if self._all.count else 0.0
            return self._of_metric.each / (part * (1 - part)) if 0 < part < 1 else 1.0
        count = sum(one.count for one in self._found.values())
        counted = self._spread(lambda one: one.count, lambda one: one.count)
        # At least as far as spans that fit or do not, wherever they lie.
        return max(counted.each, 1 - count / sum(self._drawn.sample.spans))

    def _spread(self, amount: _Measure, hits: _Measure) -> Spread:
        by_block: defaultdict[int, list[_Found]] = defaultdict(list)
        for (block, _), one in self._found.items():
            by_block[block].append(one)

        def of_areas(value: _Measure) -> list[float]:
            return [
                sum(value(one) for block in area.blocks for one in by_block.get(block, ()))
                for area in self._drawn.areas
            ]

        return Spread(self._drawn.areas, of_areas(amount), of_areas(hits))

    def _cell(self, found: Iterable[tuple[float, _Found]]) -> Cell:
        """What is found, each with how many times over it stands for."""
        count = values = total = 0.0
        buckets: defaultdict[int, float] = defaultdict(float)
        for scale, one in found:
            count += one.count * scale
            values += one.values * scale
            total += one.total * scale
            for place, number in one.buckets.items():
                buckets[place] += number * scale
        exact = _percentile(buckets, int(self._query.aggregation[1:])) if buckets else None
        return Cell(count=round(count), values=round(values), total=total, exact=exact)

    def _total(self) -> MetricPoint:
        sample, found = self._drawn.sample, self._found.values()
        return self._told(
            self._query.from_,
            _Part(
                spans=sum(one.count for one in found),
                values=sum(one.values for one in found),
                cell=self._all,
                deviation=math.sqrt(self._of_metric.variance),
                scale=1 / sample.share,
                left=1 - sample.share,
                seconds=(self._query.to - self._query.from_) / 1_000_000,
            ),
        )

    def _point(self, t: int, seconds: float) -> MetricPoint:
        if not self._drawn.tells(t):
            return MetricPoint(t=t, value=None, count=0, margin=None)
        found = self._by_step.get(t, [])
        spans, read = self._drawn.steps.get(t, 0), self._drawn.read.get(t, 0)
        scale = spans / read if read else 1.0
        left = 1 - 1 / scale
        return self._told(
            t,
            _Part(
                spans=sum(one.count for one in found),
                values=sum(one.values for one in found),
                cell=self._cell((scale, one) for one in found),
                deviation=math.sqrt(self._each * sum(map(self._hits, found)) * left) * scale,
                scale=scale,
                left=left,
                seconds=seconds,
            ),
        )

    @property
    def _each(self) -> float:
        return self._together if self._query.aggregation in {"count", "rate"} else self._of_metric.each

    def _told(self, t: int, part: _Part) -> MetricPoint:
        value = value_of(self._query, part.cell, part.seconds)
        margin = None if value is None else self._margin(part)
        return MetricPoint(t=t, value=value, count=part.cell.count, margin=margin)

    def _margin(self, part: _Part) -> float | None:
        """How far the value may lie from the truth; None when it is not known."""
        if part.left <= 0:
            return 0.0
        aggregation, spread = self._query.aggregation, self._of_metric
        enough = sum(one.values for one in self._found.values()) >= FEW
        if not spread.known or aggregation.startswith("p") or (aggregation in {"avg", "sum"} and not enough):
            return None
        margin = spread.quantile * part.deviation
        match aggregation:
            case "share":
                few = self._few(min(part.values, part.spans - part.values), part)
                margin = min(1.0, max(margin, few) / part.cell.count)
            case "avg":
                margin /= part.cell.values
            case "sum":
                margin = max(margin, self._few(part.values, part) * abs(self._all.total / self._all.values))
            case "rate":
                margin = max(margin, self._few(part.spans, part)) / part.seconds
            case _:
                # Never none: what has no margin was counted.
                margin = float(max(1, math.ceil(max(margin, self._few(part.spans, part)))))
        return margin

    def _few(self, hits: int, part: _Part) -> float:
        """How many more there may be than were found, where these are few."""
        return limit_of_few(hits, self._together, self._of_metric.quantile) * part.scale * math.sqrt(part.left)


def _percentile(buckets: dict[int, float], percent: int) -> float:
    """By nearest rank."""
    rank = sum(buckets.values()) * percent / 100
    upto = 0.0
    places = sorted(buckets)
    for place in places:
        upto += buckets[place]
        # Sums of fractions may fall short of what they would be.
        if upto >= rank * (1 - 1e-9):
            return float(bucket_value(place))
    return float(bucket_value(places[-1]))
