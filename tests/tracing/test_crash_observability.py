"""A process that ingests, sums up or deletes is killed at any moment, many times; counts are right, nothing is twice.

One small process is killed again and again at a random write of the engine: at the very statement, not at a time.
"""

import json
import random
import subprocess
import sys

import msgspec
import pytest
from sqlglot import parse_one

from penstock.core.clock import SystemClock
from penstock.core.home import Home
from penstock.store.spans.deletion import Selection
from penstock.store.spans.duckdb.store import open_spans
from penstock.testing.journal import PROJECT, JournalFolder
from penstock.tracing.jobs import IngestJob
from penstock.wire.score import Score

pytestmark = pytest.mark.slow

KILLS = 30
# The parent says in a line at which statement to die; a child forks from the loaded parent, so that no import is paid
# again. A kill between two statements leaves what a kill inside of one leaves, or less: the engine writes its log when
# it commits, and there is a statement before and after each commit.
WORKER = """
import asyncio, os, signal, sys
from pathlib import Path
import duckdb
import penstock.tracing.jobs as jobs
import penstock.store.spans.duckdb.deletion as deletion
import penstock.store.spans.duckdb.engine as engine
import penstock.store.spans.duckdb.rollup as rollup
from penstock.core.clock import ManualClock, SystemClock
from penstock.store.spans.deletion import Selection
from penstock.store.spans.duckdb.store import open_spans
from penstock.testing.journal import PROJECT
jobs.BATCH_SEGMENTS = 3
deletion.BATCH_SPANS = 40
rollup.HOURS_AT_ONCE = 2

class Mortal:
    left = 0
    def __init__(self, cursor): self._cursor = cursor
    def _step(self):
        Mortal.left -= 1
        if Mortal.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    def execute(self, *given):
        self._step()
        return self._cursor.execute(*given)
    def commit(self):
        self._step()
        self._cursor.commit()
        self._step()
    def __enter__(self): return self
    def __exit__(self, *error): self._cursor.close()
    def __getattr__(self, name): return getattr(self._cursor, name)

class Connection:
    def __init__(self, connection): self._connection = connection
    def cursor(self): return Mortal(self._connection.cursor())
    def __getattr__(self, name): return getattr(self._connection, name)

opened = engine.DuckDbEngine._open
engine.DuckDbEngine._open = lambda self: Connection(opened(self))

async def work(what, home):
    clock = ManualClock(1_800_000_000_000_000) if what == "maintain" else SystemClock()
    store = open_spans(home / "spans.duckdb", clock=clock)
    if what == "ingest":
        job = jobs.IngestJob(store, home / "journal", intake=home / "intake", scores=home / "scores", clock=clock)
        while await job.step(): pass
    elif what == "maintain":
        while store.maintain(): pass
    else:
        while store.delete_batch(Selection(project=PROJECT, users=("u",)), job="job").more: pass
        store.compact()
    store.close()

what, home = sys.argv[1], Path(sys.argv[2])
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        Mortal.left = int(line)
        try:
            asyncio.run(work(what, home))
        finally:
            os._exit(0 if Mortal.left >= 0 else 1)
    print(os.WIFSIGNALED(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home")
    home.create()
    return home


def kill(what, home, most):
    """Kill a process that does this at `KILLS` random statements out of `most`; returns how often it was at work."""
    rng = random.Random(what)
    killed = 0
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, what, str(home.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        for _ in range(KILLS):
            process.stdin.write(f"{rng.randrange(most)}\n")
            process.stdin.flush()
            killed += json.loads(process.stdout.readline().strip().lower())
        process.stdin.close()
    return killed


def rows(store, sql):
    return store._engine.read(parse_one(sql, dialect="duckdb"))


def opened(home):
    return open_spans(home.spans, clock=SystemClock())


async def ingest(store, home):
    job = IngestJob(store, home.journal, intake=home.intake, scores=home.scores, clock=SystemClock())
    while await job.step():
        pass


async def test_killed_while_it_stores_what_applications_sent_each_span_and_score_is_there_once(home):
    """FAILURES O5, O8."""
    rng = random.Random(7)
    journal = JournalFolder(home.journal)
    intake = JournalFolder(home.intake, worker=f"{2:016x}")
    scores = JournalFolder(home.scores, worker=f"{3:016x}")
    for _ in range(1000):
        journal.span()
    sent = []
    for number in range(120):
        trace = f"{number:032x}"
        outer = intake.span(source="otlp", call=False, trace_id=trace, usage_input=7, cost=7)
        inner = journal.span(trace_id=trace, parent_id=outer.span_id, usage_input=5, cost=5)
        sent.append(outer)
        # A client that was not answered sends again what was stored already.
        intake.write(*[outer, *rng.sample(sent, rng.randint(0, min(3, len(sent))))])
        journal.write(inner)
        given = {"name": "n", "type": "number", "source": "code", "trace_id": trace, "project": PROJECT}
        record = Score(id=f"s{number % 50}", created=number, number=float(number), **given)
        scores.seal(b'{"record":"score",' + msgspec.json.encode(record)[1:] + b"\n")

    killed = kill("ingest", home, 60)
    store = opened(home)
    await ingest(store, home)

    assert killed >= KILLS * 2 // 3
    assert rows(store, "SELECT count(*), count(DISTINCT (trace_id, span_id)) FROM spans") == [(240, 240)]
    assert rows(store, "SELECT sum(usage_input), sum(cost) FROM spans") == [(600, 600)]
    assert rows(store, "SELECT count(*), sum(spans), sum(cost) FROM totals") == [(120, 240, 600)]
    assert rows(store, "SELECT count(*), count(DISTINCT id), sum(number) FROM scores") == [
        (50, 50, sum(range(70, 120)))
    ]
    store.close()


async def test_killed_while_it_deletes_it_goes_on_and_counts_each_span_once(home):
    """FAILURES O10."""
    journal = JournalFolder(home.journal)
    for _ in range(30):
        spans = []
        for number in range(40):
            call = journal.span(kind="gateway", user="u" if number % 2 else None)
            spans += [call, journal.span(trace_id=call.trace_id, call=False, parent_id=call.span_id, cost=1)]
        journal.write(*spans)
    store = opened(home)
    await ingest(store, home)
    store.close()

    killed = kill("delete", home, 25)
    store = opened(home)
    selection = Selection(project=PROJECT, users=("u",))
    while (deleted := store.delete_batch(selection, job="job")).more:
        pass

    assert killed >= KILLS // 3
    assert deleted.spans == 1200
    assert store.remaining(selection).nothing
    assert rows(store, "SELECT count(*), sum(cost) FROM spans") == [(1200, 600)]
    assert rows(store, "SELECT count(*), sum(cost) FROM totals") == [(600, 600)]
    store.close()


async def test_killed_while_it_sums_up_every_hour_is_summed_up_once(home):
    journal = JournalFolder(home.journal)
    hour = 3_600_000_000
    spans = [journal.span(cost=1, started=1_700_000_000_000_000 + number % 60 * hour) for number in range(600)]
    journal.write(*spans)
    store = opened(home)
    await ingest(store, home)
    store.close()

    killed = kill("maintain", home, 250)
    store = opened(home)
    while store.maintain():
        pass

    assert killed >= KILLS // 3
    assert rows(store, "SELECT count(*) FROM pending_hours") == [(0,)]
    query = "SELECT count(*), sum(calls), sum(cost) FROM rollup WHERE dimension = 'all'"
    assert rows(store, query) == [(60, 600, 600)]
    store.close()
