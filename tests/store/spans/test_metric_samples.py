"""Charts under words that very many texts hold are estimated from blocks of every step, and say how well."""

import bisect
import itertools
import math
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.store.spans.filters import Filter
from penstock.store.spans.metrics import DistributionQuery, MetricQuery
from penstock.store.spans.queries import metric_samples, step_samples
from penstock.store.spans.queries.samples import Sample
from penstock.store.spans.queries.step_samples import Area, Spread, StepSample
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import And, Not, Or, Text
from penstock.testing.journal import PROJECT

HOUR = 3_600_000_000
START = 1_700_000_000_000_000 // HOUR * HOUR
HOURS = 48
WINDOW = Window(project=PROJECT, from_=START, to=START + HOURS * HOUR)
LEFT = Filter(column="route", operator="eq", value="left")
FAILED = Filter(column="status", operator="eq", value="error")
COMMON = Text(words="common")
CONDITIONS = {
    "a word": COMMON,
    "a word and a route": And((COMMON, LEFT)),
    "no word": Not(Text(words="odd")),
    "a word or a route": Or((Text(words="odd"), LEFT)),
    "a piece of a text": Filter(column="input", operator="contains", value="commo"),
}
METRICS = {
    "count": {},
    "rate": {"aggregation": "rate"},
    "share": {"aggregation": "share", "of": FAILED},
    "sum": {"aggregation": "sum", "field": "cost"},
    "avg": {"aggregation": "avg", "field": "duration"},
    "sum over rows": {"aggregation": "sum", "field": "usage_total", "population": "traces"},
    "by route": {"group_by": ("route",)},
    "sum by route and team": {"aggregation": "sum", "field": "cost", "group_by": ("route", "tags.team")},
}


def said(text):
    return msgspec.Raw(msgspec.json.encode([{"role": "user", "parts": [{"type": "text", "content": text}]}]))


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(step_samples, "CHART_SPANS", 250)
    monkeypatch.setattr(step_samples, "LEAST_SPANS", 4)


@pytest.fixture
def filled(store, journal, clock):
    """Two days: twenty to forty calls an hour, a word in most of them; every third of another project."""
    clock.advance(40 * 24 * 3600)
    rng = random.Random(5)
    spans = [
        journal.span(
            started=START + hour * HOUR + at * 60_000_000,
            input=said(f"{'common' if rng.random() < 0.8 else 'rare'} {'odd' if at % 2 else 'even'}"),
            route=rng.choice(("left", "left", "right")),
            status="error" if rng.random() < 0.3 else "ok",
            cost=at,
            duration=rng.randrange(500_000, 1_500_000),
            usage_output=rng.randrange(50, 100),
            tags={"team": rng.choice("ab")},
            **({} if rng.random() < 0.7 else {"project": "01990000-0000-7000-8000-00000000000f"}),
        )
        for hour in range(HOURS)
        for at in range(rng.randrange(20, 40))
    ]
    store.load([journal.write(*spans)])
    return store


def upkeep(store):
    while store.maintain():
        pass


def query(**fields):
    return MetricQuery(**({"project": PROJECT, "from_": WINDOW.from_, "to": WINDOW.to, "where": COMMON} | fields))


def both(store, **fields):
    return store.measure(query(**fields, exact=False)), store.measure(query(**fields))


