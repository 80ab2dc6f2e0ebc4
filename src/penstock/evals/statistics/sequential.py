"""Intervals that hold at every moment, so that an experiment may be looked at all the time and stopped when clear.

A confidence sequence covers the true mean at all sample sizes at once with its level (Howard, Ramdas, McAuliffe and
Sekhon 2021). Looking at an ordinary interval after every row would sooner or later show anything.
Rows have to come in random order: of a dataset that is sorted by difficulty, the first rows say little of the others.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from penstock.core.errors import InvalidInput
from penstock.evals.statistics.types import Array, Interval, check_level, numbers

__all__ = ["asymptotic_sequence", "betting_interval", "empirical_bernstein_sequence"]


def empirical_bernstein_sequence(
    values: ArrayLike, *, low: float = 0.0, high: float = 1.0, level: float = 0.95
) -> tuple[Array, Array]:
    """Lower and upper bounds of the mean after each value, valid at all of them at once.

    The predictable plug-in empirical-Bernstein sequence (Waudby-Smith and Ramdas 2023, theorem 2). The values need the
    same conditional mean and known bounds, no distribution. Bounds are intersected over time, so they never widen.

    Args:
        values: In the order in which they came.
        low: No value is lower.
        high: No value is higher.
        level: Confidence.
    """
    scaled = _scaled(values, low, high, level)
    alpha = 1 - level
    n = scaled.size
    times = np.arange(1, n + 1)
    means = (0.5 + np.cumsum(scaled)) / (times + 1)
    variances = (0.25 + np.cumsum((scaled - means) ** 2)) / (times + 1)
    before_mean = np.concatenate([[0.5], means[:-1]])
    before_variance = np.concatenate([[0.25], variances[:-1]])
    bets = np.minimum(np.sqrt(2 * math.log(2 / alpha) / (before_variance * times * np.log(times + 1))), 0.5)
    psi = -np.log1p(-bets) - bets
    sums = np.cumsum(bets)
    centre = np.cumsum(bets * scaled) / sums
    half = (math.log(2 / alpha) + np.cumsum((scaled - before_mean) ** 2 * psi)) / sums
    lower = np.maximum.accumulate(np.maximum(centre - half, 0.0))
    upper = np.minimum.accumulate(np.minimum(centre + half, 1.0))
    return low + lower * (high - low), low + upper * (high - low)


def betting_interval(
    values: ArrayLike, *, low: float = 0.0, high: float = 1.0, level: float = 0.95, grid: int = 1000
) -> Interval:
    """The bounds of the mean after all values, valid whenever one chose to stop; tighter than the one above.

    Hedged capital process (Waudby-Smith and Ramdas 2023, section 4): a mean is ruled out once a bet against it has
    multiplied its stake by 1 / alpha. Bets are predictable, so stopping at any time is allowed.

    Args:
        values: In the order in which they came.
        low: No value is lower.
        high: No value is higher.
        level: Confidence.
        grid: Candidate means; the interval is widened by one step on each side.
    """
    scaled = _scaled(values, low, high, level)
    alpha = 1 - level
    times = np.arange(1, scaled.size + 1)
    means = (0.5 + np.cumsum(scaled)) / (times + 1)
    variances = (0.25 + np.cumsum((scaled - means) ** 2)) / (times + 1)
    before = np.concatenate([[0.25], variances[:-1]])
    bets = np.sqrt(2 * math.log(2 / alpha) / (before * times * np.log(times + 1)))
    inside = np.linspace(0, 1, grid + 1)[1:-1]
    # The higher a mean, the less a bet above it wins at any moment; below it the other way round. So on each side there
    # is one first candidate that is left, and it is found without trying all.
    most = math.log(2 / alpha)
    first = _first_left(inside, lambda mean: _best(np.minimum(bets, 0.5 / mean) * (scaled - mean)) < most)
    last = _first_left(inside[::-1], lambda mean: _best(np.minimum(bets, 0.5 / (1 - mean)) * (mean - scaled)) < most)
    kept = inside[first : inside.size - last]
    step = 1 / grid
    if kept.size:
        lower, upper = max(0.0, float(kept[0]) - step), min(1.0, float(kept[-1]) + step)
    else:  # every inner candidate is ruled out: the mean lies at the end that the values lie at
        middle = float(scaled.mean())
        lower, upper = max(0.0, middle - step), min(1.0, middle + step)
    return Interval(low=low + lower * (high - low), high=low + upper * (high - low), level=level, method="betting")


def asymptotic_sequence(
    mean: float, se: float, n: int, *, level: float = 0.95, sharpest_at: int | None = None
) -> Interval:
    """The bounds of a mean without known bounds, approximately valid at all n at once.

    Normal mixture (Robbins 1970; Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, theorem 2.2).

    Args:
        mean: Of the values so far.
        se: Its standard error, clustered where items are grouped.
        n: Items (or groups) so far.
        level: Confidence.
        sharpest_at: At how many items it is narrowest; 500 unless given.
    """
    check_level(level)
    alpha = 1 - level
    target = sharpest_at or 500
    rho2 = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / target
    scale = n * rho2 + 1
    half = se * math.sqrt(n) * math.sqrt(2 * scale / (n * n * rho2) * math.log(math.sqrt(scale) / alpha))
    return Interval(low=mean - half, high=mean + half, level=level, method="asymptotic sequence")


def _best(bets: Array) -> float:
    """The logarithm of the most that a stake ever was, given what each bet won or lost of it."""
    return float(np.cumsum(np.log1p(bets)).max())


def _first_left(candidates: Array, holds: Callable[[float], bool]) -> int:
    """The place of the first candidate that holds, of which all later ones hold; their number if none does."""
    low, high = 0, candidates.size
    while low < high:
        middle = (low + high) // 2
        if holds(float(candidates[middle])):
            high = middle
        else:
            low = middle + 1
    return low


def _scaled(values: ArrayLike, low: float, high: float, level: float) -> Array:
    check_level(level)
    found = numbers(values)
    if not low < high:
        raise InvalidInput(f"Expected bounds with low below high, got {low:g} and {high:g}.", field="low")
    if found.min() < low or found.max() > high:
        raise InvalidInput(f"Expected values from {low:g} to {high:g}, got {found.min():g} to {found.max():g}.")
    return (found - low) / (high - low)
