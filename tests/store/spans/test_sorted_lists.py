"""Lists that are sorted by what a row is worth, found by way of a bound."""

import itertools
import random

import pytest

from penstock.store.spans.filters import Filter
from penstock.store.spans.queries import traces
from penstock.store.spans.queries.traces import Order
from penstock.store.spans.queries.window import Window
from penstock.testing.journal import FIRST, PROJECT

DAY = 86_400_000_000
WINDOW = Window(project=PROJECT, from_=FIRST - DAY, to=FIRST + 70 * DAY)


def listed(ask, order, where, limit):
    rows, after = [], None
    while True:
        page = ask(WINDOW, order=order, where=where, after=after, limit=limit)
        rows += [(row.span_id, row.duration, row.cost, row.usage.total) for row in page.rows]
        if page.next is None:
            return rows
        after = page.next


@pytest.fixture
def filled(store, journal):
    """Calls of one span and of several, over seventy days; many are worth alike, and some costs are unknown."""
    rng = random.Random(5)
    spans = []
    for number in range(60):
        started = FIRST + number * DAY
        worth = {
            "duration": rng.randrange(1, 9) * 1000,
            "usage_input": rng.randrange(6),
            "usage_output": rng.randrange(3),
            "cost": None if rng.random() < 0.2 else rng.randrange(8),
        }
        call = journal.span(started=started, route=rng.choice(["a", "b"]), **worth)
        spans.append(call)
        if number % 3 == 0:
            trace = {"trace_id": call.trace_id, "call": False, "kind": "llm", "started": started + 1}
            call.kind = "gateway"
            spans += [
                journal.span(**trace, parent_id=call.span_id, cost=rng.randrange(9), usage_input=rng.randrange(9))
                for _ in range(2)
            ]
    store.load([journal.write(*spans)])
    return store


@pytest.fixture
def bounds(monkeypatch):
    """The kinds of rows that were found by way of a bound, and whether those with good sums were known from it."""
    seen = []
    best = traces._Asked.best

    def spied(self, kinds, bound):
        seen.append((kinds[0], self._starts is not None))
        return best(self, kinds, bound)

    monkeypatch.setattr(traces._Asked, "best", spied)
    return seen


def test_a_list_is_the_same_by_way_of_a_bound_as_without(filled, monkeypatch, bounds, subtests):
    for by, descending, most in itertools.product(("duration", "cost", "tokens"), (True, False), (traces.PLACES, 0)):
        with subtests.test(by=by, descending=descending, most=most):
            check(filled, monkeypatch, by, descending, most)
    assert set(bounds) == {("whole", True), ("whole", False), (None, False)}


def check(filled, monkeypatch, by, descending, most):
    order = Order(by=by, descending=descending)
    conditions = [None, Filter(column="route", operator="eq", value="a"), Filter(column="cost", operator="gt", value=3)]
    for ask in (filled.list_calls, filled.list_spans):
        for where in conditions:
            monkeypatch.setattr(traces, "SAMPLED", 2**62)
            plain = listed(ask, order, where, 500)
            monkeypatch.setattr(traces, "SAMPLED", 0)
            monkeypatch.setattr(traces, "_SHARES", (64, 2))
            monkeypatch.setattr(traces, "PLACES", most)
            monkeypatch.setattr(traces, "ALIKE", 4 if most else 1)
            assert listed(ask, order, where, 13) == plain
            values = [row[{"duration": 1, "cost": 2, "tokens": 3}[by]] for row in plain]
            known = [value for value in values if value is not None]
            assert values == sorted(known, reverse=descending) + [None] * (len(values) - len(known))