def test_metrics_under_a_common_word_are_estimated_and_say_how_well(filled, subtests):
    for name in ("a word", "a piece of a text"):
        with subtests.test(f"{name}, not indexed"):
            check(filled, where=CONDITIONS[name], step=2 * HOUR)
    upkeep(filled)
    for name, where in CONDITIONS.items():
        with subtests.test(name):
            check(filled, where=where, step=2 * HOUR)
    for step, (name, fields) in zip(itertools.cycle((None, 12 * HOUR, HOUR // 2 * 3)), METRICS.items(), strict=False):
        with subtests.test(f"{name}, {step}"):
            check(filled, where=COMMON, step=step, **fields)


def check(filled, **fields):
    found, exact = both(filled, **fields)
    assert 0.1 < found.sample < 0.5
    assert (exact.sample, exact.unknown, found.unknown) == (1.0, 0, 0)
    assert (found.unit, found.step, found.groups) == (exact.unit, exact.step, exact.groups)
    truth = {series.labels: series for series in exact.series}
    assert {series.labels for series in found.series} == {*truth}
    for series in found.series:
        whole = truth[series.labels]
        assert not any(point.margin for point in (whole.total, *whole.points))
        assert [point.t for point in series.points] == [point.t for point in whole.points]
        assert near(series.total, whole.total)
        assert sum(not near(*pair) for pair in zip(series.points, whole.points, strict=True)) <= 1
    biggest = found.series[0]
    assert biggest.total.margin > 0
    assert biggest.total.value == pytest.approx(truth[biggest.labels].total.value, rel=0.35)
    assert not biggest.points or sum(point.count for point in biggest.points) == pytest.approx(
        biggest.total.count, abs=len(biggest.points)
    )


def near(point, exact, *, times=2.5):
    """Within two and a half margins, of which one holds 95 of 100; what has none is not known."""
    if point.margin is None or exact.value is None:
        return True
    return abs(point.value - exact.value) <= times * point.margin + 1e-6


def test_percentiles_are_those_of_the_sample_and_have_no_margin(filled):
    upkeep(filled)
    for step in (None, 12 * HOUR):
        found, exact = both(filled, aggregation="p50", field="duration", step=step, where=COMMON)
        assert 0.1 < found.sample < 0.5
        for point, true in zip(
            [found.series[0].total, *found.series[0].points], [exact.series[0].total, *exact.series[0].points],
            strict=True,
        ):  # fmt: skip
            assert point.margin is None
            assert point.value == pytest.approx(true.value, rel=0.3)


def test_the_same_spans_give_the_same_estimate(filled):
    upkeep(filled)
    first, second = (filled.measure(query(group_by=("route",), step=HOUR, exact=False)) for _ in range(2))
    assert first == second


def test_a_share_of_what_holds_a_word_is_estimated_too(filled):
    upkeep(filled)
    check(filled, where=None, of=COMMON, aggregation="share", step=12 * HOUR)


def test_what_a_sample_cannot_tell_is_counted(filled):
    upkeep(filled)
    for fields in (
        {"where": LEFT},
        {"where": None},
        {"aggregation": "distinct", "field": "route"},
        {"aggregation": "min", "field": "duration"},
        {"aggregation": "max", "field": "duration", "step": HOUR},
        {"aggregation": "p95", "field": "throughput"},
        {"population": "scores"},
        {"to": START + 3 * HOUR},
    ):
        found, exact = both(filled, **fields)
        assert (found.sample, found) == (1.0, exact)


def test_nothing_found_in_the_sample_is_counted_in_all(filled, journal):
    """One call in a block that the sample leaves out."""
    filled.load([journal.write(journal.span(started=START + 6 * HOUR - 1, input=said("needle odd"), route="left"))])
    needle = Filter(column="input", operator="contains", value="needle")
    found, exact = both(filled, where=needle, step=2 * HOUR)
    assert (found, found.series[0].total.value) == (exact, 1)


def test_steps_without_a_block_are_unknown_and_not_empty(filled, monkeypatch):
    monkeypatch.setattr(step_samples, "MOST_BLOCKS", 30)
    upkeep(filled)
    found, exact = both(filled, step=HOUR)
    points = found.series[0].points
    unknown = [point for point in points if point.value is None]
    assert found.unknown == len(unknown) >= 10
    assert {(point.count, point.margin) for point in unknown} == {(0, None)}
    known = [
        (point, true)
        for point, true in zip(points, exact.series[0].points, strict=True)
        if point.value is not None
    ]  # fmt: skip
    assert len(known) >= 15
    assert all(near(*pair) for pair in known)
    assert near(found.series[0].total, exact.series[0].total)


def test_steps_of_few_spans_are_read_whole_and_have_no_margin(filled, journal):
    quiet = START + HOURS * HOUR
    few = [journal.span(started=quiet + at * HOUR, input=said("common even")) for at in range(4)]
    filled.load([journal.write(*few)])
    upkeep(filled)
    found, exact = both(filled, to=quiet + 12 * HOUR, step=2 * HOUR)
    points, true = found.series[0].points, exact.series[0].points
    assert found.sample < 1
    assert points[-6:] == true[-6:]
    assert [point.value for point in points[-6:]] == [2, 2, 0, 0, 0, 0]


SPANS = st.lists(st.integers(0, 900), min_size=1, max_size=90).filter(any)


@given(SPANS)
def test_places_lie_in_their_steps_and_stand_for_all_of_them(counts):
    steps = [spans for spans in counts if spans]
    if len(steps) <= step_samples.MOST_BLOCKS:
        places = list(step_samples._of_each(steps))
        ends = [0, *itertools.accumulate(steps)]
        inside = [bisect.bisect_right(ends, place.begin + 1e-6) == bisect.bisect_left(ends, place.end - 1e-6)
                  for place in places]  # fmt: skip
        assert all(inside)
    else:
        places = list(step_samples._parts(sum(steps), 64, 4, 0))
    assert all(place.begin < place.end for place in places)
    assert all(one.end <= other.begin + 1e-6 for one, other in itertools.pairwise(places))
    assert sum(place.of for place in places) == pytest.approx(sum(steps))


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 60)), min_size=1, max_size=70))
def test_areas_hold_all_blocks_once_and_enough_spans(blocks):
    strata = [of for of, _ in blocks]
    read = [min(one) for one in blocks]
    areas = step_samples._areas(strata, read)
    if not any(read):
        return
    assert [at for area in areas for at in area.blocks] == list(range(len(blocks)))
    assert sum(area.of for area in areas) == sum(strata)
    assert all(area.read >= min(step_samples.LEAST_SPANS, area.of) for area in areas[:-1])
    assert all(area.read for area in areas if area.of)


