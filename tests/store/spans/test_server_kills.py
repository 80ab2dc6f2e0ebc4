"""ClickHouse itself killed at any moment: what is stored is right, and nothing is there twice."""

import itertools

import msgspec
import pytest
from clickhouse_server import Server
from killing import server_killed_at_random

from penstock.store.spans import transfer
from penstock.store.spans.clickhouse import deletion, rollup
from penstock.store.spans.clickhouse.engine import Address
from penstock.store.spans.clickhouse.store import ClickHouseSpanStore
from penstock.store.spans.deletion import Selection
from penstock.store.spans.queries.window import Window
from penstock.store.spans.transfer import Migration
from penstock.store.spans.tree import Text
from penstock.testing.journal import PROJECT

HOUR = 3_600_000_000
START = 1_700_000_000_000_000 // (24 * HOUR) * 24 * HOUR
KILLS = 30


@pytest.fixture(scope="module")
def mortal(tmp_path_factory):
    """A server that only these tests use."""
    server = Server(tmp_path_factory.mktemp("mortal"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def store(mortal, journal, clock, request):
    store = ClickHouseSpanStore(
        Address.parse(mortal.url(request.node.name)), journal=journal.folder, quarantine=journal.quarantine, clock=clock
    )
    store.count_spans()
    yield store
    store.close()


def said(text):
    return msgspec.Raw(msgspec.json.encode([{"role": "user", "parts": [{"type": "text", "content": text}]}]))


def trace_of(journal, number):
    """An agent's model call, told of by itself and by the gateway."""
    root = journal.span(kind="agent", call=False, source="otlp", trace_id=f"{number:032x}")
    model = journal.span(
        trace_id=root.trace_id, parent_id=root.span_id, call=False, source="otlp", usage_input=5, cost=7
    )
    call = journal.span(trace_id=root.trace_id, parent_id=model.span_id, usage_input=5, cost=8)
    return root, model, call


def test_a_server_that_dies_while_spans_are_stored_has_each_once(mortal, store, journal):
    """FAILURES O5: 30 kills."""
    numbers = itertools.count(1)
    paths = []

    def ingest():
        paths.append(journal.write(*trace_of(journal, next(numbers))))
        store.load_intake([path for path in paths if path.exists()])
        for path in paths[:-1]:
            path.unlink(missing_ok=True)

    server_killed_at_random(mortal, ingest, times=KILLS)
    store.load_intake(paths)

    assert store.count_spans() == 3 * len(paths)
    books = store.books(Window(project=PROJECT))
    assert (books.spans, books.cost, books.tokens) == (3 * len(paths), 8 * len(paths), 5 * len(paths))
    assert store._engine.ask("SELECT count(), sum(spans) FROM segments") == [(len(paths), 3 * len(paths))]
    assert store._engine.ask("SELECT count(), sum(cost) FROM totals") == [(len(paths), 8 * len(paths))]


def test_a_server_that_dies_while_hours_are_summed_up_has_each_once(mortal, store, journal, clock):
    """FAILURES O1, O5: 30 kills, of rollups and of the index of words."""
    spans = [journal.span(cost=1, started=START + n * HOUR // 4, input=said(f"word{n}")) for n in range(20)]
    store.load([journal.write(*spans)])
    clock.advance(4 * 24 * 3600)
    hours = sorted({span.started // HOUR * HOUR for span in spans})

    def sum_up():
        if not store.maintain():
            rollup.touch(store._engine, hours)

    server_killed_at_random(mortal, sum_up, times=KILLS)
    rollup.touch(store._engine, hours)
    while store.maintain():
        pass

    assert store._engine.ask("SELECT count() FROM pending_hours") == [(0,)]
    assert store._engine.ask("SELECT count() FROM pending_text") == [(0,)]
    assert store._engine.ask("SELECT sum(calls), sum(cost) FROM rollup WHERE dimension = 'all'") == [(20, 20)]
    assert store._engine.ask("SELECT sum(spans) FROM cube WHERE NOT listed") == [(20,)]
    assert store._engine.ask("SELECT count(), min(low) FROM text_blocks") == [(len(hours), START)]
    (row,) = store.list_calls(Window(project=PROJECT), where=Text(words="word13")).rows
    assert row.span_id == spans[13].span_id


def test_a_server_that_dies_while_spans_are_deleted_deletes_all_and_counts_each_once(
    mortal, store, journal, clock, monkeypatch
):
    """FAILURES O10: 30 kills."""
    monkeypatch.setattr(deletion, "BATCH_TRACES", 1)
    numbers = itertools.count(1)
    sent = {}
    deleted = {}
    store.load_intake([journal.write(*trace_of(journal, 10**9))])

    def delete():
        job = f"job-{len(deleted)}"
        if job not in sent:
            traces = [trace_of(journal, next(numbers)) for _ in range(3)]
            path = journal.write(*itertools.chain.from_iterable(traces))
            sent[job] = (path, Selection(project=PROJECT, traces=tuple(trace[0].trace_id for trace in traces)))
        path, selection = sent[job]
        if path.exists():
            store.load_intake([path])
            path.unlink()
        while (found := store.delete_batch(selection, job=job)).more:
            pass
        deleted[job] = found.spans

    server_killed_at_random(mortal, delete, times=KILLS)
    while len(deleted) < len(sent):
        delete()

    assert set(deleted.values()) == {9}
    assert all(store.remaining(selection).nothing for _, selection in sent.values())
    assert store.count_spans() == 3
    assert store._engine.ask("SELECT count() FROM totals") == [(1,)]


def test_a_server_that_dies_while_a_store_moves_in_has_all_of_it_once(
    mortal, store, duckdb_store, journal, tmp_path, monkeypatch
):
    """FAILURES O5: 30 kills, all of them before the last of the spans."""
    monkeypatch.setattr(transfer, "CHUNK_RECORDS", 1)
    spans = [
        journal.span(started=START + n * 1000, cost=n, tags={"n": str(n)}, input=said(f"text {n}")) for n in range(80)
    ]
    duckdb_store.load([journal.write(*spans)])

    def migration():
        return Migration(duckdb_store, store, folder=tmp_path / "migration", name="there")

    def move():
        migration().run()

    server_killed_at_random(mortal, move, times=KILLS, longest=0.15)
    assert migration().prepare().done < len(spans)
    move()

    assert migration().check() == []
    assert store.count_spans() == len(spans)
