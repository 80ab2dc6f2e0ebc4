"""The metadata store on real SQLite files."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, create_mock_engine, func, inspect, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateTable

from penstock.core.errors import CorruptData, Unavailable
from penstock.store.metadata import Metadata, open_metadata
from penstock.store.metadata.database import bump_revision
from penstock.store.metadata.engine import WRITES, sqlite_engine
from penstock.store.metadata.migrate import alembic_config, upgrade
from penstock.store.metadata.schema import HEAD, alert_transitions, incident_events, keys, metadata, organizations


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metadata.db"


@pytest.fixture
def store(path: Path):
    opened = open_metadata(path)
    yield opened
    opened.close()


def add_organization(store: Metadata, name: str) -> None:
    with store.write() as connection:
        connection.execute(organizations.insert().values(id=name, name=name, created=1))


def count(store: Metadata) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(organizations)).scalar_one()


def test_a_new_store_is_owner_only_and_stamped_with_the_newest_schema(store, path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sqlite3.connect(path).execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
    assert store.revision() == 0


def test_what_was_written_is_there_after_opening_again(store, path):
    add_organization(store, "acme")
    with store.write() as connection:
        bump_revision(connection)
    again = open_metadata(path)
    assert (count(again), again.revision()) == (1, 1)
    again.close()


def test_migrating_step_by_step_gives_the_tables_that_a_new_store_has(path):
    engine = sqlite_engine(path)
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        upgrade(connection)
    with engine.begin() as connection:
        assert (
            compare_metadata(MigrationContext.configure(connection, opts={"include_name": _described}), metadata) == []
        )
        migrated = {table: _shape(connection, table) for table in metadata.tables}
        indexed = _search_index(connection)
    engine.dispose()
    fresh = open_metadata(path.with_name("fresh.db"))
    with fresh.read() as connection:
        assert {table: _shape(connection, table) for table in metadata.tables} == migrated
        assert _search_index(connection) == indexed
    fresh.close()
    opened = open_metadata(path)
    assert opened.revision() == 0
    opened.close()


def _described(name, type_, _parents) -> bool:
    """Tables of SQLite's index of texts are written in its own words; see `_search_index`."""
    return type_ != "table" or not name.startswith("artifact_search")


def _search_index(connection) -> dict[str, str]:
    wanted = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' OR name LIKE 'artifact/_search%' ESCAPE '/'"
    found = dict(connection.exec_driver_sql(wanted).all())
    assert {"artifact_search", "artifact_texts_inserted", "artifact_texts_updated"} <= found.keys()
    return found


def _shape(connection, table: str):
    found = inspect(connection)
    return (
        [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)],
        sorted(str(sorted(i.items(), key=str)) for i in found.get_indexes(table)),
        sorted(str(sorted(u.items(), key=str)) for u in found.get_unique_constraints(table)),
        sorted(str(f["constrained_columns"]) + f["referred_table"] for f in found.get_foreign_keys(table)),
    )


def test_the_newest_migration_is_the_one_that_new_stores_are_stamped_with():
    with create_engine("sqlite://").connect() as connection:
        scripts = ScriptDirectory.from_config(alembic_config(connection))
    assert scripts.get_heads() == [HEAD]
    # A newer number is a newer schema: an older program tells by that.
    numbers = [script.revision for script in scripts.walk_revisions()]
    assert numbers == sorted(numbers, reverse=True)


def test_an_older_store_is_migrated_in_one_transaction_when_opened(path, monkeypatch):
    open_metadata(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    seen: list[bool] = []

    def run(connection) -> None:
        seen.append(connection.in_transaction())
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = ?", (HEAD,))

    monkeypatch.setattr("penstock.store.metadata.migrate.upgrade", run)
    open_metadata(path).close()
    assert seen == [True]


def test_every_table_can_be_made_in_postgresql():
    for table in metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=postgresql.dialect())).strip().startswith("CREATE TABLE")


def test_postgresql_finds_words_by_an_index_of_trigrams():
    said: list[str] = []

    def note(statement, *_, **__) -> None:
        said.append(str(statement.compile(dialect=engine.dialect)))

    engine = create_mock_engine("postgresql+psycopg://", note)
    metadata.create_all(engine, checkfirst=False)
    (index,) = [one for one in said if "gin_trgm_ops" in one]
    assert said.index("CREATE EXTENSION IF NOT EXISTS pg_trgm") < said.index(index)
    assert not any("fts5" in one for one in said)


def test_a_newer_schema_is_refused_and_left_alone(path):
    open_metadata(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Unavailable, match=rf"schema 9999.* up to {HEAD}") as caught:
        open_metadata(path)
    assert caught.value.code == "schema_newer"


