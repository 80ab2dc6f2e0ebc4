"""A judge measured against people: how far it agrees, where it errs, and whether it may gate.

Judgements of one version of a judge (one digest) only; a new version is calibrated anew.
"""

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.types import Value
from penstock.evals.statistics.agreement import Measure, cohens_kappa, krippendorff_alpha
from penstock.evals.statistics.correction import (
    Accuracy,
    Confusion,
    PredictionPowered,
    accuracy_of,
    prediction_powered_mean,
    rogan_gladen,
)
from penstock.evals.statistics.means import mean
from penstock.evals.statistics.preferences import Comparison, LengthBias, OrderBias, length_bias, order_bias
from penstock.evals.statistics.proportions import wilson
from penstock.evals.statistics.types import Estimate

__all__ = ["Calibration", "CalibrationRule", "Pair", "calibrate"]

Scale = Literal["boolean", "number", "category"]


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One item that a judge judged and a person labelled."""

    judge: Value | None
    """None: the judge could not say."""
    people: Value
    length: int | None = None
    """Characters of the judged answer."""


class CalibrationRule(msgspec.Struct, frozen=True, kw_only=True):
    """When a judge counts as calibrated, and so may gate. All of it has to hold."""

    least_labels: int = 100
    """Items that both judged."""
    least_of_each: int = 15
    """Of people's yes and of their no; for judges of yes and no."""
    least_agreement: float = 0.6
    """The lower end of the interval of Krippendorff's alpha: chance is 0. 0.667 is his own limit for tentative
    conclusions, as a value; a lower end of 0.6 asks for more than that of all but very large samples."""
    most_unscored: float = 0.05
    """Share of items on which the judge could not say."""
    least_consistent: float = 0.7
    """Of pairwise judges: the lower end of the share of pairs with the same verdict in both orders."""
    beats_longest: bool = True
    """Of pairwise judges: right more often than `the longest wins` on the same pairs."""
    level: float = 0.95


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a judge."""

    calibrated: bool
    reasons: list[str]
    """Why it is not, one sentence each; empty when it is."""
    scale: Scale
    n: int
    """Items that both judged."""
    unscored: int
    agreement: Estimate | None
    """Krippendorff's alpha of judge and people; None with fewer than two items, NaN where neither ever varies."""
    confusion: Confusion | None
    accuracy: Accuracy | None
    """Of judges of yes and no."""
    corrected: Estimate | None
    """The true rate behind the judge's rate on items without labels (Rogan and Gladen)."""
    combined: PredictionPowered | None
    """People's mean over all items, labels and judge combined (prediction-powered)."""
    lengths: Estimate | None
    """Alpha of the rule `the longer half is good` with people, beside which the judge's is to be read."""
    order: OrderBias | None
    """Of pairwise judges."""
    length: LengthBias | None
    kappa: Estimate | None = None
    """Cohen's, of yes and no and of labels."""
    raw: Estimate | None = None
    """What the judge says by itself, without any correction: its rate or mean on items without labels, or on those
    with labels where there are no others."""


def calibrate(
    pairs: Sequence[Pair],
    *,
    others: Sequence[Value] = (),
    comparisons: Sequence[Comparison] = (),
    rule: CalibrationRule | None = None,
    seed: int = 0,
) -> Calibration:
    """Measure a judge.

    Args:
        pairs: Items with the judge's and a person's value, drawn at random from what the judge is used on.
        others: The judge's values of items without labels, to correct and to combine; unscored ones left out.
        comparisons: Of a pairwise judge, what it said in each order, with people's verdict where there is one.
        rule: When it counts as calibrated.
        seed: Of the bootstrap.

    Raises:
        InvalidInput: values of different types are mixed.
    """
    given = rule or CalibrationRule()
    scale = _scale(pairs)
    known = [(pair.judge, pair.people) for pair in pairs if pair.judge is not None]
    unscored = len(pairs) - len(known)
    agreement = _alpha(known, scale, given.level, seed)
    confusion = _confusion(known) if scale == "boolean" else None
    order = order_bias(comparisons, level=given.level) if comparisons else None
    length = length_bias(comparisons, level=given.level) if comparisons else None
    reasons = [
        *_too_few(len(known), unscored, len(pairs), confusion, given),
        *_disagrees(agreement, given),
        *_biased(order, length, given),
    ]
    return Calibration(
        calibrated=not reasons,
        reasons=reasons,
        scale=scale,
        n=len(known),
        unscored=unscored,
        agreement=agreement,
        confusion=confusion,
        accuracy=None if confusion is None or not known else accuracy_of(confusion, level=given.level),
        corrected=_corrected(confusion, others, given.level),
        combined=_combined(known, others, scale, given.level),
        lengths=_lengths(pairs, scale, given.level, seed),
        order=order,
        length=length,
        kappa=_kappa(known, scale, given.level, seed),
        raw=_raw([judge for judge, _ in known], others, scale, given.level),
    )


