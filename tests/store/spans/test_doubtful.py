"""Lists under conditions on sums find the rows whose sums fit, and no others."""

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.store.spans.clickhouse.beside import COPIED
from penstock.store.spans.conditions import divided
from penstock.store.spans.filters import Filter
from penstock.store.spans.queries import traces
from penstock.store.spans.queries.doubtful import first_of
from penstock.store.spans.queries.traces import Order
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import And, Not, Or, Text
from penstock.testing.journal import FIRST, PROJECT
from penstock.wire.score import Score

DAY = 86_400_000_000
WINDOW = Window(project=PROJECT, from_=FIRST - DAY, to=FIRST + 70 * DAY)


def of(column, operator, value=None):
    return Filter(column=column, operator=operator, value=value)


A = of("route", "eq", "a")
DEAR, CHEAP, LARGE = of("cost", "gt", 5), of("cost", "lt", 4), of("usage_total", "gt", 9)
CONDITIONS = {
    "one sum": (DEAR, lambda row: (row.cost or 0) > 5),
    "a sum of a route": (And((A, DEAR)), lambda row: row.route == "a" and (row.cost or 0) > 5),
    "little of a route": (And((A, CHEAP)), lambda row: row.route == "a" and row.cost is not None and row.cost < 4),
    "either of two sums": (
        And((A, Or((DEAR, LARGE)))),
        lambda row: row.route == "a" and ((row.cost or 0) > 5 or row.usage.total > 9),
    ),
    "two sums": (And((CHEAP, LARGE)), lambda row: row.cost is not None and row.cost < 4 and row.usage.total > 9),
    "no sum": (And((of("cost", "missing"), A)), lambda row: row.cost is None and row.route == "a"),
    "not a sum": (And((Not(DEAR), Not(A))), lambda row: (row.cost or 0) <= 5 and row.route != "a"),
    "a route or a sum": (Or((A, DEAR)), lambda row: row.route == "a" or (row.cost or 0) > 5),
    "what nothing comes to": (And((A, of("cost", "gt", 500))), lambda row: False),
}


def listed(store, **question):
    rows, after = [], None
    while True:
        page = store.list_calls(WINDOW, after=after, **question)
        rows += page.rows
        if page.next is None:
            return rows
        after = page.next


@pytest.fixture
def filled(store, journal):
    """Calls with and without a root above and attempts below them, over seventy days, that start when others do."""
    rng = random.Random(7)
    spans = []
    for number in range(60):
        started = FIRST + number * DAY

        def span(started=started, **fields):
            worth = {"cost": None if rng.random() < 0.2 else rng.randrange(8), "usage_input": rng.randrange(9)}
            return journal.span(started=started, route=rng.choice(["a", "b"]), **worth | fields)

        call = span()
        spans.append(call)
        if number % 3 == 0:
            below = {"trace_id": call.trace_id, "parent_id": call.span_id, "call": False}
            call.kind = "gateway"
            spans += [span(**below), span(started + 1, **below)]
        if number % 4 == 0:
            root = span(call=False, kind="agent", cost=None, usage_input=0)
            spans += [root, *(span(trace_id=root.trace_id, parent_id=root.span_id) for _ in range(2))]
    store.load([journal.write(*spans)])
    return store


def test_rows_are_found_by_their_sums_whatever_the_page_and_the_order(filled, subtests):
    every = listed(filled, where=None, limit=500)
    assert any(row.spans > 1 for row in every)
    for name, (where, fits) in CONDITIONS.items():
        expected = [row.span_id for row in every if fits(row)]
        for limit, descending in ((3, True), (500, True), (7, False)):
            with subtests.test(name=name, limit=limit, descending=descending):
                found = listed(filled, where=where, limit=limit, order=Order(descending=descending))
                assert [row.span_id for row in found] == (expected if descending else expected[::-1])


OWN = {
    "name": "agent run", "kind": "agent", "source": "otlp", "service": "shop", "duration": 7, "status": "error",
    "error_type": "timeout", "http_status": 504, "route": "a", "variant": "v", "provider": "openai",
    "target_model": "m", "requested_model": "auto", "served_model": "m-1", "prompt_name": "greet", "session": "s",
    "user": "u", "key": "k", "tags": {"team": "care", "empty": ""},
}  # fmt: skip
OF_OWN = {
    **{name: of(name, "eq", value) for name, value in OWN.items() if name != "tags"},
    "tag": of("tags.team", "eq", "care"),
    "empty tag": of("tags.empty", "eq", ""),
    "no tag": of("tags.region", "missing"),
    "model": of("model", "like", "openai/*"),
    "not": Not(of("status", "eq", "ok")),
    "either": Or((of("key", "eq", "k"), of("key", "eq", "x"))),
    "no parent": of("parent_id", "missing"),
    "score": of("score.helpful", "eq", 1.0),
    "error text": of("error_message", "contains", "late"),
    "attribute": of("attributes.a", "eq", "1"),
}


