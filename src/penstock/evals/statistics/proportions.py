"""Shares: how often something is so, among n independent items."""

import math

from penstock.core.errors import InvalidInput
from penstock.evals.statistics.distributions import beta_quantile, binomial_cdf, normal_quantile
from penstock.evals.statistics.types import Estimate, Interval, check_level

__all__ = ["binomial_p", "clopper_pearson", "wilson"]


def wilson(successes: int, n: int, *, level: float = 0.95) -> Estimate:
    """A share with Wilson's score interval (Wilson 1927; advised for every n by Brown, Cai and DasGupta 2001)."""
    _check(successes, n, level)
    z = normal_quantile((1 + level) / 2)
    share = successes / n
    centre = (successes + z * z / 2) / (n + z * z)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Estimate(
        value=share,
        interval=Interval(low=low, high=high, level=level, method="wilson"),
        n=n,
        se=math.sqrt(share * (1 - share) / n),
    )


def clopper_pearson(successes: int, n: int, *, level: float = 0.95) -> Estimate:
    """A share with the exact interval, which covers at least at its level (Clopper and Pearson 1934)."""
    _check(successes, n, level)
    tail = (1 - level) / 2
    low = 0.0 if successes == 0 else beta_quantile(tail, successes, n - successes + 1)
    high = 1.0 if successes == n else beta_quantile(1 - tail, successes + 1, n - successes)
    share = successes / n
    return Estimate(
        value=share,
        interval=Interval(low=low, high=high, level=level, method="clopper-pearson"),
        n=n,
        se=math.sqrt(share * (1 - share) / n),
    )


def binomial_p(successes: int, n: int, share: float) -> tuple[float, float]:
    """One-sided exact p-values: of `the true share is at most share`, and of `it is at least share`."""
    return 1 - binomial_cdf(successes - 1, n, share), binomial_cdf(successes, n, share)


def _check(successes: int, n: int, level: float) -> None:
    check_level(level)
    if n < 1 or not 0 <= successes <= n:
        raise InvalidInput(f"Expected 0 to n successes of n >= 1 items, got {successes} of {n}.", field="successes")
