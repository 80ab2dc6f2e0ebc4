"""Means of independent items, and of items that come in groups."""

import math
from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from penstock.core.errors import InvalidInput
from penstock.evals.statistics.distributions import t_quantile
from penstock.evals.statistics.types import Array, Estimate, Interval, check_level, numbers

__all__ = ["Clusters", "Correction", "MeanSpread", "codes_of", "intraclass_correlation", "mean", "spread_of_mean"]

Correction = Literal["CR1", "CR2"]
Clusters = Sequence[Hashable]
"""Group of each item, in the items' order."""


class MeanSpread:
    """Standard error of a mean and the degrees of freedom that go with it."""

    __slots__ = ("df", "groups", "se")

    def __init__(self, *, se: float, df: float, groups: int | None) -> None:
        self.se = se
        self.df = df
        self.groups = groups


def mean(
    values: ArrayLike,
    *,
    groups: Clusters | None = None,
    level: float = 0.95,
    correction: Correction = "CR2",
) -> Estimate:
    """A mean with its t interval; with `groups`, one that knows that items of a group are alike.

    Args:
        values: Finite numbers, at least two.
        groups: The group of each value (documents of questions, conversations of turns); at least two different ones.
        level: Confidence.
        correction: See `spread_of_mean`.
    """
    check_level(level)
    found = numbers(values, least=2)
    spread = spread_of_mean(found, groups, correction=correction)
    value = float(found.mean())
    half = t_quantile((1 + level) / 2, spread.df) * spread.se
    method = "t" if groups is None else "clustered t"
    return Estimate(
        value=value,
        interval=Interval(low=value - half, high=value + half, level=level, method=method),
        n=found.size,
        se=spread.se,
        df=spread.df,
        groups=spread.groups,
    )


def spread_of_mean(values: Array, groups: Clusters | None, *, correction: Correction = "CR2") -> MeanSpread:
    """The standard error of a mean.

    With groups, the cluster-robust one of a regression on a constant (Liang and Zeger 1986). `CR1` multiplies the
    variance by G / (G - 1) and takes G - 1 degrees of freedom, as statsmodels and Stata do. `CR2` corrects each group's
    residual for its own leverage and takes Satterthwaite's degrees of freedom (Bell and McCaffrey 2002; Imbens and
    Kolesár 2016), which hold their level with few or unequal groups; with groups of one size both are the same.
    """
    n = values.size
    residuals = values - values.mean()
    if groups is None:
        return MeanSpread(se=math.sqrt(float(residuals @ residuals) / (n - 1) / n), df=n - 1, groups=None)
    codes, count = codes_of(groups, n)
    if count < 2:
        raise InvalidInput("Expected at least two groups, got one.", field="groups")
    sums = np.bincount(codes, weights=residuals, minlength=count)
    sizes = np.bincount(codes, minlength=count).astype(np.float64)
    if correction == "CR1":
        variance = count / (count - 1) * float(sums @ sums) / n**2
        return MeanSpread(se=math.sqrt(variance), df=count - 1, groups=count)
    leverage = sizes / n
    variance = float(np.sum(sums**2 / (1 - leverage))) / n**2
    weights = sizes**2 / (1 - leverage) / n
    df = n**2 / float(sizes @ sizes + weights.sum() ** 2 - weights @ weights)
    return MeanSpread(se=math.sqrt(variance), df=df, groups=count)


def codes_of(groups: Clusters, n: int) -> tuple[NDArray[np.int64], int]:
    """Groups as numbers from 0, and how many there are."""
    if len(groups) != n:
        raise InvalidInput(f"Expected a group for each of {n} values, got {len(groups)}.", field="groups")
    known: dict[Hashable, int] = {}
    codes = np.fromiter((known.setdefault(group, len(known)) for group in groups), dtype=np.int64, count=n)
    return codes, len(known)


def intraclass_correlation(values: ArrayLike, groups: Clusters) -> float:
    """How alike items of one group are: 0 not at all, 1 equal (one-way analysis of variance; Donner 1986).

    Never below 0. 0 where it cannot be told: one group, or no group with two items.
    """
    found = numbers(values, least=2)
    codes, count = codes_of(groups, found.size)
    sizes = np.bincount(codes, minlength=count).astype(np.float64)
    if count < 2 or count == found.size:
        return 0.0
    means = np.bincount(codes, weights=found, minlength=count) / sizes
    between = float(sizes @ (means - found.mean()) ** 2) / (count - 1)
    within = float(np.sum((found - means[codes]) ** 2)) / (found.size - count)
    typical = (found.size - float(sizes @ sizes) / found.size) / (count - 1)
    total = between + (typical - 1) * within
    return max(0.0, (between - within) / total) if total > 0 else 0.0
