"""What the parts of this slice share."""

from dataclasses import dataclass

from sqlalchemy import Connection

from penstock.alerts.ports import Compile, Metrics
from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput
from penstock.core.ids import Ids
from penstock.identity.store import audit
from penstock.identity.types import Principal
from penstock.store.metadata import Metadata

__all__ = ["Context", "check_limit", "check_text"]


@dataclass(frozen=True, kw_only=True)
class Context:
    """Dependencies of every part."""

    metadata: Metadata
    metrics: Metrics
    parse: Compile
    clock: Clock
    ids: Ids

    def audit(
        self, connection: Connection, actor: Principal, *, action: str, on: str, project: str, **details: object
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


def check_text(text: str, *, field: str, least: int = 0, most: int) -> None:
    """Raise unless a text has this many characters, none of them a control character but line ends.

    Raises:
        InvalidInput: it has not.
    """
    plain = all(character.isprintable() or character in "\n\t" for character in text)
    if not least <= len(text.strip()) or len(text) > most or not plain:
        raise InvalidInput(f"Expected `{field}` with {least} to {most} printable characters.", field=field)


def check_limit(limit: int, *, most: int = 200) -> None:
    """Raise unless a page has a sensible size.

    Raises:
        InvalidInput: it has not.
    """
    if not 1 <= limit <= most:
        raise InvalidInput(f"Expected `limit` from 1 to {most}, got {limit}.", field="limit")
