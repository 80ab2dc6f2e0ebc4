import os
import subprocess
import sys
import threading

import duckdb
import pytest
from sqlglot import parse_one

from penstock.core.clock import ManualClock
from penstock.core.errors import PenstockError, Unavailable
from penstock.store.spans.duckdb.engine import BLOCK_BYTES, FETCHED_ROWS, DuckDbEngine, MalformedLine
from penstock.store.spans.duckdb.migrations import SCHEMA
from penstock.store.spans.duckdb.store import open_spans
from penstock.store.spans.queries.window import Window
from penstock.testing.journal import PROJECT

WINDOW = Window(project=PROJECT)


@pytest.fixture
def store(duckdb_store):
    return duckdb_store


def test_nothing_is_opened_until_it_is_needed(tmp_path):
    store = open_spans(tmp_path / "spans.duckdb", clock=ManualClock())

    assert not (tmp_path / "spans.duckdb").exists()
    assert store.disk_bytes() == 0
    assert store.count_spans() == 0
    assert store.disk_bytes() > 0
    store.close()
    store.close()


def test_a_closed_store_opens_again_with_what_it_had(store, journal):
    store.load([journal.write(journal.span())])
    store.close()

    assert store.count_spans() == 1


def block_bytes(path):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute("SELECT block_size FROM pragma_database_size()").fetchone()


def test_a_new_file_has_small_blocks_and_one_with_larger_ones_is_used_as_it_is(tmp_path, journal):
    new, old = tmp_path / "new.duckdb", tmp_path / "old.duckdb"
    duckdb.connect(str(old), config={"storage_compatibility_version": "latest"}).close()

    for path in (new, old):
        store = open_spans(path, clock=ManualClock())
        store.load([journal.write(journal.span())])
        store.close()

    assert block_bytes(new) == (int(BLOCK_BYTES),)
    assert block_bytes(old) == (256 * 1024,)


def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "spans.duckdb"
    engine = DuckDbEngine(path)
    with engine.write() as cursor:
        cursor.execute("INSERT INTO schema_version VALUES ($version)", {"version": SCHEMA + 1})
    engine.close()

    with pytest.raises(Unavailable, match="newer version") as caught:
        engine.read(parse_one("SELECT 1"))

    assert caught.value.code == "span_store_newer"


def test_a_file_that_is_no_database_makes_the_store_unavailable(tmp_path):
    path = tmp_path / "spans.duckdb"
    path.write_bytes(b"not a database" * 1000)

    with pytest.raises(Unavailable) as caught:
        DuckDbEngine(path).read(parse_one("SELECT 1"))

    assert caught.value.code == "span_store_unavailable"
    assert str(path) in caught.value.message


def test_a_folder_that_is_gone_makes_the_store_unavailable_until_it_is_there(tmp_path):
    engine = DuckDbEngine(tmp_path / "home" / "spans.duckdb")
    with pytest.raises(Unavailable):
        engine.read(parse_one("SELECT 1"))
    (tmp_path / "home").mkdir()

    assert engine.read(parse_one("SELECT 1")) == [(1,)]
    engine.close()


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    path = tmp_path / "spans.duckdb"
    with monkeypatch.context() as patch:
        patch.setattr(
            "penstock.store.spans.duckdb.migrations._STEPS", ("CREATE TABLE half (a INTEGER); SELECT error('no')",)
        )
        with pytest.raises(duckdb.Error):
            DuckDbEngine(path).read(parse_one("SELECT 1"))

    engine = DuckDbEngine(path)
    assert engine.read(parse_one("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'half'")) == [(0,)]
    engine.close()


def test_the_database_reads_no_file_but_segments(store, journal, tmp_path):
    """FAILURES S18: a query, however it came about, has no way to the disk."""
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    engine = store._engine
    store.count_spans()

    for statement in (
        f"FROM read_csv('{tmp_path}/secret.csv')",
        f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
        f"ATTACH '{tmp_path}/other.duckdb'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ):
        with pytest.raises(duckdb.Error), engine._connection.cursor() as cursor:
            cursor.execute(statement)


def test_a_transaction_is_kept_whole_or_not_at_all(store):
    engine = store._engine
    insert = "INSERT INTO pending_hours VALUES (1)"
    with pytest.raises(MalformedLine), engine.write() as cursor:  # noqa: PT012 - the second statement breaks the first
        cursor.execute(insert)
        cursor.execute("INSERT INTO pending_hours VALUES (NULL)")
    with engine.write(keep=False) as cursor:
        cursor.execute(insert)

    assert engine.read(parse_one("SELECT count(*) FROM pending_hours")) == [(0,)]


def test_a_snapshot_does_not_see_what_is_stored_meanwhile(store, journal):
    count = parse_one("SELECT count(*) FROM spans")
    with store._engine.snapshot() as read:
        assert read(count, {}) == [(0,)]
        store.load([journal.write(journal.span())])
        assert read(count, {}) == [(0,)]

    assert store.count_spans() == 1


def test_work_that_nobody_waits_for_gives_way_to_questions(store):
    """FAILURES O2."""
    engine = store._engine
    store.count_spans()
    waiting = threading.Thread(target=engine.give_way, args=(60,))
    with engine.snapshot():
        engine.give_way(0.04)  # patience has an end
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive()
    waiting.join(10)
    assert not waiting.is_alive()


@pytest.mark.parametrize("rows", [0, 1, FETCHED_ROWS - 1, FETCHED_ROWS, FETCHED_ROWS + 1, 3 * FETCHED_ROWS])
def test_all_rows_of_an_answer_are_given(store, rows):
    query = parse_one("SELECT i FROM range($rows) AS t(i) ORDER BY i", dialect="duckdb")
    assert store._engine.read(query, {"rows": rows}) == [(number,) for number in range(rows)]


def test_after_a_fatal_error_the_file_is_opened_anew(store, journal, monkeypatch, caplog):
    store.load([journal.write(journal.span())])
    engine = store._engine

    def dead(*_):
        raise duckdb.FatalException("the database has been invalidated")

    with monkeypatch.context() as patch:
        patch.setattr("penstock.store.spans.duckdb.engine.render", dead)
        with pytest.raises(Unavailable):
            store.count_spans()

    assert "opened anew" in caplog.text
    assert engine._connection is None
    assert store.count_spans() == 1


def test_many_threads_read_while_one_writes(store, journal):
    failures = []

    def read():
        for _ in range(5):
            try:
                store.list_calls(WINDOW)
                store.overview(Window(project=PROJECT, from_=0, to=2**60), points=3)
            except (PenstockError, duckdb.Error) as error:
                failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        store.load([journal.write(journal.span())])
    for thread in threads:
        thread.join()

    assert failures == []
    assert store.count_spans() == 20


def test_a_process_that_is_killed_leaves_what_it_committed(tmp_path, journal):
    code = """
import os, sys
from pathlib import Path
from penstock.core.clock import SystemClock
from penstock.store.spans.duckdb.store import open_spans
store = open_spans(Path(sys.argv[1]), clock=SystemClock(), journal=Path(sys.argv[2]))
store.load([Path(sys.argv[3])])
os.kill(os.getpid(), 9)
"""
    path = journal.write(*(journal.span() for _ in range(500)))
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "db", journal.folder, path], check=False)
    assert done.returncode == -9

    store = open_spans(tmp_path / "db", clock=ManualClock(), journal=journal.folder)
    assert store.count_spans() == 500
    assert store.load([path])[0].repeated
    store.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_makes_the_store_unavailable(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(Unavailable):
        DuckDbEngine(tmp_path / "spans.duckdb").read(parse_one("SELECT 1"))
