"""A store on ClickHouse that an earlier version filled is upgraded with what lies in it, wherever that is cut."""

from contextlib import ExitStack

import pytest

from penstock.store.spans.clickhouse import kin, migrations
from penstock.store.spans.clickhouse.beside import SUMS
from penstock.store.spans.clickhouse.loader import PLAN
from penstock.store.spans.clickhouse.store import ClickHouseSpanStore
from penstock.store.spans.clickhouse.text_index import index_text
from penstock.store.spans.queries.window import Window
from penstock.testing.journal import FIRST, PROJECT

DAY = 24 * 3_600_000_000

COARSE = 3
"""The last version whose tables had large granules."""
IN_TIME = 6
"""The last version whose rollups lay in order of time."""
PACKED_CLOSELY = 8
"""The last version whose rollups were packed as closely as can be."""
SUMS_ALONE = 9
"""The last version in which nothing stood beside the sums of a row."""
SUMS_OF = f"SELECT project, trace_id, span_id, started, {', '.join(SUMS)} FROM totals ORDER BY ALL"  # noqa: S608 - names of columns
SWAPPED = 1 + sum(len(migrations._refined(table)) for table in migrations._ENGINES)


class Crash(Exception):
    pass


class CrashingAt:
    """A client whose process ends before its nth statement of a kind that changes anything."""

    def __init__(self, client, at):
        self._client = client
        self._left = at

    def query(self, *args):
        return self._client.query(*args)

    def command(self, *args):
        self._left -= 1
        if self._left < 0:
            raise Crash
        return self._client.command(*args)


@pytest.fixture
def made_at(address, journal, clock, monkeypatch):
    """Makes a store of an earlier version, as it was made then."""
    with ExitStack() as stores:

        def make(version):
            with monkeypatch.context() as patch:
                patch.setattr(migrations, "_STEPS", migrations._STEPS[:version])
                patch.setattr(migrations, "SCHEMA", version)
                store = ClickHouseSpanStore(address, journal=journal.folder, quarantine=journal.quarantine, clock=clock)
                store.count_spans()
            stores.callback(store.close)
            if version <= SUMS_ALONE:
                columns = ", ".join((*kin._ROW, *SUMS))
                monkeypatch.setattr(kin, "_TOTALS", f"INSERT INTO totals ({columns}) FORMAT JSONEachRow")
            return store

        yield make


@pytest.fixture
def coarse(made_at):
    return made_at(COARSE)


def summing_up(store):
    """The store, which can be summed up: that reads the model where a later version stores it."""
    store._engine.change(migrations._V11[0])
    return store


@pytest.fixture
def in_time(made_at):
    return summing_up(made_at(IN_TIME))


@pytest.fixture
def packed_closely(made_at):
    return summing_up(made_at(PACKED_CLOSELY))


@pytest.fixture
def sums_alone(made_at):
    return made_at(SUMS_ALONE)


def covered_trace(journal):
    """A model call that an application tells of and the gateway too: one of both is changed once it is stored."""
    root = journal.span(kind="agent", call=False, source="otlp")
    model = journal.span(
        trace_id=root.trace_id, parent_id=root.span_id, call=False, source="otlp", usage_input=5, cost=7
    )
    return root, model, journal.span(trace_id=root.trace_id, parent_id=model.span_id, usage_input=5, cost=8)


def books(store):
    found = store.books(Window(project=PROJECT))
    return found.spans, found.cost, found.tokens


def settings_of(store, table):
    ((settings,),) = store._engine.ask(
        "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = {table:String}",
        {"table": table},
    )
    return settings


def reopened(store, journal, clock):
    store.close()
    return ClickHouseSpanStore(
        store._engine.address, journal=journal.folder, quarantine=journal.quarantine, clock=clock
    )


def test_an_upgrade_keeps_every_span_wherever_it_is_cut(coarse, journal, clock):
    coarse.load([journal.write(*covered_trace(journal)), journal.write(journal.span(cost=1))])
    before = books(coarse), coarse._engine.ask(SUMS_OF)
    assert before[0] == (4, 9, 5)
    for at in range(1, SWAPPED + 1, 2):
        with pytest.raises(Crash):
            migrations.migrate(CrashingAt(coarse._engine._client, at))

    store = reopened(coarse, journal, clock)

    assert (books(store), store._engine.ask(SUMS_OF)) == before
    assert store._engine.ask("SELECT max(version) FROM schema_version") == [(migrations.SCHEMA,)]
    others = store._engine.ask(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE '%other'"
    )
    assert others == []
    assert "index_granularity = 1024" in settings_of(store, "spans")
    store.load([journal.write(journal.span(cost=1))])
    assert books(store) == (5, 10, 5)
    store.close()


