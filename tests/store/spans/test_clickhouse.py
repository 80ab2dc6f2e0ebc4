"""What is ClickHouse's alone: the way to the server, exactly once without transactions, upkeep after a crash."""

import socket
import sys

import msgspec
import pytest
from clickhouse_server import Server
from killing import killed_at_random
from sqlglot import parse_one

from penstock.core.errors import InvalidInput, MissingExtra, Unavailable
from penstock.store.spans.clickhouse import deletion, engine, rollup
from penstock.store.spans.clickhouse.engine import FEW_ROWS, Address, ClickHouseEngine, Refused
from penstock.store.spans.clickhouse.functions import bound, render
from penstock.store.spans.clickhouse.loader import PLAN
from penstock.store.spans.clickhouse.migrations import SCHEMA
from penstock.store.spans.clickhouse.store import ClickHouseSpanStore
from penstock.store.spans.deletion import Selection
from penstock.store.spans.engine import prepare
from penstock.store.spans.expressions import scatter, sql
from penstock.store.spans.filters import Filter
from penstock.store.spans.metrics import MetricQuery
from penstock.store.spans.queries.window import Window
from penstock.testing.journal import FIRST, PROJECT
from penstock.wire.score import Score

HOUR = 3_600_000_000
ONE = parse_one("SELECT 1", dialect="duckdb")


@pytest.fixture
def store(clickhouse_store):
    return clickhouse_store


class Crash(Exception):
    pass


class CrashingAt:
    """An engine whose process ends before its nth change, or right after it."""

    def __init__(self, engine, monkeypatch, *, at, after):
        self._left = at
        self._after = after
        for name in ("change", "insert"):
            monkeypatch.setattr(engine, name, self._wrapped(getattr(engine, name)))

    def _wrapped(self, method):
        def call(*args, **kwargs):
            self._left -= 1
            if self._left == 0 and not self._after:
                raise Crash
            method(*args, **kwargs)
            if self._left == 0:
                raise Crash

        return call


def trace_of(journal, number):
    root = journal.span(kind="agent", call=False, source="otlp", trace_id=f"{number:032x}")
    model = journal.span(
        trace_id=root.trace_id, parent_id=root.span_id, call=False, source="otlp", usage_input=5, cost=7
    )
    call = journal.span(trace_id=root.trace_id, parent_id=model.span_id, usage_input=5, cost=8)
    return root, model, call


def test_an_address_is_read_from_a_url():
    address = Address.parse("https://me%40x@db.example/spans%20of", password="p")

    assert (address.host, address.port, address.secure) == ("db.example", 8443, True)
    assert (address.user, address.database) == ("me@x", "spans of")
    assert str(address) == "https://db.example:8443/spans of"
    assert Address.parse("http://h").database == "penstock"
    for wrong in ("h:8123", "ftp://h", "https://", "https://h:99999"):
        with pytest.raises(InvalidInput, match="address of ClickHouse"):
            Address.parse(wrong)


def test_a_missing_driver_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "clickhouse_connect", None)

    with pytest.raises(MissingExtra, match=r"clickhouse"):
        ClickHouseEngine(Address.parse("http://127.0.0.1:1/x")).read(ONE)


def test_a_server_that_is_not_there_makes_the_store_unavailable(journal, clock):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    store = ClickHouseSpanStore(
        Address.parse(f"http://127.0.0.1:{port}/x"), journal=journal.folder, quarantine=journal.quarantine, clock=clock
    )
    path = journal.write(journal.span())

    with pytest.raises(Unavailable) as caught:
        store.load([path])

    assert caught.value.code == "span_store_unavailable"
    assert "wait in the journal" in str(caught.value)
    assert path.exists()


def test_a_wrong_password_is_told_without_showing_it(clickhouse):
    engine = ClickHouseEngine(Address.parse(clickhouse.url("x", password="wrong one")))

    with pytest.raises(Unavailable, match="spans_password") as caught:
        engine.read(ONE)

    assert "wrong one" not in str(caught.value)


def test_http_where_tls_is_spoken_is_told(clickhouse):
    url = clickhouse.url("x").replace("http://", "https://")

    with pytest.raises(Unavailable, match="spans_ca"):
        ClickHouseEngine(Address.parse(url)).read(ONE)


