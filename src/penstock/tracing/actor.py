"""Who asks, as far as this slice needs to know."""

from typing import Protocol

from sqlalchemy import Connection

from penstock.store.metadata.schema import audit

__all__ = ["Actor", "note", "owner_of"]


class Actor(Protocol):
    """A key or a person."""

    @property
    def kind(self) -> str:
        """`key`, `user` or `system`."""
        ...

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def user(self) -> str | None:
        """Id of the person who made the key, or who is signed in."""
        ...

    def may(self, permission: str, project: str, /) -> bool: ...


def owner_of(actor: Actor) -> str:
    """Whose something is: a person's, whichever of their keys they use; else a key's."""
    return f"user:{actor.user}" if actor.user is not None else f"{actor.kind}:{actor.id}"


def note(
    connection: Connection,
    actor: Actor,
    *,
    id_: str,
    at: int,
    action: str,
    target: str,
    project: str,
    details: dict[str, object],
) -> None:
    """One line of the audit log, in the transaction of what it tells of."""
    connection.execute(
        audit.insert().values(
            id=id_,
            at=at,
            actor_kind=actor.kind,
            actor=actor.id or None,
            actor_name=actor.name,
            action=action,
            target=target,
            project=project,
            details=details,
        )
    )
