"""Alert rules as people write and see them."""

from collections.abc import Sequence

import msgspec

from penstock.alerts.backtest import MAX_DAYS, backtest
from penstock.alerts.context import Context, check_limit
from penstock.alerts.notify.plan import Muting
from penstock.alerts.rules.check import check_rule
from penstock.alerts.rules.measure import SECOND, Measure, Watched
from penstock.alerts.rules.state import active
from penstock.alerts.rules.written import Written
from penstock.alerts.store import notifications
from penstock.alerts.store import rules as store
from penstock.alerts.types import AlertRule, AlertState, AlertTransition, BackTest, RuleSpec, SeriesState
from penstock.core.errors import InvalidInput
from penstock.identity.types import Principal

__all__ = ["Rules", "next_due", "worst"]

WORST_FIRST: tuple[AlertState, ...] = ("firing", "error", "pending", "no_data", "resolved", "ok")
NEVER = 2**62
"""When a rule is due that is switched off."""
MAX_RULES = 1000
"""Of a project."""


class Rules:
    """All alert rules. Methods block.

    Args:
        context: Shared dependencies.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._measure = Measure(context.metrics, context.parse)
        self._written = Written(context, "rule", most=MAX_RULES)

    def everything(self, project: str) -> list[AlertRule]:
        """By name."""
        return [_shown(row, states) for row, states in self._written.everything(project)]

    def get(self, project: str, id_: str) -> AlertRule:
        """Raises `NotFound` when there is none in this project."""
        return _shown(*self._written.get(project, id_))

    def create(self, actor: Principal, project: str, spec: RuleSpec) -> AlertRule:
        """Store a new rule; it is evaluated from now on.

        Raises:
            InvalidInput: a field does not fit.
            Conflict: `alert_exists`.
        """
        now = self._context.clock.now()
        check_rule(spec, measure=self._measure, project=project, now=now)
        with self._context.metadata.write() as connection:
            row = self._written.create(connection, actor, project, spec, due=next_due(spec, now))
        return _shown(row, [])

    def replace(self, actor: Principal, project: str, id_: str, spec: RuleSpec) -> AlertRule:
        """Write a rule anew. Its groups begin anew too, when what it measures or holds it against is another.

        Raises:
            NotFound, InvalidInput, Conflict: as above.
        """
        now = self._context.clock.now()
        check_rule(spec, measure=self._measure, project=project, now=now)
        with self._context.metadata.write() as connection:
            before = self._written.found(connection, project, id_)
            row = self._written.replace(connection, actor, before, spec, due=next_due(spec, now))
            if not _same_question(msgspec.convert(before.body, RuleSpec), spec):
                store.remove_series(connection, id_)
            return _shown(row, store.series_of(connection, id_))

    def delete(self, actor: Principal, project: str, id_: str) -> None:
        """Raises `NotFound`. What became of it stays in the history."""
        self._written.delete(actor, project, id_)

    def states(self, project: str, *, rule: str | None = None, only_active: bool = False) -> list[SeriesState]:
        """Groups of rules and objectives as they stand, what fires first."""
        now = self._context.clock.now()
        with self._context.metadata.read() as connection:
            every = store.series_of_project(connection, project)
            policies = {project: notifications.policy_of(connection, project)}
            silences = notifications.silences_of(connection, project, ended_after=now)
        muting = Muting(every, [one for one in silences if one.starts <= now], policies)
        found = [one for one in every if rule in {None, one.rule} and (active(one) or not only_active)]
        found = [
            msgspec.structs.replace(one, silenced_by=muting.silence(one), inhibited=muting.inhibited(one))
            for one in found
        ]
        return sorted(found, key=lambda one: (WORST_FIRST.index(one.state), -one.since, one.series))

    def history(
        self,
        project: str,
        *,
        rule: str | None = None,
        from_: int | None = None,
        to: int | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> list[AlertTransition]:
        """Changes of state, newest first."""
        check_limit(limit)
        with self._context.metadata.read() as connection:
            return store.transitions(
                connection, project=project, rule=rule, before=cursor, from_=from_, to=to, limit=limit
            )

    def test(self, project: str, spec: RuleSpec, *, days: int) -> BackTest:
        """When the rule would have fired over the last days, by the same code that evaluates it.

        Raises:
            InvalidInput: a field does not fit.
            Unavailable: the store is down.
        """
        if not 1 <= days <= MAX_DAYS:
            raise InvalidInput(f"Expected `days` from 1 to {MAX_DAYS}, got {days}.", field="days")
        now = self._context.clock.now()
        check_rule(spec, measure=self._measure, project=project, now=now)
        rule = Watched(id="", project=project, version=0, spec=spec)
        return backtest(rule, self._measure, from_=now - days * 24 * 3600 * SECOND, to=now)


def next_due(spec: RuleSpec, after: int) -> int:
    """The first time after this one at which a rule is evaluated: whole multiples of its interval, so that rules that
    ask the same ask it together.
    """
    step = spec.interval * SECOND
    return (after // step + 1) * step if spec.enabled else NEVER


def worst(states: Sequence[SeriesState]) -> AlertState:
    """Of all groups."""
    present = {state.state for state in states}
    for state in WORST_FIRST:
        if state in present:
            return state
    return "ok"


def _same_question(before: RuleSpec, after: RuleSpec) -> bool:
    parts = ("metric", "group_by", "window", "condition", "labels", "name", "severity", "enabled")
    return all(getattr(before, part) == getattr(after, part) for part in parts)


def _shown(row: store.DefinitionRow, states: Sequence[SeriesState]) -> AlertRule:
    return AlertRule(
        id=row.id,
        project=row.project,
        version=row.version,
        spec=msgspec.convert(row.body, RuleSpec),
        state=worst(states),
        firing=sum(active(state) for state in states),
        evaluated=row.evaluated,
        error=row.error,
        created=row.created,
        created_by=row.created_by,
        updated=row.updated,
        updated_by=row.updated_by,
    )