def test_a_database_of_a_newer_version_is_refused(address):
    engine = ClickHouseEngine(address)
    engine.change("INSERT INTO schema_version VALUES ({version:Int64})", {"version": SCHEMA + 1})
    engine.close()

    with pytest.raises(Unavailable, match="newer version") as caught:
        ClickHouseEngine(address).read(ONE)

    assert caught.value.code == "span_store_newer"


def test_values_are_bound_with_their_types():
    query = parse_one("SELECT $a, $b, $c, $d FROM t WHERE x IN (SELECT unnest($e)) AND y = $f", dialect="duckdb")
    values = {"a": 1, "b": 2**64 - 1, "c": None, "d": True, "e": [1, 2**63], "f": "'; DROP TABLE spans; --"}

    text, given = bound(render(query), values)

    assert given == values
    assert "DROP" not in text
    for part in ("{a:Int64}", "{b:UInt64}", "{c:Nullable(Nothing)}", "{d:Bool}", "{e:Array(UInt64)}", "{f:String}"):
        assert part in text


def test_a_list_is_looked_for_as_it_stands_and_what_a_query_finds_by_the_query():
    given = "SELECT a FROM t WHERE x IN (SELECT unnest($e)) AND y IN (SELECT unnest(z) FROM u) AND y IN (SELECT $e)"

    text = render(parse_one(given, dialect="duckdb"))

    assert "x IN {e:?} AND y IN (SELECT arrayJoin(z) FROM u) AND y IN (SELECT {e:?})" in text
    tag = render(parse_one("SELECT a FROM t WHERE tags[$k] IN (SELECT unnest($e))", dialect="duckdb"))
    assert "if(mapContains(tags, {k:?}), arrayElement(tags, {k:?}), NULL) IN {e:?}" in tag


def test_a_list_of_nothing_holds_nothing(store, journal):
    store.load([journal.write(journal.span(user="u"))])
    for name in ("user", "rowid", "trace_id"):
        found = sql("SELECT count(*) FROM spans").where(f"{name} IN (SELECT unnest($e))", dialect="duckdb")
        assert store._engine.read(found, {"e": []}) == [(0,)]


def test_a_server_that_restarts_is_found_again(tmp_path, journal, clock):
    server = Server(tmp_path / "clickhouse")
    server.start()
    try:
        store = ClickHouseSpanStore(
            Address.parse(server.url("x")), journal=journal.folder, quarantine=journal.quarantine, clock=clock
        )
        paths = [journal.write(journal.span()) for _ in range(3)]
        store.load(paths[:1])
        server.kill()
        with pytest.raises(Unavailable):
            store.load(paths)
        server.start()

        assert [one.repeated for one in store.load(paths)] == [True, False, False]
        assert store.count_spans() == 3
        # The plan of a load whose answer never came: the server knows the insertion by its token.
        (journal.folder / PLAN).write_bytes(msgspec.json.encode({"names": [path.name for path in paths[1:]], "row": 0}))
        store._engine.change("TRUNCATE TABLE segments")
        server.kill()
        server.start()
        store.load(paths[1:])
        assert store.count_spans() == 3
    finally:
        server.kill()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 10))
def test_what_is_loaded_is_loaded_once_wherever_it_is_cut(store, journal, clock, monkeypatch, at, after):
    """FAILURES O5."""
    paths = [journal.write(*trace_of(journal, number)) for number in (1, 2)]
    with monkeypatch.context() as patch:
        CrashingAt(store._engine, patch, at=at, after=after)
        try:
            store.load_intake(paths)
        except Crash:
            store.close()

    others = journal.write(journal.span())
    loaded = store.load_intake([*paths, others])

    assert len(loaded) == 3
    assert not (journal.folder / PLAN).exists()
    assert store.count_spans() == 7
    books = store.books(Window(project=PROJECT))
    assert (books.spans, books.cost, books.tokens) == (7, 16, 10)
    assert store._engine.ask("SELECT cost FROM totals ORDER BY trace_id") == [(8,), (8,)]


