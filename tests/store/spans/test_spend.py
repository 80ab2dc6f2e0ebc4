"""Who spent what, from the rollup and from spans, against sums taken by hand."""

import random
from collections import Counter, defaultdict

import pytest

from penstock.store.spans.queries.spend import Area
from penstock.testing.journal import FIRST, PROJECT

OTHER = "01990000-0000-7000-8000-000000000002"
HOUR = 3_600_000_000
MINUTE = 60_000_000
DAY = 24 * HOUR
START = FIRST - FIRST % DAY


def area(level="organisation", *, from_=START, to=START + DAY, **fields):
    return Area(level=level, from_=from_, to=to, **fields)


def ask(store, wanted, *, step=HOUR, most=100, history=START):
    return store.spending(wanted, step=step, most=most, history=history)


@pytest.fixture
def day(store, journal, clock):
    """A day and a bit of random calls of two projects, three keys, users and tags."""
    draw = random.Random(7)
    spans = []
    for _ in range(600):
        project = draw.choice([PROJECT, OTHER])
        spans.append(
            journal.span(
                project=project,
                started=START + draw.randrange(DAY + 2 * HOUR),
                key=f"{project[-1]}-{draw.randrange(3)}",
                user=draw.choice([None, "u1", "u2"]),
                tags=draw.choice([{}, {"job": "nightly"}, {"job": "day", "team": "a"}]),
                route=draw.choice([None, "r"]),
                provider="p",
                requested_model=draw.choice(["m1", "m2"]),
                cost=draw.choice([None, 0, draw.randrange(1, 10**9)]),
                usage_input=draw.randrange(100),
            )
        )
    store.load([journal.write(*spans)])
    return spans


WHO = {
    "organisation": lambda span: "",
    "project": lambda span: span.project,
    "key": lambda span: span.key,
    "user": lambda span: span.user,
    "tag": lambda span: span.tags.get("job"),
}


