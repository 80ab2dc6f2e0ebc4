"""What a rule compares: the rows that both variants have, with one value each."""

import difflib
import re
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Final

import msgspec
import numpy as np

from penstock.evals.gates.types import Results, Rule, RuleError, Series, Unit
from penstock.evals.gates.units import CALLED
from penstock.evals.statistics.types import Array

__all__ = ["Measured", "Sample", "check", "gather"]

_PERCENTILE: Final = re.compile(r"(p\d{1,2}(?:\.\d+)?|median)_(.+)\Z", re.IGNORECASE)
_PER: Final = re.compile(r"(?:mean_(.+)|(.+?)_per_(?:call|row|item))\Z")


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule's metric is: a series, and its mean or one of its quantiles."""

    series: str
    quantile: float | None
    unit: Unit


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Values to compare, in the order in which rows came."""

    ours: Array
    theirs: Array | None
    """The baseline's: of the same rows where `paired`. None where the rule does not name it."""
    paired: bool
    groups: Sequence[str] | None
    """Of each value; None where all are independent."""
    unscored: int
    unmatched: int
    total: int
    """Items, scored or not."""


def check(rule: Rule, metrics: Mapping[str, Unit], *, has_baseline: bool = True) -> Measured:
    """What a rule asks about, if metrics of these names and units are there.

    Raises:
        RuleError: there is no such metric, its unit is another one, or there is no baseline.
    """
    found = _measured(rule, metrics)
    if rule.limit.factor and not has_baseline:
        raise RuleError("The rule names the baseline, and there is none.", start=0, end=len(rule.text))
    unit = rule.limit.unit
    bare_time = unit is None and found.unit == "seconds" and rule.limit.offset
    if (unit is not None and unit != found.unit) or bare_time:
        came = "a number without a unit" if unit is None else CALLED[unit].partition(",")[0]
        raise RuleError(
            f"{rule.metric} is compared with {CALLED[found.unit]}; the rule has {came}.",
            start=0,
            end=len(rule.text),
        )
    if rule.operator == "==" and (
        found.unit != "share" or found.quantile is not None or rule.limit.factor or rule.limit.offset not in {0, 1}
    ):
        raise RuleError(
            "== is for shares of all or none: == 100% or == 0%.",
            start=0,
            end=len(rule.text),
            hint="Of measurements none is ever exactly so; use >= and <=.",
        )
    return found


def gather(measured: Measured, rule: Rule, results: Results) -> Sample:
    """The values that a rule compares. Rows asked several times have their mean, but for percentiles."""
    rows = None if not rule.slice else _rows_of(rule.slice, results)
    ours = _Column(results.candidate[measured.series], rows)
    theirs = None
    if rule.limit.factor and results.baseline is not None:
        theirs = _Column(results.baseline[measured.series], rows)
    average = measured.quantile is None
    shared = list(ours.by_row) if theirs is None else [row for row in ours.by_row if row in theirs.by_row]
    if theirs is None or not shared:
        return _apart(ours, theirs, results.groups, average=average)
    kept = [row for row in shared if ours.by_row[row] and theirs.by_row[row]]
    pairs = [(_mean(ours.by_row[row]), _mean(theirs.by_row[row])) for row in kept]
    values = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return Sample(
        ours=values[:, 0],
        theirs=values[:, 1],
        paired=True,
        groups=_groups(kept, results.groups),
        unscored=ours.unscored + theirs.unscored,
        unmatched=len(ours.by_row) + len(theirs.by_row) - 2 * len(shared),
        total=ours.total + theirs.total,
    )


class _Column:
    """A series by row."""

    def __init__(self, series: Series, rows: set[str] | None) -> None:
        self.by_row: dict[str, list[float]] = {}
        self.total = 0
        self.unscored = 0
        for row, value in zip(series.rows, series.values, strict=True):
            if rows is not None and row not in rows:
                continue
            self.total += 1
            scored = self.by_row.setdefault(row, [])
            if value is None:
                self.unscored += 1
            else:
                scored.append(float(value))


def _apart(ours: _Column, theirs: _Column | None, groups: Mapping[str, str], *, average: bool) -> Sample:
    """One variant alone; or two that share no row."""
    rows: list[str] = []
    values: list[float] = []
    for row, scored in ours.by_row.items():
        taken = [_mean(scored)] if average and scored else scored
        values += taken
        rows += [row] * len(taken)
    others = None
    if theirs is not None:
        others = np.array(
            [one for scored in theirs.by_row.values() for one in ([_mean(scored)] if average and scored else scored)],
            dtype=np.float64,
        )
    return Sample(
        ours=np.array(values, dtype=np.float64),
        theirs=others,
        paired=False,
        groups=_groups(rows, groups),
        unscored=ours.unscored + (theirs.unscored if theirs else 0),
        unmatched=len(ours.by_row) + len(theirs.by_row) if theirs else 0,
        total=ours.total + (theirs.total if theirs else 0),
    )


def _mean(values: Sequence[float]) -> float:
    """Most rows are asked once."""
    return values[0] if len(values) == 1 else fmean(values)


def _groups(rows: Sequence[str], groups: Mapping[str, str]) -> list[str] | None:
    """The group of each row; a row without one is one by itself. None where no two belong together."""
    found = [f"group {groups[row]}" if row in groups else f"row {row}" for row in rows]
    return found if len(set(found)) < len(found) else None


def _rows_of(wanted: Sequence[tuple[str, str]], results: Results) -> set[str]:
    return {
        row
        for row, fields in results.fields.items()
        if all(field in fields and fields[field] == value for field, value in wanted)
    }


def _measured(rule: Rule, metrics: Mapping[str, Unit]) -> Measured:
    name = rule.metric
    if name in metrics:
        return Measured(series=name, quantile=rule.quantile, unit=metrics[name])
    if rule.quantile is None:
        percentile = _PERCENTILE.match(name)
        if percentile and percentile[2] in metrics:
            word = percentile[1].lower()
            quantile = 0.5 if word == "median" else float(word[1:]) / 100
            if quantile > 0:
                return Measured(series=percentile[2], quantile=quantile, unit=metrics[percentile[2]])
        per = _PER.match(name)
        series = str(per[1] or per[2]) if per else ""
        if series in metrics:
            return Measured(series=series, quantile=None, unit=metrics[series])
    near = difflib.get_close_matches(name, metrics, n=1)
    raise RuleError(
        f"There is no metric {name[:60]!r}.",
        start=0,
        end=len(name),
        hint=f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(sorted(metrics)) or 'none'}.",
    )