def test_a_loader_that_is_killed_again_and_again_stores_everything_once(store, journal):
    """FAILURES O5: 30 kills, at any moment."""
    paths = [journal.write(*trace_of(journal, number)) for number in range(1, 200)]
    store.close()

    def ingest():
        for path in paths:
            if path.exists():
                store.load_intake([path])
                path.unlink()

    killed_at_random(ingest, times=30)
    store.load_intake([path for path in paths if path.exists()])

    spans = 3 * len(paths)
    assert store.count_spans() == spans
    assert store._engine.ask("SELECT count(), sum(spans) FROM segments") == [(len(paths), spans)]
    assert store.books(Window(project=PROJECT)).cost == 8 * len(paths)


def test_an_hour_whose_summing_up_is_cut_is_summed_up_once(store, journal, clock, monkeypatch):
    paths = [journal.write(*(journal.span(cost=1, started=clock.now() - n * HOUR) for n in range(5)))]
    store.load(paths)
    clock.advance(3 * 24 * 3600)
    for at in (1, 4, 9, 16, 22, 23, 24, 25):
        with monkeypatch.context() as patch:
            CrashingAt(store._engine, patch, at=at, after=bool(at % 2))
            try:
                while store.maintain():
                    pass
            except Crash:
                store.close()
    while store.maintain():
        pass

    assert store._engine.ask("SELECT count() FROM pending_hours") == [(0,)]
    assert store._engine.ask("SELECT sum(calls), sum(cost) FROM rollup WHERE dimension = 'all'") == [(5, 5)]
    store.load([journal.write(journal.span(cost=1, started=clock.now() - 3 * 24 * HOUR))])
    assert store._engine.ask("SELECT count() FROM pending_hours") == [(1,)]


@pytest.mark.parametrize("at_once", [1, 14, 1000])
def test_hours_and_days_of_few_spans_are_summed_up_and_indexed_at_once(store, journal, clock, monkeypatch, at_once):
    monkeypatch.setattr(rollup, "SPANS_AT_ONCE", at_once)
    started = clock.now() // (24 * HOUR) * 24 * HOUR
    said = msgspec.Raw(b'[{"role": "user", "parts": [{"type": "text", "content": "word"}]}]')
    spans = [journal.span(cost=1, started=started - n * 6 * HOUR, user="u", input=said) for n in range(28)]
    store.load([journal.write(*spans)])
    clock.advance(4 * 24 * 3600)
    steps = list(iter(store.maintain, 0))

    # Hours, days (of 3, 4, 4, 4, 4, 4, 4 and 1 spans), and words.
    parts = {1: [24, 4, *[1] * 8, 24, 4], 14: [24, 4, 2, 3, 3, 24, 4], 1000: [28, 8, 28]}
    assert steps == parts[at_once]
    assert store._engine.ask("SELECT count(), sum(calls) FROM rollup WHERE dimension = 'all'") == [(28, 28)]
    assert store._engine.ask("SELECT count(), sum(cost) FROM users_daily") == [(8, 28)]
    assert store._engine.ask("SELECT uniq(hour), count() FROM text_blocks") == [(28, 28)]


def test_rows_of_old_attempts_are_swept(store, journal, clock, monkeypatch):
    store.load([journal.write(journal.span(started=clock.now()))])
    clock.advance(24 * 3600)
    for _ in range(2):
        rollup.roll_up(store._engine, before=clock.now())
        rollup.touch(store._engine, [clock.now() // HOUR * HOUR - 24 * HOUR])
    monkeypatch.setattr(rollup, "_STALE", "({period}, attempt) NOT IN (SELECT {period}, attempt FROM {period}s)")

    rollup.sweep(store._engine)

    ((attempts,),) = store._engine.ask("SELECT count(DISTINCT attempt) FROM rollup_rows")
    assert attempts == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 8))
