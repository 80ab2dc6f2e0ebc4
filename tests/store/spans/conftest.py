import itertools
import sys
from pathlib import Path

import pytest
from hypothesis import is_hypothesis_test, settings

from penstock.core.clock import ManualClock
from penstock.store.spans.clickhouse.engine import Address
from penstock.store.spans.clickhouse.store import ClickHouseSpanStore
from penstock.store.spans.duckdb.store import DuckDbSpanStore
from penstock.testing.journal import JournalFolder

sys.path.insert(0, str(Path(__file__).parent))
from clickhouse_server import Server

DATABASES = itertools.count(1)
EXAMPLES = 8
"""Of a property on ClickHouse, where each takes seconds; DuckDB tries as many as the test says."""
ENGINES = ("duckdb", "clickhouse")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    if parameters.get("store") != "clickhouse" or not is_hypothesis_test(item.obj):
        return (yield)
    test = item.obj
    given = test._hypothesis_internal_use_settings
    test._hypothesis_internal_use_settings = settings(given, max_examples=min(EXAMPLES, given.max_examples))
    try:
        return (yield)
    finally:
        test._hypothesis_internal_use_settings = given


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def journal(tmp_path):
    return JournalFolder(tmp_path / "journal")


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory):
    """A ClickHouse server for the whole run."""
    server = Server(tmp_path_factory.mktemp("clickhouse"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def address(clickhouse):
    """A database that is not there yet."""
    return Address.parse(clickhouse.url(f"test_{next(DATABASES)}"))


@pytest.fixture(scope="session")
def shared_database(clickhouse):
    """To make the tables of a database takes longer than most tests."""
    return Address.parse(clickhouse.url("shared"))


@pytest.fixture
def duckdb_store(tmp_path, journal, clock):
    """For what is DuckDB's alone."""
    store = DuckDbSpanStore(
        tmp_path / "spans.duckdb", journal=journal.folder, quarantine=journal.quarantine, clock=clock
    )
    yield store
    store.close()


@pytest.fixture
def clickhouse_store(shared_database, journal, clock):
    """For what is ClickHouse's alone."""
    store = ClickHouseSpanStore(shared_database, journal=journal.folder, quarantine=journal.quarantine, clock=clock)
    clear(store)
    yield store
    store.close()


@pytest.fixture(params=ENGINES)
def store(request):
    """The store, once on each engine."""
    return request.getfixturevalue(f"{request.param}_store")


@pytest.fixture
def examples(request):
    """How many examples of a property inside of a test are tried on the engine at hand."""
    few = request.node.callspec.params["store"] == "clickhouse"
    return lambda given: min(EXAMPLES, given) if few else given


def clear(store):
    if isinstance(store, ClickHouseSpanStore):
        store.count_spans()
        filled = store._engine.ask(
            "SELECT DISTINCT table FROM system.parts WHERE database = currentDatabase() AND active"
            " AND table <> 'schema_version'"
        )
        for (table,) in filled:
            store._engine.change(f"TRUNCATE TABLE {table}")
        return
    with store._engine.write() as cursor:
        tables = cursor.execute("SELECT table_name FROM duckdb_tables() WHERE table_name <> 'schema_version'")
        for (table,) in tables.fetchall():
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own tables