def test_a_database_of_another_program_is_refused(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(CorruptData, match="not one of Penstock's"):
        open_metadata(path)


def test_a_file_that_is_no_database_is_named_corrupt(path):
    path.write_bytes(b"This is a text file that someone put here." * 100)
    with pytest.raises(CorruptData, match=r"metadata\.db cannot be read") as caught:
        open_metadata(path)
    assert caught.value.code == "metadata_corrupt"


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(Unavailable, match="cannot be made: No such file or directory") as caught:
        open_metadata(tmp_path / "nowhere" / "metadata.db")
    assert caught.value.code == "metadata_not_openable"


def test_a_read_only_store_can_be_read_and_says_why_it_is_not_written(store, path):
    add_organization(store, "acme")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    # As a file system mounted read-only does it: SQLite itself finds out at the first write.
    with store._writer.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    assert count(store) == 1
    with pytest.raises(Unavailable, match="it is read-only") as caught:
        add_organization(store, "other")
    assert caught.value.code == "metadata_read_only"
    assert count(store) == 1


def test_a_full_disk_is_told_and_loses_nothing(store, path):
    add_organization(store, "acme")
    script = f"""
import resource, signal
from pathlib import Path
from penstock.core.errors import Unavailable
from penstock.store.metadata import open_metadata
from penstock.store.metadata.schema import organizations
store = open_metadata(Path({str(path)!r}))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    with store.write() as connection:
        for number in range(3000):
            connection.execute(organizations.insert().values(id=str(number), name="x" * 100, created=1))
except Unavailable as error:
    print(error.code)
"""
    # Its coverage data would meet the same limit.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment)
    assert done.stdout.strip() in {"metadata_full", "metadata_io_error"}, done.stderr
    assert count(store) == 1


def test_a_store_that_another_process_holds_locked_is_named(store, path, monkeypatch):
    monkeypatch.setattr("penstock.store.metadata.engine.BUSY_MILLISECONDS", 1)
    impatient = open_metadata(path)
    with store.write() as connection:
        connection.execute(organizations.insert().values(id="a", name="a", created=1))
        with pytest.raises(Unavailable, match="holds it locked") as caught:
            add_organization(impatient, "b")
    assert caught.value.code == "metadata_locked"
    add_organization(impatient, "b")
    assert count(store) == 2
    impatient.close()


def test_an_exception_rolls_the_whole_transaction_back(store):
    class Mishap(Exception):
        pass

    def write_and_fail() -> None:
        with store.write() as connection:
            connection.execute(organizations.insert().values(id="a", name="a", created=1))
            bump_revision(connection)
            raise Mishap

    with pytest.raises(Mishap):
        write_and_fail()
    assert (count(store), store.revision()) == (0, 0)


def test_a_violated_constraint_is_not_taken_for_an_outage(store):
    add_organization(store, "a")
    with pytest.raises(IntegrityError):
        add_organization(store, "a")


def test_foreign_keys_hold(store):
    def write_orphan() -> None:
        with store.write() as connection:
            connection.execute(
                keys.insert().values(
                    id="k",
                    project="nowhere",
                    name="k",
                    prefix="p",
                    hash="h",
                    scopes=[],
                    models=[],
                    all_projects=False,
                    created=1,
                    created_by="x",
                )
            )

    with pytest.raises(IntegrityError):
        write_orphan()


def test_writers_in_many_threads_wait_for_each_other_and_lose_nothing(store):
    def write_some() -> None:
        for _ in range(20):
            with store.write() as connection:
                bump_revision(connection)

    threads = [threading.Thread(target=write_some) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.revision() == 120


def test_processes_that_open_a_new_store_at_once_make_it_once(path):
    script = (
        "from pathlib import Path; from penstock.store.metadata import open_metadata; "
        f"opened = open_metadata(Path({str(path)!r})); print(opened.revision()); opened.close()"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [process.communicate(timeout=60) for process in started] == [("0\n", "")] * 4


def test_opening_an_up_to_date_store_does_not_load_the_migration_library(path):
    open_metadata(path).close()
    script = (
        "import sys; from pathlib import Path; from penstock.store.metadata import open_metadata; "
        f"open_metadata(Path({str(path)!r})).close(); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "False"


def test_windows_of_alerts_kept_under_the_old_name_are_read_under_the_new_one(path):
    engine = sqlite_engine(path)
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        upgrade(connection, "0007")
    engine.dispose()
    with sqlite3.connect(path) as connection:
        window = '{"from_": 1, "to": 2}'
        connection.execute(
            "INSERT INTO alert_transitions (id, project, rule, at, body) VALUES ('t', 'p', 'r', 0, ?)", (window,)
        )
        events = [("a", f'{{"data": {window}}}'), ("b", '{"data": {}}')]
        connection.executemany("INSERT INTO incident_events (id, incident, at, body) VALUES (?, 'i', 0, ?)", events)
    store = open_metadata(path)
    with store.read() as connection:
        assert connection.execute(select(alert_transitions.c.body)).scalar_one() == {"to": 2, "from": 1}
        bodies = connection.execute(select(incident_events.c.body).order_by(incident_events.c.id)).scalars().all()
    assert bodies == [{"data": {"to": 2, "from": 1}}, {"data": {}}]
    store.close()
