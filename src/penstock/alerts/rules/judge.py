"""Whether what was measured is wrong."""

import operator
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from penstock.alerts.baseline import DAY, Profile, fit_profile, scale_of
from penstock.alerts.rules.measure import SECOND, Labels, Measure, Reading, Readings, Watched
from penstock.alerts.rules.state import Judgement
from penstock.alerts.types import AlertCondition, RuleSpec, Unit

__all__ = ["Baselines", "Judge"]

REFIT: Final = DAY // 4
FINEST, COARSEST = 300, 3600
"""Seconds of a step of the history."""
COUNTS: Final = frozenset({"count", "rate"})
"""Aggregations of which nothing is a value: 0."""
SINGLE: Final = frozenset({"min", "max", "distinct"})
"""Aggregations whose value depends on how long the window is."""
NOTHING: Final = Reading(None, 0)
COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


class Baselines:
    """Profiles of rules, fitted anew four times a day at the same times whoever asks, so that a back-test sees what
    evaluation would have seen.

    Args:
        measure: Where history comes from.
    """

    def __init__(self, measure: Measure) -> None:
        self._measure = measure
        self._fitted: dict[str, tuple[object, dict[Labels, Profile]]] = {}

    def of(self, rule: Watched, at: int, *, counts: bool) -> dict[Labels, Profile]:
        """By group; one whose history is too short is not there."""
        to = at // (REFIT * SECOND) * REFIT * SECOND
        key = (rule.version, to, counts)
        known = self._fitted.get(rule.id)
        if known is not None and known[0] == key:
            return known[1]
        spec = rule.spec
        whole = spec.metric.aggregation in SINGLE and not counts
        step = spec.window if whole else min(max(spec.window, FINEST), COARSEST)
        from_ = to - spec.condition.weeks * 7 * DAY * SECOND
        found = self._measure.history(rule, from_, to, step=step, counts=counts)
        scale = "count" if counts else scale_of(self._unit(rule), spec.metric.aggregation)
        fitted: dict[Labels, Profile] = {}
        for labels, points in found.items():
            profile = fit_profile(points, scale=scale, step=step, window=spec.window, from_=from_, to=to)
            if profile is not None:
                fitted[labels] = profile
        self._fitted[rule.id] = (key, fitted)
        return fitted

    def forget(self, rules: set[str]) -> None:
        """Drop the profiles of all but these rules."""
        for gone in self._fitted.keys() - rules:
            del self._fitted[gone]

    @staticmethod
    def _unit(rule: Watched) -> Unit:
        metric = rule.spec.metric
        if metric.aggregation == "share":
            return "share"
        if metric.field is not None and metric.field.startswith("score."):
            return "score"
        return "tokens"


class Judge:
    """Judges all groups of a rule at a time.

    Args:
        measure: Asks the store.
        baselines: What is usual.
    """

    def __init__(self, measure: Measure, baselines: Baselines) -> None:
        self._measure = measure
        self._baselines = baselines

    def judge(self, rule: Watched, readings: Readings, *, at: int, known: frozenset[Labels]) -> dict[Labels, Judgement]:
        """One judgement for each group that has been seen, now or before.

        Args:
            rule: The rule.
            readings: Of its window.
            at: Time of the evaluation.
            known: Groups that were there before. One that is not now is judged too, unless there are so many groups
                that it may be there all the same.

        Raises:
            InvalidInput, Unavailable: as `Measure.window`.
        """
        condition = rule.spec.condition
        groups = dict(readings.groups)
        if readings.complete:
            groups.update(dict.fromkeys(known - groups.keys(), NOTHING))
        if not rule.spec.group_by:
            groups.setdefault((), NOTHING)
        if rule.spec.metric.aggregation in COUNTS:
            groups = {labels: Reading(one.value or 0.0, one.count) for labels, one in groups.items()}
        if condition.kind == "threshold":
            return {labels: _threshold(one, rule.spec) for labels, one in groups.items()}
        if condition.kind == "change":
            from_, to = rule.window(at)
            shift = condition.offset * SECOND
            before = self._measure.window(rule, from_ - shift, to - shift).groups
            return {labels: _change(one, before.get(labels, NOTHING), rule.spec) for labels, one in groups.items()}
        return self._against_usual(rule, groups, at=at)

    def _against_usual(self, rule: Watched, groups: dict[Labels, Reading], *, at: int) -> dict[Labels, Judgement]:
        condition = rule.spec.condition
        if condition.kind == "absence":
            profiles = {} if condition.expected == 0 else self._baselines.of(rule, at, counts=True)
            if rule.spec.group_by:
                groups = {**dict.fromkeys(profiles, NOTHING), **groups}
            return {labels: _absence(rule, one, profiles.get(labels), at=at) for labels, one in groups.items()}
        counts = rule.spec.metric.aggregation in COUNTS
        profiles = self._baselines.of(rule, at, counts=counts)
        return {labels: _anomaly(rule, one, profiles.get(labels), at=at) for labels, one in groups.items()}


