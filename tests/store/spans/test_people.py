"""Sessions, users, groups, facets and exports against what Python makes of the same spans."""

import csv
import io
import itertools
from collections import Counter

import msgspec
import pytest

from penstock.core.errors import InvalidInput
from penstock.store.spans.filters import Filter
from penstock.store.spans.queries import trace as traces
from penstock.store.spans.queries.traces import Order, Place
from penstock.store.spans.queries.window import Window
from penstock.testing.journal import PROJECT

HOUR = 3_600_000_000
DAY = 24 * HOUR
START = 1_700_000_000_000_000 // DAY * DAY
WINDOW = Window(project=PROJECT)


def upkeep(store):
    while store.maintain():
        pass


@pytest.fixture
def spans(store, journal, clock):
    clock.advance(10 * 24 * 3600)
    spans = [
        journal.span(
            started=START + number * 5 * HOUR,
            duration=1000 * number,
            session=f"s{number % 4}" if number % 5 else None,
            user=f"u{number % 3}",
            route="ab"[number % 2],
            provider="p",
            served_model="m",
            status="error" if number % 6 == 0 else "ok",
            cost=number * 10,
            usage_output=number,
            tags={"team": "x"} if number % 2 else {},
        )
        for number in range(24)
    ]
    store.load([journal.write(*spans)])
    return spans


WINDOWS = {"within": (7 * HOUR, 80 * HOUR), "from first to last": (0, 115 * HOUR + 1), "beyond": (-DAY, 9 * DAY)}


@pytest.mark.parametrize("settled", [False, True])
def test_sessions_and_users_add_up_whatever_is_summed_up(store, spans, settled, subtests):
    if settled:
        upkeep(store)
    for name, (low, high) in WINDOWS.items():
        with subtests.test(name):
            check_activities(store, spans, START + low, START + high)


def check_activities(store, spans, low, high):
    inside = [span for span in spans if low <= span.started < high]
    for ask, name in ((store.sessions, "session"), (store.users, "user")):
        found = ask(Window(project=PROJECT, from_=low, to=high), order="cost").rows
        costs = Counter()
        for span in inside:
            if getattr(span, name):
                costs[getattr(span, name)] += span.cost
        assert [(row.id, row.cost) for row in found] == sorted(costs.items(), key=lambda pair: (-pair[1], pair[0]))
        for row in found:
            own = [span for span in inside if getattr(span, name) == row.id]
            assert (row.calls, row.spans, row.tokens) == (len(own), len(own), sum(span.usage_output for span in own))
            assert row.errors == sum(span.status == "error" for span in own)
            assert (row.first, row.last) == (own[0].started, max(span.started + span.duration for span in own))


def test_pages_of_sessions_hold_each_once(store, spans):
    found, after = [], None
    while True:
        page = store.sessions(WINDOW, order="calls", after=after, limit=1)
        found += [row.id for row in page.rows]
        if page.next is None:
            break
        after = page.next

    assert sorted(found) == ["s0", "s1", "s2", "s3"]


def test_sessions_are_those_of_which_a_call_fits(store, spans):
    fits = Filter(column="duration", operator="eq", value=7000)

    (row,) = store.sessions(WINDOW, where=fits).rows

    assert row.id == "s3"
    assert row.calls == sum(span.session == "s3" for span in spans)


def test_one_session_has_its_calls_in_order(store, spans):
    upkeep(store)

    found = store.session(PROJECT, "s1")

    own = [span for span in spans if span.session == "s1"]
    assert [row.span_id for row in found.rows] == [span.span_id for span in own]
    assert found.of.cost == sum(span.cost for span in own)
    assert store.session(PROJECT, "nobody") is None
    assert store.user("other", "u1") is None
    assert store.user(PROJECT, "u1").of.calls == 8


@pytest.mark.parametrize("late", [False, True])
def test_the_newest_calls_of_one_that_did_much_are_sent_whatever_came_since(store, spans, journal, late):
    """Days that are summed up tell which hold them; one that has changed since is looked into."""
    upkeep(store)
    own = [span for span in spans if span.session == "s1"]
    if late:
        more = [journal.span(started=at.started + 1, session="s1") for at in (own[1], own[-2])]
        store.load([journal.write(*more)])
        own = sorted([*own, *more], key=lambda span: span.started)

    found = store.session(PROJECT, "s1", limit=3)

    assert [row.span_id for row in found.rows] == [span.span_id for span in own[-3:]]
    assert found.of.calls == len(own)


