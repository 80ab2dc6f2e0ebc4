"""Permissions of observability: the first admin key has them, and keys that may call may send traces and scores."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ADDED = (
    "traces:write",
    "traces:delete",
    "scores:write",
    "dashboards:read",
    "dashboards:write",
    "alerts:read",
    "alerts:write",
    "incidents:read",
    "incidents:write",
    "retention:read",
    "retention:write",
    "metrics:read",
)
"""Permissions that are new with this step."""


def upgrade() -> None:
    _extend_the_first_admin_key()


def _extend_the_first_admin_key() -> None:
    """The key of the first start may do everything; scopes are stored, so what is new has to be added to it."""
    keys = sa.table(
        "keys",
        sa.column("id", sa.String),
        sa.column("scopes", sa.JSON),
        sa.column("creator_key", sa.String),
        sa.column("creator_user", sa.String),
    )
    connection = op.get_bind()
    first = connection.execute(
        sa.select(keys.c.id, keys.c.scopes).where(keys.c.creator_key.is_(None), keys.c.creator_user.is_(None))
    ).all()
    for row in first:
        scopes = sorted({*row.scopes, *ADDED})
        connection.execute(keys.update().where(keys.c.id == row.id).values(scopes=scopes))
