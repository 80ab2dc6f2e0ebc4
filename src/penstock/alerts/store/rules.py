"""Alert rules and objectives, and where their groups stand."""

from collections.abc import Iterable
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, and_, delete, func, select, update

from penstock.alerts.types import AlertTransition, SeriesState
from penstock.store.metadata.schema import alert_rules, alert_series, alert_transitions

__all__ = [
    "DefinitionRow",
    "Kind",
    "append_transitions",
    "by_id",
    "by_name",
    "drop_transitions",
    "due",
    "evaluated",
    "everything",
    "insert",
    "put_series",
    "remove",
    "remove_series",
    "replace",
    "series_of",
    "series_of_project",
    "soonest",
    "transitions",
]

Kind = Literal["rule", "slo"]


class DefinitionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A rule or an objective."""

    id: str
    kind: Kind
    project: str
    name: str
    version: int
    body: dict[str, Any]
    created: int
    created_by: str
    updated: int
    updated_by: str
    due: int
    """When it is evaluated next."""
    evaluated: int | None = None
    error: str | None = None


def everything(connection: Connection, kind: Kind | None, *, project: str | None = None) -> list[DefinitionRow]:
    """By name; None of either: all."""
    wanted = select(alert_rules).order_by(alert_rules.c.name, alert_rules.c.id)
    if kind is not None:
        wanted = wanted.where(alert_rules.c.kind == kind)
    if project is not None:
        wanted = wanted.where(alert_rules.c.project == project)
    return [DefinitionRow(**row) for row in connection.execute(wanted).mappings()]


def by_id(connection: Connection, kind: Kind | None, id_: str, *, project: str | None = None) -> DefinitionRow | None:
    wanted = select(alert_rules).where(alert_rules.c.id == id_)
    if kind is not None:
        wanted = wanted.where(alert_rules.c.kind == kind)
    if project is not None:
        wanted = wanted.where(alert_rules.c.project == project)
    row = connection.execute(wanted).mappings().one_or_none()
    return None if row is None else DefinitionRow(**row)


def by_name(connection: Connection, kind: Kind, name: str, *, project: str) -> DefinitionRow | None:
    rules = alert_rules.c
    where = and_(rules.project == project, rules.kind == kind, rules.name == name)
    row = connection.execute(select(alert_rules).where(where)).mappings().one_or_none()
    return None if row is None else DefinitionRow(**row)


def insert(connection: Connection, row: DefinitionRow) -> None:
    connection.execute(alert_rules.insert().values(msgspec.structs.asdict(row)))


def replace(connection: Connection, row: DefinitionRow) -> None:
    fields = msgspec.structs.asdict(row)
    connection.execute(update(alert_rules).where(alert_rules.c.id == row.id).values(fields))


def remove(connection: Connection, id_: str) -> None:
    """With its groups; what became of them stays."""
    connection.execute(delete(alert_series).where(alert_series.c.rule == id_))
    connection.execute(delete(alert_rules).where(alert_rules.c.id == id_))


def due(connection: Connection, now: int) -> list[DefinitionRow]:
    """Those to be evaluated by now, the longest overdue first."""
    wanted = select(alert_rules).where(alert_rules.c.due <= now).order_by(alert_rules.c.due, alert_rules.c.id)
    return [DefinitionRow(**row) for row in connection.execute(wanted).mappings()]


def soonest(connection: Connection) -> int | None:
    """When the next one is due."""
    return connection.execute(select(func.min(alert_rules.c.due))).scalar_one()


def evaluated(connection: Connection, id_: str, *, version: int, at: int, next_: int, error: str | None) -> bool:
    """Note an evaluation; False when the rule was changed or deleted meanwhile, so that it counts for nothing."""
    where = and_(alert_rules.c.id == id_, alert_rules.c.version == version)
    done = connection.execute(update(alert_rules).where(where).values(evaluated=at, due=next_, error=error))
    return done.rowcount == 1


def series_of(connection: Connection, rule: str) -> list[SeriesState]:
    wanted = select(alert_series.c.body).where(alert_series.c.rule == rule).order_by(alert_series.c.series)
    return [msgspec.convert(body, SeriesState) for body in connection.execute(wanted).scalars()]


def series_of_project(connection: Connection, project: str | None) -> list[SeriesState]:
    """All groups of all rules of a project, or of all projects."""
    wanted = select(alert_series.c.body).order_by(alert_series.c.rule, alert_series.c.series)
    if project is not None:
        wanted = wanted.where(alert_series.c.project == project)
    return [msgspec.convert(body, SeriesState) for body in connection.execute(wanted).scalars()]


def put_series(connection: Connection, states: Iterable[SeriesState]) -> None:
    for state in states:
        key = and_(alert_series.c.rule == state.rule, alert_series.c.series == state.series)
        body = msgspec.to_builtins(state)
        changed = connection.execute(update(alert_series).where(key).values(state=state.state, body=body))
        if changed.rowcount == 0:
            values = {"rule": state.rule, "series": state.series, "project": state.project}
            connection.execute(alert_series.insert().values(**values, state=state.state, body=body))


def remove_series(connection: Connection, rule: str, series: Iterable[str] | None = None) -> None:
    """Those groups of a rule; None: all."""
    where = alert_series.c.rule == rule
    if series is not None:
        where = and_(where, alert_series.c.series.in_(list(series)))
    connection.execute(delete(alert_series).where(where))


def append_transitions(connection: Connection, found: Iterable[AlertTransition]) -> None:
    rows = [
        {"id": one.id, "project": one.project, "rule": one.rule, "at": one.at, "body": msgspec.to_builtins(one)}
        for one in found
    ]
    if rows:
        connection.execute(alert_transitions.insert(), rows)


def transitions(
    connection: Connection,
    *,
    project: str,
    rule: str | None = None,
    before: str | None = None,
    from_: int | None = None,
    to: int | None = None,
    limit: int,
) -> list[AlertTransition]:
    """Newest first; `before`: only those made before the one of this id."""
    made = alert_transitions.c
    wanted = select(made.body).where(made.project == project).order_by(made.id.desc()).limit(limit)
    if rule is not None:
        wanted = wanted.where(made.rule == rule)
    if before is not None:
        wanted = wanted.where(made.id < before)
    if from_ is not None:
        wanted = wanted.where(made.at >= from_)
    if to is not None:
        wanted = wanted.where(made.at < to)
    return [msgspec.convert(body, AlertTransition) for body in connection.execute(wanted).scalars()]


def drop_transitions(connection: Connection, *, before: int) -> int:
    """Forget what happened before; how many."""
    return connection.execute(delete(alert_transitions).where(alert_transitions.c.at < before)).rowcount
