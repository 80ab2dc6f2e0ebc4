"""Burn rates of an objective as alerts: one for those that want somebody now, one for those that can wait."""

from collections.abc import Sequence
from typing import Final

import msgspec

from penstock.alerts.evaluate import Outcome, series_id, transition
from penstock.alerts.rules.measure import SECOND
from penstock.alerts.rules.state import Judgement, advance
from penstock.alerts.slo.indicator import Counter
from penstock.alerts.slo.service import SLO_DELAY, burn_rates
from penstock.alerts.slo.types import BurnRate, SloSpec
from penstock.alerts.types import AlertCondition, AlertTransition, RuleSpec, SeriesState, Severity
from penstock.core.errors import PenstockError
from penstock.core.ids import Ids

__all__ = ["evaluate_slo"]

SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "warning")
TERMS: Final = RuleSpec(name="", condition=AlertCondition(kind="threshold"), keep_firing_for=300)
"""The short windows end an alert soon; five minutes more keep one from flapping at the border."""


def evaluate_slo(
    counter: Counter,
    spec: SloSpec,
    *,
    id_: str,
    project: str,
    at: int,
    states: Sequence[SeriesState],
    ids: Ids,
    problem: PenstockError | None = None,
) -> Outcome:
    """The burn-rate alerts of an objective at a time.

    Args:
        counter: Counts calls.
        spec: The objective.
        id_: Its id.
        project: Its project.
        at: When, microseconds.
        states: Its alerts after the evaluation before.
        ids: Names transitions.
        problem: Why nothing can be counted now.
    """
    to = at - SLO_DELAY * SECOND
    rates: list[BurnRate] = []
    error = problem
    if error is None:
        try:
            rates = burn_rates(counter, project, spec, to)
        except PenstockError as caught:
            error = caught
    known = {state.series: state for state in states}
    after: list[SeriesState] = []
    changes: list[AlertTransition] = []
    for severity in SEVERITIES:
        before = known.get(series_id((severity,))) or _new(spec, severity, id_=id_, project=project, at=at)
        own = [rate for rate in rates if rate.severity == severity]
        judged = Judgement(verdict="error", reason=str(error)) if error is not None else _judge(own)
        state = advance(before, judged, at=at, spec=TERMS)
        state = msgspec.structs.replace(state, seen=at)
        after.append(state)
        if before.state != state.state and (before.state, state.state) != ("resolved", "ok"):
            longest = max((rate.long for rate in own if rate.breached), default=3600)
            window = (to - longest * SECOND, to)
            changes.append(
                transition(ids.uuid7(), before, state, at=at, window=window, query=counter.bad_query(project, spec))
            )
    return Outcome(states=after, gone=[], transitions=changes, error=None if error is None else str(error))


def _judge(rates: Sequence[BurnRate]) -> Judgement:
    counted = [rate for rate in rates if rate.long_rate is not None]
    if not counted:
        return Judgement(verdict="no_data", reason="no calls in the long windows")
    # The pair that is furthest beyond its rate speaks for all.
    worst = max(counted, key=lambda rate: (rate.breached, (rate.long_rate or 0.0) / rate.threshold))
    reason = (
        f"the last {_span(worst.long)} burn the budget {worst.long_rate:.3g} times as fast as it lasts, "
        f"the last {_span(worst.short)} {worst.short_rate or 0.0:.3g} times; {worst.bad} bad calls"
    )
    return Judgement(
        verdict="wrong" if worst.breached else "right",
        value=worst.long_rate,
        threshold=worst.threshold,
        count=worst.bad,
        reason=reason,
    )


def _span(seconds: int) -> str:
    for size, name in ((86_400, "d"), (3600, "h")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {name}"
    return f"{seconds // 60} min"


def _new(spec: SloSpec, severity: Severity, *, id_: str, project: str, at: int) -> SeriesState:
    return SeriesState(
        rule=id_,
        source="slo",
        series=series_id((severity,)),
        project=project,
        name=spec.name,
        severity=severity,
        labels={**spec.labels, "alert": spec.name, "slo": spec.name, "severity": severity},
        since=at,
        seen=at,
    )
