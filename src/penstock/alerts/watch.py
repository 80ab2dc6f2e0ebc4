"""The evaluation of one rule or objective that is due, from the store and back into it."""

from typing import Final

import msgspec

from penstock.alerts.evaluate import Evaluator, Outcome
from penstock.alerts.incidents.types import IncidentSeverity
from penstock.alerts.ports import Behind
from penstock.alerts.rules.judge import Baselines, Judge
from penstock.alerts.rules.measure import SECOND, Measure, Readings, SharedMetrics, Watched
from penstock.alerts.service import AlertService
from penstock.alerts.slo.evaluate import evaluate_slo
from penstock.alerts.slo.indicator import Counter
from penstock.alerts.slo.service import SLO_INTERVAL
from penstock.alerts.slo.types import SloSpec
from penstock.alerts.store import rules as store
from penstock.alerts.types import AlertTransition, RuleSpec, SeriesState
from penstock.core.errors import PenstockError, Unavailable

__all__ = ["Watch"]

PATIENCE: Final = 300 * SECOND
"""How long an evaluation waits for spans that have not been stored yet."""
MOST_MISSED: Final = 120
"""Missed evaluations that are made up for."""
MOST_AT_ONCE: Final = 30


class _Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What incidents take from a rule or objective."""

    incident: IncidentSeverity | None
    runbook: str | None
    steps: list[str]


class Watch:
    """Evaluates. Blocks; several threads may call, each with another rule.

    Args:
        alerts: The service.
        behind: Whether what the store of spans holds is all that has happened.
    """

    def __init__(self, alerts: AlertService, *, behind: Behind) -> None:
        context = alerts.context
        self._context = context
        self._incidents = alerts.incidents
        self._behind = behind
        self._shared = SharedMetrics(context.metrics)
        self._measure = Measure(self._shared, context.parse)
        self._evaluator = Evaluator(Judge(self._measure, Baselines(self._measure)), ids=context.ids)
        self._counter = Counter(self._shared, context.parse)

    def fresh(self) -> None:
        """Answers of the store are not shared beyond this."""
        self._shared.fresh()

    def evaluate(self, row: store.DefinitionRow) -> None:
        """A rule or objective at all times since it was due, or as many as are made at once.

        Raises:
            Unavailable: the metadata store is down; what was evaluated counts for nothing, and is evaluated again.
        """
        now = self._context.clock.now()
        reason = self._behind()
        if reason is not None and now - row.due < PATIENCE:
            return
        problem = None if reason is None else Unavailable(reason, code="ingestion_behind")
        step = SLO_INTERVAL * SECOND
        spec: RuleSpec | None = None
        if row.kind == "rule":
            spec = msgspec.convert(row.body, RuleSpec)
            step = spec.interval * SECOND
        # After a long time off only what may still matter is made up for.
        first = max(row.due, (now // step - MOST_MISSED) * step)
        times = list(range(first, now + 1, step))[:MOST_AT_ONCE]
        with self._context.metadata.read() as connection:
            before = store.series_of(connection, row.id)
        states = before
        outcomes: list[Outcome] = []
        for at in times:
            outcome = (
                self._slo(row, at, states, problem) if spec is None else self._rule(row, spec, at, states, problem)
            )
            outcomes.append(outcome)
            states = outcome.states
        if outcomes:
            self._store(row, before, outcomes, at=times[-1], step=step)

    def _rule(
        self,
        row: store.DefinitionRow,
        spec: RuleSpec,
        at: int,
        states: list[SeriesState],
        problem: PenstockError | None,
    ) -> Outcome:
        rule = Watched(id=row.id, project=row.project, version=row.version, spec=spec)
        readings: Readings | PenstockError
        try:
            readings = problem or self._measure.window(rule, *rule.window(at))
        except PenstockError as error:
            readings = error
        return self._evaluator.evaluate(rule, readings, at=at, states=states)

    def _slo(
        self, row: store.DefinitionRow, at: int, states: list[SeriesState], problem: PenstockError | None
    ) -> Outcome:
        return evaluate_slo(
            self._counter,
            msgspec.convert(row.body, SloSpec),
            id_=row.id,
            project=row.project,
            at=at,
            states=states,
            ids=self._context.ids,
            problem=problem,
        )

    def _store(
        self, row: store.DefinitionRow, before: list[SeriesState], outcomes: list[Outcome], *, at: int, step: int
    ) -> None:
        last = outcomes[-1]
        changes = [one for outcome in outcomes for one in outcome.transitions]
        gone = {series for outcome in outcomes for series in outcome.gone}
        opening = msgspec.convert(row.body, _Opening)
        traces = {one.id: self._examples(one) for one in changes if opening.incident and one.after == "firing"}
        known = {state.series: state for state in before}
        with self._context.metadata.write() as connection:
            if not store.evaluated(connection, row.id, version=row.version, at=at, next_=at + step, error=last.error):
                return
            store.put_series(connection, [state for state in last.states if known.get(state.series) != state])
            store.remove_series(connection, row.id, gone - {state.series for state in last.states})
            store.append_transitions(connection, changes)
            if opening.incident is None:
                return
            states = {state.series: state for outcome in outcomes for state in outcome.states}
            for one in changes:
                state = states.get(one.series)
                if state is None or (row.kind == "slo" and one.severity != "critical"):
                    continue
                if one.after == "firing" and one.before not in {"no_data", "error"}:
                    self._incidents.open_for(
                        connection,
                        state,
                        one,
                        severity=opening.incident,
                        runbook=opening.runbook,
                        steps=opening.steps,
                        traces=traces[one.id],
                    )
                elif one.after == "resolved":
                    self._incidents.ended(connection, state, one)

    def _examples(self, one: AlertTransition) -> list[str]:
        try:
            return self._incidents.examples(one)
        except PenstockError:
            # An incident without examples is better than none.
            return []