def test_what_is_read_whole_has_no_error():
    areas = [Area((at,), 10, 10) for at in range(8)]
    spread = Spread(areas, [3, 5, 1, 9, 0, 2, 2, 2], [1] * 8)
    assert (spread.exact, spread.known, spread.variance) == (True, True, 0)
    assert not Spread([Area((0,), 10, 20)], [3], [3]).known


BLOCK, STEPS = 256, 60


def world(rng, rate, *, failing=0.2):
    """A chart of sixty steps: what is true of each, and what a block in each shows of it.

    The word's frequency drifts over the steps, and differs between the blocks of a step.
    """
    true, found, read, sizes = [], {}, [], {}
    for t in range(STEPS):
        spans, drift = rng.randrange(4_000, 12_000), rate * (1 + 0.3 * math.sin(t / 10))
        blocks = spans // BLOCK
        hits = [binomial(rng, BLOCK, min(1.0, drift * rng.uniform(0.7, 1.3))) for _ in range(blocks)]
        failed = [binomial(rng, each, failing * rng.uniform(0.7, 1.3)) for each in hits]
        costs = [sum(rng.lognormvariate(0, 0.8) for _ in range(each)) for each in hits]
        chosen = rng.randrange(blocks)
        true.append((sum(hits), sum(failed), sum(costs)))
        found[t, t] = metric_samples._Found(count=hits[chosen], values=failed[chosen], total=costs[chosen])
        sizes[t] = blocks * BLOCK
        read.append(BLOCK)
    sample = Sample(tuple((at, at + 1) for at in range(STEPS)), tuple(read), sum(sizes.values()))
    areas = tuple(Area((t,), BLOCK, sizes[t]) for t in range(STEPS))
    return true, found, StepSample(sample, areas, sizes, dict.fromkeys(range(STEPS), BLOCK))


def binomial(rng, number, probability):
    if number * probability > 30:
        deviation = (number * probability * (1 - probability)) ** 0.5
        return min(number, max(0, round(rng.gauss(number * probability, deviation))))
    return sum(rng.random() < probability for _ in range(number))


