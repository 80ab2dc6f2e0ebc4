"""An ingesting process is killed, again and again; every span is stored exactly once."""

import random
import subprocess
import sys
import time

import pytest
from sqlglot import parse_one

from penstock.core.clock import SystemClock
from penstock.store.spans.duckdb.store import open_spans
from penstock.tracing.jobs import IngestJob

KILLS = 20
SEGMENTS = 400
INGEST = """
import asyncio, sys
from pathlib import Path
import penstock.tracing.jobs as jobs
from penstock.core.clock import SystemClock
from penstock.store.spans.duckdb.store import open_spans
jobs.BATCH_SEGMENTS = 7
async def main():
    home = Path(sys.argv[1])
    store = open_spans(home / "spans.duckdb", clock=SystemClock())
    job = jobs.IngestJob(store, home / "journal", clock=SystemClock())
    store.count_spans()
    print("begun", flush=True)
    while await job.step():
        pass
asyncio.run(main())
"""


def ingest_and_kill(home, seconds):
    """True when the process was still at work."""
    with subprocess.Popen([sys.executable, "-c", INGEST, str(home.path)], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        time.sleep(seconds)  # the moment is the input of the test
        process.kill()
        return process.wait() == -9


@pytest.mark.slow
async def test_a_process_killed_at_any_moment_stores_every_span_exactly_once(journal, home):
    """FAILURES G8, O5."""
    rng = random.Random(5)
    expected = {}
    for number in range(SEGMENTS):
        spans = [journal.span(session=f"s{number}") for _ in range(rng.randint(1, 60))]
        running = [journal.span() for _ in range(rng.randint(0, 2))]
        lines = [journal.line(span) for span in spans] + [journal.line(span, record="open") for span in running]
        if number >= SEGMENTS - 3:
            # The last ones were never sealed: their writer died too.
            journal.path(".open").write_bytes(b"".join(lines) + b'{"record":"span","tor')
        else:
            journal.seal(*lines)
        expected |= {span.span_id: "ok" for span in spans}
    expected |= {span.span_id: "interrupted" for span in running}

    killed = sum(ingest_and_kill(home, rng.random() * 0.12) for _ in range(KILLS))

    store = open_spans(home.spans, clock=SystemClock())
    job = IngestJob(store, home.journal, clock=SystemClock())
    while await job.step():
        pass

    query = "SELECT lpad(lower(to_hex(span_id)), 16, '0'), any_value(status), count(*) FROM spans GROUP BY 1"
    rows = store._engine.read(parse_one(query, dialect="duckdb"))
    store.close()
    assert killed >= KILLS // 4
    assert {count for _, _, count in rows} == {1}
    assert {span: status for span, status, _ in rows} == expected
    assert not list(home.journal.glob("*-*"))
