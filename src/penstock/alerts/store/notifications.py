"""Policies, silences, channels, groups and deliveries."""

from typing import Any

import msgspec
from sqlalchemy import Connection, and_, delete, or_, select, update

from penstock.alerts.notify.types import DeliveryStatus
from penstock.alerts.types import AlertPolicy, SeriesState, Silence
from penstock.store.metadata.schema import alert_deliveries, alert_groups, alert_policies, channels, silences

__all__ = [
    "ChannelRow",
    "DeliveryRow",
    "GroupRow",
    "add_delivery",
    "channel_by_id",
    "channels_of",
    "deliveries_of",
    "drop_old",
    "due_deliveries",
    "finish_delivery",
    "groups_of",
    "policies",
    "policy_of",
    "put_channel",
    "put_group",
    "put_policy",
    "put_silence",
    "remove_channel",
    "remove_group",
    "silence_by_id",
    "silences_of",
]


class ChannelRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    project: str
    name: str
    kind: str
    created: int
    created_by: str
    updated: int
    last_sent: int | None = None
    last_error: str | None = None


class GroupRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel was last told of a group of alerts."""

    id: str
    project: str
    channel: str
    labels: dict[str, str]
    due: int
    """When it may be told again."""
    last_sent: int | None = None
    told: dict[str, SeriesState] = {}
    """Alerts as they were last told, by `<rule>/<series>`."""


class DeliveryRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    channel: str
    created: int
    status: DeliveryStatus
    attempts: int
    next_try: int | None
    finished: int | None
    title: str
    body: dict[str, Any]
    error: str | None


def policy_of(connection: Connection, project: str) -> AlertPolicy:
    wanted = select(alert_policies.c.body).where(alert_policies.c.project == project)
    body = connection.execute(wanted).scalar_one_or_none()
    return AlertPolicy() if body is None else msgspec.convert(body, AlertPolicy)


def policies(connection: Connection) -> dict[str, AlertPolicy]:
    """By project; one without has the default."""
    found = connection.execute(select(alert_policies.c.project, alert_policies.c.body)).all()
    return {project: msgspec.convert(body, AlertPolicy) for project, body in found}


def put_policy(connection: Connection, project: str, policy: AlertPolicy) -> None:
    connection.execute(delete(alert_policies).where(alert_policies.c.project == project))
    connection.execute(alert_policies.insert().values(project=project, body=msgspec.to_builtins(policy)))


def silences_of(connection: Connection, project: str | None, *, ended_after: int) -> list[Silence]:
    """Newest first, without those that ended before; None: of all projects."""
    wanted = select(silences.c.body).where(silences.c.ends > ended_after).order_by(silences.c.id.desc())
    if project is not None:
        wanted = wanted.where(silences.c.project == project)
    return [msgspec.convert(body, Silence) for body in connection.execute(wanted).scalars()]


def silence_by_id(connection: Connection, id_: str, *, project: str) -> Silence | None:
    where = and_(silences.c.id == id_, silences.c.project == project)
    body = connection.execute(select(silences.c.body).where(where)).scalar_one_or_none()
    return None if body is None else msgspec.convert(body, Silence)


def put_silence(connection: Connection, silence: Silence) -> None:
    connection.execute(delete(silences).where(silences.c.id == silence.id))
    values = {"id": silence.id, "project": silence.project, "ends": silence.ends}
    connection.execute(silences.insert().values(**values, body=msgspec.to_builtins(silence)))


def channels_of(connection: Connection, project: str | None) -> list[ChannelRow]:
    """By name; None: of all projects."""
    wanted = select(channels).order_by(channels.c.name)
    if project is not None:
        wanted = wanted.where(channels.c.project == project)
    return [ChannelRow(**row) for row in connection.execute(wanted).mappings()]


def channel_by_id(connection: Connection, id_: str, *, project: str | None = None) -> ChannelRow | None:
    wanted = select(channels).where(channels.c.id == id_)
    if project is not None:
        wanted = wanted.where(channels.c.project == project)
    row = connection.execute(wanted).mappings().one_or_none()
    return None if row is None else ChannelRow(**row)


def put_channel(connection: Connection, row: ChannelRow) -> None:
    fields = msgspec.structs.asdict(row)
    if connection.execute(update(channels).where(channels.c.id == row.id).values(fields)).rowcount == 0:
        connection.execute(channels.insert().values(fields))


def remove_channel(connection: Connection, id_: str) -> None:
    """With its groups and deliveries."""
    for table in (alert_groups, alert_deliveries):
        connection.execute(delete(table).where(table.c.channel == id_))
    connection.execute(delete(channels).where(channels.c.id == id_))


def groups_of(connection: Connection) -> list[GroupRow]:
    return [msgspec.convert(body, GroupRow) for body in connection.execute(select(alert_groups.c.body)).scalars()]


def put_group(connection: Connection, row: GroupRow) -> None:
    remove_group(connection, row.id)
    values = {"id": row.id, "project": row.project, "channel": row.channel}
    connection.execute(alert_groups.insert().values(**values, body=msgspec.to_builtins(row)))


def remove_group(connection: Connection, id_: str) -> None:
    connection.execute(delete(alert_groups).where(alert_groups.c.id == id_))


def add_delivery(connection: Connection, row: DeliveryRow) -> None:
    connection.execute(alert_deliveries.insert().values(msgspec.structs.asdict(row)))


def due_deliveries(connection: Connection, now: int, *, limit: int = 50) -> list[DeliveryRow]:
    """Those to be tried by now, oldest first."""
    sent = alert_deliveries.c
    where = and_(sent.status == "waiting", or_(sent.next_try.is_(None), sent.next_try <= now))
    wanted = select(alert_deliveries).where(where).order_by(sent.created, sent.id).limit(limit)
    return [DeliveryRow(**row) for row in connection.execute(wanted).mappings()]


def finish_delivery(connection: Connection, row: DeliveryRow) -> None:
    """Note a try, and at the channel how the last one went."""
    fields = msgspec.structs.asdict(row)
    connection.execute(update(alert_deliveries).where(alert_deliveries.c.id == row.id).values(fields))
    seen: dict[str, Any] = {"last_error": row.error}
    if row.status == "sent":
        seen["last_sent"] = row.finished
    connection.execute(update(channels).where(channels.c.id == row.channel).values(seen))


def deliveries_of(connection: Connection, channel: str, *, before: str | None, limit: int) -> list[DeliveryRow]:
    """Newest first."""
    sent = alert_deliveries.c
    wanted = select(alert_deliveries).where(sent.channel == channel).order_by(sent.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(sent.id < before)
    return [DeliveryRow(**row) for row in connection.execute(wanted).mappings()]


def drop_old(connection: Connection, *, before: int) -> int:
    """Forget deliveries that were finished, and silences that ended, before; how many."""
    sent = connection.execute(delete(alert_deliveries).where(alert_deliveries.c.finished < before)).rowcount
    return sent + connection.execute(delete(silences).where(silences.c.ends < before)).rowcount
