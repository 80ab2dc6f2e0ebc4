import asyncio

import pytest
from litestar import Litestar
from litestar.di import Provide
from litestar.testing import AsyncTestClient

from penstock.core.clock import ManualClock
from penstock.core.home import Home
from penstock.core.ids import RandomIds
from penstock.identity.types import Grants, Principal
from penstock.server.problems import EXCEPTION_HANDLERS
from penstock.store.journal.writer import JournalWriter
from penstock.store.spans.duckdb.store import open_spans
from penstock.testing.journal import PROJECT
from penstock.tracing.jobs import IngestJob
from penstock.tracing.scores.routes import scores_router
from penstock.tracing.scores.service import ScoreService
from penstock.wire.snapshot import FeedbackSettings, JournalSettings

SALT = bytes(range(32))
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


class Settings:
    """The settings of feedback, as a test changes them."""

    def __init__(self):
        self.now = FeedbackSettings(origins=("https://app.example",))


class Scores:
    """The service over a real log and a real store."""

    def __init__(self, service, log, ingest, store):
        self.service, self.log, self.ingest, self.store = service, log, ingest, store

    async def settle(self):
        """Bring what was accepted into the store, as the console does within seconds."""
        self.log.seal()
        await asyncio.to_thread(lambda: self.log._thread.submit(lambda: None).result())
        while await self.ingest.step():
            pass


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("scores") / "home")
    home.create()
    store = open_spans(home.spans, clock=ManualClock())
    yield home, store
    store.close()


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def project():
    """A project of the test's own in the shared store."""
    return RandomIds().uuid7()


@pytest.fixture
def settings():
    return Settings()


@pytest.fixture
def scores(shared_store, clock, settings):
    home, store = shared_store
    ids = RandomIds(clock)
    log = JournalWriter(home.scores, JournalSettings(), clock=clock, ids=ids)
    service = ScoreService(store, log, clock=clock, ids=ids, feedback=lambda: settings.now, salt=lambda: SALT)
    ingest = IngestJob(store, home.journal, clock=clock, intake=home.intake, scores=home.scores)
    yield Scores(service, log, ingest, store)
    log.close()


@pytest.fixture
async def client(scores, project):
    app = Litestar(
        # A bound method would be copied, with its service.
        [scores_router(lambda: scores.service.origins())],  # noqa: PLW0108
        dependencies={
            "project": Provide(lambda: project, sync_to_thread=False),
            "principal": Provide(
                lambda: Principal(kind="key", id="key-1", name="laptop", grants=Grants(), project=PROJECT),
                sync_to_thread=False,
            ),
            "scores": Provide(lambda: scores.service, sync_to_thread=False),
        },
        exception_handlers=EXCEPTION_HANDLERS,
    )
    async with AsyncTestClient(app) as client:
        yield client