def by_hand(spans, wanted):
    found = defaultdict(Counter)
    for span in spans:
        who = WHO[wanted.level](span)
        fits = who is not None and (not wanted.match or who in wanted.match)
        if fits and wanted.project in {None, span.project} and wanted.from_ <= span.started < wanted.to:
            found[who][span.started // HOUR * HOUR] += span.cost or 0
    return {who: costs for who, costs in found.items() if sum(costs.values())}


AREAS = (
    area(),
    area(project=PROJECT),
    area("project"),
    area("project", match=(OTHER,)),
    area("key"),
    area("key", match=("1-0", "2-1")),
    area("key", project=OTHER),
    area("user"),
    area("user", match=("u2",), project=PROJECT),
    area("tag", tag="job"),
    area("tag", tag="job", match=("nightly",)),
    area(from_=START + 5 * HOUR, to=START + DAY + HOUR + MINUTE),
)


@pytest.mark.parametrize("rolled", [False, True], ids=["spans", "rollup"])
def test_what_an_area_spent_is_the_sum_of_its_spans_wherever_it_is_read_from(store, clock, day, rolled, subtests):
    if rolled:
        clock.advance(30 * 3600)
        while store.maintain():
            pass
    for wanted in AREAS:
        with subtests.test(str(wanted)):
            expected = by_hand(day, wanted)
            found = ask(store, wanted)
            sums = {who: sum(costs.values()) for who, costs in expected.items()}
            assert {row.who: row.spent for row in found.rows if row.spent} == sums
            assert [row.spent for row in found.rows] == sorted((row.spent for row in found.rows), reverse=True)
            assert found.spent == sum(sums.values())
            assert found.counters == len(found.rows)
            for who, costs in expected.items():
                assert {t: cost for t, cost in found.series[who].items() if cost} == +costs


def test_the_rollup_is_read_up_to_the_first_hour_that_is_pending_again(store, journal, clock, day):
    clock.advance(30 * 3600)
    while store.maintain():
        pass
    late = journal.span(started=START + 3 * HOUR, cost=5, key="1-0")
    store.load([journal.write(late)])
    wanted = area("key", match=("1-0",))
    assert ask(store, wanted).spent == sum(by_hand([*day, late], wanted)["1-0"].values())


def test_costs_that_are_unknown_are_counted_beside_what_is_spent(store, journal):
    """FAILURES G26."""
    store.load([journal.write(journal.span(cost=None), journal.span(cost=None), journal.span(cost=7))])
    (row,) = ask(store, area()).rows
    assert (row.spent, row.unknown) == (7, 2)


@pytest.mark.parametrize("rolled", [False, True])
def test_calls_that_applications_report_count_towards_no_budget(store, journal, rolled):
    ours = journal.span(started=START, cost=5, key="k", user="u", tags={"job": "day"})
    elsewhere = journal.span(started=START, source="otlp", call=False, cost=70, key="k", user="u", tags={"job": "day"})
    store.load([journal.write(ours, elsewhere)])
    if rolled:
        store.maintain()
    for level, tag in (("organisation", ""), ("project", ""), ("key", ""), ("user", ""), ("tag", "job")):
        assert ask(store, area(level, tag=tag)).spent == 5
    ((costs,), _) = store.recorded([area()], segments=[])
    assert costs == {"": 5}
    assert [top.cost for top in store.spenders(area(), ["key"])["key"]] == [5]


def test_only_the_largest_are_given_and_all_are_counted(store, journal):
    store.load([journal.write(*(journal.span(user=f"u{number}", cost=number) for number in range(1, 8)))])
    found = ask(store, area("user"), most=2)
    assert [(row.who, row.spent) for row in found.rows] == [("u7", 7), ("u6", 6)]
    assert (found.spent, found.counters, set(found.series)) == (28, 7, {"u7", "u6"})


def test_history_reaches_back_before_the_window_hour_by_hour(store, journal):
    store.load([journal.write(journal.span(started=START - 25 * HOUR, cost=3), journal.span(cost=4))])
    found = ask(store, area(), history=START - 2 * DAY)
    assert found.history == {"": {START - 25 * HOUR: 3, FIRST // HOUR * HOUR: 4}}
    assert found.spent == 4


def attempts(journal, *, started, key="k"):
    """A call that begins a second before `started` and makes two attempts, the second one at `started`."""
    root = journal.span(kind="gateway", started=started - 1_000_000, duration=3_000_000, cost=0, key=key)
    inner = {"trace_id": root.trace_id, "parent_id": root.span_id, "call": False, "key": key, "duration": 900_000}
    return (
        root,
        journal.span(started=started - 900_000, cost=10, **inner),
        journal.span(started=started, cost=100, **inner),
    )


def test_a_call_belongs_to_the_window_in_which_it_started_with_all_its_attempts(store, journal):
    store.load([journal.write(*attempts(journal, started=START), journal.span(started=START + 5, cost=1, key="k"))])
    found = ask(store, area("key"))
    assert (found.spent, [(row.who, row.spent) for row in found.rows]) == (1, [("k", 1)])
    assert found.series == {"k": {START: 1}}
    whole = area("key", from_=START - DAY)
    costs, _ = store.recorded([area("key"), area(), whole], segments=())
    assert costs == [{"k": 1}, {"": 1}, {"k": 111}]


def test_what_a_later_attempt_spent_alone_leaves_nothing_in_its_window(store, journal):
    store.load([journal.write(*attempts(journal, started=START))])
    assert store.recorded([area("key")], segments=())[0] == [{}]
    assert ask(store, area("key")).spent == 0


def test_recorded_says_which_segments_are_stored(store, journal):
    path = journal.write(journal.span(cost=3))
    store.load([path])
    costs, stored = store.recorded([area("project")], segments=[path.stem, "another"])
    assert (costs, stored) == ([{PROJECT: 3}], {path.stem})


def test_who_spends_most_is_told_by_each_kind(store, day):
    wanted = area("tag", tag="job", match=("nightly",))
    among = [span for span in day if span.tags.get("job") == "nightly" and span.started < START + DAY]
    found = store.spenders(wanted, ["project", "key", "model", "route", "user"])
    for kind, label in {
        "project": lambda span: span.project,
        "key": lambda span: span.key,
        "model": lambda span: f"p/{span.requested_model}",
        "route": lambda span: span.route,
        "user": lambda span: span.user,
    }.items():
        costs, calls = Counter(), Counter()
        for span in among:
            if label(span) is not None:
                costs[label(span)] += span.cost or 0
                calls[label(span)] += 1
        assert [(top.id, top.cost, top.calls) for top in found[kind]] == [
            (name, cost, calls[name]) for name, cost in costs.most_common()
        ]


def test_nobody_is_named_a_spender_who_spent_nothing(store, journal):
    store.load([journal.write(journal.span(key="k", cost=0), journal.span(key="k2", cost=None))])
    assert store.spenders(area(), ["key"]) == {"key": []}


def test_the_peak_of_requests_is_the_busiest_minute_of_one_counter_without_refused_calls(store, journal):
    first, second = START + MINUTE, START + 5 * MINUTE
    store.load(
        [
            journal.write(
                *(journal.span(key="a", started=first + number) for number in range(3)),
                *(journal.span(key="b", started=second + number) for number in range(4)),
                *(
                    journal.span(key="a", started=first + number, status="error", error_type="rate_limited")
                    for number in range(9)
                ),
                journal.span(key="a", started=first, call=False),
            )
        ]
    )
    peak = store.peak(area("key"), "requests", step=MINUTE)
    assert (peak.who, peak.amount, peak.at) == ("b", 4, second)
    assert store.peak(area("key", match=("a",)), "requests", step=MINUTE).amount == 3
    assert store.peak(area("user"), "requests", step=MINUTE) is None


def test_the_peak_of_tokens_counts_every_attempt(store, journal):
    store.load(
        [
            journal.write(
                journal.span(started=START, usage_input=5, usage_output=5),
                journal.span(started=START + 1, usage_reasoning=7, call=False),
                journal.span(started=START + MINUTE, usage_input=11),
            )
        ]
    )
    peak = store.peak(area(), "tokens", step=MINUTE)
    assert (peak.amount, peak.at) == (17, START)


def test_the_peak_of_parallel_calls_is_how_many_overlapped(store, journal):
    spans = [(0, 10), (5, 10), (9, 3), (15, 1), (20, 5)]
    store.load([journal.write(*(journal.span(started=START + at, duration=took, key="a") for at, took in spans))])
    peak = store.peak(area("key"), "parallel", step=1)
    assert (peak.amount, peak.at) == (3, START + 9)


def test_savings_are_told_by_step_and_route(store, journal):
    """FAILURES G28."""
    store.load(
        [
            journal.write(
                journal.span(started=START, route="r", cache="hit", saved=5, cost=0),
                journal.span(started=START + 1, route="r", cache="joined", saved=None, cost=0),
                journal.span(started=START + HOUR, route="r", cache="miss", cost=5),
                journal.span(started=START, cache="hit", saved=9, cost=0, project=OTHER),
                journal.span(started=START, route="r", cost=1),
            )
        ]
    )
    rows = sorted(store.saved(PROJECT, START, START + DAY, step=HOUR).rows, key=lambda row: row.t)
    assert [(row.t, row.route, row.hits, row.joined, row.misses, row.saved, row.unknown) for row in rows] == [
        (START, "r", 1, 1, 0, 5, 1),
        (START + HOUR, "r", 0, 0, 1, 0, 0),
    ]
