"""Percentiles, as of latency."""

import math

import numpy as np
from numpy.typing import ArrayLike

from penstock.core.errors import InvalidInput
from penstock.evals.statistics.distributions import binomial_quantile, normal_quantile, t_quantile
from penstock.evals.statistics.means import Clusters, spread_of_mean
from penstock.evals.statistics.types import Array, Estimate, Interval, check_level, numbers

__all__ = ["percentile", "quantile_at", "quantile_influence"]


def percentile(values: ArrayLike, q: float, *, groups: Clusters | None = None, level: float = 0.95) -> Estimate:
    """The q-quantile with an interval that supposes no distribution.

    Independent values have the interval of order statistics (David and Nagaraja 2003, section 7.1), which covers at
    least at its level; where a sample is too small to bound a side, that side is infinite. Grouped ones have Woodruff's
    (1952): the clustered interval of the share below, turned back into values.

    Args:
        values: Finite numbers.
        q: Between 0 and 1, as 0.95.
        groups: See `means.mean`.
        level: Confidence.
    """
    check_level(level)
    if not 0 < q < 1:
        raise InvalidInput(f"A quantile lies between 0 and 1, as 0.95; got {q:g}.", field="q")
    ordered = np.sort(numbers(values, least=2))
    n = ordered.size
    value = quantile_at(ordered, q)
    if groups is None:
        tail = (1 - level) / 2
        low = binomial_quantile(tail, n, q) - 1
        high = binomial_quantile(1 - tail, n, q)
        return Estimate(
            value=value,
            interval=Interval(
                low=float(ordered[low]) if low >= 0 else -math.inf,
                high=float(ordered[high]) if high < n else math.inf,
                level=level,
                method="order statistics",
            ),
            n=n,
        )
    below = (np.asarray(values, dtype=np.float64) <= value).astype(np.float64)
    spread = spread_of_mean(below, groups)
    half = t_quantile((1 + level) / 2, spread.df) * max(spread.se, 1 / n)
    return Estimate(
        value=value,
        interval=Interval(
            low=quantile_at(ordered, q - half) if q - half > 0 else -math.inf,
            high=quantile_at(ordered, q + half + 1 / n) if q + half < 1 else math.inf,
            level=level,
            method="woodruff clustered",
        ),
        n=n,
        groups=spread.groups,
        df=spread.df,
    )


def quantile_influence(values: Array, q: float) -> Array:
    """By how much each value moves the q-quantile, times their number; the mean is 0 (Bahadur 1966).

    Its standard error is the quantile's, for samples that are large enough to see how dense values are there: the
    spacing of order statistics within Bofinger's (1975) bandwidth.
    """
    ordered = np.sort(values)
    n = ordered.size
    z = normal_quantile(q)
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    half = min((4.5 * density**4 / (2 * z * z + 1) ** 2 / n) ** 0.2, 0.9 * q, 0.9 * (1 - q))
    sparsity = (quantile_at(ordered, q + half) - quantile_at(ordered, q - half)) / (2 * half)
    below = values <= quantile_at(ordered, q)
    return sparsity * (below.mean() - below)


def quantile_at(ordered: Array, q: float) -> float:
    """The least value with a share of at least q at or below it."""
    place = math.ceil(q * ordered.size - 1e-9) - 1
    return float(ordered[min(max(place, 0), ordered.size - 1)])
