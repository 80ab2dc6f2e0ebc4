"""What an experiment found: each metric with its interval, each variant against the baseline, and the gate's answer."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from penstock.evals.experiments.table import Table, row_means
from penstock.evals.gates.types import GateResult, Series, Unit
from penstock.evals.statistics.means import mean
from penstock.evals.statistics.multiple import holm
from penstock.evals.statistics.paired import paired_difference
from penstock.evals.statistics.percentiles import percentile
from penstock.evals.statistics.proportions import wilson
from penstock.evals.statistics.types import Estimate

__all__ = ["Figure", "MetricSummary", "SliceSummary", "Summary", "VariantComparison", "VariantSummary", "summarize"]

MAX_SLICES: Final = 50
"""Values of one field."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A number and how sure it is. An end of the interval is None where the sample is too small to bound it."""

    value: float
    low: float | None
    high: float | None
    method: str


class MetricSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of one variant."""

    metric: str
    unit: Unit
    n: int
    """Rows with a value."""
    unscored: int
    """Answers without one."""
    reasons: dict[str, int]
    """Why, and how often."""
    figure: Figure | None
    """The mean over rows, or the share; None with fewer than two values."""
    labels: dict[str, int] = {}
    """Of a category: how often each came."""
    groups: int | None = None
    """Clusters behind the interval; None where rows are independent."""


class VariantSummary(msgspec.Struct, frozen=True, kw_only=True):
    variant: str
    done: int
    errors: int
    error_reasons: dict[str, int]
    cached: int
    paid: int
    """Nano-dollars that this experiment paid for it, judges included."""
    unpriced: int
    metrics: list[MetricSummary]
    latency_p50: Figure | None
    """Seconds."""
    latency_p95: Figure | None


class VariantComparison(msgspec.Struct, frozen=True, kw_only=True):
    """A variant minus the baseline, row by row, on the rows that both have."""

    metric: str
    variant: str
    baseline: str
    unit: Unit
    n: int
    difference: Figure
    p: float
    """Of no difference, two-sided."""
    p_corrected: float
    """By Holm's method, over all comparisons of the experiment."""
    test: str
    wins: int
    losses: int
    ties: int
    p_record: float
    """Sign test of wins against losses."""


class SliceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The rows whose field has this value."""

    field: str
    value: str
    rows: int
    variants: dict[str, list[MetricSummary]]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    baseline: str
    confidence: float
    variants: list[VariantSummary]
    comparisons: list[VariantComparison]
    slices: list[SliceSummary]
    gates: dict[str, GateResult]
    """By variant: what the rules say of it. The baseline has one when it is the only variant."""


def summarize(table: Table, *, gates: Mapping[str, GateResult]) -> Summary:
    """All figures of an experiment."""
    level = table.spec.confidence
    names = table.names()
    baseline = table.baseline
    means = _Means(table)
    variants = [_variant(means, variant.name, names, level) for variant in table.spec.variants]
    others = [variant.name for variant in table.spec.variants if variant.name != baseline]
    compared = [
        found
        for name in names
        for variant in others
        if (found := _comparison(means, name, variant, baseline, level)) is not None
    ]
    corrected = holm([one.p for one in compared])
    comparisons = [msgspec.structs.replace(one, p_corrected=p) for one, p in zip(compared, corrected, strict=True)]
    return Summary(
        baseline=baseline,
        confidence=level,
        variants=variants,
        comparisons=comparisons,
        slices=[one for field in table.spec.slices for one in _slices(means, field, names, level)],
        gates=dict(gates),
    )


class _Means:
    """Means of rows, each computed once however many figures are made of them."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._known: dict[tuple[str, str], tuple[dict[str, float], dict[str, int]]] = {}

    def of(self, variant: str, name: str) -> tuple[dict[str, float], dict[str, int]]:
        """Of each row that has a value, the mean of its repetitions; and how many values each row lacks."""
        known = self._known.get((variant, name))
        if known is None:
            found = self.table.metrics[variant].get(name)
            if found is None:
                return {}, {}
            series = Series(rows=found.rows, values=found.values, unit=found.unit)
            missing = Counter(row for row, value in zip(found.rows, found.values, strict=True) if value is None)
            known = self._known[variant, name] = row_means(series), missing
        return known

    def groups(self, rows: Sequence[str]) -> list[str] | None:
        """Of each row; None where there are none."""
        table = self.table
        if not table.groups:
            return None
        # A row without a group is one by itself; the prefix keeps its name from being that of a group.
        return [f"group {table.groups[row]}" if row in table.groups else f"row {row}" for row in rows]