def test_a_deletion_that_is_cut_goes_on_and_counts_right(store, journal, monkeypatch, at, after):
    """FAILURES O10."""
    store.load_intake([journal.write(*trace_of(journal, 1), *trace_of(journal, 2))])
    selection = Selection(project=PROJECT, traces=(f"{1:032x}",))
    with monkeypatch.context() as patch:
        CrashingAt(store._engine, patch, at=at, after=after)
        try:
            store.delete_batch(selection, job="a")
        except Crash:
            store.close()

    while (deleted := store.delete_batch(selection, job="a")).more:
        pass

    assert (deleted.spans, store.count_spans()) == (3, 3)
    assert store.remaining(selection).nothing
    assert store._engine.ask("SELECT count() FROM totals") == [(1,)]
    store.forget_deletion("a")
    assert store._engine.ask(
        "SELECT sum(rows) FROM system.parts WHERE table = 'spans' AND active"
        " AND database = currentDatabase() AND partition NOT LIKE 'patch%'"
    ) == [(3,)]


def test_a_deletion_counts_all_when_the_server_takes_up_what_was_cut_by_itself(store, journal, monkeypatch):
    """FAILURES O10: a server that dies deletes on when it is back, while the next batch is being chosen."""
    store.load_intake([journal.write(*trace_of(journal, 1), *trace_of(journal, 2))])
    selection = Selection(project=PROJECT, traces=(f"{1:032x}", f"{2:032x}"))
    real = store._engine.change

    def cut(text, *args, **kwargs):
        if not text.startswith("DELETE FROM spans"):
            return real(text, *args, **kwargs)
        real(f"{text} AND sleepEachRow(0.1) = 0", *args, settings={"lightweight_deletes_sync": 0})
        raise Crash

    monkeypatch.setattr(deletion, "BATCH_TRACES", 1)
    with monkeypatch.context() as patch:
        patch.setattr(store._engine, "change", cut)
        with pytest.raises(Crash):
            store.delete_batch(selection, job="a")
    ask = store._engine.ask

    def slowly(text, values=None):
        """Each question but the one for deletions under way is asked after these."""
        while "mutations" not in text and ask(deletion._UNFINISHED):
            pass
        return ask(text, values)

    monkeypatch.setattr(store._engine, "ask", slowly)
    while (deleted := store.delete_batch(selection, job="a")).more:
        pass

    assert (deleted.spans, store.count_spans()) == (6, 0)


def test_what_the_server_will_not_read_is_set_aside(store, journal, monkeypatch):
    real = store._engine.insert

    def choosy(text, data, *args, **kwargs):
        if b"poison" in data:
            raise Refused("no poison here")
        real(text, data, *args, **kwargs)

    monkeypatch.setattr(store._engine, "insert", choosy)
    good, bad = journal.write(journal.span()), journal.write(journal.span(), journal.span(session="poison"))

    loaded = store.load([good, bad])

    assert [(one.spans, one.quarantined) for one in loaded] == [(1, 0), (1, 1)]
    (line,) = (journal.quarantine / bad.name).read_bytes().splitlines()
    assert msgspec.json.decode(line)["reason"] == "no poison here"
    assert msgspec.json.decode(line)["line"] == 2


def test_json_that_is_a_bare_text_stays_json(store, journal):
    store.load([journal.write(journal.span(input=msgspec.Raw(b'"a \\"b\\""'), attributes=msgspec.Raw(b"[1]")))])

    assert store._engine.ask("SELECT input, attributes FROM spans") == [('"a \\"b\\""', "[1]")]


def extents(store, **values):
    of = sql("SELECT min(started), max(started) FROM spans")
    for name in values:
        of = of.where(f"{name} = ${name}", dialect="duckdb")
    ((first, last),) = store._engine.read(of, values)
    return first, last


def test_the_extent_of_spans_is_that_of_those_that_fit_and_none_without_any(store, journal):
    assert extents(store) == extents(store, project=PROJECT) == (None, None)
    spans = [journal.span(started=at, project=project) for at, project in ((3, PROJECT), (5, PROJECT), (9, "another"))]
    store.load([journal.write(*spans)])
    assert extents(store) == (3, 9)
    assert extents(store, project=PROJECT) == (3, 5)
    assert extents(store, project="a third") == (None, None)


def test_what_costs_less_is_passed_over_though_some_costs_are_unknown(store, journal):
    # Two parts, whose granules hold an unknown cost each.
    for cost in (1, 100):
        store.load([journal.write(journal.span(cost=cost), journal.span(cost=None))])
    plan = store._engine.ask("EXPLAIN indexes = 1 SELECT rowid FROM spans WHERE cost >= {least:Int64}", {"least": 50})
    assert "Granules: 1/2" in "\n".join(line for (line,) in plan).partition("by_known_cost")[2]