def _missing(one: Reading, spec: RuleSpec) -> Judgement | None:
    """Why there is no value to judge, if there is none."""
    if spec.metric.aggregation in COUNTS:
        return None
    if one.count < spec.min_count:
        reason = f"{one.count} in the window, fewer than {spec.min_count}" if one.count else "nothing in the window"
        return Judgement(verdict="no_data", count=one.count, reason=reason)
    if one.value is None or not np.isfinite(one.value):
        return Judgement(verdict="no_data", count=one.count, reason="the value is not known")
    return None


def _held_against(value: float, condition: AlertCondition, *, shown: float, one: Reading, limit: float) -> Judgement:
    compare = COMPARE[condition.op]
    recover = limit if condition.recover is None else condition.recover
    reason = f"{condition.op} {limit:g}"
    if compare(value, limit):
        return Judgement(verdict="wrong", value=shown, threshold=limit, count=one.count, reason=reason)
    verdict = "between" if compare(value, recover) else "right"
    return Judgement(verdict=verdict, value=shown, threshold=limit, count=one.count, reason=f"not {reason}")


def _threshold(one: Reading, spec: RuleSpec) -> Judgement:
    missing = _missing(one, spec)
    if missing is not None:
        return missing
    value, condition = one.value or 0.0, spec.condition
    return _held_against(value, condition, shown=value, one=one, limit=condition.value or 0.0)


def _change(one: Reading, before: Reading, spec: RuleSpec) -> Judgement:
    missing = _missing(one, spec)
    if missing is not None:
        return missing
    value, then, condition = one.value or 0.0, before.value, spec.condition
    if then is None or before.count < max(1, spec.min_count) or (condition.mode == "ratio" and then <= 0):
        return Judgement(verdict="no_data", value=value, count=one.count, reason="nothing before to compare with")
    changed = value / then if condition.mode == "ratio" else value - then
    limit = condition.value or 0.0
    judged = _held_against(changed, condition, shown=value, one=one, limit=limit)
    what = f"{changed:.3g} times" if condition.mode == "ratio" else f"{changed:+.4g} against"
    border = then * limit if condition.mode == "ratio" else then + limit
    return Judgement(
        verdict=judged.verdict,
        value=value,
        threshold=border,
        count=one.count,
        reason=f"{what} the {then:.4g} before, {judged.reason}",
    )


def _absence(rule: Watched, one: Reading, profile: Profile | None, *, at: int) -> Judgement:
    condition = rule.spec.condition
    if one.count > 0:
        return Judgement(verdict="right", value=float(one.count), count=one.count, reason="it is there")
    if condition.expected == 0:
        return Judgement(verdict="wrong", value=0.0, reason="nothing in the window")
    if profile is None:
        return Judgement(verdict="no_data", value=0.0, reason="the history is too short to tell what is usual")
    from_, to = rule.window(at)
    usual = profile.expect(from_, to, value=None, count=0, deviations=0).value
    wrong = usual >= condition.expected
    return Judgement(
        verdict="wrong" if wrong else "right",
        value=0.0,
        threshold=condition.expected,
        reason=f"nothing in the window, where {usual:.3g} are usual",
    )


def _anomaly(rule: Watched, one: Reading, profile: Profile | None, *, at: int) -> Judgement:
    spec = rule.spec
    missing = _missing(one, spec)
    if missing is not None:
        return missing
    if profile is None:
        reason = "the history is too short to tell what is usual"
        return Judgement(verdict="no_data", value=one.value, count=one.count, reason=reason)
    from_, to = rule.window(at)
    condition = spec.condition
    value = float(one.count) if profile.scale == "count" else (one.value or 0.0)
    usual = profile.expect(from_, to, value=value, count=one.count, deviations=condition.deviations)
    if profile.scale == "count" and usual.value < spec.min_count and one.count < spec.min_count:
        return Judgement(verdict="no_data", value=one.value, count=one.count, reason="too few to tell")
    strays = usual.deviations or 0.0
    above = {"up": strays, "down": -strays, "both": abs(strays)}[condition.direction]
    if profile.scale in {"share", "plain"}:
        notable = abs(value - usual.value) >= condition.min_difference
    else:
        notable = abs(value - usual.value) >= condition.min_change * usual.value
    verdict = "right"
    if above > condition.deviations / 2 and notable:
        verdict = "wrong" if above > condition.deviations else "between"
    upper = condition.direction == "up" or (condition.direction == "both" and strays > 0)
    per = spec.window if spec.metric.aggregation == "rate" else 1
    return Judgement(
        verdict=verdict,
        value=one.value,
        threshold=(usual.high if upper else usual.low) / per,
        count=one.count,
        reason=f"{strays:+.1f} deviations from the usual {usual.value / per:.4g}",
    )
