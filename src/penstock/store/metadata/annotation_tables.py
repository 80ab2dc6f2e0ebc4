"""Tables of annotation; see `schema` for what holds of all tables."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from penstock.store.metadata.base import metadata

__all__ = ["annotation_claims", "annotation_items", "annotation_labels", "annotation_queues"]

annotation_queues = Table(
    "annotation_queues",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", String(36), ForeignKey("projects.id"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("description", Text, nullable=False),
    Column("questions", JSON, nullable=False),
    Column("annotators", JSON, nullable=False),
    Column("doubled", Float, nullable=False),
    Column("lease_seconds", Integer, nullable=False),
    Column("evaluator", String(200)),
    Column("created", BigInteger, nullable=False),
    Column("created_by", String(100), nullable=False),
    UniqueConstraint("project", "name"),
)

annotation_items = Table(
    "annotation_items",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("queue", String(36), ForeignKey("annotation_queues.id"), nullable=False),
    Column("position", BigInteger, nullable=False),
    # `open`, `done` or `skipped`; a golden one stays open.
    Column("state", String(8), nullable=False),
    # SHA-256 of where it comes from and what it shows: the same is added once.
    Column("digest", String(64), nullable=False),
    # JSON of the item as it was added.
    Column("body", LargeBinary, nullable=False),
    Column("golden", JSON),
    Column("wanted", Integer, nullable=False),
    # Who is to label it, as the queue names its annotators; and who of them could not.
    Column("assigned", JSON, nullable=False),
    Column("passed", JSON, nullable=False),
    Column("created", BigInteger, nullable=False),
    UniqueConstraint("queue", "digest"),
)
# Items are given in the order of their digests: that is no order, so golden ones lie between the others.
Index("ix_annotation_items_next", annotation_items.c.queue, annotation_items.c.state, annotation_items.c.digest)

# Who works on an item, and until when nobody else is given it.
annotation_claims = Table(
    "annotation_claims",
    metadata,
    Column("item", String(36), ForeignKey("annotation_items.id"), primary_key=True),
    Column("annotator", String(100), primary_key=True),
    Column("until", BigInteger, nullable=False),
)

annotation_labels = Table(
    "annotation_labels",
    metadata,
    Column("item", String(36), ForeignKey("annotation_items.id"), primary_key=True),
    Column("annotator", String(100), primary_key=True),
    Column("queue", String(36), ForeignKey("annotation_queues.id"), nullable=False),
    Column("answers", JSON, nullable=False),
    # Why it was skipped.
    Column("skipped", Text),
    Column("comment", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
)
Index("ix_annotation_labels_queue_annotator", annotation_labels.c.queue, annotation_labels.c.annotator)