@pytest.fixture
def busy(store, journal, clock):
    """What one did on three days: much at the same microsecond, and at the first and the last one of a day."""
    clock.advance(10 * 24 * 3600)
    moments = (0, 0, HOUR, HOUR, HOUR, DAY - 1, DAY - 1)
    spans = [
        journal.span(started=START + day * DAY + moment, session="busy", user="ada")
        for day in range(3)
        for moment in moments
    ]
    below = [
        journal.span(started=span.started, call=False, trace_id=span.trace_id, parent_id=span.span_id, session="busy")
        for span in spans[::4]
    ]
    others = [journal.span(started=span.started, session="other", user="bob") for span in spans[::3]]
    store.load([journal.write(*spans, *below, *others)])
    return spans


@pytest.mark.parametrize("summed", ["nothing", "everything", "all but a day"])
def test_pages_of_one_join_to_all_its_calls_in_order(store, busy, journal, summed, subtests):
    if summed != "nothing":
        upkeep(store)
    if summed == "all but a day":
        late = [journal.span(started=START + DAY + moment, session="busy", user="ada") for moment in (HOUR, 2 * HOUR)]
        store.load([journal.write(*late)])
        busy = [*busy, *late]
    expected = [span.span_id for span in sorted(busy, key=lambda span: (span.started, span.span_id))]
    for ask, name, limit in ((store.session, "busy", 2), *((store.user, "ada", limit) for limit in (3, 7, 100))):
        with subtests.test(limit=limit):
            check_pages(ask, name, limit, expected)


def check_pages(ask, name, limit, expected):
    pages, after = [], None
    while not pages or after is not None:
        found = ask(PROJECT, name, after=after, limit=limit)
        assert found.of.calls == len(expected)
        pages.insert(0, [row.span_id for row in found.rows])
        after = found.next
        assert len(pages) <= len(expected)

    assert list(itertools.chain(*pages)) == expected
    assert {len(page) for page in pages[1:]} <= {limit}
    assert 0 < len(pages[0]) <= limit


def test_calls_of_one_go_on_from_any_place(store, busy):
    upkeep(store)
    ordered = sorted(busy, key=lambda span: (span.started, span.span_id))
    moments = (START - 1, START, START + DAY - 1, START + DAY + 2 * HOUR, START + 9 * DAY)
    places = [(moment, "0" * 16) for moment in moments] + [(span.started, span.span_id) for span in ordered[5::4]]
    for started, span_id in places:
        before = [span.span_id for span in ordered if (span.started, span.span_id) < (started, span_id)]
        found = store.session(PROJECT, "busy", after=Place(started, int(span_id, 16)), limit=6)
        assert [row.span_id for row in found.rows] == before[-6:]
        assert (found.next is None) == (len(before) <= 6)


@pytest.mark.parametrize("settled", [False, True])
def test_groups_and_facets_count_the_same_calls(store, spans, settled):
    if settled:
        upkeep(store)
    where = Filter(column="status", operator="eq", value="ok")
    fitting = [span for span in spans if span.status == "ok"]

    for columns, names in ((("route",), ["route"]), (("tags.team", "route"), ["team", "route"])):
        groups = store.group_by(WINDOW, columns, where=where).rows
        expected = Counter(
            tuple(span.tags.get("team") if name == "team" else span.route for name in names) for span in fitting
        )
        assert {group.labels: group.calls for group in groups} == expected
        assert sum(group.cost for group in groups) == sum(span.cost for span in fitting)
        assert not sum(group.errors for group in groups)
    facets = store.facets_of(WINDOW, ("route", "model", "user", "tags"), where=where).columns
    assert {facet.value: facet.count for facet in facets["route"]} == Counter(span.route for span in fitting)
    assert [(facet.value, facet.count) for facet in facets["model"]] == [("p/m", len(fitting))]
    assert store.facets_of(WINDOW, ("route", "kind", "stream"), where=where).columns == {
        name: store.facets(WINDOW, name, where=where) for name in ("route", "kind", "stream")
    }
    assert {facet.value: facet.count for facet in facets["user"]} == Counter(span.user for span in fitting)
    assert [(facet.value, facet.count) for facet in facets["tags"]] == [
        ("team", sum("team" in s.tags for s in fitting))
    ]


def test_a_sorted_list_is_paged_without_gaps(store, journal, spans, subtests):
    root = journal.span(started=START, kind="gateway", cost=None)
    attempts = [
        journal.span(started=START, call=False, trace_id=root.trace_id, parent_id=root.span_id, cost=cost)
        for cost in (40, 45)
    ]
    store.load([journal.write(root, *attempts, journal.span(started=START, cost=None))])
    for by, descending in itertools.product(("duration", "cost", "tokens"), (True, False)):
        with subtests.test(by=by, descending=descending):
            check_sorted(store, root, by, descending)


def check_sorted(store, root, by, descending):
    found, after = [], None
    while True:
        page = store.list_calls(WINDOW, after=after, limit=4, order=Order(by=by, descending=descending))
        found += page.rows
        if page.next is None:
            break
        after = page.next

    values = [{"duration": row.duration, "cost": row.cost, "tokens": row.usage.total}[by] for row in found]
    known = [value for value in values if value is not None]
    assert len({row.span_id for row in found}) == len(found) == 26
    assert known == sorted(known, reverse=descending)
    assert values[len(known) :] == [None] * (len(values) - len(known))
    assert next(row for row in found if row.span_id == root.span_id).cost == 85


