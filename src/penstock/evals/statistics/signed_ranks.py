"""Wilcoxon's signed-rank test, without loading `scipy.stats`."""

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from penstock.evals.statistics.distributions import normal_cdf
from penstock.evals.statistics.types import Test, numbers

__all__ = ["wilcoxon"]

_EXACT_UP_TO: Final = 50


def wilcoxon(differences: ArrayLike) -> Test:
    """Are differences symmetric about 0 (Wilcoxon 1945)? Items without a difference are left out.

    Exact for up to 50 differences without ties; else by the normal approximation with the correction for ties. These
    are the choices of `scipy.stats.wilcoxon`.
    """
    found = numbers(differences)
    moved = found[found != 0]
    n = moved.size
    if n == 0:
        return Test(p=1.0, statistic=0.0, method="wilcoxon signed-rank")
    _, place, counts = np.unique(np.abs(moved), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    plus = float(ranks[moved > 0].sum())
    statistic = min(plus, n * (n + 1) / 2 - plus)
    tied = counts.size < n
    if n <= _EXACT_UP_TO and not tied and n == found.size:
        p = 2 * _below(int(statistic), n)
    else:
        ties = float(np.sum(counts.astype(np.float64) ** 3 - counts))
        se = math.sqrt((n * (n + 1) * (2 * n + 1) - ties / 2) / 24)
        p = 2 * normal_cdf((statistic - n * (n + 1) / 4) / se)
    return Test(p=min(1.0, p), statistic=statistic, method="wilcoxon signed-rank")


def _below(statistic: int, n: int) -> float:
    """The chance of a sum of ranks as low, by counting the signs that lead to each sum."""
    ways = np.zeros(n * (n + 1) // 2 + 1)
    ways[0] = 1.0
    for rank in range(1, n + 1):
        ways[rank:] += ways[:-rank].copy()
    return float(ways[: statistic + 1].sum() / 2.0**n)
