"""Tables of datasets; see `schema` for what holds of all tables. Versions are artifacts, whose bodies name chunks."""

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, String, Table

from penstock.store.metadata.base import metadata

__all__ = ["dataset_chunks", "dataset_rows"]

# Contents of rows, once in a project for each content.
dataset_rows = Table(
    "dataset_rows",
    metadata,
    Column("project", String(36), ForeignKey("projects.id"), primary_key=True),
    # SHA-256 of the canonical JSON, hex.
    Column("digest", String(64), primary_key=True),
    # The JSON, or `zlib` of it, which begins with another byte.
    Column("data", LargeBinary, nullable=False),
)

# Lists of rows, once in a project for each list.
dataset_chunks = Table(
    "dataset_chunks",
    metadata,
    Column("project", String(36), ForeignKey("projects.id"), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("rows", BigInteger, nullable=False),
    # `zlib` of JSON.
    Column("data", LargeBinary, nullable=False),
)
