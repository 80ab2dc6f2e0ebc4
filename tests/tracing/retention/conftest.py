import pytest

from penstock.core.ids import RandomIds
from penstock.identity.service import IdentityService
from penstock.identity.types import SYSTEM
from penstock.testing.journal import JournalFolder
from penstock.tracing.jobs import IngestJob
from penstock.tracing.query.names import QueryReader
from penstock.tracing.retention.jobs import DeletionJob, RetentionJob
from penstock.tracing.retention.service import RetentionService


@pytest.fixture
def ids(clock):
    return RandomIds(clock, seed=1)


@pytest.fixture
def metadata(home, metadata_opener):
    metadata = metadata_opener.open(home.metadata)
    yield metadata
    metadata.close()


@pytest.fixture
def identity(metadata, clock, ids, home):
    return IdentityService(metadata, clock=clock, ids=ids, master_key=home.master_key)


@pytest.fixture
def project(identity, home):
    return identity.bootstrap(home.admin_key).project


@pytest.fixture
def admin():
    return SYSTEM


@pytest.fixture
def service(metadata, clock, ids):
    reader = QueryReader(lambda project: {})
    return RetentionService(metadata, reader=reader, clock=clock, ids=ids, user_hash=lambda user: f"hash of {user}")


@pytest.fixture
def deleting(store, metadata, home, clock):
    return DeletionJob(store, metadata, home=home, clock=clock)


@pytest.fixture
def keeping(store, metadata, clock, ids):
    return RetentionJob(store, metadata, clock=clock, ids=ids)


@pytest.fixture
def ingest(store, home, clock):
    return IngestJob(store, home.journal, intake=home.intake, scores=home.scores, clock=clock)


@pytest.fixture
def applications(home):
    return JournalFolder(home.intake, worker=f"{2:016x}")
