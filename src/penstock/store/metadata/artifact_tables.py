"""Tables of the artifact registry; see `schema` for what holds of all tables."""

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
)

from penstock.store.metadata.base import metadata

__all__ = [
    "artifact_blobs",
    "artifact_branches",
    "artifact_comments",
    "artifact_edges",
    "artifact_events",
    "artifact_label_moves",
    "artifact_labels",
    "artifact_namespaces",
    "artifact_protections",
    "artifact_tags",
    "artifact_texts",
    "artifact_versions",
    "artifacts",
    "webhook_deliveries",
    "webhooks",
]

artifacts = Table(
    "artifacts",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", String(36), ForeignKey("projects.id"), nullable=False),
    # `prompt`, `model`, `dataset`, `evaluator`, …
    Column("kind", String(16), nullable=False),
    Column("name", String(128), nullable=False),
    Column("description", String(2000), nullable=False),
    # The newest version of all branches, and that of `main`; 0 and null before the first.
    Column("last", BigInteger, nullable=False),
    Column("head", BigInteger),
    Column("archived", BigInteger),
    Column("created", BigInteger, nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("updated_by", String(100), nullable=False),
    UniqueConstraint("project", "kind", "name"),
)
Index("ix_artifacts_project_kind_updated", artifacts.c.project, artifacts.c.kind, artifacts.c.updated)

artifact_tags = Table(
    "artifact_tags",
    metadata,
    Column("artifact", String(36), ForeignKey("artifacts.id"), primary_key=True),
    Column("tag", String(63), primary_key=True),
)
Index("ix_artifact_tags_tag", artifact_tags.c.tag)

# Artifacts of one kind in one project are searched together; texts of one namespace have neighbouring ids.
artifact_namespaces = Table(
    "artifact_namespaces",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project", String(36), ForeignKey("projects.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    UniqueConstraint("project", "kind"),
)

# What is searched of an artifact, in lower case: its name, description and the text of its head.
artifact_texts = Table(
    "artifact_texts",
    metadata,
    # The namespace times 2^32, and a number in it. SQLite's index names rows by it, so it has to be the rowid.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("artifact", String(36), ForeignKey("artifacts.id"), nullable=False, unique=True),
    Column("text", Text, nullable=False),
)

# An index of trigrams finds words, and parts of words, of three characters or more. SQLite's is a table that triggers
# keep equal to the texts, without a copy of them.
_INDEX = """
CREATE VIRTUAL TABLE artifact_search USING fts5 (
    text, content='artifact_texts', content_rowid='id', tokenize='trigram case_sensitive 1'
)"""
_INSERTED = """
CREATE TRIGGER artifact_texts_inserted AFTER INSERT ON artifact_texts BEGIN
    INSERT INTO artifact_search (rowid, text) VALUES (new.id, new.text);
END"""
_DELETED = """
CREATE TRIGGER artifact_texts_deleted AFTER DELETE ON artifact_texts BEGIN
    INSERT INTO artifact_search (artifact_search, rowid, text) VALUES ('delete', old.id, old.text);
END"""
_UPDATED = """
CREATE TRIGGER artifact_texts_updated AFTER UPDATE OF id, text ON artifact_texts
WHEN old.id <> new.id OR old.text <> new.text BEGIN
    INSERT INTO artifact_search (artifact_search, rowid, text) VALUES ('delete', old.id, old.text);
    INSERT INTO artifact_search (rowid, text) VALUES (new.id, new.text);
END"""
_TRIGRAMS = "CREATE EXTENSION IF NOT EXISTS pg_trgm"
_TRIGRAM_INDEX = "CREATE INDEX ix_artifact_texts_text ON artifact_texts USING gin (text gin_trgm_ops)"
for _dialect, _statements in {
    "sqlite": (_INDEX, _INSERTED, _DELETED, _UPDATED),
    "postgresql": (_TRIGRAMS, _TRIGRAM_INDEX),
}.items():
    for _statement in _statements:
        event.listen(artifact_texts, "after_create", DDL(_statement).execute_if(dialect=_dialect))

# Bodies, once for each content, whichever artifacts have it.
artifact_blobs = Table(
    "artifact_blobs",
    metadata,
    # SHA-256 of kind and body in canonical JSON, hex.
    Column("digest", String(64), primary_key=True),
    # `json`, or `zlib` of it.
    Column("encoding", String(8), nullable=False),
    # Bytes of the JSON.
    Column("size", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

artifact_versions = Table(
    "artifact_versions",
    metadata,
    Column("artifact", String(36), ForeignKey("artifacts.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", String(64), ForeignKey("artifact_blobs.digest"), nullable=False),
    Column("branch", String(63), nullable=False),
    # The version it was made from; null for the first one.
    Column("parent", BigInteger),
    # Of a merge: the head of the branch that was merged.
    Column("merged", BigInteger),
    Column("message", String(1000), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("created_by", String(100), nullable=False),
)
Index("ix_artifact_versions_artifact_digest", artifact_versions.c.artifact, artifact_versions.c.digest)

artifact_branches = Table(
    "artifact_branches",
    metadata,
    Column("artifact", String(36), ForeignKey("artifacts.id"), primary_key=True),
    Column("name", String(63), primary_key=True),
    Column("head", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("created_by", String(100), nullable=False),
)

artifact_labels = Table(
    "artifact_labels",
    metadata,
    Column("artifact", String(36), ForeignKey("artifacts.id"), primary_key=True),
    Column("name", String(63), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("moved", BigInteger, nullable=False),
    Column("moved_by", String(100), nullable=False),
)
Index("ix_artifact_labels_name", artifact_labels.c.name)

artifact_label_moves = Table(
    "artifact_label_moves",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("artifact", String(36), ForeignKey("artifacts.id"), nullable=False),
    Column("label", String(63), nullable=False),
    # `move`, `rollback` or `remove`.
    Column("action", String(16), nullable=False),
    # Null: it was nowhere before, or is nowhere now.
    Column("before", BigInteger),
    Column("after", BigInteger),
    Column("at", BigInteger, nullable=False),
    Column("actor_kind", String(16), nullable=False),
    Column("actor", String(36)),
    Column("actor_name", String(100), nullable=False),
    Column("reason", String(500), nullable=False),
)
Index("ix_artifact_label_moves_artifact_label", artifact_label_moves.c.artifact, artifact_label_moves.c.label)

# Protected labels of a kind in a project; without a row, those that are protected by default.
artifact_protections = Table(
    "artifact_protections",
    metadata,
    Column("project", String(36), ForeignKey("projects.id"), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("labels", JSON, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("updated_by", String(100), nullable=False),
)

# What a version was made from or used: another version, or something that lies elsewhere.
artifact_edges = Table(
    "artifact_edges",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", String(36), ForeignKey("projects.id"), nullable=False),
    Column("artifact", String(36), ForeignKey("artifacts.id"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("relation", String(32), nullable=False),
    # Either a version …
    Column("to_artifact", String(36), ForeignKey("artifacts.id")),
    Column("to_number", BigInteger),
    # … or a reference like `trace:0af7…`.
    Column("external", String(300)),
    Column("at", BigInteger, nullable=False),
    Column("actor_name", String(100), nullable=False),
)
Index("ix_artifact_edges_artifact_number", artifact_edges.c.artifact, artifact_edges.c.number)
Index("ix_artifact_edges_to_artifact_to_number", artifact_edges.c.to_artifact, artifact_edges.c.to_number)
Index("ix_artifact_edges_project_external", artifact_edges.c.project, artifact_edges.c.external)

artifact_comments = Table(
    "artifact_comments",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("artifact", String(36), ForeignKey("artifacts.id"), nullable=False, index=True),
    # Null: it is about the artifact.
    Column("number", BigInteger),
    Column("at", BigInteger, nullable=False),
    Column("actor_kind", String(16), nullable=False),
    Column("actor", String(36)),
    Column("actor_name", String(100), nullable=False),
    Column("text", Text, nullable=False),
)

# What happened, written with what made it happen.
artifact_events = Table(
    "artifact_events",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", String(36), ForeignKey("projects.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    # `version.created`, `label.moved`, …
    Column("type", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("body", JSON, nullable=False),
)
Index("ix_artifact_events_project_id", artifact_events.c.project, artifact_events.c.id)

# Addresses of webhooks are stored secrets.
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", String(36), ForeignKey("projects.id"), nullable=False),
    Column("name", String(63), nullable=False),
    Column("host", String(253), nullable=False),
    # Which events: types and kinds of artifacts; empty is all.
    Column("events", JSON, nullable=False),
    Column("kinds", JSON, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("last_sent", BigInteger),
    Column("last_error", Text),
    UniqueConstraint("project", "name"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("webhook", String(36), ForeignKey("webhooks.id"), nullable=False),
    Column("event", String(36), ForeignKey("artifact_events.id"), nullable=False),
    # `waiting`, `sent` or `dead`.
    Column("status", String(8), nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("next_try", BigInteger),
    Column("finished", BigInteger),
    Column("error", Text),
)
Index("ix_webhook_deliveries_webhook_id", webhook_deliveries.c.webhook, webhook_deliveries.c.id)
Index("ix_webhook_deliveries_status_next_try", webhook_deliveries.c.status, webhook_deliveries.c.next_try)
