"""Spans and scores from one engine to the other and back, whatever is killed when."""

import json

import msgspec
import pytest
from killing import killed_at_random
from sqlglot import parse_one

from penstock.core.errors import Conflict
from penstock.store.spans import transfer
from penstock.store.spans.transfer import Migration
from penstock.testing.journal import PROJECT, JournalFolder
from penstock.wire.score import Score

HOUR = 3_600_000_000
START = 1_700_000_000_000_000 // HOUR * HOUR


@pytest.fixture
def migration(duckdb_store, clickhouse_store, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "CHUNK_RECORDS", 7)
    return Migration(duckdb_store, clickhouse_store, folder=tmp_path / "migration", name="there")


@pytest.fixture
def back(duckdb_store, clickhouse_store, journal, monkeypatch):
    monkeypatch.setattr(transfer, "CHUNK_RECORDS", 7)
    return Migration(clickhouse_store, duckdb_store, folder=journal.folder / "back", name="back")


def fill(store, journal, tmp_path, *, differing=20):
    """Spans over some hours, of all that makes them differ, and scores: 20 records more than spans that differ."""
    long = [{"role": "user", "parts": [{"type": "text", "content": "ä" * 40_000}]}]
    spans = [
        journal.span(
            started=START + n * HOUR // 3,
            tags={"team": f"t{n % 2}", "o'hara": "x"} if n % 3 else {},
            finish_reasons=["stop"] if n % 2 else [],
            cost=n if n % 4 else None,
            usage_input=n,
            session="s|" if n % 2 else None,
            http_status=200,
            fingerprint=f"{n:032x}",
            error_message='said "no"\n',
            usage_raw=msgspec.Raw(b'{"total": 1.50, "x": "\\u00e9"}'),
            input=msgspec.Raw(json.dumps(long if n == 5 else [{"role": "user", "parts": []}]).encode()),
        )
        for n in range(differing)
    ]
    same = [journal.span(started=START + 50 * HOUR) for _ in range(9)]
    child = journal.span(trace_id=spans[3].trace_id, parent_id=spans[3].span_id, call=False, started=START, cost=4)
    store.load([journal.write(*spans, *same, child)])
    scores = JournalFolder(tmp_path / "scores", worker=f"{3:016x}")
    given = [
        Score(
            id=f"score-{n}",
            project=PROJECT,
            name="helpful",
            type="number",
            number=n / 3,
            trace_id=spans[n].trace_id,
            source="user",
            comment="good" if n % 2 else None,
            created=START + n,
            metadata=msgspec.Raw(b'{"a":1}'),
        )
        for n in range(10)
    ]
    store.load_scores([scores.seal(*(b'{"record":"score",' + msgspec.json.encode(one)[1:] + b"\n" for one in given))])


def count(store, table="spans"):
    return store.engine.read(parse_one(f"SELECT count(*) FROM {table}"))[0][0]  # noqa: S608 - names of our own tables


def test_all_of_a_store_comes_over_and_back(migration, back, duckdb_store, clickhouse_store, journal, tmp_path):
    fill(duckdb_store, journal, tmp_path)
    before = duckdb_store.trace(PROJECT, f"{4:032x}")
    told = []

    assert migration.prepare().of == 40
    migration.run(told=told.append)

    assert [one.done for one in told] == list(range(1, told[-1].chunks + 1))
    assert migration.check() == []
    assert (count(clickhouse_store), count(clickhouse_store, "scores")) == (30, 10)
    assert (count(duckdb_store), count(duckdb_store, "scores")) == (30, 10)
    assert msgspec.json.encode(clickhouse_store.trace(PROJECT, f"{4:032x}")) == msgspec.json.encode(before)

    with duckdb_store._engine.write() as cursor:
        for table in ("spans", "scores", "payloads", "totals", "segments"):
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - as above
    back.run()

    assert back.check() == []
    assert count(duckdb_store) == 30


def test_a_migration_that_is_killed_again_and_again_moves_everything_once(
    duckdb_store, clickhouse_store, address, journal, clock, tmp_path, monkeypatch
):
    """FAILURES O5: 30 kills, at any moment."""
    monkeypatch.setattr(transfer, "CHUNK_RECORDS", 1)
    fill(duckdb_store, journal, tmp_path, differing=140)
    duckdb_store.close()
    clickhouse_store.close()

    def migrate():
        Migration(duckdb_store, clickhouse_store, folder=tmp_path / "migration", name="there").run()

    killed_at_random(migrate, times=30, longest=0.3)
    migration = Migration(duckdb_store, clickhouse_store, folder=tmp_path / "migration", name="there")
    migration.run()

    assert migration.check() == []
    assert (count(clickhouse_store), count(clickhouse_store, "scores")) == (150, 10)


def test_what_differs_is_told_by_chunk(migration, duckdb_store, clickhouse_store, journal):
    duckdb_store.load([journal.write(*(journal.span(started=START + n, cost=1) for n in range(3)))])
    migration.run()
    clickhouse_store._engine.change("UPDATE spans SET cost = 5 WHERE span_id = 1")

    found = migration.check()

    assert [(one.what, one.source, one.target) for one in found if one.what == "cost"] == [("cost", 3, 7)]
    assert {one.what for one in found} == {"cost", "fields"}


def test_the_state_of_another_migration_is_not_taken_up(migration, back):
    migration.prepare()
    other = Migration(back._source, back._target, folder=migration._folder, name="back")

    with pytest.raises(Conflict, match="another migration"):
        other.prepare()

    migration.finish()
    assert other.prepare().of == 0


def test_an_hour_with_many_spans_is_cut(migration, duckdb_store, journal):
    duckdb_store.load([journal.write(*(journal.span(started=START + n * 1000) for n in range(40)))])

    migration.prepare()

    sizes = [chunk.records for chunk in migration._state.chunks]
    assert sum(sizes) == 40
    assert max(sizes) <= 7
