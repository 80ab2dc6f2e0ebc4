"""Whether a rule can be evaluated, told before it is stored."""

import math
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from penstock.alerts.context import check_text
from penstock.alerts.rules.measure import MOST_GROUPS, SECOND, Measure, Watched
from penstock.alerts.types import AlertCondition, Matcher, RuleSpec
from penstock.core.errors import InvalidInput
from penstock.wire.checks import compile_pattern

__all__ = ["check_labels", "check_matchers", "check_rule", "check_runbook", "check_steps"]

DAY: Final = 24 * 3600
MAX_NAME, MAX_TEXT, MAX_VALUE = 100, 2000, 200
MAX_LABELS, MAX_CHANNELS, MAX_STEPS, MAX_MATCHERS = 20, 20, 50, 20
RESERVED: Final = frozenset({"alert", "severity"})
RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "window": (60, 7 * DAY),
    "pending_for": (0, 7 * DAY),
    "keep_firing_for": (0, 7 * DAY),
    "interval": (10, DAY),
    "delay": (0, 3600),
    "min_count": (0, 1_000_000_000),
    "max_series": (1, MOST_GROUPS),
}
DEFAULTS: Final = AlertCondition(kind="threshold")
USED: Final[Mapping[str, frozenset[str]]] = {
    "threshold": frozenset({"op", "value", "recover"}),
    "change": frozenset({"op", "value", "recover", "mode", "offset"}),
    "anomaly": frozenset({"direction", "deviations", "min_change", "min_difference", "weeks"}),
    "absence": frozenset({"weeks", "expected"}),
}


def check_rule(spec: RuleSpec, *, measure: Measure, project: str, now: int) -> None:
    """Check every field, and that the store can answer what the rule asks.

    Raises:
        InvalidInput: says which field does not fit, and what was expected.
        Unavailable: the store is down, so that it cannot be told.
    """
    check_text(spec.name, field="name", least=1, most=MAX_NAME)
    check_text(spec.description, field="description", most=MAX_TEXT)
    for field, (least, most) in RANGES.items():
        value: int = getattr(spec, field)
        if not least <= value <= most:
            raise InvalidInput(f"Expected `{field}` from {least} to {most}, got {value}.", field=field)
    if len(spec.group_by) > 2 or len(set(spec.group_by)) < len(spec.group_by):
        raise InvalidInput(f"Expected at most two different columns, got {spec.group_by}.", field="group_by")
    check_labels(spec.labels)
    check_runbook(spec.runbook)
    check_steps(spec.steps)
    if len(spec.channels) > MAX_CHANNELS:
        raise InvalidInput(f"Expected at most {MAX_CHANNELS} channels, got {len(spec.channels)}.", field="channels")
    _check_condition(spec.condition)
    if spec.condition.kind == "absence" and spec.on_no_data != "no_data":
        raise InvalidInput("Absence is itself about missing data; leave `on_no_data` out.", field="on_no_data")
    if spec.metric.aggregation == "share" and spec.metric.of is None:
        raise InvalidInput("A share needs `of`: what must hold, in the filter language.", field="metric.of")
    # The store knows which fields and columns can be used how: it is asked for a window without anything in it.
    probe = Watched(id="", project=project, version=0, spec=spec)
    measure.window(probe, now - SECOND, now)


def check_labels(labels: Mapping[str, str]) -> None:
    """Raise `InvalidInput` unless these can be an alert's own labels."""
    if len(labels) > MAX_LABELS:
        raise InvalidInput(f"Expected at most {MAX_LABELS} labels, got {len(labels)}.", field="labels")
    for name, value in labels.items():
        check_text(name, field="labels", least=1, most=64)
        check_text(value, field=f"labels.{name}", most=MAX_VALUE)
    taken = sorted(RESERVED & labels.keys())
    if taken:
        raise InvalidInput(f"The label {taken[0]} is every alert's own; choose another name.", field="labels")


def check_runbook(runbook: str | None) -> None:
    """Raise `InvalidInput` unless it is an address that a browser may open."""
    if runbook is None:
        return
    check_text(runbook, field="runbook", least=1, most=MAX_TEXT)
    try:
        parts = urlsplit(runbook)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise InvalidInput("Expected `runbook` to be an http or https address.", field="runbook")


def check_steps(steps: Sequence[str]) -> None:
    """Raise `InvalidInput` unless these can be a run book's steps."""
    if len(steps) > MAX_STEPS:
        raise InvalidInput(f"Expected at most {MAX_STEPS} steps, got {len(steps)}.", field="steps")
    for step in steps:
        check_text(step, field="steps", least=1, most=500)


def check_matchers(matchers: Sequence[Matcher], *, field: str) -> None:
    """Raise `InvalidInput` unless there are some, with regular expressions that can be used."""
    if not 1 <= len(matchers) <= MAX_MATCHERS:
        raise InvalidInput(f"Expected 1 to {MAX_MATCHERS} matchers, got {len(matchers)}.", field=field)
    for matcher in matchers:
        check_text(matcher.label, field=field, least=1, most=128)
        check_text(matcher.value, field=field, most=500)
        if matcher.op in {"=~", "!~"}:
            try:
                compile_pattern(matcher.value)
            except InvalidInput as error:
                raise InvalidInput(error.message, field=field, hint=error.hint) from error


def _check_condition(condition: AlertCondition) -> None:
    for field in AlertCondition.__struct_fields__:
        stray = field != "kind" and field not in USED[condition.kind]
        if stray and getattr(condition, field) != getattr(DEFAULTS, field):
            raise InvalidInput(
                f"`{field}` is not used by a condition of kind {condition.kind}.", field=f"condition.{field}"
            )
    for field in ("value", "recover", "deviations", "min_change", "min_difference", "expected"):
        value: float | None = getattr(condition, field)
        if value is not None and not math.isfinite(value):
            raise InvalidInput(f"Expected a finite number, got {value}.", field=f"condition.{field}")
    if condition.kind in {"threshold", "change"}:
        _check_levels(condition)
    ranges = {
        "offset": (3600, 31 * DAY),
        "deviations": (1.0, 100.0),
        "min_change": (0.0, 100.0),
        "min_difference": (0.0, 1e9),
        "weeks": (1, 8),
        "expected": (0.0, 1e9),
    }
    for field, (least, most) in ranges.items():
        number: float = getattr(condition, field)
        if not least <= number <= most:
            raise InvalidInput(f"Expected a number from {least} to {most}, got {number}.", field=f"condition.{field}")


def _check_levels(condition: AlertCondition) -> None:
    if condition.value is None:
        raise InvalidInput(f"A condition of kind {condition.kind} needs a `value`.", field="condition.value")
    if condition.recover is not None:
        upper = condition.op in {">", ">="}
        beyond = condition.recover > condition.value if upper else condition.recover < condition.value
        if beyond:
            side = "at most" if upper else "at least"
            raise InvalidInput(
                f"Expected `recover` {side} {condition.value:g}, got {condition.recover:g}: it ends what began there.",
                field="condition.recover",
            )
