"""Where very many texts would have to be looked into, counts are estimated from some of them, and say how well."""

import random
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.store.spans.filters import Filter
from penstock.store.spans.queries import samples
from penstock.store.spans.queries.samples import Sample
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import And, Not, Or, Text
from penstock.testing.journal import PROJECT

HOUR = 3_600_000_000
START = 1_700_000_000_000_000 // HOUR * HOUR
HOURS = 48
WINDOW = Window(project=PROJECT, from_=START, to=START + HOURS * HOUR)
LEFT = Filter(column="route", operator="eq", value="left")
COMMON = Text(words="common")
CONDITIONS = {
    "a word": COMMON,
    "a word and a route": And((COMMON, LEFT)),
    "no word": Not(Text(words="odd")),
    "a word or a route": Or((Text(words="odd"), LEFT)),
    "a piece of a text": Filter(column="input", operator="contains", value="commo"),
    "a word or a sum": Or((Text(words="odd"), Filter(column="cost", operator="gt", value=30))),
}


def said(text):
    return msgspec.Raw(msgspec.json.encode([{"role": "user", "parts": [{"type": "text", "content": text}]}]))


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(samples, "SAMPLE_SPANS", 200)


@pytest.fixture
def filled(store, journal, clock):
    """Two days: ten to thirty calls an hour, a word in most of them."""
    clock.advance(40 * 24 * 3600)
    rng = random.Random(5)
    spans = [
        journal.span(
            started=START + hour * HOUR + at * 60_000_000,
            input=said(f"{'common' if rng.random() < 0.8 else 'rare'} {'odd' if at % 2 else 'even'}"),
            route=rng.choice(("left", "left", "right")),
            status="error" if rng.random() < 0.1 else "ok",
            cost=at,
            tags={"team": rng.choice("ab")},
        )
        for hour in range(HOURS)
        for at in range(rng.randrange(10, 30))
    ]
    store.load([journal.write(*spans)])
    return store


def upkeep(store):
    while store.maintain():
        pass


def counts(facets):
    return {facet.value: facet.count for facet in facets}


def near(estimates, exact, *, times=2.5):
    """Within two and a half margins, of which one holds 95 of 100: a sample of eight is that far off once in 10,000."""
    return all(abs(one.count - exact.get(one.value, 0)) <= times * one.margin for one in estimates)


def test_facets_and_groups_are_estimated_and_say_how_well(filled, subtests):
    for name in ("a word", "a piece of a text"):
        with subtests.test(f"{name}, not indexed"):
            check(filled, CONDITIONS[name])
    upkeep(filled)
    for name, where in CONDITIONS.items():
        with subtests.test(name):
            check(filled, where)


def check(filled, where):
    columns = ("route", "status", "tags", "tags.team", "finish_reasons")
    found = filled.facets_of(WINDOW, columns, where=where)
    exact = filled.facets_of(WINDOW, columns, where=where, exact=True)
    assert 0.1 < found.sample < 0.4
    assert exact.sample == 1.0
    for name in ("route", "status", "tags", "tags.team"):
        assert {*counts(found.columns[name])} == {*counts(exact.columns[name])}
        assert near(found.columns[name], counts(exact.columns[name]))
        assert any(facet.margin for facet in found.columns[name])
        assert not any(facet.margin for facet in exact.columns[name])
    assert {*counts(found.columns["finish_reasons"])} == {*counts(exact.columns["finish_reasons"])}
    groups = filled.group_by(WINDOW, ("route",), where=where)
    every = filled.group_by(WINDOW, ("route",), where=where, exact=True)
    assert (groups.sample, every.sample) == (found.sample, 1.0)
    routes = {facet.value: facet for facet in found.columns["route"]}
    for row in groups.rows:
        (label,) = row.labels
        assert (row.calls, row.margin) == (routes[label].count, routes[label].margin)
        (whole,) = (each for each in every.rows if each.labels == row.labels)
        assert row.p50 == whole.p50
        assert row.cost == pytest.approx(whole.cost, rel=0.5)
        assert row.tokens == pytest.approx(whole.tokens, rel=0.5)


def test_the_same_spans_give_the_same_estimate(filled):
    upkeep(filled)
    first, second = (filled.group_by(WINDOW, ("route", "status"), where=COMMON) for _ in range(2))
    assert first == second


