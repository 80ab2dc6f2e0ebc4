"""Queues of annotation, their items and labels."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "annotation_queues",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("questions", sa.JSON(), nullable=False),
        sa.Column("annotators", sa.JSON(), nullable=False),
        sa.Column("doubled", sa.Float(), nullable=False),
        sa.Column("lease_seconds", sa.Integer(), nullable=False),
        sa.Column("evaluator", sa.String(length=200), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.id"], name="fk_annotation_queues_project"),
        sa.PrimaryKeyConstraint("id", name="pk_annotation_queues"),
        sa.UniqueConstraint("project", "name", name="uq_annotation_queues_project"),
    )
    op.create_table(
        "annotation_items",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("queue", sa.String(length=36), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("golden", sa.JSON(), nullable=True),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("assigned", sa.JSON(), nullable=False),
        sa.Column("passed", sa.JSON(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["queue"], ["annotation_queues.id"], name="fk_annotation_items_queue"),
        sa.PrimaryKeyConstraint("id", name="pk_annotation_items"),
        sa.UniqueConstraint("queue", "digest", name="uq_annotation_items_queue"),
    )
    op.create_index("ix_annotation_items_next", "annotation_items", ["queue", "state", "digest"])
    op.create_table(
        "annotation_claims",
        sa.Column("item", sa.String(length=36), nullable=False),
        sa.Column("annotator", sa.String(length=100), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["item"], ["annotation_items.id"], name="fk_annotation_claims_item"),
        sa.PrimaryKeyConstraint("item", "annotator", name="pk_annotation_claims"),
    )
    op.create_table(
        "annotation_labels",
        sa.Column("item", sa.String(length=36), nullable=False),
        sa.Column("annotator", sa.String(length=100), nullable=False),
        sa.Column("queue", sa.String(length=36), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("skipped", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["item"], ["annotation_items.id"], name="fk_annotation_labels_item"),
        sa.ForeignKeyConstraint(["queue"], ["annotation_queues.id"], name="fk_annotation_labels_queue"),
        sa.PrimaryKeyConstraint("item", "annotator", name="pk_annotation_labels"),
    )
    op.create_index("ix_annotation_labels_queue_annotator", "annotation_labels", ["queue", "annotator"])
