"""Lists under a condition find the same rows, however the time is cut."""

import random

from hypothesis import given
from hypothesis import strategies as st

from penstock.store.spans.conditions import narrow_first
from penstock.store.spans.filters import Filter
from penstock.store.spans.queries import newest as newest_rows
from penstock.store.spans.queries import traces
from penstock.store.spans.queries.newest import _both, _joined, stretches_of
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import And, Not, Or
from penstock.testing.journal import PROJECT
from penstock.wire.score import Score

HOUR = 3_600_000_000
DAY = 24 * HOUR
START = 1_700_000_000_000_000 // DAY * DAY
WINDOW = Window(project=PROJECT, from_=START, to=START + 30 * DAY)
RARE = Filter(column="route", operator="eq", value="rare")


def upkeep(store):
    while store.maintain():
        pass


def month(journal, *, rare):
    """A call at three times of a month, and some that have a route and a user of their own, by their hours."""
    return [
        journal.span(
            started=START + hour * HOUR + 5,
            route="rare" if hour in rare else "common",
            user="mary" if hour in rare else "tom",
        )
        for hour in sorted({20, 320, 620, *rare})
    ]


def test_rare_rows_are_found_page_by_page_wherever_they_lie(store, journal, clock):
    clock.advance(40 * 24 * 3600)
    rare = {0, 300, 301, 302, 719}
    spans = month(journal, rare=rare)
    store.load([journal.write(*spans)])
    judged = {"project": PROJECT, "name": "rare", "type": "number", "number": 1.0, "source": "code"}
    store.load_scores(
        [
            journal.judge(
                *(
                    Score(id=span.span_id, trace_id=span.trace_id, span_id=span.span_id, created=span.started, **judged)
                    for span in spans
                    if span.route == "rare"
                )
            )
        ]
    )
    upkeep(store)
    score = Filter(column="score.rare", operator="gte", value=1.0)
    expected = [span.span_id for span in reversed(spans) if span.route == "rare"]
    user = Filter(column="user", operator="eq", value="mary")
    fine = Filter(column="status", operator="eq", value="ok")

    for where in (
        RARE,
        user,
        And((RARE, user)),
        And((user, fine)),
        And((RARE, Filter(column="duration", operator="gte", value=0))),
        score,
        And((score, user)),
        And((fine, Not(Filter(column="score.rare", operator="missing")))),
    ):
        found, place = [], None
        while len(found) <= len(rare):
            page = store.list_calls(WINDOW, where=where, after=place, limit=2)
            found += [row.span_id for row in page.rows]
            place = page.next
            if place is None:
                break
        assert found == expected


def test_hours_that_wait_to_be_summed_up_are_looked_at(store, journal, clock):
    clock.advance(40 * 24 * 3600)
    store.load([journal.write(*month(journal, rare=set()))])
    upkeep(store)
    late = journal.span(started=START + 100 * HOUR, route="rare", user="mary")
    store.load([journal.write(late)])

    for where in (RARE, Filter(column="user", operator="eq", value="mary")):
        assert [row.span_id for row in store.list_calls(WINDOW, where=where).rows] == [late.span_id]
        assert [row.span_id for row in store.list_spans(WINDOW, where=where).rows] == [late.span_id]


def test_time_without_a_rare_value_is_passed_over(store, journal, clock):
    clock.advance(40 * 24 * 3600)
    store.load([journal.write(*month(journal, rare={10, 400}))])
    upkeep(store)

    with store.engine.snapshot() as read:
        of_route = stretches_of(read, WINDOW, RARE, scope="row").stretches
        assert of_route == [(START + hour * HOUR, START + (hour + 1) * HOUR) for hour in (400, 10)]
        user = Filter(column="user", operator="eq", value="mary")
        of_user = stretches_of(read, WINDOW, user, scope="row").stretches
        assert [low for low, _ in of_user] == [START + hour * HOUR + 5 for hour in (400, 10)]
        assert stretches_of(read, WINDOW, Or((RARE, user)), scope="row").stretches == [(WINDOW.from_, WINDOW.to)]
        nobody = Filter(column="session", operator="eq", value="nobody")
        assert stretches_of(read, WINDOW, nobody, scope="span").stretches == []


