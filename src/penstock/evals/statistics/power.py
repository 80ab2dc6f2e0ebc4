"""How many items it takes to see a difference."""

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from penstock.core.errors import InvalidInput
from penstock.evals.statistics.distributions import noncentral_t_cdf, normal_cdf, normal_quantile, t_quantile
from penstock.evals.statistics.means import Clusters, spread_of_mean
from penstock.evals.statistics.types import numbers

__all__ = ["MOST_ROWS", "design_effect", "detectable_difference", "power_of", "rows_needed", "sd_of_binary_pairs"]

MOST_ROWS: Final = 100_000_000
"""Beyond this, more items are no answer."""
_EXACT_BELOW: Final = 2000
"""Items up to which the t distribution differs from the normal one by enough to matter."""


def power_of(
    difference: float, n: int, *, sd: float, alpha: float = 0.05, sides: int = 2, design_effect: float = 1.0
) -> float:
    """The chance that n items show a true mean difference: power of the (paired or one-sample) t test.

    Args:
        difference: True mean difference, in the metric's unit.
        n: Items.
        sd: Standard deviation of the items' differences.
        alpha: Level of the test.
        sides: 2, or 1 for a rule that only looks one way.
        design_effect: By how much grouping multiplies the variance; see `design_effect`.
    """
    _check(sd, alpha, sides, design_effect)
    if n < 2:
        return 0.0
    shift = abs(difference) * math.sqrt(n / design_effect) / sd
    if n > _EXACT_BELOW:
        critical = normal_quantile(1 - alpha / sides)
        return normal_cdf(shift - critical) + (normal_cdf(-shift - critical) if sides == 2 else 0.0)
    critical = t_quantile(1 - alpha / sides, n - 1)
    found = 1 - noncentral_t_cdf(critical, n - 1, shift)
    return found + (noncentral_t_cdf(-critical, n - 1, shift) if sides == 2 else 0.0)


def rows_needed(
    difference: float,
    *,
    sd: float,
    alpha: float = 0.05,
    power: float = 0.8,
    sides: int = 2,
    design_effect: float = 1.0,
) -> int | None:
    """The least number of items that shows a true difference with this power; None for more than a hundred million.

    Args are those of `power_of`.
    """
    _check(sd, alpha, sides, design_effect)
    if not 0 < power < 1:
        raise InvalidInput(f"Power lies between 0 and 1, as 0.8; got {power:g}.", field="power")
    if difference == 0:
        return None
    low, high = 2, 4
    while power_of(difference, high, sd=sd, alpha=alpha, sides=sides, design_effect=design_effect) < power:
        low, high = high, high * 2
        if high > MOST_ROWS:
            return None
    while low < high:
        middle = (low + high) // 2
        if power_of(difference, middle, sd=sd, alpha=alpha, sides=sides, design_effect=design_effect) >= power:
            high = middle
        else:
            low = middle + 1
    return low


def detectable_difference(
    n: int, *, sd: float, alpha: float = 0.05, power: float = 0.8, sides: int = 2, design_effect: float = 1.0
) -> float:
    """The least true difference that n items show with this power."""
    _check(sd, alpha, sides, design_effect)
    if n < 2:
        raise InvalidInput(f"Expected at least two items, got {n}.", field="n")
    low, high = 0.0, sd * math.sqrt(design_effect)
    while power_of(high, n, sd=sd, alpha=alpha, sides=sides, design_effect=design_effect) < power:
        low, high = high, high * 2
    for _ in range(50):
        middle = (low + high) / 2
        if power_of(middle, n, sd=sd, alpha=alpha, sides=sides, design_effect=design_effect) >= power:
            high = middle
        else:
            low = middle
    return high


def sd_of_binary_pairs(discordant: float, difference: float = 0.0) -> float:
    """Standard deviation of the differences of 0/1 pairs, of which this share differs."""
    if not 0 < discordant <= 1 or abs(difference) > discordant:
        raise InvalidInput(
            f"Expected a share of differing pairs from 0 to 1 that holds the difference {difference:g}, "
            f"got {discordant:g}.",
            field="discordant",
        )
    return math.sqrt(discordant - difference**2)


def design_effect(values: ArrayLike, groups: Clusters) -> float:
    """Variance of the mean with groups, by that without (Kish 1965); 1 where items of a group are not alike."""
    found = numbers(values, least=2)
    plain = spread_of_mean(found, None).se
    if plain == 0:
        return 1.0
    return max((spread_of_mean(found, groups).se / plain) ** 2, float(np.finfo(np.float64).eps))


def _check(sd: float, alpha: float, sides: int, effect: float) -> None:
    if not sd > 0:
        raise InvalidInput(f"Expected a standard deviation above 0, got {sd:g}.", field="sd")
    if not 0 < alpha < 1:
        raise InvalidInput(f"A level lies between 0 and 1, as 0.05; got {alpha:g}.", field="alpha")
    if sides not in {1, 2}:
        raise InvalidInput(f"A test has one side or two, got {sides}.", field="sides")
    if not effect > 0:
        raise InvalidInput(f"Expected a design effect above 0, got {effect:g}.", field="design_effect")
