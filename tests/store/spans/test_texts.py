"""What counts under a condition on text says the same with the index of words as without it."""

import msgspec
import pytest

from penstock.store.spans.filters import PLACE, Filter, form_of
from penstock.store.spans.metrics import DistributionQuery, MetricQuery
from penstock.store.spans.queries import texts
from penstock.store.spans.queries.texts import looked_up
from penstock.store.spans.queries.window import Window
from penstock.store.spans.questions import Questions
from penstock.store.spans.tree import And, Not, Or, Text
from penstock.testing.journal import PROJECT
from penstock.wire.score import Score

HOUR = 3_600_000_000
START = 1_700_000_000_000_000 // HOUR * HOUR
WINDOW = Window(project=PROJECT, from_=START, to=START + 12 * HOUR)
ROUTE = Filter(column="route", operator="eq", value="left")
NEEDLE = Text(words="needle")


def said(text):
    return msgspec.Raw(msgspec.json.encode([{"role": "user", "parts": [{"type": "text", "content": text}]}]))


@pytest.fixture
def filled(store, journal, clock):
    """An hour of hay each, and needles in the third and the ninth."""
    clock.advance(40 * 24 * 3600)
    spans = [
        journal.span(
            started=START + hour * HOUR + minute * 60_000_000,
            input=said(f"{'needle' if hour in {3, 9} and minute % 2 else 'hay'} {minute}"),
            route="left" if minute % 3 else "right",
            user=f"user {minute}",
            duration=1000 + minute,
        )
        for hour in range(12)
        for minute in range(6)
    ]
    store.load([journal.write(*spans)])
    while store.maintain():
        pass
    return store


CONDITIONS = (NEEDLE, And((NEEDLE, ROUTE)), Or((NEEDLE, ROUTE)), And((Not(NEEDLE), ROUTE)), Text(words="nowhere"))


def test_all_that_counts_says_the_same_with_the_index_and_without(filled, subtests):
    for where in CONDITIONS:
        with subtests.test(str(where)):
            check(filled, where)


def check(filled, where):
    without = Questions(filled.engine)
    metric = MetricQuery(
        project=PROJECT, from_=START, to=START + 12 * HOUR, where=where, aggregation="p95", field="duration",
        group_by=("route",), step=HOUR,
    )  # fmt: skip
    lying = DistributionQuery(project=PROJECT, from_=START, to=START + 12 * HOUR, where=where, step=HOUR)

    def answers(store):
        return (
            store.facets_of(WINDOW, ("route", "user", "model", "tags"), where=where),
            store.facets(WINDOW, "status", where=where),
            store.group_by(WINDOW, ("route", "user"), where=where),
            store.measure(metric),
            store.distribution(lying),
            store.users(WINDOW, where=where, order="cost"),
            b"".join(store.export(WINDOW, where=where)),
        )

    assert answers(filled) == answers(without)


def test_only_the_spans_with_the_words_are_asked(filled, monkeypatch):
    with filled.engine.snapshot() as read:
        found = looked_up(read, WINDOW, And((NEEDLE, ROUTE)), filled._candidates)
        assert isinstance(found, And)
        place, rest = found.terms
        assert (place.column, len(place.value), rest) == (PLACE, 6, ROUTE)
        monkeypatch.setattr(texts, "MOST_PLACES", 5)
        assert looked_up(read, WINDOW, NEEDLE, filled._candidates) == NEEDLE
        assert looked_up(read, WINDOW, Text(words="hay"), filled._candidates) == Text(words="hay")
        assert looked_up(read, WINDOW, ROUTE, filled._candidates) == ROUTE


def test_people_cannot_name_a_place():
    assert form_of(PLACE) is None


def test_scores_are_counted_by_what_the_judged_span_says(store, journal):
    """Whether its text lies in its row or apart, and however much older than the judgement it is."""
    told = {"short": "needle", "long": f"needle {'hay ' * 12_000}", "other": "hay"}
    spans = [
        journal.span(started=START + at, input=said(text), route=route) for at, (route, text) in enumerate(told.items())
    ]
    store.load([journal.write(*spans)])
    judged = [
        Score(
            id=f"s{at}", project=PROJECT, name="good", type="number", number=at, trace_id=span.trace_id,
            span_id=span.span_id, source="user", created=START + 3 * HOUR,
        )
        for at, span in enumerate(spans)
    ]  # fmt: skip
    store.load_scores([journal.judge(*judged)])
    later = Window(project=PROJECT, from_=START + HOUR, to=START + 12 * HOUR)
    contained = Filter(column="input", operator="contains", value="needle")
    for where in (NEEDLE, contained):
        rows = store.group_by(later, ("route",), where=where, population="scores").rows
        assert [(row.labels, row.calls) for row in rows] == [(("long",), 1), (("short",), 1)]
        query = MetricQuery(
            project=PROJECT, from_=later.from_, to=later.to, population="scores", where=where, aggregation="sum",
            field="score.good", group_by=("route",),
        )  # fmt: skip
        found = {series.labels: series.total.value for series in store.measure(query).series}
        assert found == {("short",): 0.0, ("long",): 1.0}
