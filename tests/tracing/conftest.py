import pytest

from penstock.core.clock import ManualClock
from penstock.core.home import Home
from penstock.core.ids import SequentialIds
from penstock.store.spans.duckdb.store import open_spans
from penstock.testing.journal import JournalFolder
from penstock.tracing.jobs import IngestJob
from penstock.tracing.observability import observe
from penstock.tracing.service import TracingService


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home")
    home.create()
    return home


@pytest.fixture
def journal(home):
    return JournalFolder(home.journal)


@pytest.fixture
def store(home, clock):
    store = open_spans(home.spans, clock=clock)
    yield store
    store.close()


@pytest.fixture
def ingest(store, home, clock):
    return IngestJob(store, home.journal, clock=clock)


@pytest.fixture
def service(store, ingest, home, clock):
    return TracingService(store, ingest, clock=clock, home=home, key_names=lambda project: {"k1": "laptop"})


@pytest.fixture
def metadata(home, metadata_opener):
    metadata = metadata_opener.open(home.metadata)
    yield metadata
    metadata.close()


@pytest.fixture
def observability(store, metadata, clock):
    names = {"k1": "laptop"}
    return observe(
        store, metadata, clock=clock, ids=SequentialIds(), key_names=lambda project: names, user_hash="h:{}".format
    )