VALUES = {
    "count": lambda hits, failed, cost: hits,
    "share": lambda hits, failed, cost: failed / hits if hits else None,
    "sum": lambda hits, failed, cost: cost,
    "avg": lambda hits, failed, cost: cost / hits if hits else None,
}


@pytest.mark.parametrize("rate", [0.004, 0.08, 0.5])
def test_the_truth_lies_within_the_margin_as_often_as_it_says(rate):
    """Of 40 charts of sixty points and as many totals: in 95 of 100 points, and about as many totals."""
    outside = dict.fromkeys(VALUES, 0)
    points = dict.fromkeys(VALUES, 0)
    totals = dict.fromkeys(VALUES, 0)
    for seed in range(40):
        true, found, drawn = world(random.Random(seed), rate)
        for name, value in VALUES.items():
            of = None if name != "share" else FAILED
            field = "cost" if name in {"sum", "avg"} else None
            given = found
            if field is not None:
                given = {
                    key: metric_samples._Found(count=one.count, values=one.count, total=one.total)
                    for key, one in found.items()
                }
            asked = MetricQuery(
                project=PROJECT, from_=0, to=STEPS, step=1, aggregation=name, field=field, of=of, exact=False
            )
            series = metric_samples._Estimated(asked, drawn, given).series(())
            for point, step in zip(series.points, true, strict=True):
                if point.margin is not None and value(*step) is not None:
                    points[name] += 1
                    outside[name] += abs(point.value - value(*step)) > point.margin
            whole = value(*(sum(amounts) for amounts in zip(*true, strict=True)))
            totals[name] += abs(series.total.value - whole) > series.total.margin
    for name in VALUES:
        assert outside[name] <= 0.06 * points[name], name
        assert totals[name] <= 5, name
        # A margin that holds everything would tell nothing.
        assert rate < 0.05 or outside[name] >= 0.002 * points[name], name
    assert all(points[name] >= 800 for name in VALUES)


def test_margins_narrow_with_what_is_read():
    true, found, drawn = world(random.Random(1), 0.5)
    asked = MetricQuery(project=PROJECT, from_=0, to=STEPS, step=1, exact=False)
    series = metric_samples._Estimated(asked, drawn, found).series(())
    assert series.total.margin < 0.05 * series.total.value
    assert sum(point.margin for point in series.points) < 0.5 * sum(point.value for point in series.points)
    assert series.total.value == pytest.approx(sum(hits for hits, *_ in true), rel=0.05)


def test_distributions_under_a_common_word_are_estimated(filled):
    upkeep(filled)
    for step in (None, 12 * HOUR):
        fields = {"project": PROJECT, "from_": WINDOW.from_, "to": WINDOW.to, "where": COMMON, "buckets": 12}
        asked = DistributionQuery(**fields, step=step, exact=False)
        found, exact = filled.distribution(asked), filled.distribution(msgspec.structs.replace(asked, exact=True))
        assert (0.1 < found.sample < 0.5, exact.sample) == (True, 1.0)
        assert (found.unit, found.step) == (exact.unit, exact.step)
        assert {cell.t for cell in found.cells} == {cell.t for cell in exact.cells}
        for t in {cell.t for cell in exact.cells}:
            counts = [sum(cell.count for cell in of.cells if cell.t == t) for of in (found, exact)]
            assert counts[0] == pytest.approx(counts[1], rel=0.3)
    few = msgspec.structs.replace(asked, to=START + 3 * HOUR)
    assert filled.distribution(few) == filled.distribution(msgspec.structs.replace(few, exact=True))


def test_spans_that_started_together_are_one_block_that_stands_for_all_its_places():
    rows = [(START, 990), (START + 50 * 60_000_000, 10)]
    cells = [(START, START + HOUR, 1000)]
    places = list(step_samples._parts(1000, 4, 50, 0))
    (block,) = step_samples._blocks(lambda query, values: rows, WINDOW, cells, places, HOUR)
    assert (block.low, block.of, block.steps) == (START, 1000, {START: 990})
    assert block.high <= START + 50 * 60_000_000
