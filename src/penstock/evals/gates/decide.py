"""The answer to rules: PASS, FAIL, or INCONCLUSIVE with the rows that it would take."""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.gates.evidence import Evidence, Insufficient, rows_for_quantile, weigh
from penstock.evals.gates.sample import Measured, Sample, check, gather
from penstock.evals.gates.types import GateResult, GateSettings, Results, Rule, RuleResult, Unit, Verdict
from penstock.evals.gates.units import show, show_difference
from penstock.evals.statistics.distributions import normal_quantile
from penstock.evals.statistics.multiple import holm
from penstock.evals.statistics.power import MOST_ROWS
from penstock.evals.statistics.proportions import clopper_pearson
from penstock.evals.statistics.types import Interval

__all__ = ["decide"]

_ABOVE: Final = frozenset({">=", ">"})


class _Open(msgspec.Struct, frozen=True, kw_only=True):
    """A rule before the others are known."""

    rule: Rule
    measured: Measured
    sample: Sample
    evidence: Evidence | None = None
    settled: tuple[Verdict, str] | None = None
    """What is known without a comparison, and why."""
    rows: int | None = None
    """How many rows it would take, where that is known already."""
    p_pass: float | None = None
    p_fail: float | None = None


def decide(rules: Sequence[Rule], results: Results, settings: GateSettings | None = None) -> GateResult:
    """The answer to all rules together.

    A rule passes only if its whole interval satisfies it, and fails only if the whole of it violates it.

    Args:
        rules: At least one.
        results: Both variants' values.
        settings: How sure to be.

    Raises:
        RuleError: a rule does not fit the results: an unknown metric, another unit, no baseline.
    """
    given = settings or GateSettings()
    _check(rules, given)
    ours: dict[str, Unit] = {name: series.unit for name, series in results.candidate.items()}
    shared: dict[str, Unit] = {name: unit for name, unit in ours.items() if name in (results.baseline or {})}
    opened: list[_Open] = []
    for rule in rules:
        measured = check(
            rule,
            shared if rule.limit.factor and results.baseline is not None else ours,
            has_baseline=results.baseline is not None,
        )
        opened.append(_open(rule, measured, results, given))
    answers = [
        _answer(one, p_pass, p_fail, given, family=len(opened))
        for one, p_pass, p_fail in zip(opened, *_corrected(opened, given), strict=True)
    ]
    return _together(answers, given)


def _open(rule: Rule, measured: Measured, results: Results, settings: GateSettings) -> _Open:
    sample = gather(measured, rule, results)
    settled = _refused(measured, sample, results, settings)
    if settled is None and _is_census(rule, measured):
        settled = _census(rule, sample)
    if settled is not None:
        return _Open(rule=rule, measured=measured, sample=sample, settled=settled)
    try:
        evidence = weigh(
            sample, factor=rule.limit.factor, quantile=measured.quantile, unit=measured.unit, settings=settings
        )
    except Insufficient as error:
        return _Open(
            rule=rule, measured=measured, sample=sample, settled=("INCONCLUSIVE", error.reason), rows=error.rows
        )
    found = evidence.p_values(rule.limit.offset)
    if found is None:
        return _Open(rule=rule, measured=measured, sample=sample, evidence=evidence)
    at_most, at_least = found
    p_pass, p_fail = (at_most, at_least) if rule.operator in _ABOVE else (at_least, at_most)
    return _Open(rule=rule, measured=measured, sample=sample, evidence=evidence, p_pass=p_pass, p_fail=p_fail)


def _refused(
    measured: Measured, sample: Sample, results: Results, settings: GateSettings
) -> tuple[Verdict, str] | None:
    """Why nothing can be said: a metric that may not gate, or too much that was not scored."""
    series = results.candidate[measured.series]
    if not series.gateable:
        why = series.why_not or "It may show, not gate."
        return "INCONCLUSIVE", f"{measured.series} may not gate: {why}"
    if sample.total == 0:
        return "INCONCLUSIVE", "There is no row."
    if sample.unscored > settings.max_unscored * sample.total:
        return (
            "INCONCLUSIVE",
            f"{sample.unscored} of {sample.total} items are unscored; at most {settings.max_unscored:.0%} may be.",
        )
    return None