def test_a_large_trace_comes_without_its_texts_and_each_span_with_them(store, journal, monkeypatch):
    """FAILURES O3."""
    monkeypatch.setattr(traces, "MOST_WHOLE", 2)
    said = msgspec.Raw(b'[{"role":"user","parts":[{"type":"text","content":"hello"}]}]')
    root = journal.span(input=said)
    rest = [journal.span(call=False, kind="tool", trace_id=root.trace_id, parent_id=root.span_id) for _ in range(3)]
    store.load([journal.write(root, *rest[:1])])
    assert store.trace(PROJECT, root.trace_id).complete
    store.load([journal.write(*rest[1:])])

    view = store.trace(PROJECT, root.trace_id)

    assert not view.complete
    assert len(view.spans) == 4
    assert (view.spans[0].input, view.spans[0].input_preview) == (None, "hello")
    assert bytes(store.span(PROJECT, root.trace_id, root.span_id).input) == bytes(said)
    assert store.span("other", root.trace_id, root.span_id) is None


def test_a_large_trace_is_outlined_column_by_column_when_that_is_asked_for(store, journal, monkeypatch):
    """FAILURES O3."""
    monkeypatch.setattr(traces, "MOST_WHOLE", 2)
    root = journal.span(started=START, kind="agent", parent_id="00000000000000ff", duration=9, cost=None)
    rest = [
        journal.span(started=START + at, call=False, kind="llm", trace_id=root.trace_id, parent_id=root.span_id,
                     name=f"step {at}", duration=20, cost=at, usage_input=at, served_model="m")
        for at in (1, 2, 3)
    ]  # fmt: skip
    store.load([journal.write(root, *rest[:1])])
    assert store.trace(PROJECT, root.trace_id, outlined=True) == store.trace(PROJECT, root.trace_id)
    store.load([journal.write(*rest[1:])])

    whole = store.trace(PROJECT, root.trace_id)
    view = store.trace(PROJECT, root.trace_id, outlined=True)

    assert (view.spans, view.complete, view.totals, view.trace_id) == ([], False, whole.totals, root.trace_id)
    made = view.outline
    assert made.span_id == [span.span_id for span in whole.spans]
    assert (made.start, made.started, made.parent) == (START, [0, 1, 2, 3], [None, 0, 0, 0])
    assert made.call == [True, False, False, False]
    assert made.cost == [None, 1, 2, 3]
    assert made.status == made.usage_output == []
    sent = msgspec.to_builtins(made)
    assert {"usage_output", "status", "route"}.isdisjoint(sent)
    for name, column in sent.items():
        if name not in {"start", "started", "parent", "span_id"}:
            told = [getattr(span, name) for span in whole.spans]
            assert (column if len(column) == len(told) else column * len(told)) == told
    assert store.trace("other", root.trace_id, outlined=True) is None


def test_an_export_holds_every_span_that_fits_once_in_each_format(store, journal, monkeypatch):
    """FAILURES O2, S42."""
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("penstock.store.spans.queries.export.SLICE_ROWS", 3)
    long = msgspec.Raw(msgspec.json.encode([{"role": "user", "parts": [{"type": "text", "content": "x" * 40_000}]}]))
    spans = [
        journal.span(session=value, tags={"k": "v"}, input=long if number == 2 else None, started=START + number % 2)
        for number, value in enumerate(["=1+1", "-2", "@x", "\tx", "plain", None, "+3", "a,b"])
    ]
    store.load([journal.write(*spans, journal.span(status="error"))])
    where = Filter(column="status", operator="eq", value="ok")

    lines = [msgspec.json.decode(line) for line in b"".join(store.export(WINDOW, where=where)).splitlines()]
    assert sorted(line["span_id"] for line in lines) == [span.span_id for span in spans]
    assert next(line for line in lines if line["session"] == "@x")["input"] == msgspec.json.decode(long)
    text = b"".join(store.export(WINDOW, where=where, columns=("session", "tags", "call"), format_="csv")).decode()
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["session", "tags", "call"]
    assert sorted(row[0] for row in rows[1:]) == sorted(["'=1+1", "'-2", "'@x", "'\tx", "plain", "", "'+3", "a,b"])
    table = parquet.read_table(io.BytesIO(b"".join(store.export(WINDOW, where=where, format_="parquet"))))
    assert sorted(table.column("span_id").to_pylist()) == [span.span_id for span in spans]
    with pytest.raises(InvalidInput, match="no column"):
        store.export(WINDOW, columns=("nonsense",))
    assert b"".join(store.export(Window(project="other"))) == b""
