"""Two variants on the same items."""

import math
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from penstock.core.errors import InvalidInput
from penstock.evals.statistics.distributions import (
    binomial_cdf,
    normal_cdf,
    normal_quantile,
    t_cdf,
    t_quantile,
)
from penstock.evals.statistics.means import Clusters, mean, spread_of_mean
from penstock.evals.statistics.signed_ranks import wilcoxon
from penstock.evals.statistics.types import Array, Estimate, Interval, Test, check_level, numbers

__all__ = [
    "Discordance",
    "PairedDifference",
    "WinLossTie",
    "discordance",
    "is_binary",
    "mcnemar",
    "paired_difference",
    "sign_test",
    "tango_interval",
    "tango_p",
    "tango_z",
    "two_sample_difference",
]


class WinLossTie(msgspec.Struct, frozen=True, kw_only=True):
    """Items on which the candidate has the higher value, the lower, and the same."""

    wins: int
    losses: int
    ties: int
    test: Test
    """Sign test: wins against losses, ties left out."""


class PairedDifference(msgspec.Struct, frozen=True, kw_only=True):
    """Candidate minus baseline, item by item."""

    difference: Estimate
    """Mean difference; clustered where items are grouped. Both variants' values being only 0 and 1, independent items
    have Tango's score interval."""
    candidate: float
    """Mean of the candidate's values."""
    baseline: float
    correlation: float | None
    """Of the two variants' values; None where one does not vary. The higher, the more pairing helps."""
    t: Test
    """By the mean difference and its standard error, clustered where items are grouped."""
    wilcoxon: Test | None
    """Signed ranks; None where items are grouped, for it needs independent ones."""
    mcnemar: Test | None
    """Exact; only where all values are 0 or 1 and items are independent."""
    record: WinLossTie


class Discordance(msgspec.Struct, frozen=True, kw_only=True):
    """Pairs of 0 and 1 in which the variants differ."""

    gained: int
    """Candidate 1, baseline 0."""
    lost: int
    n: int


def paired_difference(
    candidate: ArrayLike,
    baseline: ArrayLike,
    *,
    groups: Clusters | None = None,
    level: float = 0.95,
) -> PairedDifference:
    """How much higher the candidate's values are on the same items.

    Args:
        candidate: Its values, at least two.
        baseline: Its values of the same items in the same order.
        groups: The group of each item; see `means.mean`.
        level: Confidence.
    """
    ours, theirs = numbers(candidate, least=2, field="candidate"), numbers(baseline, least=2, field="baseline")
    if ours.size != theirs.size:
        raise InvalidInput(f"Expected values of the same items, got {ours.size} and {theirs.size}.", field="baseline")
    differences = ours - theirs
    estimate = mean(differences, groups=groups, level=level)
    binary = groups is None and is_binary(ours) and is_binary(theirs)
    pairs = discordance(ours, theirs) if binary else None
    if pairs is not None:
        estimate = msgspec.structs.replace(estimate, interval=tango_interval(pairs, level=level), df=None)
    return PairedDifference(
        difference=estimate,
        candidate=float(ours.mean()),
        baseline=float(theirs.mean()),
        correlation=_correlation(ours, theirs),
        t=_t_test(differences, groups),
        wilcoxon=None if groups is not None else wilcoxon(differences),
        mcnemar=None if pairs is None else mcnemar(pairs.gained, pairs.lost),
        record=_record(differences),
    )


def two_sample_difference(candidate: ArrayLike, baseline: ArrayLike, *, level: float = 0.95) -> tuple[Estimate, Test]:
    """The difference of the means of two independent samples, with Welch's interval and test (Welch 1947)."""
    check_level(level)
    ours, theirs = numbers(candidate, least=2, field="candidate"), numbers(baseline, least=2, field="baseline")
    parts = [float(one.var(ddof=1)) / one.size for one in (ours, theirs)]
    se = math.sqrt(sum(parts))
    value = float(ours.mean() - theirs.mean())
    if se > 0:
        df = sum(parts) ** 2 / sum(part**2 / (one.size - 1) for part, one in zip(parts, (ours, theirs), strict=True))
    else:
        df = float(ours.size + theirs.size - 2)
    from_t = t_quantile((1 + level) / 2, df) * se
    interval = Interval(low=value - from_t, high=value + from_t, level=level, method="welch t")
    p = 2 * t_cdf(-abs(value) / se, df) if se > 0 else float(value == 0)
    statistic = value / se if se > 0 else None
    return (
        Estimate(value=value, interval=interval, n=ours.size + theirs.size, se=se, df=df),
        Test(p=p, statistic=statistic, method="welch t"),
    )