def _is_census(rule: Rule, measured: Measured) -> bool:
    """Whether the rule is about every single row: == 100%, or a bound at the end of what a share can be."""
    if measured.unit != "share" or measured.quantile is not None or rule.limit.factor:
        return False
    end = rule.limit.offset
    return rule.operator == "==" or (rule.operator == ">=" and end == 1) or (rule.operator == "<=" and end == 0)


def _census(rule: Rule, sample: Sample) -> tuple[Verdict, str]:
    n, wanted = sample.ours.size, rule.limit.offset
    wrong = int((sample.ours != wanted).sum())
    if wrong:
        return "FAIL", f"{wrong} of {n} rows are not {show(wanted, 'share')}."
    if sample.unscored:
        return "INCONCLUSIVE", f"All {n} scored rows are so, but {sample.unscored} are unscored."
    count = n if sample.groups is None else len(set(sample.groups))
    sure = clopper_pearson(count, count, level=0.9).interval.low
    return "PASS", f"All {n} rows are so; of rows like these at least {show(sure, 'share')} would be (95% sure)."


def _corrected(opened: Sequence[_Open], settings: GateSettings) -> tuple[list[float | None], list[float | None]]:
    """p-values after correction for the number of rules."""
    passes, fails = [one.p_pass for one in opened], [one.p_fail for one in opened]
    if settings.correction == "none":
        return passes, fails
    if settings.correction == "holm":
        passes = _holm(passes)
    return passes, _holm(fails)


def _holm(p_values: Sequence[float | None]) -> list[float | None]:
    known = holm([1.0 if p is None else p for p in p_values])
    return [None if p is None else adjusted for p, adjusted in zip(p_values, known, strict=True)]


def _answer(
    one: _Open, p_pass: float | None, p_fail: float | None, settings: GateSettings, *, family: int
) -> RuleResult:
    evidence = one.evidence
    interval = None if evidence is None else evidence.interval(1 - 2 * settings.alpha)
    verdict, reason, needed = _verdict(one, interval, p_pass, p_fail, settings, family=family)
    value, baseline = _values(one)
    return RuleResult(
        rule=one.rule.text,
        verdict=verdict,
        reason=reason,
        unit=one.measured.unit,
        value=value,
        baseline=baseline,
        compared=None if evidence is None else evidence.value,
        limit=one.rule.limit.offset,
        interval=interval,
        n=one.sample.ours.size,
        groups=None if one.sample.groups is None else len(set(one.sample.groups)),
        unscored=one.sample.unscored,
        unmatched=one.sample.unmatched,
        p_pass=p_pass,
        p_fail=p_fail,
        rows_needed=needed,
    )


def _verdict(
    one: _Open,
    interval: Interval | None,
    p_pass: float | None,
    p_fail: float | None,
    settings: GateSettings,
    *,
    family: int,
) -> tuple[Verdict, str, int | None]:
    if one.settled is not None:
        return *one.settled, one.rows
    assert one.evidence is not None  # noqa: S101 - what is not settled was weighed
    assert interval is not None  # noqa: S101 - as above
    if p_pass is None or p_fail is None:
        passes, fails = _by_interval(one, settings, family=family)
    else:
        passes, fails = p_pass <= settings.alpha, p_fail <= settings.alpha
    said = _compared(one, one.evidence, interval)
    if passes:
        return "PASS", f"{said}: it satisfies the rule.", None
    if fails:
        return "FAIL", f"{said}: it violates the rule.", None
    needed = _rows_needed(one, one.evidence, interval, settings)
    alone = one.p_fail is not None and one.p_fail <= settings.alpha
    why = f"it violates the rule by itself, but not as one of {family} rules" if alone else "the limit lies within"
    rest = (
        f"About {needed:,} rows would decide, if the difference stays as it is."
        if needed is not None
        else "No number of rows within reach would decide, if the difference stays as it is."
    )
    return "INCONCLUSIVE", f"{said}: {why}. {rest}", needed


def _by_interval(one: _Open, settings: GateSettings, *, family: int) -> tuple[bool, bool]:
    """By an interval that holds at every moment; corrections for several rules are Bonferroni's here."""
    assert one.evidence is not None  # noqa: S101 - what is not settled was weighed
    shares = 1 if settings.correction == "none" else family
    for_pass = one.evidence.interval(1 - 2 * settings.alpha / (shares if settings.correction == "holm" else 1))
    for_fail = one.evidence.interval(1 - 2 * settings.alpha / shares)
    limit = one.rule.limit.offset
    if one.rule.operator in _ABOVE:
        return for_pass.low >= limit, for_fail.high < limit
    return for_pass.high <= limit, for_fail.low > limit


