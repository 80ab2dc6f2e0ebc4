"""How strongly a sample speaks for and against a limit.

Every kind of data comes down to the same three questions: the interval of what is compared, the p-value of `it is at
most the limit`, and of `it is at least the limit`.
"""

import math
from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from penstock.evals.gates.sample import Sample
from penstock.evals.gates.types import GateSettings, Unit
from penstock.evals.statistics.bootstrap import quantile_of, resample
from penstock.evals.statistics.distributions import t_cdf, t_quantile
from penstock.evals.statistics.means import MeanSpread, codes_of, spread_of_mean
from penstock.evals.statistics.paired import Discordance, discordance, is_binary, tango_interval, tango_p
from penstock.evals.statistics.percentiles import percentile, quantile_at, quantile_influence
from penstock.evals.statistics.proportions import binomial_p, clopper_pearson
from penstock.evals.statistics.sequential import asymptotic_sequence, betting_interval
from penstock.evals.statistics.types import Array, Interval

__all__ = ["Evidence", "Insufficient", "rows_for_quantile", "weigh"]


_MANY: Final = 5000
"""Rows from which the percentiles of two variants are compared by a formula, not by the bootstrap."""


class Insufficient(Exception):
    """The sample tells nothing; says why, in one sentence, and how many rows would do, where that is known."""

    def __init__(self, reason: str, *, rows: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.rows = rows


class Evidence(Protocol):
    """What a sample says of a value."""

    @property
    def value(self) -> float: ...

    @property
    def groups(self) -> int | None: ...

    def interval(self, level: float) -> Interval: ...

    def p_values(self, limit: float) -> tuple[float, float] | None:
        """Of `the true value is at most the limit`, and of `it is at least the limit`; None where intervals decide."""
        ...


def weigh(sample: Sample, *, factor: float, quantile: float | None, unit: Unit, settings: GateSettings) -> Evidence:
    """What a sample says of its mean or quantile; with a baseline, of candidate - factor x baseline.

    Raises:
        Insufficient: there are too few rows or groups.
    """
    n = sample.ours.size
    if n == 0 or (sample.theirs is not None and sample.theirs.size == 0):
        raise Insufficient("No row is scored.")
    groups = None if sample.groups is None else len(set(sample.groups))
    if groups is not None and groups < settings.least_groups:
        raise Insufficient(f"The rows fall into {groups} groups; at least {settings.least_groups} are needed.")
    if quantile is not None:
        return _percentile(sample, factor, quantile, settings)
    if settings.always_valid:
        return _sequence(sample, factor, unit, settings)
    if sample.theirs is None and groups is None and is_binary(sample.ours):
        return _Share(int(sample.ours.sum()), n)
    if _is_pair_of_shares(sample, factor):
        return _ShareDifference(discordance(sample.ours, sample.theirs))  # type: ignore[arg-type] - it is there if paired
    if min(n, n if sample.theirs is None else sample.theirs.size) < settings.least_rows:
        raise Insufficient(
            f"{n} rows are scored; a mean takes at least {settings.least_rows}.", rows=settings.least_rows
        )
    return _mean(sample, factor, unit)


class _Share:
    """Independent 0 and 1: exact."""

    groups = None

    def __init__(self, successes: int, n: int) -> None:
        self._successes, self._n = successes, n
        self.value = successes / n

    def interval(self, level: float) -> Interval:
        return clopper_pearson(self._successes, self._n, level=level).interval

    def p_values(self, limit: float) -> tuple[float, float]:
        return binomial_p(self._successes, self._n, min(1.0, max(0.0, limit)))


class _ShareDifference:
    """Pairs of 0 and 1: by score."""

    groups = None

    def __init__(self, pairs: Discordance) -> None:
        self._pairs = pairs
        self.value = (pairs.gained - pairs.lost) / pairs.n

    def interval(self, level: float) -> Interval:
        return tango_interval(self._pairs, level=level)

    def p_values(self, limit: float) -> tuple[float, float]:
        return tango_p(self._pairs, min(1.0, max(-1.0, limit)))


class _Mean:
    """By the t distribution; clustered where items are grouped."""

    def __init__(self, value: float, se: float, df: float, *, groups: int | None, method: str) -> None:
        self.value, self._se, self._df = value, se, df
        self.groups = groups
        self._method = method

    def interval(self, level: float) -> Interval:
        half = t_quantile((1 + level) / 2, self._df) * self._se if self._se else 0.0
        return Interval(low=self.value - half, high=self.value + half, level=level, method=self._method)

    def p_values(self, limit: float) -> tuple[float, float]:
        if not self._se:
            return float(self.value <= limit), float(self.value >= limit)
        above = t_cdf((self.value - limit) / self._se, self._df)
        return 1 - above, above


class _Constant:
    """Bounded values that do not vary: as sure as the share of items that could yet be another value is small."""

    def __init__(self, value: float, n: int, *, low: float, high: float, groups: int | None) -> None:
        self.value, self._n, self._low, self._high = value, n, low, high
        self.groups = groups

    def interval(self, level: float) -> Interval:
        other = clopper_pearson(0, self._n, level=level).interval.high
        return Interval(
            low=self.value - other * (self.value - self._low),
            high=self.value + other * (self._high - self.value),
            level=level,
            method="exact, no variation",
        )

    def p_values(self, limit: float) -> tuple[float, float]:
        return self._p(limit, self._low), 1.0 if limit <= self.value else self._p(limit, self._high)

    def _p(self, limit: float, end: float) -> float:
        """Of as uniform a sample, if the mean were at the limit by items that have the value at this end."""
        away = limit - self.value
        if away == 0 or away * (end - self.value) <= 0:
            return 1.0
        return max(0.0, 1 - away / (end - self.value)) ** self._n


class _Quantile:
    """By the share of values on either side of the limit."""

    def __init__(self, values: Array, groups: Sequence[str] | None, quantile: float, *, always_valid: bool) -> None:
        self._values, self._q = values, quantile
        self._groups = groups
        self._always_valid = always_valid
        self._at = percentile(values, quantile, groups=self._groups) if values.size > 1 else None
        self.value = self._at.value if self._at else float(values[0])
        self.groups = None if self._groups is None else len(set(self._groups))

    def interval(self, level: float) -> Interval:
        if self._at is None:
            return Interval(low=-math.inf, high=math.inf, level=level, method="order statistics")
        if not self._always_valid:
            return percentile(self._values, self._q, groups=self._groups, level=level).interval
        return _betting_quantile(self._values, self._q, level)

    def p_values(self, limit: float) -> tuple[float, float] | None:
        if self._always_valid:
            return None
        at_most = (self._values <= limit).astype(np.float64)
        below = (self._values < limit).astype(np.float64)
        # The quantile is above the limit when too few values are at or below it, and below when too many are.
        return self._tail(below)[1], self._tail(at_most)[0]

    def _tail(self, indicator: Array) -> tuple[float, float]:
        if self._groups is None:
            return binomial_p(int(indicator.sum()), indicator.size, self._q)
        spread = spread_of_mean(indicator, self._groups)
        se = max(spread.se, 1 / indicator.size)
        above = t_cdf((float(indicator.mean()) - self._q) / se, spread.df)
        return 1 - above, above


class _QuantileDifference:
    """By the bootstrap: rows, or groups of them, drawn together for both variants."""

    def __init__(self, sample: Sample, theirs: Array, factor: float, quantile: float, settings: GateSettings) -> None:
        least = max(settings.least_rows, rows_for_quantile(quantile, settings.alpha))
        n = min(sample.ours.size, theirs.size)
        if n < least:
            raise Insufficient(f"{n} rows are scored; to compare this percentile takes {least}.", rows=least)
        codes = None if sample.groups is None else codes_of(sample.groups, sample.ours.size)
        self.groups = None if codes is None else codes[1]
        ours = quantile_of(sample.ours, quantile)
        other = quantile_of(theirs, quantile)
        if sample.paired:
            self._drawn = resample(
                lambda weights: ours(weights) - factor * other(weights),
                sample.ours.size,
                codes=codes,
                resamples=settings.resamples,
                seed=settings.seed,
            )
        else:
            first = resample(ours, sample.ours.size, codes=codes, resamples=settings.resamples, seed=settings.seed)
            second = resample(other, theirs.size, codes=None, resamples=settings.resamples, seed=settings.seed + 1)
            self._drawn = first - factor * second
        ones = np.ones((1, sample.ours.size))
        self.value = float(ours(ones)[0]) - factor * float(other(np.ones((1, theirs.size)))[0])

    def interval(self, level: float) -> Interval:
        low, high = np.quantile(self._drawn, ((1 - level) / 2, (1 + level) / 2))
        return Interval(low=float(low), high=float(high), level=level, method="percentile bootstrap")

    def p_values(self, limit: float) -> tuple[float, float]:
        size = self._drawn.size
        return (
            (float(np.sum(self._drawn <= limit)) + 1) / (size + 1),
            (float(np.sum(self._drawn >= limit)) + 1) / (size + 1),
        )


class _Sequence:
    """By an interval that holds at every moment."""

    def __init__(self, value: float, *, groups: int | None, bounds: "_Bounds") -> None:
        self.value = value
        self.groups = groups
        self._bounds = bounds

    def interval(self, level: float) -> Interval:
        return self._bounds(level)

    def p_values(self, limit: float) -> tuple[float, float] | None:  # noqa: ARG002 - intervals decide
        return None


class _Bounds(Protocol):
    def __call__(self, level: float, /) -> Interval: ...


def _percentile(sample: Sample, factor: float, quantile: float, settings: GateSettings) -> Evidence:
    if sample.theirs is None:
        return _Quantile(sample.ours, sample.groups, quantile, always_valid=settings.always_valid)
    if settings.always_valid:
        raise Insufficient("A percentile beside a baseline has no interval that holds however often one looks.")
    if min(sample.ours.size, sample.theirs.size) >= _MANY:
        return _many_quantiles(sample, sample.theirs, factor, quantile)
    return _QuantileDifference(sample, sample.theirs, factor, quantile, settings)


def _many_quantiles(sample: Sample, theirs: Array, factor: float, quantile: float) -> Evidence:
    """The difference of two percentiles of many rows, by how each row moves them: exact enough, and no resampling."""
    ours, other = quantile_influence(sample.ours, quantile), quantile_influence(theirs, quantile)
    value = quantile_at(np.sort(sample.ours), quantile) - factor * quantile_at(np.sort(theirs), quantile)
    method = "percentile influence"
    if not sample.paired:
        spread = _apart(ours, other, factor, sample.groups)
        return _Mean(value, spread.se, spread.df, groups=spread.groups, method=f"welch {method}")
    spread = spread_of_mean(ours - factor * other, sample.groups)
    if spread.groups is not None:
        method = f"clustered {method}"
    return _Mean(value, spread.se, spread.df, groups=spread.groups, method=method)


def rows_for_quantile(quantile: float, alpha: float) -> int:
    """The least rows with which a quantile has an interval with two ends: further out, nothing was seen."""
    return math.ceil(math.log(alpha) / math.log(max(quantile, 1 - quantile))) + 1


def _mean(sample: Sample, factor: float, unit: Unit) -> Evidence:
    if sample.theirs is not None and not sample.paired:
        return _welch(sample, sample.theirs, factor)
    values = _differences(sample, factor)
    spread = spread_of_mean(values, sample.groups)
    value = float(values.mean())
    constant = spread.se <= 1e-12 * max(1.0, abs(value))
    if constant and unit == "share":
        low, high = (0.0, 1.0) if sample.theirs is None else (-factor, 1.0)
        return _Constant(value, spread.groups or values.size, low=low, high=high, groups=spread.groups)
    method = ("paired " if sample.theirs is not None else "") + "t"
    return _Mean(
        value,
        0.0 if constant else spread.se,
        spread.df,
        groups=spread.groups,
        method=method if spread.groups is None else f"clustered {method}",
    )


def _welch(sample: Sample, theirs: Array, factor: float) -> Evidence:
    """Two variants without a row in common; the candidate's groups are respected, the baseline's taken as rows."""
    spread = _apart(sample.ours, theirs, factor, sample.groups)
    value = float(sample.ours.mean()) - factor * float(theirs.mean())
    return _Mean(value, spread.se, spread.df, groups=spread.groups, method="welch t")


def _apart(ours: Array, theirs: Array, factor: float, groups: Sequence[str] | None) -> MeanSpread:
    """The standard error of the difference of the means of independent samples, with Welch's degrees of freedom."""
    first, second = spread_of_mean(ours, groups), spread_of_mean(theirs, None)
    parts = first.se**2, (factor * second.se) ** 2
    total = sum(parts)
    df = total**2 / (parts[0] ** 2 / first.df + parts[1] ** 2 / second.df) if total else first.df + second.df
    return MeanSpread(se=math.sqrt(total), df=df, groups=first.groups)


def _sequence(sample: Sample, factor: float, unit: Unit, settings: GateSettings) -> Evidence:
    if sample.theirs is not None and not sample.paired:
        raise Insufficient("Variants without a row in common have no interval that holds however often one looks.")
    values = _differences(sample, factor)
    value = float(values.mean())
    if unit == "share" and sample.groups is None:
        low, high = (0.0, 1.0) if sample.theirs is None else (-factor, 1.0)
        return _Sequence(
            value,
            groups=None,
            bounds=lambda level: betting_interval(np.clip(values, low, high), low=low, high=high, level=level),
        )
    spread = None if values.size < 2 else spread_of_mean(values, sample.groups)
    count = 0 if spread is None else spread.groups or values.size
    if spread is None or count < 5 * settings.least_rows:
        raise Insufficient(
            f"There are {count} rows or groups; an interval that holds however often one looks takes "
            f"{5 * settings.least_rows}.",
            rows=5 * settings.least_rows,
        )
    return _Sequence(
        value,
        groups=spread.groups,
        bounds=lambda level: asymptotic_sequence(value, spread.se, count, level=level),
    )


def _betting_quantile(values: Array, q: float, level: float) -> Interval:
    """The values at which the betting interval of the share at or below them still holds q."""
    ordered = np.unique(values)

    def share_holds(value: float) -> int:
        found = betting_interval((values <= value).astype(np.float64), level=level)
        return -1 if found.high < q else 1 if found.low > q else 0

    low = _first(ordered, lambda value: share_holds(value) >= 0)
    high = _first(ordered, lambda value: share_holds(value) > 0)
    return Interval(
        low=float(ordered[low]) if low > 0 else -math.inf,
        high=float(ordered[high]) if high < ordered.size else math.inf,
        level=level,
        method="betting",
    )


class _Predicate(Protocol):
    def __call__(self, value: float, /) -> bool: ...


def _first(ordered: Array, holds: _Predicate) -> int:
    """The first place at which a predicate holds that holds from some place on."""
    low, high = 0, ordered.size
    while low < high:
        middle = (low + high) // 2
        if holds(float(ordered[middle])):
            high = middle
        else:
            low = middle + 1
    return low


def _differences(sample: Sample, factor: float) -> Array:
    return sample.ours if sample.theirs is None else sample.ours - factor * sample.theirs


def _is_pair_of_shares(sample: Sample, factor: float) -> bool:
    return (
        sample.paired
        and sample.theirs is not None
        and factor == 1
        and sample.groups is None
        and is_binary(sample.ours)
        and is_binary(sample.theirs)
    )