def test_as_much_time_is_looked_at_as_holds_what_is_missing(store, journal, clock, monkeypatch):
    clock.advance(40 * 24 * 3600)
    store.load([journal.write(*month(journal, rare=set(range(0, 720, 8))))])
    upkeep(store)
    looked = []
    taken = newest_rows._taken
    monkeypatch.setattr(newest_rows, "_taken", lambda left, width: looked.append(width) or taken(left, width))

    page = store.list_calls(WINDOW, where=RARE, limit=40)

    assert len(page.rows) == 40
    # Of forty-one rows, one every eight hours, the first slice of 22 h had two or three.
    (width,) = looked
    assert 37 * 8 < width / HOUR < 40 * 8
    with store.engine.snapshot() as read:
        told = stretches_of(read, WINDOW, RARE, scope="row")
        assert told.counts == [(START + hour * HOUR, 1) for hour in range(712, -1, -8)]
        assert told.width(1) == 8 * HOUR
        assert told.width(1000) == sum(end - begin for begin, end in told.stretches)
        assert told._replace(counts=[(WINDOW.to, 1)]).width(1) is None
        more = And((RARE, Filter(column="duration", operator="gte", value=0)))
        assert stretches_of(read, WINDOW, more, scope="row").width(1) is None


def test_rows_are_the_same_however_many_the_narrow_columns_leave(store, journal, clock, monkeypatch):
    clock.advance(40 * 24 * 3600)
    rng = random.Random(3)
    spans = [
        journal.span(
            started=START + 12 * HOUR * number + 5,
            route=rng.choice(["rare", "common"]),
            error_message=rng.choice([None, "The provider answered 429."]),
            tags={"team": rng.choice(["care", "growth"])},
            cost=rng.randrange(6),
        )
        for number in range(60)
    ]
    store.load([journal.write(*spans)])
    upkeep(store)
    care, dear = Filter(column="tags.team", operator="eq", value="care"), Filter(column="cost", operator="gt", value=2)
    refused = Filter(column="error_message", operator="contains", value="429")
    for terms in (
        (RARE, care),
        (refused, dear),
        (refused, RARE, care, dear),
        (Filter(column="route", operator="missing"), care),
    ):
        fitting = [
            span.span_id
            for span in reversed(spans)
            if (RARE not in terms or span.route == "rare")
            and (care not in terms or span.tags["team"] == "care")
            and (refused not in terms or span.error_message is not None)
            and (dear not in terms or span.cost > 2)
            and terms[0].operator != "missing"
        ]
        for most in (0, 3, 1024):
            monkeypatch.setattr(traces, "NARROWED", most)
            found, place = [], None
            while True:
                page = store.list_calls(WINDOW, where=And(terms), after=place, limit=4)
                found += [row.span_id for row in page.rows]
                place = page.next
                if place is None:
                    break
            assert found == fitting


def test_a_tree_is_told_apart_by_what_is_read_quickly():
    care, like = Filter(column="tags.team", operator="has"), Filter(column="model", operator="like", value="a*")
    some = Filter(column="status", operator="in", value=["ok", "error"])

    assert narrow_first(And((care, RARE, like, Not(some)))) == (And((RARE, Not(some))), And((care, like)))
    assert narrow_first(And((RARE, Or((some, care))))) == (RARE, Or((some, care)))
    for where in (None, RARE, care, And((RARE, some)), And((care, like)), Or((RARE, care))):
        assert narrow_first(where) is None


STRETCHES = st.lists(st.integers(0, 200), unique=True, max_size=60).map(
    lambda bounds: list(zip(sorted(bounds)[::2], sorted(bounds)[1::2], strict=False))
)


def points(stretches):
    return {at for low, high in stretches for at in range(low, high)}


@given(STRETCHES, STRETCHES)
def test_what_lies_in_both_is_what_each_point_of_them_says(some, others):
    assert points(_both(some, others)) == points(some) & points(others)


@given(STRETCHES)
def test_joined_stretches_are_few_and_hold_all_that_they_held(stretches):
    joined = _joined(stretches[::-1])

    assert points(stretches) <= points(joined)
    assert len(joined) <= newest_rows.MOST_STRETCHES
    assert joined == sorted(joined, reverse=True)
    if len(stretches) <= newest_rows.MOST_STRETCHES:
        assert points(joined) == points(stretches)
