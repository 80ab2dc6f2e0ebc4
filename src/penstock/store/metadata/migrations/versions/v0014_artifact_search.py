"""An index of trigrams over the searched texts of artifacts, which lie together by project and kind from here on."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

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
_COPY = """
INSERT INTO artifact_texts_placed (id, artifact, text)
SELECT n.id * 4294967296 + row_number() OVER (PARTITION BY n.id ORDER BY a.id), a.id, t.text
FROM artifact_texts t
JOIN artifacts a ON a.id = t.artifact
JOIN artifact_namespaces n ON n.project = a.project AND n.kind = a.kind"""


def upgrade() -> None:
    op.create_table(
        "artifact_namespaces",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.id"], name="fk_artifact_namespaces_project"),
        sa.PrimaryKeyConstraint("id", name="pk_artifact_namespaces"),
        sa.UniqueConstraint("project", "kind", name="uq_artifact_namespaces_project"),
    )
    op.execute("INSERT INTO artifact_namespaces (project, kind) SELECT DISTINCT project, kind FROM artifacts")
    op.create_table(
        "artifact_texts_placed",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("artifact", sa.String(length=36), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["artifact"], ["artifacts.id"], name="fk_artifact_texts_artifact"),
        sa.PrimaryKeyConstraint("id", name="pk_artifact_texts"),
        sa.UniqueConstraint("artifact", name="uq_artifact_texts_artifact"),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute(_COPY)
    if sqlite:
        _leave_out_nul()
    op.drop_table("artifact_texts")
    op.rename_table("artifact_texts_placed", "artifact_texts")
    rebuild = "INSERT INTO artifact_search (artifact_search) VALUES ('rebuild')"
    for statement in (_INDEX, _INSERTED, _DELETED, _UPDATED, rebuild) if sqlite else (_TRIGRAMS, _TRIGRAM_INDEX):
        op.execute(statement)


def _leave_out_nul() -> None:
    """SQLite takes a NUL for the end of a text, and its functions do so too."""
    texts = sa.table("artifact_texts_placed", sa.column("id", sa.Integer), sa.column("text", sa.Text))
    connection = op.get_bind()
    found = connection.execute(
        sa.select(texts.c.id, texts.c.text).where(sa.text("instr(CAST(text AS BLOB), x'00') > 0"))
    )
    for row in found.all():
        connection.execute(texts.update().where(texts.c.id == row.id).values(text=row.text.replace("\0", " ")))
