import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import threading

import pytest
from sqlglot import parse_one

from penstock.core.errors import Unavailable
from penstock.store.spans.duckdb.store import DuckDbSpanStore
from penstock.store.spans.queries.window import Window
from penstock.testing.journal import PROJECT, JournalFolder
from penstock.tracing.jobs import BACKOFF_SECONDS, BATCH_SEGMENTS, IngestJob

WINDOW = Window(project=PROJECT)


def waiting(journal):
    return sorted(path.name for path in journal.folder.glob("*.ndjson"))


class Down:
    """A store that fails until it is told to work."""

    def __init__(self, store, error):
        self.store = store
        self.error = error

    def load(self, segments):
        if self.error is not None:
            raise self.error
        return self.store.load(segments)

    def maintain(self):
        return 0


async def test_segments_are_stored_and_their_files_removed(ingest, journal, store, clock):
    journal.write(journal.span(), journal.span())
    journal.write(journal.span())

    assert await ingest.step()
    assert not await ingest.step()

    assert waiting(journal) == []
    assert store.books(WINDOW).spans == 3
    assert (ingest.state.stored_spans, ingest.state.waiting_segments, ingest.state.waiting_bytes) == (3, 0, 0)
    assert ingest.state.last_ingested == clock.now()


async def test_a_long_backlog_is_stored_batch_by_batch(ingest, journal, store):
    for _ in range(BATCH_SEGMENTS + 5):
        journal.write(journal.span())

    assert await ingest.step()
    assert ingest.state.waiting_segments == 5
    assert await ingest.step()

    assert store.books(WINDOW).spans == BATCH_SEGMENTS + 5


async def test_a_segment_larger_than_a_batch_is_stored(ingest, journal, store, monkeypatch):
    monkeypatch.setattr("penstock.tracing.jobs.BATCH_BYTES", 1)
    journal.write(journal.span())
    journal.write(journal.span())

    await ingest.step()

    assert store.books(WINDOW).spans == 1
    assert ingest.state.waiting_segments == 1


async def test_orphans_are_recovered_and_stored(ingest, journal, store, clock):
    path = journal.path(".open")
    path.write_bytes(journal.line() + journal.line(record="open"))

    await ingest.step()

    assert [row.status for row in store.list_calls(WINDOW).rows] == ["interrupted", "ok"]
    assert not path.exists()


async def test_while_the_store_is_down_segments_wait_and_it_is_said_once(store, journal, clock, caplog):
    """FAILURES G7, G8."""
    down = Down(store, Unavailable("The store is gone."))
    job = IngestJob(down, journal.folder, clock=clock)
    journal.write(journal.span())

    with caplog.at_level(logging.WARNING, logger="penstock.tracing.jobs"):
        assert not await job.step()
        assert not await job.step()
        assert job.state.error == "The store is gone."
        assert job.state.waiting_segments == 1
        down.error = None
        assert await job.step()

    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert job.state.error is None
    assert store.books(WINDOW).spans == 1


async def test_an_unexpected_error_does_not_end_ingestion(store, journal, clock):
    down = Down(store, ZeroDivisionError("a bug"))
    job = IngestJob(down, journal.folder, clock=clock)
    journal.write(journal.span())

    assert not await job.step()
    assert "a bug" in job.state.error
    down.error = None
    assert await job.step()


async def test_a_segment_that_cannot_be_read_waits_and_holds_up_no_other(ingest, journal, store):
    unreadable = journal.path()
    unreadable.mkdir()
    journal.write(journal.span())

    assert not await ingest.step()

    assert store.books(WINDOW).spans == 1
    assert unreadable.name in ingest.state.error
    assert ingest.state.stored_spans == 1
    unreadable.rmdir()
    await ingest.step()
    assert ingest.state.error is None


async def test_run_backs_off_while_the_store_is_down_and_goes_on_without_pause_while_there_is_work(
    store, journal, clock
):
    pauses = []
    down = Down(store, Unavailable("gone"))

    async def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 8:
            down.error = None
        if len(pauses) == 10:
            raise asyncio.CancelledError

    journal.write(journal.span())
    job = IngestJob(down, journal.folder, clock=clock, pause=pause)

    with pytest.raises(asyncio.CancelledError):
        await job.run()

    assert pauses[:8] == sorted(pauses[:8])
    assert pauses[7] == BACKOFF_SECONDS
    assert pauses[8] < pauses[0]
    assert store.books(WINDOW).spans == 1


async def test_the_event_loop_runs_on_while_the_store_works(store, journal, clock):
    entered, leave = threading.Event(), threading.Event()

    class Slow(Down):
        def load(self, segments):
            entered.set()
            leave.wait(10)
            return super().load(segments)

    journal.write(journal.span())
    job = IngestJob(Slow(store, None), journal.folder, clock=clock)
    step = asyncio.ensure_future(job.step())
    await asyncio.to_thread(entered.wait, 10)

    assert not step.done()
    leave.set()
    assert await step


