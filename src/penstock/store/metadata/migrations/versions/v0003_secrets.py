"""Secrets of providers, sealed; the first admin key may read what there is and set them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ADDED = ("secrets:read", "secrets:write")
"""Permissions that are new with this step."""


def upgrade() -> None:
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_secrets"),
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
