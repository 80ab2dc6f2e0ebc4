"""Intervals by resampling, for statistics without a formula.

A statistic is a function of weights: how often each item was drawn. One row of weights is one resample, so that all of
them are computed at once, and a cluster bootstrap is the same thing with weights drawn by group.
"""

import math
from collections.abc import Callable, Iterator
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from penstock.evals.statistics.distributions import normal_cdf, normal_quantile
from penstock.evals.statistics.means import Clusters, codes_of
from penstock.evals.statistics.types import Array, Estimate, Interval, check_level, numbers

__all__ = ["BootstrapMethod", "Statistic", "bootstrap", "interval_of", "mean_of", "quantile_of", "resample"]

BootstrapMethod = Literal["percentile", "BCa"]
Statistic = Callable[[Array], Array]
"""Weights of shape (resamples, items) to values of shape (resamples,)."""
_CELLS: Final = 2_000_000
"""Weights held at once."""


def bootstrap(
    statistic: Statistic,
    n: int,
    *,
    groups: Clusters | None = None,
    level: float = 0.95,
    method: BootstrapMethod = "BCa",
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """A statistic of n items with its interval.

    Args:
        statistic: See `Statistic`; `mean_of` and `quantile_of` make some.
        n: Items.
        groups: Draw whole groups (cluster bootstrap; Davison and Hinkley 1997, section 3.8).
        level: Confidence.
        method: `BCa` corrects for bias and skew (Efron 1987).
        resamples: How many times.
        seed: The same seed draws the same.
    """
    check_level(level)
    codes = None if groups is None else codes_of(groups, n)
    value = float(statistic(np.ones((1, n)))[0])
    drawn = resample(statistic, n, codes=codes, resamples=resamples, seed=seed)
    if method == "BCa":
        drawn_interval = interval_of(drawn, level=level, value=value, left_out=_left_out(statistic, n, codes))
    else:
        drawn_interval = interval_of(drawn, level=level)
    return Estimate(
        value=value,
        interval=drawn_interval,
        n=n,
        se=float(np.nanstd(drawn, ddof=1)),
        groups=None if codes is None else codes[1],
    )


def interval_of(drawn: Array, *, level: float, value: float = math.nan, left_out: Array | None = None) -> Interval:
    """The interval that resampled values give; corrected for bias and skew where `left_out` is given.

    Args:
        drawn: The statistic of each resample; what could not be computed is NaN.
        level: Confidence.
        value: The statistic of the sample.
        left_out: The statistic without one item (or group) each.
    """
    known = np.sort(drawn[np.isfinite(drawn)])
    tails = ((1 - level) / 2, (1 + level) / 2)
    method = "percentile bootstrap"
    if known.size and left_out is not None and known[0] < known[-1]:
        below = (float(np.sum(known < value)) + 0.5 * float(np.sum(known == value))) / known.size
        if 0 < below < 1:
            z0 = normal_quantile(below)
            a = _acceleration(left_out)
            tails = tuple(_moved(tail, z0, a) for tail in tails)
            method = "BCa bootstrap"
    if not known.size:
        return Interval(low=math.nan, high=math.nan, level=level, method=method)
    low, high = np.quantile(known, tails)
    return Interval(low=float(low), high=float(high), level=level, method=method)


def resample(
    statistic: Statistic, n: int, *, codes: tuple[NDArray[np.int64], int] | None, resamples: int, seed: int
) -> Array:
    """The statistic of `resamples` samples drawn with replacement."""
    rng = np.random.default_rng(seed)
    units = n if codes is None else codes[1]
    parts: list[Array] = []
    for size in _chunks(resamples, max(n, units)):
        picks = rng.integers(0, units, size=(size, units)) + np.arange(size)[:, None] * units
        weights = np.bincount(picks.ravel(), minlength=size * units).reshape(size, units).astype(np.float64)
        parts.append(statistic(weights if codes is None else weights[:, codes[0]]))
    return np.concatenate(parts)


def mean_of(values: ArrayLike) -> Statistic:
    """The mean, as a statistic of weights."""
    found = numbers(values)
    return lambda weights: (weights @ found) / weights.sum(axis=1)


def quantile_of(values: ArrayLike, q: float) -> Statistic:
    """The q-quantile, as a statistic of weights: the least value with a share of at least q at or below it."""
    found = numbers(values)
    order = np.argsort(found, kind="stable")
    ordered = found[order]

    def statistic(weights: Array) -> Array:
        sums = np.cumsum(weights[:, order], axis=1)
        target = q * sums[:, -1:] - 1e-9
        return ordered[np.argmax(sums >= target, axis=1)]

    return statistic


def _left_out(statistic: Statistic, n: int, codes: tuple[NDArray[np.int64], int] | None) -> Array:
    units = n if codes is None else codes[1]
    parts: list[Array] = []
    start = 0
    for size in _chunks(units, n):
        weights = np.ones((size, n))
        which = np.arange(start, start + size)
        if codes is None:
            weights[np.arange(size), which] = 0.0
        else:
            weights[codes[0][None, :] == which[:, None]] = 0.0
        parts.append(statistic(weights))
        start += size
    return np.concatenate(parts)


def _acceleration(left_out: Array) -> float:
    known = left_out[np.isfinite(left_out)]
    away = known.mean() - known
    spread = float(np.sum(away**2))
    return float(np.sum(away**3)) / (6 * spread**1.5) if spread > 0 else 0.0


def _moved(tail: float, z0: float, a: float) -> float:
    z = z0 + normal_quantile(tail)
    return normal_cdf(z0 + z / (1 - a * z))


def _chunks(total: int, width: int) -> Iterator[int]:
    size = max(1, _CELLS // max(width, 1))
    for start in range(0, total, size):
        yield min(size, total - start)