def mcnemar(gained: int, lost: int) -> Test:
    """McNemar's exact test: are gains and losses equally likely (McNemar 1947; binomial, two-sided)."""
    return Test(p=_two_sided(gained, lost), statistic=float(min(gained, lost)), method="mcnemar exact")


def sign_test(wins: int, losses: int) -> Test:
    """Are wins and losses equally likely; exact, ties left out (Dixon and Mood 1946)."""
    return Test(p=_two_sided(wins, losses), statistic=float(wins), method="sign test")


def is_binary(values: Array) -> bool:
    """Whether all are 0 or 1."""
    return bool(np.all((values == 0) | (values == 1)))


def discordance(candidate: Array, baseline: Array) -> Discordance:
    """Counts of a comparison whose values are all 0 or 1."""
    return Discordance(
        gained=int(np.sum(candidate > baseline)), lost=int(np.sum(candidate < baseline)), n=candidate.size
    )


def tango_z(pairs: Discordance, difference: float) -> float:
    """Score statistic of `the true difference of the two shares is this`; standard normal if it is (Tango 1998)."""
    b, c, n = pairs.gained, pairs.lost, pairs.n
    above = b - c - n * difference
    linear = -b - c + (2 * n - b + c) * difference
    constant = -c * difference * (1 - difference)
    root = math.sqrt(max(0.0, linear * linear - 8 * n * constant))
    lost = (root - linear) / (4 * n)
    variance = n * (2 * lost + difference * (1 - difference))
    if variance <= 0:
        return 0.0 if above == 0 else math.copysign(math.inf, above)
    return above / math.sqrt(variance)


def tango_p(pairs: Discordance, difference: float) -> tuple[float, float]:
    """One-sided p-values: of `the true difference is at most this`, and of `it is at least this`."""
    z = tango_z(pairs, difference)
    return normal_cdf(-z), normal_cdf(z)


def tango_interval(pairs: Discordance, *, level: float = 0.95) -> Interval:
    """Score interval of the difference of two shares of the same items (Tango 1998).

    It keeps its level for few items, and its width where no pair differs, which the t interval does not.
    """
    check_level(level)
    z = normal_quantile((1 + level) / 2)
    observed = (pairs.gained - pairs.lost) / pairs.n
    return Interval(
        low=_solve(pairs, -1.0, observed, z),
        high=_solve(pairs, 1.0, observed, -z),
        level=level,
        method="tango score",
    )


def _solve(pairs: Discordance, outer: float, inner: float, target: float) -> float:
    """The difference between these at which the score statistic, which falls, is `target`."""
    if abs(tango_z(pairs, outer)) <= abs(target):
        return outer
    for _ in range(60):
        middle = (outer + inner) / 2
        if abs(tango_z(pairs, middle)) > abs(target):
            outer = middle
        else:
            inner = middle
    return (outer + inner) / 2


def _t_test(differences: Array, groups: Clusters | None) -> Test:
    spread = spread_of_mean(differences, groups)
    value = float(differences.mean())
    method: Literal["paired t", "clustered paired t"] = "paired t" if groups is None else "clustered paired t"
    if spread.se == 0:
        return Test(p=float(value == 0), statistic=None, method=method)
    return Test(p=2 * t_cdf(-abs(value) / spread.se, spread.df), statistic=value / spread.se, method=method)


def _record(differences: Array) -> WinLossTie:
    wins, losses = int(np.sum(differences > 0)), int(np.sum(differences < 0))
    return WinLossTie(wins=wins, losses=losses, ties=differences.size - wins - losses, test=sign_test(wins, losses))


def _correlation(ours: Array, theirs: Array) -> float | None:
    if ours.std() == 0 or theirs.std() == 0:
        return None
    return float(np.corrcoef(ours, theirs)[0, 1])


def _two_sided(one: int, other: int) -> float:
    return min(1.0, 2 * binomial_cdf(min(one, other), one + other, 0.5)) if one + other else 1.0
