"""Which of its kept answers a project still wants."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("projects", sa.Column("cache_generation", sa.BigInteger(), nullable=False, server_default="0"))