@pytest.fixture
def summed(store, journal):
    """A root with all its fields, that costs something by what is below it; and one that differs in all of them."""
    root = journal.span(call=False, error_message="too late", attributes=msgspec.Raw(b'{"a":"1"}'), **OWN)
    plain = journal.span(call=False, kind="chain", name="plain")
    below = [
        journal.span(trace_id=one.trace_id, parent_id=one.span_id, cost=9, kind="llm", call=False)
        for one in (root, plain)
    ]
    store.load([journal.write(root, plain, *below)])
    judged = {"trace_id": root.trace_id, "name": "helpful", "type": "number", "number": 1.0, "source": "code"}
    store.load_scores([journal.judge(Score(id="s1", project=PROJECT, created=root.started, **judged))])
    return store, root


def test_rows_are_found_by_their_sums_and_any_of_their_fields(summed, subtests):
    store, root = summed
    for name, condition in OF_OWN.items():
        with subtests.test(name=name):
            found = listed(store, where=And((condition, DEAR)), limit=5)
            assert root.span_id in [row.span_id for row in found]
            assert len(found) == (2 if name in {"no tag", "no parent"} else 1)
            assert listed(store, where=And((Not(condition), DEAR, of("kind", "eq", "agent"))), limit=5) == []


@pytest.mark.parametrize("store", ["clickhouse"], indirect=True)
def test_rows_beside_whose_sums_nothing_stands_yet_are_found_too(summed, subtests):
    store, root = summed
    fields = ", ".join(f"{name} = defaultValueOfTypeName(toTypeName({name}))" for name in COPIED)
    store._engine.change(f"ALTER TABLE totals UPDATE copied = false, {fields} WHERE true SETTINGS mutations_sync = 2")
    assert store._engine.ask("SELECT count(), countIf(copied OR key = 'k') FROM totals") == [(2, 0)]
    for name, condition in OF_OWN.items():
        with subtests.test(name=name):
            assert root.span_id in [row.span_id for row in listed(store, where=And((condition, DEAR)), limit=5)]


def test_all_are_joined_only_where_most_that_was_likely_does_not_fit(filled, monkeypatch):
    joined = []
    first = traces._Asked.first

    def watched(self, kinds, *given):
        joined.append("either" in kinds)
        return first(self, kinds, *given)

    monkeypatch.setattr(traces._Asked, "first", watched)

    filled.list_calls(WINDOW, where=And((A, DEAR)), limit=3)
    assert not any(joined)
    filled.list_calls(WINDOW, where=And((of("kind", "eq", "agent"), of("cost", "missing"))), limit=3)
    assert any(joined)


def test_a_tree_is_divided_unless_one_term_asks_for_both():
    assert divided(And((A, DEAR, Not(A), LARGE))) == (And((A, Not(A))), And((DEAR, LARGE)))
    assert divided(DEAR) == (None, DEAR)
    for where in (None, A, And((A, Not(A))), Or((A, DEAR)), And((A, Or((DEAR, Text(words="x")))))):
        assert divided(where) is None


ROWS = st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.booleans(), st.integers(1, 3)), max_size=40).map(
    lambda drawn: [
        (started, place, place, doubtful, fits, lists) for place, (started, doubtful, fits, lists) in enumerate(drawn)
    ]
)


@given(ROWS, st.integers(1, 12))
def test_the_first_are_those_that_fit_however_many_lists_tell_of_them(rows, limit):
    def key(row):
        return -row[0], -row[1]

    def beyond(after):
        return sorted((row for row in rows if after is None or key(row) > key(after)), key=key)

    def likely(after, most):
        return [
            [row[:4] for row in beyond(after) if row[5] & number and (row[3] or row[4])][:most] for number in (1, 2)
        ]

    def fit(doubtful):
        assert all(row[3] for row in doubtful)
        return {row[2] for row in rows if row[4]} & {row[2] for row in doubtful}

    def rest(after, most):
        assert most > 0
        return [row[:4] for row in beyond(after) if row[4]][:most]

    found = first_of(likely, fit, rest, limit=limit, key=key)

    assert found == [row[:4] for row in beyond(None) if row[4]][:limit]
