"""What the parts of the registry share: the store, the clock, ids, kinds, the audit log, and the log of events."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from penstock.core.clock import Clock
from penstock.core.errors import Conflict, InvalidInput, NotFound
from penstock.core.ids import Ids
from penstock.identity.store import audit
from penstock.identity.types import Principal
from penstock.registry.artifacts.kinds import Kinds
from penstock.registry.artifacts.store import artifacts, events
from penstock.registry.artifacts.store.artifacts import ArtifactRecord
from penstock.registry.artifacts.types import Event, EventType, Ref
from penstock.store.metadata import Metadata
from penstock.store.metadata.database import bump_revision

__all__ = ["Context", "check_limit", "find_artifact"]


@dataclass(frozen=True, kw_only=True)
class Context:
    """Dependencies of every part."""

    metadata: Metadata
    kinds: Kinds
    clock: Clock
    ids: Ids
    on_change: Callable[[], None]
    """Called after each commit that a gateway must learn of, before the change is answered. It must not raise."""

    @contextmanager
    def change(self) -> Generator[Connection, None, None]:
        """A write that a gateway must learn of: counted in its own transaction, told of after the commit."""
        with self.metadata.write() as connection:
            yield connection
            bump_revision(connection)
        self.on_change()

    def note(
        self,
        connection: Connection,
        actor: Principal,
        type_: EventType,
        artifact: ArtifactRecord,
        **data: Any,
    ) -> None:
        """Write down what was done, in the transaction that does it: for the audit, and for whom it is to be told."""
        known: dict[str, Any] = {"kind": artifact.kind, "name": artifact.name, **data}
        self.audit(connection, actor, action=type_, on=artifact.id, project=artifact.project, **known)
        told = {**known, "artifact": artifact.id, "by": actor.name}
        self.tell(connection, type_, project=artifact.project, kind=artifact.kind, data=told)

    def audit(
        self, connection: Connection, actor: Principal, *, action: str, on: str, project: str, **details: Any
    ) -> None:
        row = audit.AuditRow(
            id=self.ids.uuid7(),
            at=self.clock.now(),
            actor_kind=actor.kind,
            actor=actor.id or None,
            actor_name=actor.name,
            action=action,
            target=on,
            project=project,
            details=details,
        )
        audit.append(connection, row)

    def tell(self, connection: Connection, type_: EventType, *, project: str, kind: str, data: dict[str, Any]) -> None:
        """Write an event, and what is to be delivered of it, into the transaction."""
        now = self.clock.now()
        event = Event(id=self.ids.uuid7(), type=type_, at=now, project=project, data=data)
        events.add_event(
            connection,
            events.EventRecord(id=event.id, project=project, kind=kind, type=type_, at=now, body=data),
        )
        for webhook in events.webhooks_of(connection, project):
            chosen = (not webhook.events or type_ in webhook.events) and (not webhook.kinds or kind in webhook.kinds)
            if webhook.enabled and chosen:
                delivery = events.DeliveryRecord(
                    id=self.ids.uuid7(),
                    webhook=webhook.id,
                    event=event.id,
                    status="waiting",
                    attempts=0,
                    created=now,
                    next_try=now,
                    finished=None,
                    error=None,
                )
                events.add_delivery(connection, delivery)


def find_artifact(connection: Connection, ref: Ref, *, lock: bool = False, active: bool = False) -> ArtifactRecord:
    """The artifact that a reference means.

    Args:
        connection: A transaction.
        ref: Which one; slashes of a name may be written as colons.
        lock: Until the end of the transaction.
        active: It is going to be changed.

    Raises:
        NotFound: `artifact_not_found`.
        Conflict: `artifact_archived`, of one that is going to be changed.
    """
    name = ref.name.replace(":", "/")
    found = artifacts.find(connection, project=ref.project, kind=ref.kind, name_or_id=name, lock=lock)
    if found is None:
        raise NotFound(
            f"There is no {ref.kind} {name[:128]} here, or not for you.",
            hint=f"GET /api/v1/artifacts/{ref.kind} lists them.",
            code="artifact_not_found",
        )
    if active and found.archived is not None:
        raise Conflict(
            f"The {ref.kind} {found.name} is archived.", hint="Unarchive it to change it.", code="artifact_archived"
        )
    return found


def check_limit(limit: int, *, most: int = 200) -> None:
    """Raise `InvalidInput` unless a page has a sensible size."""
    if not 1 <= limit <= most:
        raise InvalidInput(f"Expected `limit` from 1 to {most}, got {limit}.", field="limit")