def test_what_was_half_loaded_before_an_upgrade_is_stored_once(coarse, journal, clock, monkeypatch):
    """FAILURES O5: a table that is made anew knows no tokens of what it was given."""
    paths = [journal.write(*covered_trace(journal)), journal.write(journal.span(cost=1))]

    def crash(*_):
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(coarse._engine, "change", crash)
        patch.setattr("penstock.store.spans.clickhouse.spans.touch", lambda *_: None)
        with pytest.raises(Crash):
            coarse.load(paths)
    assert coarse.count_spans() == 4
    assert (journal.folder / PLAN).exists()

    store = reopened(coarse, journal, clock)
    loaded = store.load(paths)

    assert len(loaded) == 2
    assert books(store) == (4, 9, 5)
    store.close()


def test_an_upgrade_lets_each_granule_be_unpacked_by_itself(coarse, journal, clock):
    coarse.load([journal.write(*covered_trace(journal)), journal.write(journal.span(cost=1))])
    before = books(coarse)

    store = reopened(coarse, journal, clock)

    assert books(store) == before
    for table in migrations._ENGINES:
        assert "min_compress_block_size = 1024" in settings_of(store, table)
        store._engine.change(f"OPTIMIZE TABLE {table} FINAL")
    assert books(store) == before
    store.close()


def counted(store):
    """Calls and costs by user and model, from all that is summed up."""
    groups = store.group_by(Window(project=PROJECT, from_=0, to=FIRST + 2 * DAY), ("user", "model")).rows
    return {group.labels: (group.calls, group.cost) for group in groups}


@pytest.mark.parametrize("cuts", [(), (2,), (2, 30), (60,)])
def test_what_is_summed_up_is_made_anew_wherever_the_upgrade_is_cut(in_time, journal, clock, cuts):
    spans = [
        journal.span(user=f"u{number % 2}", provider="p", served_model=f"m{number % 3}", cost=number, duration=number)
        for number in range(12)
    ]
    in_time.load([journal.write(*spans)])
    clock.advance(3 * 24 * 3600)
    while in_time.maintain():
        pass
    assert in_time._engine.ask("SELECT sum(spans) FROM cube_users WHERE listed") == [(12,)]
    for at in cuts:
        with pytest.raises(Crash):
            migrations.migrate(CrashingAt(in_time._engine._client, at))

    store = reopened(in_time, journal, clock)

    expected = {(f"u{number % 2}", f"p/m{number % 3}"): (2, 2 * number + 6) for number in range(6)}
    assert store._engine.ask("SELECT count() FROM rollup_rows") == [(0,)]
    assert counted(store) == expected
    while store.maintain():
        pass
    assert counted(store) == expected
    assert store._engine.ask("SELECT sum(spans), count(DISTINCT model) FROM cube_users WHERE listed") == [(12, 3)]
    store.close()


def put_in_time(engine, table):
    """The table as it was: rows lie in order of time alone."""
    engine.change(f"CREATE TABLE old AS {table} ENGINE = MergeTree PRIMARY KEY project ORDER BY (project, day)")
    engine.change(f"INSERT INTO old SELECT * FROM {table}")  # noqa: S608 - constants
    engine.change(f"EXCHANGE TABLES old AND {table}")
    engine.change("DROP TABLE old SYNC")


def order_of(engine, table):
    ((key,),) = engine.ask(
        "SELECT sorting_key FROM system.tables WHERE database = currentDatabase() AND name = {table:String}",
        {"table": table},
    )
    return key.split(", ")


