"""Searches against the plain question for each word with LIKE, whose answers they give."""

import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.dialects import postgresql

from artifacts_harness import ADMIN
from penstock.core.errors import InvalidInput
from penstock.registry.artifacts.store.texts import containing, put_text, searchable, words_of
from penstock.registry.artifacts.types import Changed, Listing
from penstock.store.metadata import open_metadata
from penstock.store.metadata.engine import WRITES, sqlite_engine
from penstock.store.metadata.migrate import upgrade
from penstock.store.metadata.schema import artifact_namespaces, artifact_texts, artifacts

LETTERS = st.sampled_from("abcABé \"'*^:+-()%_/\\\x00\tİß漢字🙂")
TEXTS = st.lists(st.text(LETTERS, max_size=12), min_size=4, max_size=4)


def found(registry, question, project="p1", kind="prompt"):
    items, _ = registry.service.catalog.listed(project, kind, Listing(q=question))
    return [one.name for one in items]


def having(connection, words, project="p1"):
    column = artifacts.c
    where = containing(connection, words, project=project, kind="prompt")
    return select(column.id).where(column.project == project, column.kind == "prompt", where)


@pytest.fixture
def saved(registry):
    """Four artifacts: two that may be found, one of another project and one of another kind."""
    made = [
        registry.save("a"),
        registry.save("b"),
        registry.save("c", project="p2"),
        registry.save("d", kind="evaluator"),
    ]
    return [one.artifact for one in made]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=TEXTS, question=st.text(LETTERS, max_size=10), part=st.tuples(st.integers(0, 3), st.integers(0, 9)))
def test_the_index_finds_what_reading_every_text_finds(registry, saved, texts, question, part):
    which, start = part
    asked = [question, f"{texts[which][start : start + 4]} {question[:2]}"]
    with registry.metadata.write() as connection:
        for artifact, content in zip(saved, texts, strict=True):
            put_text(connection, artifact, searchable(content))
        for one in asked:
            words = words_of(one)
            if not words:
                continue
            wanted = select(artifact_texts.c.artifact).where(artifact_texts.c.artifact.in_(saved[:2]))
            for word in words:
                wanted = wanted.where(artifact_texts.c.text.contains(word, autoescape=True))
            read = set(connection.execute(wanted).scalars())
            chosen = having(connection, words)
            assert set(connection.execute(chosen).scalars()) == read, words
            assert read == {
                artifact
                for artifact, content in zip(saved[:2], texts, strict=False)
                if all(word in searchable(content) for word in words)
            }


def test_the_index_follows_every_change_of_a_text_and_holds_no_other(registry):
    registry.save("greeting", body={"text": "welcome aboard"})
    registry.save("farewell", body={"text": "goodbye"})
    assert found(registry, "aboard") == ["greeting"]
    registry.save("greeting", body={"text": "good morning"})
    assert (found(registry, "aboard"), found(registry, "good")) == ([], ["farewell", "greeting"])
    registry.service.catalog.change(ADMIN, registry.ref("farewell"), Changed(description="At the end"))
    assert found(registry, "end bye") == ["farewell"]
    with registry.metadata.write() as connection:
        connection.execute(text("INSERT INTO artifact_search (artifact_search) VALUES ('integrity-check')"))
        connection.execute(artifact_texts.delete())
        connection.execute(text("INSERT INTO artifact_search (artifact_search) VALUES ('integrity-check')"))
    assert found(registry, "good") == []


def test_a_write_that_fails_leaves_the_index_as_it_was(registry):
    registry.save("greeting", body={"text": "welcome"})
    with pytest.raises(RuntimeError), registry.metadata.write() as connection:  # noqa: PT012 - the transaction is tested
        put_text(connection, registry.service.catalog.get(registry.ref("greeting")).id, "something else")
        raise RuntimeError
    assert (found(registry, "welcome"), found(registry, "something")) == (["greeting"], [])


def test_a_question_is_no_query_language(registry):
    """FAILURES S18"""
    registry.save("one", body={"text": 'say "yes" or no, near* the end'})
    assert found(registry, '"yes"') == ["one"]
    assert found(registry, "near*") == ["one"]
    assert found(registry, 'NOT "zzz" OR text:say') == []
    assert found(registry, " ".join(f"w{number:02}" for number in range(120))) == []
    with pytest.raises(InvalidInput) as caught:
        found(registry, "x" * 501)
    assert caught.value.field == "q"


def test_texts_of_one_project_and_kind_lie_together(registry):
    for number in range(3):
        registry.save(f"x{number}")
        registry.save(f"x{number}", project="p2")
    with registry.metadata.read() as connection:
        places = sorted(connection.execute(select(artifact_texts.c.id)).scalars())
        spaces = connection.execute(select(artifact_namespaces.c.id)).scalars().all()
    assert places == sorted((space << 32) + number for space in spaces for number in (1, 2, 3))


def test_a_search_of_one_project_reads_no_entries_of_anothers(registry):
    registry.save("mine")
    with registry.metadata.read() as connection:
        chosen = having(connection, ["welcome", "to"])
        sql = str(chosen.compile(connection, compile_kwargs={"literal_binds": True}))
        plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
    # FTS5 says what it was given: a match, and both bounds of the row ids.
    (index,) = [one for one in plan if one.startswith("SCAN artifact_search VIRTUAL TABLE")]
    assert index.endswith("><"), plan
    assert any("artifact_texts USING INTEGER PRIMARY KEY" in one for one in plan), plan


def test_postgresql_is_asked_with_like_within_the_namespace(registry):
    registry.save("mine")
    with registry.metadata.read() as connection:

        class Elsewhere:
            dialect = postgresql.dialect()
            execute = connection.execute

        chosen = having(Elsewhere(), ["welcome", "to"])
    sql = str(chosen.compile(dialect=postgresql.dialect()))
    assert sql.count("LIKE") == 2
    assert "BETWEEN" in sql
    assert "MATCH" not in sql


def test_texts_of_an_older_store_are_found_after_it_is_migrated(tmp_path):
    path = tmp_path / "metadata.db"
    engine = sqlite_engine(path)
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        upgrade(connection, "0013")
    engine.dispose()
    with sqlite3.connect(path) as old:
        old.execute("INSERT INTO organizations (id, name, created) VALUES ('o', 'o', 1)")
        for project in ("p", "q"):
            old.execute("INSERT INTO projects (id, organization, name, created) VALUES (?1, 'o', ?1, 1)", (project,))
            for name in ("a", "b"):
                old.execute(
                    "INSERT INTO artifacts (id, project, kind, name, description, last, created, created_by, updated,"
                    " updated_by) VALUES (?, ?, 'prompt', ?, '', 0, 1, 'x', 1, 'x')",
                    (project + name, project, name),
                )
                old.execute(
                    "INSERT INTO artifact_texts VALUES (?, ?)", (project + name, f"{name}\n\0hello {name}{name}{name}")
                )
    store = open_metadata(path)
    with store.read() as connection:
        for words, expected in ((["hello"], {"pa", "pb"}), (["aaa"], {"pa"}), (["bb"], {"pb"})):
            chosen = having(connection, words, "p")
            assert set(connection.execute(chosen).scalars()) == expected
    store.close()
