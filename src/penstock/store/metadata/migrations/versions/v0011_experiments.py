"""Experiments; the first admin key may read and write them."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

ADDED = ("experiments:read", "experiments:write")
"""Permissions that are new with this step."""


def upgrade() -> None:
    op.create_table(
        "experiments",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("wanted", sa.String(length=8), nullable=True),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("hosted", sa.Boolean(), nullable=False),
        sa.Column("salt", sa.String(length=36), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("evaluators", sa.JSON(), nullable=False),
        sa.Column("runner", sa.String(length=100), nullable=True),
        sa.Column("lease", sa.BigInteger(), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=True),
        sa.Column("finished", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_experiments"),
    )
    op.create_index("ix_experiments_project_id", "experiments", ["project", "id"])
    op.create_index("ix_experiments_state", "experiments", ["state"])
    _create_parts()
    _create_answers()
    _extend_the_first_admin_key()


def _create_parts() -> None:
    op.create_table(
        "experiment_rows",
        sa.Column("experiment", sa.String(length=36), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["experiment"], ["experiments.id"], name="fk_experiment_rows_experiment"),
        sa.PrimaryKeyConstraint("experiment", "position", name="pk_experiment_rows"),
    )
    op.create_index("ix_experiment_rows_digest", "experiment_rows", ["experiment", "digest"])
    op.create_table(
        "experiment_calls",
        sa.Column("experiment", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["experiment"], ["experiments.id"], name="fk_experiment_calls_experiment"),
        sa.PrimaryKeyConstraint("experiment", "key", name="pk_experiment_calls"),
    )
    op.create_table(
        "experiment_cells",
        sa.Column("experiment", sa.String(length=36), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("variant", sa.String(length=100), nullable=False),
        sa.Column("repetition", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("cached", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("judge_cost", sa.BigInteger(), nullable=False),
        sa.Column("unscored", sa.Integer(), nullable=False),
        sa.Column("finished", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["experiment"], ["experiments.id"], name="fk_experiment_cells_experiment"),
        sa.PrimaryKeyConstraint("experiment", "position", "variant", "repetition", name="pk_experiment_cells"),
    )


def _create_answers() -> None:
    op.create_table(
        "experiment_outputs",
        sa.Column("project", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("latency", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project", "key", name="pk_experiment_outputs"),
    )
    op.create_table(
        "experiment_judgements",
        sa.Column("project", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("evaluator", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=True),
        sa.Column("number", sa.Float(), nullable=True),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project", "key", "reference", "evaluator", "name", name="pk_experiment_judgements"),
    )


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