def _compared(one: _Open, evidence: Evidence, interval: Interval) -> str:
    unit, rule = one.measured.unit, one.rule
    value, baseline = _values(one)
    sure = f"{interval.level:.0%} interval, {interval.method}, {one.sample.ours.size:,} rows"
    if evidence.groups is not None:
        sure += f" in {evidence.groups:,} groups"
    if rule.limit.factor == 0:
        between = f"{show(interval.low, unit)} and {show(interval.high, unit)}"
        return f"{rule.metric} is {show(evidence.value, unit)}, between {between} ({sure}), against {_limit(one)}"
    between = f"{show_difference(interval.low, unit)} and {show_difference(interval.high, unit)}"
    against = f"baseline {show(baseline or 0.0, unit)}"
    what = "the difference" if rule.limit.factor == 1 else f"less {rule.limit.factor:g} x baseline"
    return (
        f"{rule.metric} is {show(value or 0.0, unit)}, {against}; {what} of {show_difference(evidence.value, unit)} "
        f"lies between {between} ({sure}), against {_limit(one)}"
    )


def _limit(one: _Open) -> str:
    unit, limit = one.measured.unit, one.rule.limit
    return f"{one.rule.operator} {show_difference(limit.offset, unit) if limit.factor else show(limit.offset, unit)}"


def _rows_needed(one: _Open, evidence: Evidence, interval: Interval, settings: GateSettings) -> int | None:
    """By the normal approximation, from how wide the interval is now; the design effect of groups is in its width."""
    away = abs(evidence.value - one.rule.limit.offset)
    z = normal_quantile(1 - settings.alpha)
    width = interval.high - interval.low
    if not math.isfinite(width):
        quantile = one.measured.quantile
        return None if quantile is None else max(one.sample.ours.size + 1, rows_for_quantile(quantile, settings.alpha))
    se = width / (2 * z)
    n = one.sample.ours.size
    if away == 0 or se == 0:
        return None
    needed = math.ceil(n * ((z + normal_quantile(settings.power)) * se / away) ** 2)
    needed = max(needed, n + 1)
    # Two digits: more would pretend to know.
    digits = 10 ** max(0, len(str(needed)) - 2)
    needed = math.ceil(needed / digits) * digits
    return needed if needed <= MOST_ROWS else None


def _values(one: _Open) -> tuple[float | None, float | None]:
    """What the candidate has, and the baseline."""
    return _value(one.sample.ours.tolist(), one.measured.quantile), (
        None if one.sample.theirs is None else _value(one.sample.theirs.tolist(), one.measured.quantile)
    )


def _value(values: Sequence[float], quantile: float | None) -> float | None:
    if not values:
        return None
    if quantile is None:
        return math.fsum(values) / len(values)
    return sorted(values)[min(len(values) - 1, max(0, math.ceil(quantile * len(values) - 1e-9) - 1))]


def _together(answers: list[RuleResult], settings: GateSettings) -> GateResult:
    failed = [one for one in answers if one.verdict == "FAIL"]
    unclear = [one for one in answers if one.verdict == "INCONCLUSIVE"]
    verdict: Verdict = "PASS"
    reason = f"All {len(answers)} rules hold." if len(answers) > 1 else answers[0].reason
    if failed:
        verdict, reason = "FAIL", f"{failed[0].rule}: {failed[0].reason}"
    elif unclear:
        verdict, reason = "INCONCLUSIVE", f"{unclear[0].rule}: {unclear[0].reason}"
    others = len(failed or unclear) - 1
    if others > 0:
        reason = f"{reason} And {others} more."
    return GateResult(verdict=verdict, reason=reason, rules=answers, settings=settings)


def _check(rules: Sequence[Rule], settings: GateSettings) -> None:
    if not rules:
        raise InvalidInput("A gate has at least one rule.", field="gate")
    if not 0 < settings.alpha < 0.5:
        raise InvalidInput(f"Expected a level between 0 and 0.5, as 0.05; got {settings.alpha:g}.", field="alpha")
    if not 0 <= settings.max_unscored <= 1:
        raise InvalidInput(f"Expected a share from 0 to 1, got {settings.max_unscored:g}.", field="max_unscored")
