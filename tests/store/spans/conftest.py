import itertools
import sys
from pathlib import Path

import pytest

from penstock.core.clock import ManualClock
from penstock.store.spans.clickhouse.engine import Address
from penstock.store.spans.clickhouse.store import ClickHouseSpanStore
from penstock.store.spans.duckdb.store import DuckDbSpanStore
from penstock.testing.journal import JournalFolder

sys.path.insert(0, str(Path(__file__).parent))
from clickhouse_server import Server

DATABASES = itertools.count(1)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def journal(tmp_path):
    return JournalFolder(tmp_path / "journal")


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory):
    """A ClickHouse server for the whole run; each test has a database of its own."""
    server = Server(tmp_path_factory.mktemp("clickhouse"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def address(clickhouse):
    return Address.parse(clickhouse.url(f"test_{next(DATABASES)}"))


@pytest.fixture
def duckdb_store(tmp_path, journal, clock):
    """For what is DuckDB's alone."""
    store = DuckDbSpanStore(
        tmp_path / "spans.duckdb", journal=journal.folder, quarantine=journal.quarantine, clock=clock
    )
    yield store
    store.close()


@pytest.fixture
def clickhouse_store(address, journal, clock):
    """For what is ClickHouse's alone."""
    store = ClickHouseSpanStore(address, journal=journal.folder, quarantine=journal.quarantine, clock=clock)
    yield store
    store.close()


@pytest.fixture(params=["duckdb", "clickhouse"] if __import__("os").environ.get("BOTH") else ["duckdb"])
def store(request):
    """The store, once on each engine."""
    return request.getfixturevalue(f"{request.param}_store")


@pytest.fixture
def empty(store):
    """Takes all spans, and what was made of them, out of the store."""

    def run():
        if isinstance(store, ClickHouseSpanStore):
            tables = store._engine.ask(
                "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
                " AND name <> 'schema_version'"
            )
            for (table,) in tables:
                store._engine.change(f"TRUNCATE TABLE {table}")
        else:
            with store._engine.write() as cursor:
                tables = cursor.execute("SELECT table_name FROM duckdb_tables() WHERE table_name <> 'schema_version'")
                for (table,) in tables.fetchall():
                    cursor.execute(f"DELETE FROM {table}")

    return run
