"""The audit log: who did what to which object, and when. Rows are only ever added."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, select

from penstock.store.metadata.schema import audit

__all__ = ["AuditRow", "append", "newest"]


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """One act. `details` never holds a secret or a hash of one."""

    id: str
    at: int
    actor_kind: str
    actor: str | None
    actor_name: str
    action: str
    """`<noun>.<verb>`: `key.create`, `project.create`, `user.role`."""
    target: str
    """Id of what was acted on."""
    project: str | None
    details: Mapping[str, object]


def append(connection: Connection, row: AuditRow) -> None:
    connection.execute(audit.insert().values(msgspec.structs.asdict(row)))


def newest(connection: Connection, *, limit: int = 100) -> list[AuditRow]:
    found = connection.execute(select(audit).order_by(audit.c.at.desc(), audit.c.id.desc()).limit(limit))
    return [
        AuditRow(
            id=row.id,
            at=row.at,
            actor_kind=row.actor_kind,
            actor=row.actor,
            actor_name=row.actor_name,
            action=row.action,
            target=row.target,
            project=row.project,
            details=row.details,
        )
        for row in found
    ]
