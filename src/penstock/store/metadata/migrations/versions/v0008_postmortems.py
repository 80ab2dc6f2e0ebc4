"""Texts of post-mortems; windows of alerts begin at `from`, as everywhere else."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "postmortems",
        sa.Column("incident", sa.String(length=36), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("markdown", sa.Text(), nullable=False),
        sa.Column("saved", sa.BigInteger(), nullable=False),
        sa.Column("saved_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["incident"], ["incidents.id"], name="fk_postmortems_incident"),
        sa.PrimaryKeyConstraint("incident", "version", name="pk_postmortems"),
    )
    _rename_windows("alert_transitions", within=None)
    _rename_windows("incident_events", within="data")


def _rename_windows(name: str, *, within: str | None) -> None:
    """Rename `from_` to `from` in the documents of a table, or in a part of them."""
    table = sa.table(name, sa.column("id", sa.String), sa.column("body", sa.JSON))
    connection = op.get_bind()
    for id_, body in connection.execute(sa.select(table.c.id, table.c.body)).all():
        part = body if within is None else body[within]
        if "from_" in part:
            part["from"] = part.pop("from_")
            connection.execute(table.update().where(table.c.id == id_).values(body=body))
