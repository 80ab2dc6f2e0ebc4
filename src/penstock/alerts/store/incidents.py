"""Incidents and the events of their timelines."""

import msgspec
from sqlalchemy import Connection, and_, func, select, update

from penstock.alerts.incidents.types import Incident, IncidentEvent, IncidentState
from penstock.store.metadata.schema import incident_events, incidents

__all__ = ["append", "by_id", "events", "everything", "insert", "next_number", "replace", "unresolved"]


def everything(
    connection: Connection,
    *,
    project: str,
    state: IncidentState | None = None,
    before: int | None = None,
    limit: int,
) -> list[Incident]:
    """Newest first; `before`: only with lower numbers."""
    wanted = select(incidents.c.body).where(incidents.c.project == project).order_by(incidents.c.number.desc())
    if state is not None:
        wanted = wanted.where(incidents.c.state == state)
    if before is not None:
        wanted = wanted.where(incidents.c.number < before)
    return [msgspec.convert(body, Incident) for body in connection.execute(wanted.limit(limit)).scalars()]


def by_id(connection: Connection, id_: str, *, project: str) -> Incident | None:
    where = and_(incidents.c.id == id_, incidents.c.project == project)
    body = connection.execute(select(incidents.c.body).where(where)).scalar_one_or_none()
    return None if body is None else msgspec.convert(body, Incident)


def unresolved(connection: Connection, *, rule: str, series: str) -> Incident | None:
    """The one that this group of a rule has opened and that is not resolved, if there is one."""
    opened = incidents.c
    where = and_(opened.rule == rule, opened.series == series, opened.state != "resolved")
    wanted = select(opened.body).where(where).order_by(opened.number.desc()).limit(1)
    body = connection.execute(wanted).scalar_one_or_none()
    return None if body is None else msgspec.convert(body, Incident)


def next_number(connection: Connection, project: str) -> int:
    highest = select(func.coalesce(func.max(incidents.c.number), 0)).where(incidents.c.project == project)
    return connection.execute(highest).scalar_one() + 1


def insert(connection: Connection, incident: Incident) -> None:
    connection.execute(incidents.insert().values(id=incident.id, **_columns(incident)))


def replace(connection: Connection, incident: Incident) -> None:
    connection.execute(update(incidents).where(incidents.c.id == incident.id).values(**_columns(incident)))


def append(connection: Connection, incident: str, event: IncidentEvent) -> None:
    body = msgspec.to_builtins(event)
    connection.execute(incident_events.insert().values(id=event.id, incident=incident, at=event.at, body=body))


def events(connection: Connection, incident: str) -> list[IncidentEvent]:
    """Oldest first."""
    happened = incident_events.c
    wanted = select(happened.body).where(happened.incident == incident).order_by(happened.at, happened.id)
    return [msgspec.convert(body, IncidentEvent) for body in connection.execute(wanted).scalars()]


def _columns(incident: Incident) -> dict[str, object]:
    return {
        "project": incident.project,
        "number": incident.number,
        "state": incident.state,
        "opened": incident.opened,
        "rule": incident.rule,
        "series": incident.series,
        "body": msgspec.to_builtins(incident),
    }
