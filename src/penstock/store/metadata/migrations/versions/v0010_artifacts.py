"""The artifact registry; the first admin key may read and write everything in it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

ADDED = (
    "prompts:read",
    "prompts:write",
    "prompts:promote",
    "models:write",
    "models:promote",
    "datasets:read",
    "datasets:write",
    "datasets:promote",
    "evaluators:read",
    "evaluators:write",
    "evaluators:promote",
    "webhooks:read",
    "webhooks:write",
)
"""Permissions that are new with this step."""


def upgrade() -> None:
    _create_artifacts()
    _create_names()
    _create_relations()
    _create_webhooks()
    _extend_the_first_admin_key()


def _create_artifacts() -> None:
    op.create_table(
        "artifact_blobs",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("encoding", sa.String(length=8), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_artifact_blobs"),
    )
    op.create_table(
        "artifacts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("description", sa.String(length=2000), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.BigInteger(), nullable=True),
        sa.Column("archived", sa.BigInteger(), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.id"], name="fk_artifacts_project"),
        sa.PrimaryKeyConstraint("id", name="pk_artifacts"),
        sa.UniqueConstraint("project", "kind", "name", name="uq_artifacts_project"),
    )
    op.create_index("ix_artifacts_project_kind_updated", "artifacts", ["project", "kind", "updated"])
    op.create_table(
        "artifact_tags",
        sa.Column("artifact", sa.String(length=36), nullable=False),
        sa.Column("tag", sa.String(length=63), nullable=False),
        sa.ForeignKeyConstraint(["artifact"], ["artifacts.id"], name="fk_artifact_tags_artifact"),
        sa.PrimaryKeyConstraint("artifact", "tag", name="pk_artifact_tags"),
    )
    op.create_index("ix_artifact_tags_tag", "artifact_tags", ["tag"])
    op.create_table(
        "artifact_texts",
        sa.Column("artifact", sa.String(length=36), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["artifact"], ["artifacts.id"], name="fk_artifact_texts_artifact"),
        sa.PrimaryKeyConstraint("artifact", name="pk_artifact_texts"),
    )
    op.create_table(
        "artifact_versions",
        sa.Column("artifact", sa.String(length=36), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("branch", sa.String(length=63), nullable=False),
        sa.Column("parent", sa.BigInteger(), nullable=True),
        sa.Column("merged", sa.BigInteger(), nullable=True),
        sa.Column("message", sa.String(length=1000), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["artifact"], ["artifacts.id"], name="fk_artifact_versions_artifact"),
        sa.ForeignKeyConstraint(["digest"], ["artifact_blobs.digest"], name="fk_artifact_versions_digest"),
        sa.PrimaryKeyConstraint("artifact", "number", name="pk_artifact_versions"),
    )
    op.create_index("ix_artifact_versions_artifact_digest", "artifact_versions", ["artifact", "digest"])


def _create_names() -> None:
    op.create_table(
        "artifact_branches",
        sa.Column("artifact", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("head", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["artifact"], ["artifacts.id"], name="fk_artifact_branches_artifact"),
        sa.PrimaryKeyConstraint("artifact", "name", name="pk_artifact_branches"),
    )
    op.create_table(
        "artifact_labels",
        sa.Column("artifact", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("moved", sa.BigInteger(), nullable=False),
        sa.Column("moved_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["artifact"], ["artifacts.id"], name="fk_artifact_labels_artifact"),
        sa.PrimaryKeyConstraint("artifact", "name", name="pk_artifact_labels"),
    )
    op.create_index("ix_artifact_labels_name", "artifact_labels", ["name"])
    op.create_table(
        "artifact_label_moves",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("artifact", sa.String(length=36), nullable=False),
        sa.Column("label", sa.String(length=63), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=True),
        sa.Column("after", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=36), nullable=True),
        sa.Column("actor_name", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["artifact"], ["artifacts.id"], name="fk_artifact_label_moves_artifact"),
        sa.PrimaryKeyConstraint("id", name="pk_artifact_label_moves"),
    )
    op.create_index("ix_artifact_label_moves_artifact_label", "artifact_label_moves", ["artifact", "label"])
    op.create_table(
        "artifact_protections",
        sa.Column("project", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.id"], name="fk_artifact_protections_project"),
        sa.PrimaryKeyConstraint("project", "kind", name="pk_artifact_protections"),
    )


def _create_relations() -> None:
    op.create_table(
        "artifact_edges",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project", sa.String(length=36), nullable=False),
        sa.Column("artifact", sa.String(length=36), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("relation", sa.String(length=32), nullable=False),
        sa.Column("to_artifact", sa.String(length=36), nullable=True),
        sa.Column("to_number", sa.BigInteger(), nullable=True),
        sa.Column("external", sa.String(length=300), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor_name", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["artifact"], ["artifacts.id"], name="fk_artifact_edges_artifact"),
        sa.ForeignKeyConstraint(["project"], ["projects.id"], name="fk_artifact_edges_project"),
        sa.ForeignKeyConstraint(["to_artifact"], ["artifacts.id"], name="fk_artifact_edges_to_artifact"),
        sa.PrimaryKeyConstraint("id", name="pk_artifact_edges"),
    )
    op.create_index("ix_artifact_edges_artifact_number", "artifact_edges", ["artifact", "number"])
    op.create_index("ix_artifact_edges_project_external", "artifact_edges", ["project", "external"])
    op.create_index("ix_artifact_edges_to_artifact_to_number", "artifact_edges", ["to_artifact", "to_number"])
    op.create_table(
        "artifact_comments",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("artifact", sa.String(length=36), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=36), nullable=True),
        sa.Column("actor_name", sa.String(length=100), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["artifact"], ["artifacts.id"], name="fk_artifact_comments_artifact"),
        sa.PrimaryKeyConstraint("id", name="pk_artifact_comments"),
    )
    op.create_index("ix_artifact_comments_artifact", "artifact_comments", ["artifact"])
    op.create_table(
        "artifact_events",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.id"], name="fk_artifact_events_project"),
        sa.PrimaryKeyConstraint("id", name="pk_artifact_events"),
    )
    op.create_index("ix_artifact_events_project_id", "artifact_events", ["project", "id"])


def _create_webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("last_sent", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["project"], ["projects.id"], name="fk_webhooks_project"),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
        sa.UniqueConstraint("project", "name", name="uq_webhooks_project"),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("webhook", sa.String(length=36), nullable=False),
        sa.Column("event", sa.String(length=36), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("next_try", sa.BigInteger(), nullable=True),
        sa.Column("finished", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["event"], ["artifact_events.id"], name="fk_webhook_deliveries_event"),
        sa.ForeignKeyConstraint(["webhook"], ["webhooks.id"], name="fk_webhook_deliveries_webhook"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
    )
    op.create_index("ix_webhook_deliveries_status_next_try", "webhook_deliveries", ["status", "next_try"])
    op.create_index("ix_webhook_deliveries_webhook_id", "webhook_deliveries", ["webhook", "id"])


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
