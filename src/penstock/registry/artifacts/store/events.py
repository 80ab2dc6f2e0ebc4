"""Events, webhooks, and deliveries of the one to the other."""

from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, and_, delete, exists, select, update

from penstock.registry.artifacts.types import EventType
from penstock.store.metadata.schema import artifact_events, webhook_deliveries, webhooks

__all__ = [
    "DeliveryRecord",
    "EventRecord",
    "WebhookRecord",
    "add_delivery",
    "add_event",
    "deliveries_of",
    "delivery",
    "drop_old",
    "due",
    "event",
    "finish",
    "put_webhook",
    "remove_webhook",
    "webhook",
    "webhooks_of",
]


class EventRecord(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    project: str
    kind: str
    type: EventType
    at: int
    body: dict[str, Any]


class WebhookRecord(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    project: str
    name: str
    host: str
    events: list[str]
    kinds: list[str]
    enabled: bool
    created: int
    created_by: str
    updated: int
    last_sent: int | None = None
    last_error: str | None = None


class DeliveryRecord(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    webhook: str
    event: str
    status: Literal["waiting", "sent", "dead"]
    attempts: int
    created: int
    next_try: int | None
    finished: int | None
    error: str | None


def add_event(connection: Connection, row: EventRecord) -> None:
    connection.execute(artifact_events.insert().values(msgspec.structs.asdict(row)))


def event(connection: Connection, id_: str) -> EventRecord | None:
    row = connection.execute(select(artifact_events).where(artifact_events.c.id == id_)).mappings().one_or_none()
    return None if row is None else EventRecord(**row)


def webhooks_of(connection: Connection, project: str) -> list[WebhookRecord]:
    """By name."""
    wanted = select(webhooks).where(webhooks.c.project == project).order_by(webhooks.c.name)
    return [WebhookRecord(**row) for row in connection.execute(wanted).mappings()]


def webhook(connection: Connection, id_: str, *, project: str | None = None) -> WebhookRecord | None:
    wanted = select(webhooks).where(webhooks.c.id == id_)
    if project is not None:
        wanted = wanted.where(webhooks.c.project == project)
    row = connection.execute(wanted).mappings().one_or_none()
    return None if row is None else WebhookRecord(**row)


def put_webhook(connection: Connection, row: WebhookRecord) -> None:
    fields = msgspec.structs.asdict(row)
    if connection.execute(update(webhooks).where(webhooks.c.id == row.id).values(fields)).rowcount == 0:
        connection.execute(webhooks.insert().values(fields))


def remove_webhook(connection: Connection, id_: str) -> None:
    """With its deliveries."""
    connection.execute(delete(webhook_deliveries).where(webhook_deliveries.c.webhook == id_))
    connection.execute(delete(webhooks).where(webhooks.c.id == id_))


def add_delivery(connection: Connection, row: DeliveryRecord) -> None:
    connection.execute(webhook_deliveries.insert().values(msgspec.structs.asdict(row)))


def due(connection: Connection, now: int, *, limit: int = 50) -> list[DeliveryRecord]:
    """Those to be tried by now, oldest first."""
    sent = webhook_deliveries.c
    where = and_(sent.status == "waiting", sent.next_try <= now)
    wanted = select(webhook_deliveries).where(where).order_by(sent.next_try, sent.id).limit(limit)
    return [DeliveryRecord(**row) for row in connection.execute(wanted).mappings()]


def delivery(connection: Connection, id_: str, *, project: str) -> DeliveryRecord | None:
    sent = webhook_deliveries.c
    wanted = select(webhook_deliveries).join(webhooks, webhooks.c.id == sent.webhook)
    row = connection.execute(wanted.where(and_(sent.id == id_, webhooks.c.project == project))).mappings().one_or_none()
    return None if row is None else DeliveryRecord(**row)


def finish(connection: Connection, row: DeliveryRecord, *, at: int) -> None:
    """Note a try, and at the webhook how the last one went."""
    fields = msgspec.structs.asdict(row)
    connection.execute(update(webhook_deliveries).where(webhook_deliveries.c.id == row.id).values(fields))
    seen: dict[str, Any] = {"last_error": row.error}
    if row.status == "sent":
        seen["last_sent"] = at
    connection.execute(update(webhooks).where(webhooks.c.id == row.webhook).values(seen))


def deliveries_of(
    connection: Connection, webhook: str, *, before: str | None, limit: int
) -> list[tuple[DeliveryRecord, EventType]]:
    """Newest first, each with the type of its event."""
    sent = webhook_deliveries.c
    wanted = select(webhook_deliveries, artifact_events.c.type).join(
        artifact_events, artifact_events.c.id == sent.event
    )
    wanted = wanted.where(sent.webhook == webhook).order_by(sent.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(sent.id < before)
    found: list[tuple[DeliveryRecord, EventType]] = []
    for row in connection.execute(wanted).mappings():
        fields = dict(row)
        type_ = fields.pop("type")
        found.append((DeliveryRecord(**fields), type_))
    return found


def drop_old(connection: Connection, *, before: int) -> None:
    """Forget deliveries that were finished before, and events of that age that nothing waits for."""
    sent = webhook_deliveries.c
    connection.execute(delete(webhook_deliveries).where(sent.finished < before))
    waiting = exists(select(sent.id).where(sent.event == artifact_events.c.id))
    connection.execute(delete(artifact_events).where(and_(artifact_events.c.at < before, ~waiting)))