@pytest.mark.parametrize("cuts", [(), (2, 3, 5), (59,)])
def test_what_is_summed_up_is_put_in_another_order_wherever_the_upgrade_is_cut(packed_closely, journal, clock, cuts):
    spans = [
        journal.span(started=FIRST + number * 20 * DAY, user=f"u{number}", key=f"k{number}", route="r", cost=number)
        for number in range(4)
    ]
    packed_closely.load([journal.write(*spans)])
    clock.advance(70 * 24 * 3600)
    while packed_closely.maintain():
        pass
    tables = ("cube_users_rows", "cube_shifts_rows", "latency_routes_keys_rows", "users_daily_rows")
    before = {table: packed_closely._engine.ask(f"SELECT * FROM {table} ORDER BY ALL") for table in tables}  # noqa: S608 - constants
    assert all(before.values())
    for table in tables:
        put_in_time(packed_closely._engine, table)
    for at in cuts:
        with pytest.raises(Crash):
            migrations.migrate(CrashingAt(packed_closely._engine._client, at))

    store = reopened(packed_closely, journal, clock)

    assert {table: store._engine.ask(f"SELECT * FROM {table} ORDER BY ALL") for table in tables} == before  # noqa: S608 - constants
    assert order_of(store._engine, "cube_users_rows") == ["project", "user", "model", "day"]
    assert order_of(store._engine, "latency_routes_keys_rows")[:6] == [
        "project", "measure", "listed", "day", "route", "key"
    ]  # fmt: skip
    others = store._engine.ask(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE '%other'"
    )
    assert others == []
    assert store._engine.ask("SELECT count() FROM pending_days") == [(0,)]
    store.close()


BESIDE = "SELECT span_id, key, tags, served_model, parent_id, copied FROM totals ORDER BY started"


@pytest.mark.parametrize("cuts", [(), (0, 1, 2), (3,)])
def test_what_is_asked_of_a_row_is_put_beside_its_sums_wherever_the_upgrade_is_cut(sums_alone, journal, clock, cuts):
    roots = [
        journal.span(started=FIRST + number * DAY, key=f"k{number}", tags={"team": "care"}, served_model="m")
        for number in range(3)
    ]
    below = [
        journal.span(started=one.started, trace_id=one.trace_id, parent_id=one.span_id, call=False, cost=5)
        for one in roots
    ]
    sums_alone.load([journal.write(*roots, *below)])
    before = sums_alone._engine.ask(SUMS_OF)
    assert len(before) == 3
    for at in cuts:
        with pytest.raises(Crash):
            migrations.migrate(CrashingAt(sums_alone._engine._client, at))

    store = reopened(sums_alone, journal, clock)

    assert store._engine.ask(SUMS_OF) == before
    assert store._engine.ask(BESIDE) == [
        (int(one.span_id, 16), one.key, {"team": "care"}, "m", None, True) for one in roots
    ]
    store.close()


@pytest.mark.parametrize("cuts", [(), (3, 2), (3,)])
def test_models_are_stored_wherever_the_upgrade_is_cut(sums_alone, journal, clock, cuts):
    sums_alone.load(
        [journal.write(journal.span(provider="p", served_model="m"), journal.span(provider="p"), journal.span())]
    )
    for at in cuts:
        with pytest.raises(Crash):
            migrations.migrate(CrashingAt(sums_alone._engine._client, at))

    store = reopened(sums_alone, journal, clock)
    store.load([journal.write(journal.span(provider="p", target_model="n", served_model="m"))])

    assert store._engine.ask("SELECT model FROM spans ORDER BY rowid") == [("p/m",), (None,), (None,), ("p/n",)]
    store.close()


def test_an_upgrade_leaves_words_indexed(in_time, journal, clock):
    in_time.load([journal.write(journal.span(input=[{"role": "user", "parts": [{"type": "text", "content": "fox"}]}]))])
    clock.advance(3 * 24 * 3600)
    while index_text(in_time._engine, before=clock.now()):
        pass
    in_time.load([journal.write(journal.span(started=FIRST + DAY))])

    store = reopened(in_time, journal, clock)

    assert store._engine.ask("SELECT count() FROM pending_text") == [(1,)]
    assert store._engine.ask("SELECT count() FROM pending_hours") == [(2,)]
    store.close()


def test_attempts_at_hours_and_days_have_numbers_of_their_own(clickhouse_store, journal, clock):
    spans = [journal.span(started=FIRST + number * DAY // 8) for number in range(16)]
    clickhouse_store.load([journal.write(*spans)])
    clock.advance(10 * 24 * 3600)
    while clickhouse_store.maintain():
        pass

    for period in ("hour", "day"):
        ((shared,),) = clickhouse_store._engine.ask(
            f"SELECT count() - count(DISTINCT attempt) FROM {period}s WHERE rolled >= touched"  # noqa: S608 - constants
        )
        assert shared == 0
    assert clickhouse_store._engine.ask("SELECT count() FROM hours") == [(16,)]


def test_the_newest_row_of_an_empty_store_is_before_all_others(clickhouse_store, journal):
    assert clickhouse_store.newest_row() == -1
    clickhouse_store.load([journal.write(journal.span())])
    assert clickhouse_store.newest_row() > 0
