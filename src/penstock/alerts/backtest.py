"""When a rule would have fired: the live evaluation, over the past."""

from typing import Final

import msgspec
import numpy as np

from penstock.alerts.evaluate import Evaluator
from penstock.alerts.rules.judge import Baselines, Judge
from penstock.alerts.rules.measure import SECOND, Labels, Measure, Points, Reading, Readings, Watched
from penstock.alerts.rules.state import active
from penstock.alerts.types import BackTest, BackTestSeries, Firing, SeriesState, Unit
from penstock.core.ids import SequentialIds

__all__ = ["MAX_DAYS", "backtest"]

MAX_DAYS: Final = 31
MOST_QUERIES: Final = 500
"""Windows that are asked for one by one, where they cannot be put together from finer steps."""
MOST_STEPS: Final = 5000
MOST_POINTS: Final = 1000
SUMMED: Final = frozenset({"count", "rate", "share", "sum"})
"""Aggregations of which a window's value follows exactly from those of its parts."""
DAY: Final = 24 * 3600


class _Remembered(Measure):
    """Asks for the whole past once, and for windows as far as possible out of it."""

    def __init__(self, asked: Measure, rule: Watched, *, from_: int, to: int, step: int) -> None:
        self._asked = asked
        self._first = from_
        self._last = to
        self._series: dict[tuple[int, bool], dict[Labels, Points]] = {}
        self._unit: Unit = asked.window(rule, to - SECOND, to).unit
        spec = rule.spec
        self._fine = step if spec.metric.aggregation in SUMMED and spec.window % step == 0 else None

    def window(self, rule: Watched, from_: int, to: int) -> Readings:
        if self._fine is None or from_ % (self._fine * SECOND):
            return self._asked.window(rule, from_, to)
        found = self._all(rule, self._fine, counts=False)
        groups: dict[Labels, Reading] = {}
        for labels, points in found.items():
            part = points.between(from_, to)
            if len(part.t):
                groups[labels] = Reading(_together(part, rule, fine=self._fine), int(part.count.sum()))
        return Readings(unit=self._unit, groups=groups, complete=True)

    def history(self, rule: Watched, from_: int, to: int, *, step: int, counts: bool = False) -> dict[Labels, Points]:
        found = self._all(rule, step, counts=counts)
        parts = {labels: points.between(from_, to) for labels, points in found.items()}
        return {labels: points for labels, points in parts.items() if len(points.t)}

    def _all(self, rule: Watched, step: int, *, counts: bool) -> dict[Labels, Points]:
        known = self._series.get((step, counts))
        if known is None:
            reach = max(rule.spec.condition.weeks * 7 * DAY, rule.spec.condition.offset) + 2 * rule.spec.window + DAY
            first = (self._first - reach * SECOND) // (step * SECOND) * step * SECOND
            known = self._asked.history(rule, first, self._last, step=step, counts=counts)
            self._series[step, counts] = known
        return known


def backtest(rule: Watched, measure: Measure, *, from_: int, to: int) -> BackTest:
    """Evaluate a rule over the past.

    Raises:
        InvalidInput: the rule does not fit.
        Unavailable: the store is down.
    """
    # No data of the past comes late any more.
    delay, spec = rule.spec.delay * SECOND, msgspec.structs.replace(rule.spec, delay=0)
    rule = msgspec.structs.replace(rule, spec=spec)
    summed = spec.metric.aggregation in SUMMED and spec.window % spec.interval == 0
    most = MOST_STEPS if summed else MOST_QUERIES
    span = (to - from_) // SECOND
    step = -(-max(spec.interval, -(-span // most)) // spec.interval) * spec.interval
    remembered = _Remembered(measure, rule, from_=from_, to=to, step=spec.interval)
    evaluator = Evaluator(Judge(remembered, Baselines(remembered)), ids=SequentialIds())
    states: dict[str, SeriesState] = {}
    traces: dict[str, _Trace] = {}
    evaluations = 0
    unit: Unit = "number"
    width = step * SECOND
    for at in range((from_ // width + 1) * width, to + 1, width):
        readings = remembered.window(rule, *rule.window(at))
        unit = readings.unit
        outcome = evaluator.evaluate(rule, readings, at=at, states=list(states.values()))
        evaluations += 1
        states = {state.series: state for state in outcome.states}
        for state in outcome.states:
            traces.setdefault(state.series, _Trace(state)).note(state, at + delay)
    series = sorted((trace.shown() for trace in traces.values()), key=lambda one: -len(one.firings))
    firings = sum(len(one.firings) for one in series)
    return BackTest(
        from_=from_,
        to=to,
        step=step,
        evaluations=evaluations,
        firings=firings,
        notifications=firings if spec.channels else 0,
        unit=unit,
        series=series,
    )


class _Trace:
    """What one group did."""

    def __init__(self, state: SeriesState) -> None:
        self._labels = state.labels
        self._active = False
        self._firings: list[Firing] = []
        self._points: list[tuple[int, float | None, float | None]] = []

    def note(self, state: SeriesState, at: int) -> None:
        self._points.append((at, state.value, state.threshold))
        if active(state) and not self._active:
            self._firings.append(
                Firing(
                    pending=at if state.pending_since is None else state.pending_since,
                    fired=at,
                    resolved=None,
                    value=state.value,
                    threshold=state.threshold,
                    reason=state.reason,
                )
            )
        elif self._active and not active(state):
            last = self._firings[-1]
            self._firings[-1] = Firing(
                pending=last.pending,
                fired=last.fired,
                resolved=at,
                value=last.value,
                threshold=last.threshold,
                reason=last.reason,
            )
        self._active = active(state)

    def shown(self) -> BackTestSeries:
        every = -(-len(self._points) // MOST_POINTS)
        taken = self._points[::every]
        return BackTestSeries(
            labels=self._labels,
            firings=self._firings,
            times=[at for at, _, _ in taken],
            values=[value for _, value, _ in taken],
            thresholds=[threshold for _, _, threshold in taken],
        )


def _together(part: Points, rule: Watched, *, fine: int) -> float | None:
    """A window's value out of those of its steps."""
    aggregation = rule.spec.metric.aggregation
    if aggregation == "count":
        return float(part.count.sum())
    if aggregation == "rate":
        return float(part.value.sum() * fine / rule.spec.window)
    known = np.isfinite(part.value)
    if not known.any():
        return None
    if aggregation == "sum":
        return float(part.value[known].sum())
    return float((part.value[known] * part.count[known]).sum() / part.count[known].sum())
