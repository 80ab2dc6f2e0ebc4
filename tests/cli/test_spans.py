"""`penstock spans migrate`: there and back, and what stops it."""

import itertools
import sys
from pathlib import Path

import pytest

from penstock.core.clock import SystemClock
from penstock.core.home import Home
from penstock.store.spans.open import open_configured
from penstock.testing.journal import JournalFolder
from penstock.wire.snapshot import StoreSettings

sys.path.insert(0, str(Path(__file__).parents[1] / "store" / "spans"))
from clickhouse_server import PASSWORD, Server

DATABASES = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("clickhouse"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home")
    home.create()
    return home


@pytest.fixture
def stores(server, tmp_path):
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    url = f"http://penstock@127.0.0.1:{server.port}/cli_{next(DATABASES)}"
    return StoreSettings(spans=url, spans_password=f"file:{secret}")


@pytest.fixture
def migrate(penstock, home):
    def migrate(source, target, *options):
        return penstock("spans", "migrate", "--from", source, "--to", target, "--home", str(home.path), *options)

    return migrate


def spans_in(stores, home):
    store = open_configured(stores, home, clock=SystemClock())
    try:
        return store.count_spans()
    finally:
        store.close()


def fill(home, number):
    journal = JournalFolder(home.journal)
    store = open_configured(StoreSettings(), home, clock=SystemClock())
    path = journal.write(*(journal.span() for _ in range(number)))
    store.load([path])
    store.close()
    return path


def test_spans_come_over_as_the_configuration_says(migrate, home, stores):
    left = fill(home, 5)
    home.config.write_text(f"version: 1\nstores:\n  spans: {stores.spans}\n  spans_password: {stores.spans_password}\n")

    ran = migrate("duckdb", "clickhouse", "--json")

    assert ran.code == 0
    assert ran.data == {"records": 5, "chunks": 1, "equal": True, "differences": []}
    assert spans_in(stores, home) == 5
    assert not left.exists()  # it was stored before, and would have been stored again
    assert migrate("duckdb", "clickhouse").code == 0
    assert spans_in(stores, home) == 5


def test_an_address_may_be_given_on_the_line(migrate, home, stores):
    fill(home, 2)

    ran = migrate("duckdb", "clickhouse", "--clickhouse", stores.spans, "--password", stores.spans_password)

    assert ran.code == 0
    assert "2 records were copied; both stores are the same." in ran.out
    home.spans.unlink()
    assert migrate("clickhouse", "duckdb", "--clickhouse", stores.spans, "--password", stores.spans_password).code == 0
    assert spans_in(StoreSettings(), home) == 2


def test_what_cannot_be_migrated_is_refused(migrate, home, tmp_path, penstock):
    assert "the same" in migrate("duckdb", "duckdb").err
    assert "No ClickHouse is configured" in migrate("duckdb", "clickhouse").err
    ran = migrate("duckdb", "clickhouse", "--clickhouse", "http://127.0.0.1:9/x")
    assert ran.code == 2
    assert "cannot be used" in ran.err
