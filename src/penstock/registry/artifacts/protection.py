"""Which labels are protected, and who may move which label."""

from typing import Final

from sqlalchemy import Connection

from penstock.core.errors import PermissionDenied
from penstock.identity.types import Principal
from penstock.registry.artifacts.store import labels

__all__ = ["BY_DEFAULT", "check_may_move", "protected_labels"]

BY_DEFAULT: Final = ("production",)
"""Labels that are protected in every project until somebody says otherwise."""


def protected_labels(connection: Connection, project: str, kind: str) -> frozenset[str]:
    said = labels.protected(connection, project, kind)
    return frozenset(BY_DEFAULT if said is None else said)


def check_may_move(connection: Connection, actor: Principal, *, project: str, kind: str, label: str) -> None:
    """Raise unless the actor may move this label, or take it away.

    Raises:
        PermissionDenied: names the permission that is missing.
    """
    if label in protected_labels(connection, project, kind):
        needed = f"{kind}s:promote:{label}"
        if not actor.may(needed, project):
            raise PermissionDenied(
                f"The label {label} is protected: to move it needs the permission {kind}s:promote, or {needed}.",
                hint="Ask for it, or ask somebody who has it to promote the version.",
                code="label_protected",
            )
    elif not actor.may(f"{kind}s:write", project):
        raise PermissionDenied(
            f"This needs the permission {kind}s:write.", hint="Ask an admin for a key or role that has it."
        )
