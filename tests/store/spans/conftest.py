import pytest

from penstock.core.clock import ManualClock
from penstock.store.spans.duckdb.store import DuckDbSpanStore
from penstock.testing.journal import JournalFolder


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def journal(tmp_path):
    return JournalFolder(tmp_path / "journal")


@pytest.fixture
def store(tmp_path, journal, clock):
    store = DuckDbSpanStore(
        tmp_path / "spans.duckdb", journal=journal.folder, quarantine=journal.quarantine, clock=clock
    )
    yield store
    store.close()
