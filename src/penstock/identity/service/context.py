"""What the parts of the service share: the store, the clock, ids, randomness, and the audit log."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from penstock.core.clock import Clock
from penstock.core.ids import Ids
from penstock.identity.service.credentials import Randomness
from penstock.identity.store import audit
from penstock.identity.types import Principal
from penstock.store.metadata import Metadata
from penstock.store.metadata.database import bump_revision

__all__ = ["Context"]


@dataclass(frozen=True, kw_only=True)
class Context:
    """Dependencies of every part of the service."""

    metadata: Metadata
    clock: Clock
    ids: Ids
    randomness: Randomness
    on_change: Callable[[], None]

    @contextmanager
    def change(self) -> Generator[Connection, None, None]:
        """A write that a gateway must learn of: counted in its own transaction, told of after the commit."""
        with self.metadata.write() as connection:
            yield connection
            bump_revision(connection)
        self.on_change()

    def audit(
        self,
        connection: Connection,
        actor: Principal,
        *,
        action: str,
        on: str,
        project: str | None = None,
        **details: object,
    ) -> None:
        """Write down who did what, in the transaction that does it."""
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
