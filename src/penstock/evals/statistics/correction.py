"""Rates and means that a judge reports, corrected for the errors it is known to make."""

import math

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from penstock.core.errors import InvalidInput
from penstock.evals.statistics.distributions import normal_quantile
from penstock.evals.statistics.proportions import wilson
from penstock.evals.statistics.types import Estimate, Interval, check_level, numbers

__all__ = ["Accuracy", "Confusion", "PredictionPowered", "accuracy_of", "prediction_powered_mean", "rogan_gladen"]


class Confusion(msgspec.Struct, frozen=True, kw_only=True):
    """A judge's yes and no against people's."""

    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int

    @property
    def positives(self) -> int:
        """Items to which people say yes."""
        return self.true_positive + self.false_negative

    @property
    def negatives(self) -> int:
        return self.true_negative + self.false_positive


class Accuracy(msgspec.Struct, frozen=True, kw_only=True):
    """Where a judge errs. None where people gave no such label."""

    sensitivity: Estimate | None
    """Share of people's yes to which the judge says yes."""
    specificity: Estimate | None
    """Share of people's no to which the judge says no."""
    agreement: Estimate


class PredictionPowered(msgspec.Struct, frozen=True, kw_only=True):
    """A mean of people's labels, sharpened by a judge's values of many more items."""

    estimate: Estimate
    weight: float
    """How far the judge is relied on: 0 not at all (people's mean), 1 as in PPI without tuning."""
    labels_alone: Estimate
    """Of the labelled items, without the judge."""
    effective_labels: float
    """How many labels alone would give the same interval."""


def accuracy_of(confusion: Confusion, *, level: float = 0.95) -> Accuracy:
    """Sensitivity, specificity and agreement with Wilson's intervals."""
    positives, negatives = confusion.positives, confusion.negatives
    right = confusion.true_positive + confusion.true_negative
    return Accuracy(
        sensitivity=wilson(confusion.true_positive, positives, level=level) if positives else None,
        specificity=wilson(confusion.true_negative, negatives, level=level) if negatives else None,
        agreement=wilson(right, positives + negatives, level=level),
    )


def rogan_gladen(positives: int, n: int, confusion: Confusion, *, level: float = 0.95) -> Estimate:
    """The true rate behind a judge's rate (Rogan and Gladen 1978).

    The interval is Lang and Reiczigel's (2014), which knows that sensitivity and specificity are estimates too.

    Args:
        positives: Items to which the judge says yes.
        n: Items that it judged, other ones than those of `confusion`.
        confusion: The judge against people.
        level: Confidence.

    Raises:
        InvalidInput: the judge was not compared on both kinds of items, or is no better than chance.
    """
    check_level(level)
    if n < 1 or not 0 <= positives <= n:
        raise InvalidInput(f"Expected 0 to n positives of n >= 1 items, got {positives} of {n}.", field="positives")
    if not confusion.positives or not confusion.negatives:
        raise InvalidInput(
            "Expected labels of both kinds, to know how often the judge errs on each.",
            field="confusion",
            hint="Label more items.",
        )
    sensitivity = confusion.true_positive / confusion.positives
    specificity = confusion.true_negative / confusion.negatives
    if sensitivity + specificity <= 1:
        raise InvalidInput(
            f"A judge with sensitivity {sensitivity:.3g} and specificity {specificity:.3g} is no better than chance.",
            field="confusion",
            hint="No rate can be corrected by it; change the judge.",
        )
    value = (positives / n + specificity - 1) / (sensitivity + specificity - 1)
    low, high, se = _lang_reiczigel(positives, n, confusion, level)
    return Estimate(
        value=min(1.0, max(0.0, value)),
        interval=Interval(low=low, high=high, level=level, method="lang-reiczigel"),
        n=n,
        se=se,
    )


def prediction_powered_mean(
    labels: ArrayLike,
    judged: ArrayLike,
    judged_others: ArrayLike,
    *,
    level: float = 0.95,
    tuned: bool = True,
) -> PredictionPowered:
    """The mean that people would give to all items, of which they labelled some and a judge judged all.

    Prediction-powered inference (Angelopoulos, Bates, Fannjiang, Jordan and Zrnic 2023); tuned, the judge is weighted
    by what it tells (PPI++; Angelopoulos, Duchi and Zrnic 2023), so that a bad judge costs nothing. Valid for any
    judge, as long as the labelled items were drawn at random.

    Args:
        labels: People's values of the labelled items, at least two.
        judged: The judge's values of the same items.
        judged_others: The judge's values of items without labels, at least two.
        level: Confidence.
        tuned: Weight the judge; else it counts in full.
    """
    check_level(level)
    y, f = numbers(labels, least=2, field="labels"), numbers(judged, least=2, field="judged")
    others = numbers(judged_others, least=2, field="judged_others")
    if y.size != f.size:
        raise InvalidInput(f"Expected the judge's value of each label, got {f.size} of {y.size}.", field="judged")
    n, many = y.size, others.size
    weight = 1.0
    if tuned:
        spread = float(np.concatenate([f, others]).var(ddof=1))
        weight = float(np.cov(y, f)[0, 1]) / ((1 + n / many) * spread) if spread > 0 else 0.0
        weight = min(1.0, max(0.0, weight))
    rectified = y - weight * f
    value = weight * float(others.mean()) + float(rectified.mean())
    se = math.sqrt(weight**2 * float(others.var(ddof=1)) / many + float(rectified.var(ddof=1)) / n)
    alone = float(y.var(ddof=1)) / n
    return PredictionPowered(
        estimate=_normal(value, se, n + many, level, "PPI++" if tuned else "PPI"),
        weight=weight,
        labels_alone=_normal(float(y.mean()), math.sqrt(alone), n, level, "normal"),
        effective_labels=n * alone / se**2 if se > 0 else float(n),
    )


def _normal(value: float, se: float, n: int, level: float, method: str) -> Estimate:
    half = normal_quantile((1 + level) / 2) * se
    return Estimate(
        value=value,
        interval=Interval(low=value - half, high=value + half, level=level, method=method),
        n=n,
        se=se,
    )


def _lang_reiczigel(positives: int, n: int, confusion: Confusion, level: float) -> tuple[float, float, float]:
    z = normal_quantile((1 + level) / 2)
    size, size_se, size_sp = n + z * z, confusion.positives + 2, confusion.negatives + 2
    rate = (positives + z * z / 2) / size
    se, sp = (confusion.true_positive + 1) / size_se, (confusion.true_negative + 1) / size_sp
    youden = se + sp - 1
    true = (rate + sp - 1) / youden
    error_se, error_sp = se * (1 - se) / size_se, sp * (1 - sp) / size_sp
    spread = math.sqrt(rate * (1 - rate) / size + error_se * true**2 + error_sp * (1 - true) ** 2) / abs(youden)
    shift = 2 * z * z * (true * error_se - (1 - true) * error_sp)
    low, high = true + shift - z * spread, true + shift + z * spread
    return min(1.0, max(0.0, low)), min(1.0, max(0.0, high)), spread
