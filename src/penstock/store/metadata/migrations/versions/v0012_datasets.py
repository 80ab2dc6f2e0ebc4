"""Rows of datasets."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "dataset_rows",
        sa.Column("project", sa.String(length=36), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.id"], name="fk_dataset_rows_project"),
        sa.PrimaryKeyConstraint("project", "digest", name="pk_dataset_rows"),
    )
    op.create_table(
        "dataset_chunks",
        sa.Column("project", sa.String(length=36), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.id"], name="fk_dataset_chunks_project"),
        sa.PrimaryKeyConstraint("project", "digest", name="pk_dataset_chunks"),
    )
