"""Routes and limits of the control API with their history; the first admin key may read and write them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ADDED = ("routes:read", "routes:write", "limits:read", "limits:write")
"""Permissions that are new with this step."""


def upgrade() -> None:
    op.create_table(
        "definitions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("project", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_definitions"),
        sa.UniqueConstraint("kind", "project", "name", name="uq_definitions_kind"),
    )
    op.create_table(
        "definition_history",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("project", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=36), nullable=True),
        sa.Column("actor_name", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.Column("comment", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_definition_history"),
        sa.UniqueConstraint("kind", "project", "name", "version", name="uq_definition_history_kind"),
    )
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