def test_a_server_is_told_only_the_settings_that_it_knows(address, journal, clock, monkeypatch):
    monkeypatch.setattr(engine, "TUNED", engine.TUNED | {"no_such_setting": 1})
    store = ClickHouseSpanStore(address, journal=journal.folder, quarantine=journal.quarantine, clock=clock)
    assert store._engine.ask("SELECT toString(getSetting('use_top_k_dynamic_filtering'))") == [("false",)]
    store.close()


def test_the_extent_of_groups_is_read_as_it_is_asked_for():
    text = render(sql("SELECT min(started), max(started) FROM spans GROUP BY project"))
    assert text == "SELECT MIN(started), MAX(started) FROM spans GROUP BY project"


def test_what_a_snapshot_was_asked_before_is_not_asked_of_the_server_again(store, journal):
    store.load([journal.write(*(journal.span(started=at) for at in range(FEW_ROWS + 1)))])
    few = sql("SELECT started FROM spans WHERE started < $before ORDER BY started")
    with store._engine.snapshot() as read:
        first = read(few, {"before": 2})
        many = read(few, {"before": FEW_ROWS + 1})
        first.append("of the caller")
        store.load([journal.write(journal.span(started=1))])
        assert read(few, {"before": 2}) == [(0,), (1,)]
        assert len(read(few, {"before": FEW_ROWS + 1})) == len(many) + 1
        kept = prepare(few, kept=True)
        many = read(kept, {"before": FEW_ROWS})
        store.load([journal.write(journal.span(started=1))])
        assert len(many) > FEW_ROWS
        assert read(kept, {"before": FEW_ROWS}) == many
    assert len(store._engine.read(few, {"before": 2})) == 4


def test_what_lies_apart_is_read_by_more_threads_and_answers_the_same(store, journal):
    spans = [journal.span(started=FIRST + at * HOUR, cost=at) for at in range(9)]
    store.load([journal.write(*spans)])
    query = sql("SELECT cost FROM spans WHERE rowid IN (SELECT unnest($rows)) ORDER BY cost")
    together = query.copy()
    scatter(together)

    assert "concurrent_read" not in render(query)
    assert render(together.copy()).count("_for_concurrent_read = 1") == 2
    rows = [row for (row,) in store._engine.ask("SELECT rowid FROM spans WHERE cost IN (2, 5)")]
    assert store._engine.read(together, {"rows": rows}) == store._engine.read(query, {"rows": rows}) == [(2,), (5,)]


def test_scores_of_given_traces_are_found_before_they_are_merged():
    given = parse_one("SELECT number FROM scores WHERE project = $p AND trace_id IN (SELECT unnest($t))", "duckdb")
    found = parse_one("SELECT number FROM scores WHERE trace_id IN (SELECT trace_id FROM spans)", "duckdb")

    assert "id IN (SELECT id FROM scores WHERE" in render(given)
    assert "final" not in render(found)


def test_the_model_of_spans_is_read_where_it_is_stored(clickhouse_store, journal):
    span = journal.span(provider="p", served_model="m")
    clickhouse_store.load([journal.write(span)])
    judged = {"name": "helpful", "type": "number", "number": 1.0, "source": "code"}
    score = Score(id="s", project=PROJECT, created=FIRST, trace_id=span.trace_id, span_id=span.span_id, **judged)
    clickhouse_store.load_scores([journal.judge(score)])
    clickhouse_store._engine.change("UPDATE spans SET model = 'stored/apart' WHERE model = 'p/m'")
    window = Window(project=PROJECT, from_=FIRST - HOUR, to=FIRST + HOUR)
    where = Filter(column="model", operator="like", value="stored/*")
    query = MetricQuery(project=PROJECT, from_=window.from_, to=window.to, aggregation="count", group_by=("model",))
    of_scores = msgspec.structs.replace(query, population="scores")

    assert [row.span_id for row in clickhouse_store.list_calls(window, where=where).rows] == [span.span_id]
    for asked in (query, of_scores):
        assert [line.labels for line in clickhouse_store.measure(asked).series] == [("stored/apart",)]