def _scale(pairs: Sequence[Pair]) -> Scale:
    values = [value for pair in pairs for value in (pair.judge, pair.people) if value is not None]
    if all(isinstance(value, bool) for value in values):
        return "boolean"
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return "number"
    if all(isinstance(value, str) for value in values):
        return "category"
    raise InvalidInput(
        "Expected values of one type: true and false, numbers, or labels.",
        field="pairs",
        hint="Ask people on the scale that the judge has.",
    )


def _alpha(known: Sequence[tuple[Value, Value]], scale: Scale, level: float, seed: int) -> Estimate | None:
    if len(known) < 2:
        return None
    measure: Measure = "interval" if scale == "number" else "nominal"
    return krippendorff_alpha(known, measure=measure, level=level, seed=seed)


def _kappa(known: Sequence[tuple[Value, Value]], scale: Scale, level: float, seed: int) -> Estimate | None:
    if len(known) < 2 or scale == "number":
        return None
    return cohens_kappa([one for one, _ in known], [one for _, one in known], level=level, seed=seed)


def _raw(judged: Sequence[Value], others: Sequence[Value], scale: Scale, level: float) -> Estimate | None:
    values = others or judged
    if scale == "boolean" and values:
        return wilson(sum(value is True for value in values), len(values), level=level)
    if scale == "number" and len(values) > 1:
        return mean([float(value) for value in values], level=level)
    return None


def _confusion(known: Sequence[tuple[Value, Value]]) -> Confusion:
    return Confusion(
        true_positive=sum(judge is True and people is True for judge, people in known),
        false_positive=sum(judge is True and people is False for judge, people in known),
        true_negative=sum(judge is False and people is False for judge, people in known),
        false_negative=sum(judge is False and people is True for judge, people in known),
    )


def _too_few(n: int, unscored: int, total: int, confusion: Confusion | None, rule: CalibrationRule) -> list[str]:
    found: list[str] = []
    if n < rule.least_labels:
        found.append(f"{n} items are labelled and judged; it takes {rule.least_labels}.")
    if confusion is not None and min(confusion.positives, confusion.negatives) < rule.least_of_each:
        found.append(
            f"People said yes {confusion.positives} times and no {confusion.negatives} times; "
            f"it takes {rule.least_of_each} of each."
        )
    if total and unscored > rule.most_unscored * total:
        found.append(
            f"The judge could not say on {unscored} of {total} items; at most {rule.most_unscored:.0%} may be."
        )
    return found


def _disagrees(agreement: Estimate | None, rule: CalibrationRule) -> list[str]:
    if agreement is None:
        return []
    if math.isnan(agreement.value) or math.isnan(agreement.interval.low):
        return ["Judge and people always give the same one value, so agreement cannot be told from chance."]
    if agreement.interval.low < rule.least_agreement:
        message = (
            f"Alpha with people is {agreement.value:.2f}, at least {agreement.interval.low:.2f} "
            f"({rule.level:.0%} interval); it takes {rule.least_agreement:.2f}."
        )
        return [message]
    return []


def _biased(order: OrderBias | None, length: LengthBias | None, rule: CalibrationRule) -> list[str]:
    found: list[str] = []
    if order is not None:
        if order.consistent is None:
            found.append("No pair was judged in both orders.")
        elif order.consistent.interval.low < rule.least_consistent:
            found.append(
                f"The verdict is the same in both orders for {order.consistent.value:.0%} of pairs, at least "
                f"{order.consistent.interval.low:.0%}; it takes {rule.least_consistent:.0%}."
            )
    if rule.beats_longest and length is not None and length.judge_right and length.longest_right:
        judge, longest = length.judge_right.value, length.longest_right.value
        if judge <= longest:
            found.append(f"It is right on {judge:.0%} of pairs; picking the longer answer is on {longest:.0%}.")
    return found


def _corrected(confusion: Confusion | None, others: Sequence[Value], level: float) -> Estimate | None:
    if confusion is None or not others or not confusion.positives or not confusion.negatives:
        return None
    sensitivity = confusion.true_positive / confusion.positives
    specificity = confusion.true_negative / confusion.negatives
    if sensitivity + specificity <= 1:
        return None
    return rogan_gladen(sum(value is True for value in others), len(others), confusion, level=level)


def _combined(
    known: Sequence[tuple[Value, Value]], others: Sequence[Value], scale: Scale, level: float
) -> PredictionPowered | None:
    if scale == "category" or len(known) < 2 or len(others) < 2:
        return None
    judge, people = ([float(pair[place]) for pair in known] for place in (0, 1))
    return prediction_powered_mean(people, judge, [float(value) for value in others], level=level)


def _lengths(pairs: Sequence[Pair], scale: Scale, level: float, seed: int) -> Estimate | None:
    known = [(pair.length, pair.people) for pair in pairs if pair.length is not None]
    if scale != "boolean" or len(known) < 2:
        return None
    median = sorted(length for length, _ in known)[len(known) // 2]
    return krippendorff_alpha([(length >= median, people) for length, people in known], level=level, seed=seed)
