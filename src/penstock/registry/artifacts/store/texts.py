"""What is searched of artifacts, and the search.

The answer is that of a search for each word with LIKE: words of three characters and more are found by an index of
trigrams, shorter ones by reading the texts that are left.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, column, exists, func, select, table, update

from penstock.store.metadata.schema import artifact_namespaces, artifact_texts, artifacts

__all__ = ["containing", "put_text", "searchable", "words_of"]

NAMESPACE: Final = 1 << 32
"""Ids that the texts of a namespace have for themselves."""
SHORTEST: Final = 3
"""Characters of a word that the index finds."""

_search = table("artifact_search", column("rowid"), column("artifact_search"))
"""SQLite's index; see `penstock.store.metadata.artifact_tables`."""


def searchable(text: str) -> str:
    """A text as it is compared. SQLite takes a NUL for the end of a text."""
    return text.lower().replace("\0", " ")


def words_of(question: str) -> list[str]:
    """Parts of a question, each of which has to be found."""
    return list(dict.fromkeys(searchable(question).split()))


def put_text(connection: Connection, artifact: str, text: str) -> None:
    """Search this text of an artifact from now on; the artifact is stored already."""
    done = connection.execute(update(artifact_texts).where(artifact_texts.c.artifact == artifact).values(text=text))
    if done.rowcount == 0:
        place = _next(connection, artifact)
        connection.execute(artifact_texts.insert().values(id=place, artifact=artifact, text=text))


def containing(connection: Connection, words: Sequence[str], *, project: str, kind: str) -> ColumnElement[bool]:
    """Whether the text of a row of `artifacts` has all these words.

    Args:
        connection: A transaction.
        words: As `words_of` gives them.
        project: Whose artifacts are asked for; the index lists no others.
        kind: Of which kind.
    """
    texts = artifact_texts.c
    indexed = [word for word in words if len(word) >= SHORTEST] if connection.dialect.name == "sqlite" else []
    read = [texts.text.contains(word, autoescape=True) for word in words if word not in indexed]
    if not indexed and connection.dialect.name == "sqlite":
        # Short words are in most texts: one text after the other in the order of the list, until a page is full.
        return exists(select(texts.id).where(and_(texts.artifact == artifacts.c.id, *read)))
    mine = and_(artifact_namespaces.c.project == project, artifact_namespaces.c.kind == kind)
    namespace = connection.execute(select(artifact_namespaces.c.id).where(mine)).scalar_one_or_none() or 0
    first, last = namespace * NAMESPACE, (namespace + 1) * NAMESPACE - 1
    wanted = select(texts.artifact).where(and_(texts.id.between(first, last), *read))
    if indexed:
        match = _search.c.artifact_search.op("MATCH", is_comparison=True)(" AND ".join(map(_quoted, indexed)))
        found = _search.c.rowid
        # The bounds again: they keep the index from listing what other projects have.
        wanted = wanted.join(_search, found == texts.id).where(and_(match, found.between(first, last)))
    return artifacts.c.id.in_(wanted)


def _next(connection: Connection, artifact: str) -> int:
    owner = connection.execute(select(artifacts.c.project, artifacts.c.kind).where(artifacts.c.id == artifact)).one()
    space = artifact_namespaces.c
    mine = and_(space.project == owner.project, space.kind == owner.kind)
    # Locked, so that two new texts do not take one place.
    namespace = connection.execute(select(space.id).where(mine).with_for_update()).scalar_one_or_none()
    if namespace is None:
        connection.execute(artifact_namespaces.insert().values(project=owner.project, kind=owner.kind))
        namespace = connection.execute(select(space.id).where(mine)).scalar_one()
    first, last = namespace * NAMESPACE, (namespace + 1) * NAMESPACE - 1
    newest = select(func.max(artifact_texts.c.id)).where(artifact_texts.c.id.between(first, last))
    return (connection.execute(newest).scalar_one() or first) + 1


def _quoted(word: str) -> str:
    """As a phrase of FTS5, in which nothing has a meaning of its own."""
    return '"' + word.replace('"', '""') + '"'
