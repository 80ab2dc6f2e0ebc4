"""Webhooks: who is told of what happens to artifacts, and how that went."""

import re
import secrets
from base64 import b64encode
from typing import Final, get_args

import msgspec
from sqlalchemy import Connection

from penstock.core.errors import Conflict, InvalidInput, NotFound, PenstockError
from penstock.identity.types import Principal
from penstock.registry.artifacts.context import Context, check_limit
from penstock.registry.artifacts.ports import Vault, WebhookSender
from penstock.registry.artifacts.store import events as store
from penstock.registry.artifacts.store.events import DeliveryRecord, WebhookRecord
from penstock.registry.artifacts.types import Event, EventType
from penstock.registry.artifacts.webhook_types import (
    NewWebhook,
    Webhook,
    WebhookDelivery,
    WebhookTest,
    WebhookWithSecret,
)

__all__ = ["BACKOFF", "Webhooks"]

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
SECRET: Final = re.compile(r"whsec_(?:[A-Za-z0-9+/]{4}){6,22}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
MAX_WEBHOOKS: Final = 50
SECOND: Final = 1_000_000
BACKOFF: Final = (5, 30, 120, 600, 1800, 3600, 4 * 3600, 12 * 3600)
"""Seconds between tries; after the last one a delivery is dead."""
KEPT: Final = 30 * 24 * 3600 * SECOND
"""How long deliveries that are over are kept."""
EVENTS: Final = frozenset(get_args(EventType))


class _Address(msgspec.Struct, frozen=True, kw_only=True):
    """What is sealed of a webhook."""

    url: str
    secret: str

    def __repr__(self) -> str:
        # The default would print it into whatever log shows the object.
        return "_Address(…)"


class Webhooks:
    """Webhooks of all projects. Methods block.

    Args:
        context: Shared dependencies.
        vault: Keeps addresses and secrets.
        sender: Sends.
    """

    def __init__(self, context: Context, *, vault: Vault, sender: WebhookSender) -> None:
        self._context = context
        self._vault = vault
        self._sender = sender

    def listed(self, project: str) -> list[Webhook]:
        """By name."""
        with self._context.metadata.read() as connection:
            return [_shown(row) for row in store.webhooks_of(connection, project)]

    def get(self, project: str, id_: str) -> Webhook:
        """Raises `NotFound` (`webhook_not_found`)."""
        with self._context.metadata.read() as connection:
            return _shown(_found(connection, id_, project=project))

    def create(self, actor: Principal, project: str, new: NewWebhook) -> WebhookWithSecret:
        """Store a webhook. Its secret is in this answer only.

        Raises:
            InvalidInput: a field does not fit, or webhooks may not be sent there.
            Conflict: `webhook_exists` or `too_many_webhooks`.
        """
        if new.url is None:
            raise InvalidInput("A webhook needs an address.", field="url")
        host = self._check(new)
        now = self._context.clock.now()
        row = WebhookRecord(
            id=self._context.ids.uuid7(),
            project=project,
            name=new.name,
            host=host or "",
            events=sorted(set(new.events)),
            kinds=sorted(set(new.kinds)),
            enabled=new.enabled,
            created=now,
            created_by=actor.name,
            updated=now,
        )
        self._check_name(new.name, project=project, own=None)
        secret = new.secret or _new_secret()
        # The address first: a webhook without one could not send, an address without a webhook does nothing.
        self._seal(row.id, _Address(url=new.url, secret=secret))
        with self._context.metadata.write() as connection:
            store.put_webhook(connection, row)
            self._context.audit(
                connection, actor, action="webhook.create", on=row.id, project=project, name=row.name, host=row.host
            )
        return _with_secret(row, secret)

    def replace(self, actor: Principal, project: str, id_: str, new: NewWebhook) -> WebhookWithSecret:
        """Write a webhook anew; without an address it keeps the one it has. Raises as `create`, and `NotFound`."""
        host = self._check(new)
        self.get(project, id_)
        self._check_name(new.name, project=project, own=id_)
        if new.url is not None or new.secret is not None:
            known = self._address(id_)
            # A secret that was made for one address is not used to sign what is sent to another.
            secret = new.secret or (known.secret if new.url in {None, known.url} else _new_secret())
            self._seal(id_, _Address(url=new.url or known.url, secret=secret))
        else:
            secret = None
        with self._context.metadata.write() as connection:
            row = _found(connection, id_, project=project)
            row = msgspec.structs.replace(
                row,
                name=new.name,
                host=host or row.host,
                events=sorted(set(new.events)),
                kinds=sorted(set(new.kinds)),
                enabled=new.enabled,
                updated=self._context.clock.now(),
                last_error=None,
            )
            store.put_webhook(connection, row)
            self._context.audit(
                connection, actor, action="webhook.update", on=id_, project=project, name=row.name, host=row.host
            )
        return _with_secret(row, secret)

    def delete(self, actor: Principal, project: str, id_: str) -> None:
        """With its deliveries. Raises `NotFound`."""
        with self._context.metadata.write() as connection:
            row = _found(connection, id_, project=project)
            store.remove_webhook(connection, id_)
            self._context.audit(connection, actor, action="webhook.delete", on=id_, project=project, name=row.name)
        self._vault.drop(_secret_name(id_))

    def test(self, project: str, id_: str) -> WebhookTest:
        """Send an event that says it is a test, now. Raises `NotFound`."""
        webhook = self.get(project, id_)
        now = self._context.clock.now()
        id_of_test = self._context.ids.uuid7()
        event = {
            "id": id_of_test,
            "type": "webhook.test",
            "at": now,
            "project": project,
            "data": {"webhook": webhook.name},
        }
        try:
            address = self._address(id_)
            body = msgspec.json.encode(event)
            self._sender.send(address.url, address.secret, id_=id_of_test, timestamp=now // SECOND, body=body)
        except PenstockError as error:
            return WebhookTest(sent=False, error=str(error))
        return WebhookTest(sent=True, error=None)

    def deliveries(
        self, project: str, id_: str, *, before: str | None = None, limit: int = 50
    ) -> list[WebhookDelivery]:
        """What was sent, what waits, and what was given up with its reason; newest first. Raises `NotFound`."""
        check_limit(limit)
        with self._context.metadata.read() as connection:
            _found(connection, id_, project=project)
            rows = store.deliveries_of(connection, id_, before=before, limit=limit)
        return [_delivery(row, type_) for row, type_ in rows]

    def retry(self, actor: Principal, project: str, delivery: str) -> WebhookDelivery:
        """Try a dead delivery again, from now on.

        Raises:
            NotFound: `delivery_not_found`.
            Conflict: `delivery_not_dead`.
        """
        with self._context.metadata.write() as connection:
            row = store.delivery(connection, delivery, project=project)
            event = None if row is None else store.event(connection, row.event)
            if row is None or event is None:
                raise NotFound("There is no such delivery, or not in this project.", code="delivery_not_found")
            if row.status != "dead":
                raise Conflict(
                    f"The delivery is {row.status}.", hint="Only a dead one is tried again.", code="delivery_not_dead"
                )
            now = self._context.clock.now()
            row = msgspec.structs.replace(row, status="waiting", attempts=0, next_try=now, finished=None)
            store.finish(connection, row, at=now)
            self._context.audit(
                connection, actor, action="webhook.retry", on=row.webhook, project=project, delivery=delivery
            )
        return _delivery(row, event.type)

    # --- for the job --------------------------------------------------------------------------

    def due(self) -> list[DeliveryRecord]:
        """Deliveries to be tried now."""
        with self._context.metadata.read() as connection:
            return store.due(connection, self._context.clock.now())

    def deliver(self, row: DeliveryRecord) -> None:
        """Try once, and note how it went. Raises `Unavailable` when that cannot be noted."""
        with self._context.metadata.read() as connection:
            webhook = store.webhook(connection, row.webhook)
            event = store.event(connection, row.event)
        if webhook is None or event is None:
            return  # deleted meanwhile, with its deliveries
        error: str | None = None
        if not webhook.enabled:
            error = "The webhook was switched off before this was sent."
        else:
            try:
                self._send(event, webhook.id)
            except PenstockError as problem:
                error = str(problem)
        now = self._context.clock.now()
        attempts = row.attempts + 1
        over = error is None or attempts > len(BACKOFF) or not webhook.enabled
        done = msgspec.structs.replace(
            row,
            attempts=attempts,
            error=error,
            status="sent" if error is None else "dead" if over else "waiting",
            finished=now if over else None,
            next_try=None if over else now + BACKOFF[attempts - 1] * SECOND,
        )
        with self._context.metadata.write() as connection:
            store.finish(connection, done, at=now)

    def tidy(self) -> None:
        """Forget what is over for long."""
        with self._context.metadata.write() as connection:
            store.drop_old(connection, before=self._context.clock.now() - KEPT)

    # --- parts --------------------------------------------------------------------------------

    def _send(self, row: store.EventRecord, webhook: str) -> None:
        address = self._address(webhook)
        event = Event(id=row.id, type=row.type, at=row.at, project=row.project, data=row.body)
        timestamp = self._context.clock.now() // SECOND
        self._sender.send(address.url, address.secret, id_=row.id, timestamp=timestamp, body=msgspec.json.encode(event))

    def _address(self, id_: str) -> _Address:
        return msgspec.json.decode(self._vault.open(_secret_name(id_)), type=_Address)

    def _seal(self, id_: str, address: _Address) -> None:
        self._vault.put(_secret_name(id_), msgspec.json.encode(address).decode())

    def _check(self, new: NewWebhook) -> str | None:
        """The host of the address, if there is one."""
        if NAME.fullmatch(new.name) is None:
            raise InvalidInput(
                "A webhook's name has 1 to 63 letters, digits, dots, dashes and underscores, and begins with a letter "
                "or digit.",
                field="name",
            )
        for event in new.events:
            if event not in EVENTS:
                raise InvalidInput(
                    f"There is no event {event[:40]!r}.", field="events", hint=f"Events: {', '.join(sorted(EVENTS))}."
                )
        for kind in new.kinds:
            self._context.kinds.get(kind)
        if new.secret is not None and SECRET.fullmatch(new.secret) is None:
            raise InvalidInput("A signing secret looks like whsec_ and base64 of 24 to 64 bytes.", field="secret")
        return None if new.url is None else self._sender.check(new.url)

    def _check_name(self, name: str, *, project: str, own: str | None) -> None:
        with self._context.metadata.read() as connection:
            known = store.webhooks_of(connection, project)
        if any(row.name == name and row.id != own for row in known):
            raise Conflict(f"There is a webhook called {name} already.", code="webhook_exists")
        if own is None and len(known) >= MAX_WEBHOOKS:
            raise Conflict(f"A project has at most {MAX_WEBHOOKS} webhooks.", code="too_many_webhooks")


def _secret_name(id_: str) -> str:
    """Of a stored secret that people neither see nor change: its beginning says so."""
    return f"channel.webhook.{id_}"


def _new_secret() -> str:
    return f"whsec_{b64encode(secrets.token_bytes(24)).decode()}"


def _found(connection: Connection, id_: str, *, project: str) -> WebhookRecord:
    row = store.webhook(connection, id_, project=project)
    if row is None:
        raise NotFound("There is no such webhook, or not in this project.", code="webhook_not_found")
    return row


def _shown(row: WebhookRecord) -> Webhook:
    fields = msgspec.structs.asdict(row)
    return Webhook(**fields)


def _with_secret(row: WebhookRecord, secret: str | None) -> WebhookWithSecret:
    return WebhookWithSecret(**msgspec.structs.asdict(row), secret=secret)


def _delivery(row: DeliveryRecord, type_: EventType) -> WebhookDelivery:
    return WebhookDelivery(**msgspec.structs.asdict(row), type=type_)
