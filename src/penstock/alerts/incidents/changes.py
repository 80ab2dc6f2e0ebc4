"""What people changed around an incident, out of the audit log."""

from typing import Final

from sqlalchemy import and_, or_, select

from penstock.alerts.incidents.types import Change
from penstock.store.metadata import Metadata
from penstock.store.metadata.schema import audit

__all__ = ["AuditChanges"]

NOUNS: Final = ("route", "limit", "key", "secret", "project", "retention", "alert", "slo", "config")
"""What may change how calls go, or who is told. Sign-ins, views and incidents themselves do not."""
MOST: Final = 200


class AuditChanges:
    """Implements `alerts.ports.Changes`."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    def __call__(self, project: str, from_: int, to: int) -> list[Change]:
        log = audit.c
        where = and_(
            log.at >= from_,
            log.at < to,
            or_(log.project == project, log.project.is_(None)),
            or_(*(log.action.like(f"{noun}.%") for noun in NOUNS)),
        )
        with self._metadata.read() as connection:
            rows = connection.execute(
                select(audit).where(where).order_by(log.at.desc(), log.id.desc()).limit(MOST)
            ).all()
        return [
            Change(at=row.at, by=row.actor_name, what=_what(row.action, row.details.get("name")), data=row.details)
            for row in reversed(rows)
        ]


def _what(action: str, name: object) -> str:
    noun, _, verb = action.partition(".")
    return f"{noun} {name}: {verb}" if name else f"{noun}: {verb}"
