"""Quantiles and tails of the distributions that the statistics need, by scipy.

scipy loads `special` when it is first named, so importing this module costs next to nothing. Nothing else names scipy,
and nothing names `scipy.stats`, which takes a second and 80 MB to load.
"""

import math
from typing import Any, cast

import scipy

__all__ = [
    "beta_quantile",
    "binomial_cdf",
    "binomial_quantile",
    "noncentral_t_cdf",
    "normal_cdf",
    "normal_quantile",
    "t_cdf",
    "t_quantile",
]

_scipy = cast("Any", scipy)  # it has no types


def normal_quantile(p: float) -> float:
    return float(_scipy.special.ndtri(p))


def normal_cdf(x: float) -> float:
    return float(_scipy.special.ndtr(x))


def t_quantile(p: float, df: float) -> float:
    return float(_scipy.special.stdtrit(df, p))


def t_cdf(x: float, df: float) -> float:
    return float(_scipy.special.stdtr(df, x))


def noncentral_t_cdf(x: float, df: float, noncentrality: float) -> float:
    found = float(_scipy.special.nctdtr(df, noncentrality, x))
    # Far out in a tail the series does not converge; there the normal approximation errs by less than 1e-6.
    return normal_cdf(x - noncentrality) if math.isnan(found) else found


def beta_quantile(p: float, a: float, b: float) -> float:
    return float(_scipy.special.betaincinv(a, b, p))


def binomial_cdf(k: int, n: int, p: float) -> float:
    """P(X <= k) of n trials that succeed with p."""
    if k < 0:
        return 0.0
    return 1.0 if k >= n else float(_scipy.special.bdtr(k, n, p))


def binomial_quantile(q: float, n: int, p: float) -> int:
    """The least k with P(X <= k) >= q."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if binomial_cdf(middle, n, p) >= q:
            high = middle
        else:
            low = middle + 1
    return low