class Meanwhile(Down):
    """A store during whose work more is sealed, or time passes."""

    def __init__(self, store, meanwhile):
        super().__init__(store, None)
        self.meanwhile = meanwhile

    def load(self, segments):
        self.meanwhile()
        return super().load(segments)


async def test_at_the_end_what_lies_sealed_is_stored_and_what_comes_after_it_is_left(store, journal, clock):
    """A Penstock that takes this one's place writes on: the end would never come."""
    for _ in range(BATCH_SEGMENTS + 1):
        journal.write(journal.span())
    job = IngestJob(Meanwhile(store, lambda: journal.write(journal.span())), journal.folder, clock=clock)

    await job.finish()

    assert store.books(WINDOW).spans >= BATCH_SEGMENTS + 1
    assert len(waiting(journal)) == 1


async def test_the_end_comes_after_the_given_time_also_when_more_waits(store, journal, clock):
    for _ in range(2 * BATCH_SEGMENTS + 1):
        journal.write(journal.span())
    job = IngestJob(Meanwhile(store, lambda: clock.advance(6)), journal.folder, clock=clock)

    await job.finish(10)

    assert store.books(WINDOW).spans == 2 * BATCH_SEGMENTS
    assert len(waiting(journal)) == 1


async def test_upkeep_is_done_when_nothing_waits(ingest, journal, store, clock):
    journal.write(journal.span())
    await ingest.step()
    clock.advance(2 * 3600)

    await ingest.step()

    assert store._engine.read(parse_one("SELECT count(*) FROM pending_hours")) == [(0,)]


HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held(home):
    """Another process has the span store open; setting the event makes it let go."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home.spans)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    yield lambda: holder.communicate("")
    if holder.poll() is None:
        holder.communicate("")


async def test_a_file_that_another_process_holds_is_waited_for(ingest, journal, store, held):
    journal.write(journal.span())

    assert not await ingest.step()
    assert "lock" in ingest.state.error
    assert len(waiting(journal)) == 1
    held()

    assert await ingest.step()
    assert store.books(WINDOW).spans == 1


def fill(path):
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


async def test_a_full_disk_loses_nothing_and_ingestion_goes_on_when_there_is_room(small_disk, journal, clock):
    """FAILURES G7, G8."""
    store = DuckDbSpanStore(small_disk / "spans", journal=journal.folder, quarantine=journal.quarantine, clock=clock)
    job = IngestJob(store, journal.folder, clock=clock)
    for _ in range(6):
        journal.write(journal.span())
    assert await job.step()
    ballast = small_disk / "ballast"
    fill(ballast)
    texts = [os.urandom(30_000).hex() for _ in range(100)]
    for text in texts:
        journal.write(journal.span(session=text))

    assert not await job.step()
    assert job.state.error is not None
    assert len(waiting(journal)) == 100

    ballast.unlink()
    while waiting(journal):
        assert await job.step(), job.state.error
    assert store.books(WINDOW).spans == 106
    assert {row.session for row in store.list_calls(WINDOW, limit=100).rows} == set(texts)
    store.close()


@pytest.fixture
def applications(home):
    return JournalFolder(home.intake, worker=f"{2:016x}")


@pytest.fixture
def judgements(home):
    return JournalFolder(home.scores, worker=f"{3:016x}")


@pytest.fixture
def all_folders(store, home, clock):
    return IngestJob(store, home.journal, intake=home.intake, scores=home.scores, clock=clock)


SCORE = (
    b'{"record":"score","id":"s1","project":"%s","name":"helpful","type":"number","number":1,'
    b'"trace_id":"%032x","source":"user","created":5}\n'
)


async def test_what_waits_in_any_folder_is_stored(all_folders, journal, applications, judgements, store):
    journal.write(journal.span())
    sent = applications.span(source="otlp", call=False, trace_id=f"{77:032x}")
    applications.write(sent, sent)
    judgements.seal(SCORE % (b"p1", 1))

    assert await all_folders.step()
    assert not await all_folders.step()

    state = all_folders.state
    assert (state.stored_spans, state.duplicates, state.stored_scores) == (2, 1, 1)
    assert (state.waiting_segments, state.waiting_bytes) == (0, 0)
    assert store.count_spans() == 2
    folders = (journal, applications, judgements)
    assert not [path for folder in folders for path in folder.folder.glob("*-*")]


async def test_segments_of_a_dead_intake_and_of_dead_scores_are_recovered(all_folders, applications, judgements, store):
    """FAILURES O5."""
    applications.path(".open").write_bytes(applications.line(applications.span(source="otlp")) + b'{"torn')
    judgements.path(".open").write_bytes(SCORE % (b"p1", 1) + b'{"record":')

    while await all_folders.step():
        pass

    assert (store.count_spans(), all_folders.state.stored_scores) == (1, 1)
    assert all_folders.state.quarantined == 0


async def test_a_segment_that_cannot_be_read_does_not_hold_up_another_folder(all_folders, journal, applications, store):
    journal.path().mkdir()
    applications.write(applications.span(source="otlp"))

    assert not await all_folders.step()

    assert "cannot be read" in all_folders.state.error
    assert store.count_spans() == 1