def _variant(means: _Means, variant: str, names: Sequence[str], level: float) -> VariantSummary:
    table = means.table
    errors = table.errors[variant]
    latency = means.of(variant, "latency")[0] if table.series(variant, "latency") is not None else {}
    values, groups = list(latency.values()), means.groups(list(latency))
    return VariantSummary(
        variant=variant,
        done=table.done[variant],
        errors=sum(errors.values()),
        error_reasons=errors,
        cached=table.cached[variant],
        paid=table.paid[variant],
        unpriced=table.unpriced[variant],
        metrics=[one for name in names if (one := _metric(means, variant, name, level)) is not None],
        latency_p50=_percentile(values, 0.5, groups, level),
        latency_p95=_percentile(values, 0.95, groups, level),
    )


def _metric(
    means: _Means, variant: str, name: str, level: float, *, only: Sequence[str] | None = None
) -> MetricSummary | None:
    found = means.table.metrics[variant].get(name)
    if found is None:
        return None
    if found.labels:
        unscored = sum(found.reasons.values())
        n = len(found.values) - unscored
        return MetricSummary(
            metric=name, unit="number", n=n, unscored=unscored, reasons=found.reasons, figure=None, labels=found.labels
        )
    known, missing = means.of(variant, name)
    rows = list(known) if only is None else [row for row in only if row in known]
    unscored = sum(missing.values()) if only is None else sum(missing[row] for row in only if row in missing)
    values = [known[row] for row in rows]
    estimate = _estimate(values, means.groups(rows), found.unit, level)
    return MetricSummary(
        metric=name,
        unit=found.unit,
        n=len(values),
        unscored=unscored,
        reasons=found.reasons if only is None else {},
        figure=None if estimate is None else _figure(estimate),
        groups=None if estimate is None else estimate.groups,
    )


def _estimate(values: Sequence[float], groups: list[str] | None, unit: Unit, level: float) -> Estimate | None:
    if not values or (groups is not None and len(set(groups)) < 2):
        return None
    if groups is None and unit == "share" and all(value in {0.0, 1.0} for value in values):
        return wilson(int(sum(values)), len(values), level=level)
    return mean(values, groups=groups, level=level) if len(values) > 1 else None


def _comparison(means: _Means, name: str, variant: str, baseline: str, level: float) -> VariantComparison | None:
    ours = means.table.series(variant, name)
    if ours is None or means.table.series(baseline, name) is None:
        return None
    mine, other = means.of(variant, name)[0], means.of(baseline, name)[0]
    shared = [row for row in mine if row in other]
    groups = means.groups(shared)
    if len(shared) < 2 or (groups is not None and len(set(groups)) < 2):
        return None
    found = paired_difference([mine[row] for row in shared], [other[row] for row in shared], groups=groups, level=level)
    test = found.mcnemar or found.t
    return VariantComparison(
        metric=name,
        variant=variant,
        baseline=baseline,
        unit=ours.unit,
        n=len(shared),
        difference=_figure(found.difference),
        p=test.p,
        p_corrected=test.p,
        test=test.method,
        wins=found.record.wins,
        losses=found.record.losses,
        ties=found.record.ties,
        p_record=found.record.test.p,
    )


def _slices(means: _Means, field: str, names: Sequence[str], level: float) -> list[SliceSummary]:
    table = means.table
    members: dict[str, list[str]] = {}
    for row, fields in table.fields.items():
        if field in fields:
            members.setdefault(fields[field], []).append(row)
    largest = sorted(members, key=lambda value: (-len(members[value]), value))[:MAX_SLICES]
    found: list[SliceSummary] = []
    for value in largest:
        only = members[value]
        variants = {
            variant.name: [
                one for name in names if (one := _metric(means, variant.name, name, level, only=only)) is not None
            ]
            for variant in table.spec.variants
        }
        found.append(SliceSummary(field=field, value=value, rows=len(only), variants=variants))
    return found


def _percentile(values: Sequence[float], q: float, groups: list[str] | None, level: float) -> Figure | None:
    if len(values) < 2 or (groups is not None and len(set(groups)) < 2):
        return None
    return _figure(percentile(values, q, groups=groups, level=level))


def _figure(estimate: Estimate) -> Figure:
    interval = estimate.interval
    return Figure(
        value=estimate.value, low=_bounded(interval.low), high=_bounded(interval.high), method=interval.method
    )


def _bounded(value: float) -> float | None:
    return None if value in {float("inf"), float("-inf")} else value