def test_nothing_is_estimated_without_a_text_nor_of_few_spans(filled):
    upkeep(filled)
    assert filled.facets_of(WINDOW, ("route",), where=LEFT).sample == 1.0
    assert filled.group_by(WINDOW, ("route",), where=None).sample == 1.0
    assert filled.group_by(WINDOW, ("route",), where=LEFT, population="scores").sample == 1.0
    part = Window(project=PROJECT, from_=START, to=START + 6 * HOUR)
    found = filled.facets_of(part, ("route",), where=COMMON)
    assert (found.sample, found) == (1.0, filled.facets_of(part, ("route",), where=COMMON, exact=True))
    assert filled.facets(WINDOW, "route", where=COMMON) == filled.facets_of(
        WINDOW, ("route",), where=COMMON, exact=True
    ).columns["route"]  # fmt: skip


def test_what_a_sample_does_not_hold_is_counted_in_all(filled, journal):
    """One call in a block that the sample leaves out."""
    filled.load([journal.write(journal.span(started=START + HOUR // 2, input=said("needle odd"), route="left"))])
    needle = Filter(column="input", operator="contains", value="needle")
    assert counts(filled.facets_of(WINDOW, ("route",), where=needle).columns["route"]) == {"left": 1}
    assert [row.calls for row in filled.group_by(WINDOW, ("route",), where=needle).rows] == [1]


def test_blocks_come_from_all_of_the_window_and_none_from_where_nothing_can_be(filled):
    upkeep(filled)
    lately = [(START + hour * HOUR, START + (hour + 1) * HOUR) for hour in range(24, HOURS)]
    with filled.engine.snapshot() as read:
        whole = samples.draw(read, WINDOW, None)
        late = samples.draw(read, WINDOW, [*reversed(lately), (START, START + HOUR)])
    assert len(whole.blocks) >= samples.LEAST_BLOCKS
    assert all(before[1] <= after[0] for before, after in pairwise(whole.blocks))
    assert {(low - START) // HOUR * 4 // HOURS for low, _ in whole.blocks} == {0, 1, 2, 3}
    assert late.of < whole.of
    assert not any(START + HOUR <= low < START + 24 * HOUR for low, _ in late.blocks)


def test_hours_that_were_touched_since_they_were_indexed_are_drawn_as_others(filled, journal):
    upkeep(filled)
    touched = range(0, HOURS, 4)
    assert len(touched) > samples.MOST_GAPS
    filled.load([journal.write(*(journal.span(started=START + hour * HOUR, route="left") for hour in touched))])
    assert {(low - START) // HOUR % 4 == 0 for low, _ in drawn(filled).blocks} == {False, True}
    check(filled, COMMON)


def drawn(filled):
    with filled.engine.snapshot() as read:
        return samples.draw(read, WINDOW, None)


@given(
    st.lists(st.tuples(st.integers(0, 999), st.integers(1, 50)).map(lambda one: (one[0], one[0] + one[1])), min_size=1)
)
def test_zones_are_few_and_hold_all_stretches_of_the_window(stretches):
    window = Window(project=PROJECT, from_=100, to=900)
    zones = samples._zones(window, stretches)
    inside = [(max(low, 100), min(high, 900)) for low, high in stretches if low < 900 and high > 100]
    assert len(zones) <= samples.ZONES
    assert all(before[1] < after[0] for before, after in pairwise(zones))
    assert all(any(low <= begin and end <= high for low, high in zones) for begin, end in inside)
    if inside:
        assert (zones[0][0], zones[-1][1]) == (min(low for low, _ in inside), max(high for _, high in inside))
    assert {low for low, _ in zones} <= {low for low, _ in inside}


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_the_truth_lies_within_the_margin_as_often_as_it_says(share):
    """Of 400 windows of 300 blocks each, in which the word's frequency drifts: 99.9 of 100, and 95 of 100."""
    outside = {0.95: 0, 0.999: 0}
    sums = 0.0
    for seed in range(400):
        rng = random.Random(seed)
        sizes = [rng.randrange(200, 2000) for _ in range(300)]
        found = [round(size * share * rng.uniform(0.9, 1.1)) for size in sizes]
        chosen = sorted(rng.sample(range(300), 9))
        drawn = Sample(tuple((at, at + 1) for at in chosen), tuple(sizes[at] for at in chosen), sum(sizes))
        for confidence in outside:
            value, margin = drawn.estimate({at: found[block] for at, block in enumerate(chosen)}, confidence)
            outside[confidence] += abs(value - sum(found)) > margin
        sums += value / sum(found)
    assert outside[0.999] <= 2
    assert outside[0.95] <= 40
    assert sums / 400 == pytest.approx(1, abs=0.02)


def test_a_sample_of_everything_is_no_estimate():
    everything = Sample(((0, 1), (1, 2), (2, 3)), (10, 20, 30), 60)
    assert everything.estimate({0: 3, 2: 4}) == (7, 0)
    assert everything.share == 1


ODD = Filter(column="name", operator="ne", value="nobody")
"""A condition on a column that nothing is summed up by."""


@pytest.fixture
def many(filled, monkeypatch):
    """Of which a sixth is read."""
    upkeep(filled)
    monkeypatch.setattr(samples, "EXACT_SPANS", 300)
    monkeypatch.setattr(samples, "CLUSTERS", 12)
    monkeypatch.setattr(samples, "CLUSTER_SPANS", 15)
    return filled


def test_groups_that_nothing_is_summed_up_for_are_estimated_and_say_how_well(many, subtests):
    cases = {
        "two columns": (("route", "tags.team"), ODD),
        "one": (("name",), None),
        "a sum of a row": (("route",), And((ODD, Filter(column="cost", operator="lt", value=25)))),
        "a score": (("route",), Not(Filter(column="score.helpful", operator="eq", value=1))),
    }
    for population in ("traces", "calls", "spans"):
        for name, (by, where) in cases.items():
            with subtests.test(f"{population}, {name}"):
                found = many.group_by(WINDOW, by, where=where, population=population)
                every = many.group_by(WINDOW, by, where=where, population=population, exact=True)
                assert 0.1 < found.sample < 0.3
                assert every.sample == 1.0
                exact = {row.labels: row for row in every.rows}
                assert {row.labels for row in found.rows} == {*exact}
                assert not any(row.margin for row in every.rows)
                for row in found.rows:
                    whole = exact[row.labels]
                    assert abs(row.calls - whole.calls) <= 2.5 * row.margin or row.calls == whole.calls
                    assert row.p50 == whole.p50
                    assert row.cost == pytest.approx(whole.cost, rel=0.6)


def test_groups_with_sums_are_counted_and_only_their_latencies_are_of_a_sample(many):
    for by in (("user",), ("route", "http_status")):
        found = many.group_by(WINDOW, by)
        every = many.group_by(WINDOW, by, exact=True)
        assert (0.1 < found.sample < 0.3, every.sample) == (True, 1.0)
        assert found.rows == every.rows


def test_few_spans_and_what_is_summed_up_are_counted(many):
    assert many.group_by(WINDOW, ("route",)).sample == 1.0
    part = Window(project=PROJECT, from_=START, to=START + 6 * HOUR)
    assert many.group_by(part, ("name",), where=ODD).sample == 1.0
    assert many.group_by(WINDOW, ("name",), where=ODD, population="scores").sample == 1.0
    rare = And((ODD, Filter(column="cost", operator="eq", value=3)))
    assert many.group_by(WINDOW, ("name",), where=rare).sample == 1.0


def test_the_largest_of_many_groups_are_not_those_that_the_sample_holds_too_many_of(store, journal, clock, monkeypatch):
    """Forty routes of about the same size: were those that chance prefers scaled up, all would be too large."""
    clock.advance(40 * 24 * 3600)
    rng = random.Random(7)
    spans = [
        journal.span(started=START + at * 60_000_000, route=f"r{rng.randrange(40)}", tags={"team": rng.choice("ab")})
        for at in range(2800)
    ]
    store.load([journal.write(*spans)])
    upkeep(store)
    monkeypatch.setattr(samples, "EXACT_SPANS", 1000)
    monkeypatch.setattr(samples, "CLUSTERS", 24)
    monkeypatch.setattr(samples, "CLUSTER_SPANS", 40)
    every = {row.labels: row.calls for row in store.group_by(WINDOW, ("route",), where=ODD, exact=True, limit=200).rows}
    found = store.group_by(WINDOW, ("route",), where=ODD, limit=8)
    assert 0.3 < found.sample < 0.4
    assert [row.calls for row in found.rows] == sorted((row.calls for row in found.rows), reverse=True)
    assert all(abs(row.calls - every[row.labels]) <= 1.5 * row.margin for row in found.rows)
    truth = sum(every[row.labels] for row in found.rows)
    assert sum(row.calls for row in found.rows) == pytest.approx(truth, rel=0.15)


def test_groups_that_one_half_of_the_sample_holds_and_the_other_does_not_are_counted(many, journal):
    """Sessions of an hour: of those that the sample holds, it tells nothing, and of the others neither."""
    many.load(
        [
            journal.write(
                *(
                    journal.span(started=START + at * 30_000_000, session=f"s{at // 20}", route="left")
                    for at in range(4000)
                )
            )
        ]
    )
    upkeep(many)
    for limit in (4, 100):
        given = Filter(column="session", operator="has")
        found = many.group_by(WINDOW, ("session", "route"), limit=limit, where=given)
        assert found.sample == 1.0
        assert {row.calls for row in found.rows} == {20}


def test_facets_that_nothing_is_summed_up_for_are_estimated_and_others_counted(many):
    columns = ("name", "finish_reasons", "route", "session", "tags.team")
    found = many.facets_of(WINDOW, columns)
    exact = many.facets_of(WINDOW, columns, exact=True)
    assert (0.1 < found.sample < 0.3, exact.sample) == (True, 1.0)
    assert [*found.columns] == [*columns]
    assert found.columns["route"] == exact.columns["route"]
    assert found.columns["tags.team"] == exact.columns["tags.team"]
    for where in (ODD, And((ODD, LEFT)), Filter(column="cost", operator="lt", value=25)):
        found = many.facets_of(WINDOW, columns, where=where)
        exact = many.facets_of(WINDOW, columns, where=where, exact=True)
        assert (0.1 < found.sample < 0.3, exact.sample) == (True, 1.0)
        for name in columns:
            assert {*counts(found.columns[name])} == {*counts(exact.columns[name])}
            assert near(found.columns[name], counts(exact.columns[name]), times=3)
    assert any(facet.margin for facet in found.columns["tags.team"])
    rare = Filter(column="cost", operator="eq", value=3)
    assert many.facets_of(WINDOW, columns, where=rare).sample == 1.0


def test_a_facet_of_many_values_is_chosen_by_one_half_and_told_by_the_other(many, journal, monkeypatch):
    rng = random.Random(3)
    often = [f"often{at}" for at in range(30)]
    spans = [
        journal.span(
            started=START + at * 40_000_000,
            session=rng.choice(often) if rng.random() < 0.9 else f"seldom{rng.randrange(900)}",
            user=f"u{at // 30}",
        )
        for at in range(4200)
    ]
    many.load([journal.write(*spans)])
    upkeep(many)
    monkeypatch.setattr(samples, "CLUSTER_SPANS", 100)
    found = many.facets_of(WINDOW, ("session",), where=ODD)
    exact = many.facets_of(WINDOW, ("session",), where=ODD, exact=True)
    assert found.sample < 0.4
    whole = counts(exact.columns["session"])
    assert len(found.columns["session"]) == 50
    assert {*often} <= {*counts(found.columns["session"])}
    assert near([one for one in found.columns["session"] if one.value in whole], whole)
    # Users who came and went: a sample of time cannot tell who was there most.
    given = Filter(column="user", operator="has")
    assert many.facets_of(WINDOW, ("user",), where=And((ODD, given))).sample == 1.0


@pytest.mark.parametrize("blocks", [8, 16])
@pytest.mark.parametrize("together", [1, 4, 12])
@pytest.mark.parametrize("frequent", [0.1, 0.3, 1.5])
def test_the_margin_of_what_is_rare_and_comes_together_is_wide_enough(blocks, together, frequent):
    """Hits in bunches: of the samples that hold any, in 93 of 100 the truth lies within the margin."""
    outside = seen = 0
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        found = [together * bunches for bunches in rng.binomial(10, frequent / 10, 300).tolist()]
        chosen = sorted(rng.choice(300, blocks, replace=False).tolist())
        if hits := {at: found[block] for at, block in enumerate(chosen) if found[block]}:
            drawn = Sample(tuple((at, at + 1) for at in chosen), (1000,) * blocks, 300_000)
            value, margin = drawn.estimate(hits)
            seen += 1
            outside += abs(value - sum(found)) > margin
    assert outside <= 0.07 * seen
