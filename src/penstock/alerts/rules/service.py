"""Alert rules as people write and see them."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection

from penstock.alerts.backtest import MAX_DAYS, backtest
from penstock.alerts.context import Context, check_limit
from penstock.alerts.notify.plan import Muting
from penstock.alerts.rules.check import check_rule
from penstock.alerts.rules.measure import SECOND, Measure, Watched
from penstock.alerts.rules.state import active
from penstock.alerts.store import notifications
from penstock.alerts.store import rules as store
from penstock.alerts.types import AlertRule, AlertState, AlertTransition, BackTest, RuleSpec, SeriesState
from penstock.core.errors import Conflict, InvalidInput, NotFound
from penstock.identity.types import Principal

__all__ = ["Rules", "check_channels", "next_due", "worst"]

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

    def everything(self, project: str) -> list[AlertRule]:
        """By name."""
        with self._context.metadata.read() as connection:
            rows = store.everything(connection, "rule", project=project)
            states = store.series_of_project(connection, project)
        return [_shown(row, [state for state in states if state.rule == row.id]) for row in rows]

    def get(self, project: str, id_: str) -> AlertRule:
        """Raises `NotFound` when there is none in this project."""
        with self._context.metadata.read() as connection:
            row = _found(connection, id_, project=project)
            return _shown(row, store.series_of(connection, id_))

    def create(self, actor: Principal, project: str, spec: RuleSpec) -> AlertRule:
        """Store a new rule; it is evaluated from now on.

        Raises:
            InvalidInput: a field does not fit.
            Conflict: `alert_exists`.
        """
        now = self._context.clock.now()
        check_rule(spec, measure=self._measure, project=project, now=now)
        with self._context.metadata.write() as connection:
            self._check_written(connection, spec, project=project, own=None)
            if len(store.everything(connection, "rule", project=project)) >= MAX_RULES:
                raise Conflict(f"A project has at most {MAX_RULES} alert rules.", code="too_many_alerts")
            row = store.DefinitionRow(
                id=self._context.ids.uuid7(),
                kind="rule",
                project=project,
                name=spec.name,
                version=1,
                body=msgspec.to_builtins(spec),
                created=now,
                created_by=actor.name,
                updated=now,
                updated_by=actor.name,
                due=next_due(spec, now),
            )
            store.insert(connection, row)
            self._context.audit(connection, actor, action="alert.create", on=row.id, project=project, name=spec.name)
        return _shown(row, [])

    def replace(self, actor: Principal, project: str, id_: str, spec: RuleSpec) -> AlertRule:
        """Write a rule anew. Its groups begin anew too, when what it measures or holds it against is another.

        Raises:
            NotFound, InvalidInput, Conflict: as above.
        """
        now = self._context.clock.now()
        check_rule(spec, measure=self._measure, project=project, now=now)
        with self._context.metadata.write() as connection:
            row = _found(connection, id_, project=project)
            self._check_written(connection, spec, project=project, own=id_)
            before = msgspec.convert(row.body, RuleSpec)
            row = msgspec.structs.replace(
                row,
                name=spec.name,
                version=row.version + 1,
                body=msgspec.to_builtins(spec),
                updated=now,
                updated_by=actor.name,
                due=next_due(spec, now),
                error=None,
            )
            store.replace(connection, row)
            if not _same_question(before, spec):
                store.remove_series(connection, id_)
            self._context.audit(connection, actor, action="alert.update", on=id_, project=project, name=spec.name)
            return _shown(row, store.series_of(connection, id_))

    def delete(self, actor: Principal, project: str, id_: str) -> None:
        """Raises `NotFound`. What became of it stays in the history."""
        with self._context.metadata.write() as connection:
            row = _found(connection, id_, project=project)
            store.remove(connection, id_)
            self._context.audit(connection, actor, action="alert.delete", on=id_, project=project, name=row.name)

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

    def _check_written(self, connection: Connection, spec: RuleSpec, *, project: str, own: str | None) -> None:
        same = store.by_name(connection, "rule", spec.name, project=project)
        if same is not None and same.id != own:
            raise Conflict(
                f"There is an alert called {spec.name} already.", hint="Choose another name.", code="alert_exists"
            )
        check_channels(connection, spec.channels, project=project)


def check_channels(connection: Connection, names: Iterable[str], *, project: str) -> None:
    """Raise `InvalidInput` when one of these is no channel of the project."""
    known = {channel.name for channel in notifications.channels_of(connection, project)}
    for name in names:
        if name not in known:
            raise InvalidInput(
                f"There is no channel {name}; there are: {', '.join(sorted(known)) or 'none yet'}.", field="channels"
            )


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


def _found(connection: Connection, id_: str, *, project: str) -> store.DefinitionRow:
    row = store.by_id(connection, "rule", id_, project=project)
    if row is None:
        raise NotFound("There is no such alert, or not in this project.", code="alert_not_found")
    return row


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
