"""Overview, model statistics and books against the same numbers computed in Python from the spans."""

import math
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.store.spans.columns import USAGE
from penstock.store.spans.expressions import sql
from penstock.store.spans.queries.overview import STEPS, Histogram, step_of
from penstock.store.spans.queries.window import Window
from penstock.testing.journal import PROJECT

HOUR = 3_600_000_000
START = 1_700_000_000_000_000 // HOUR * HOUR
SPAN = st.fixed_dictionaries(
    {
        "started": st.integers(START, START + 12 * HOUR),
        "duration": st.integers(0, 100_000_000),
        "ttft": st.none() | st.integers(0, 10_000_000),
        "status": st.sampled_from(["ok", "ok", "error", "interrupted", "blocked"]),
        "kind": st.sampled_from(["llm", "llm", "embedding", "gateway", "tool"]),
        "call": st.booleans(),
        "provider": st.sampled_from([None, "openai", "vllm"]),
        "target_model": st.sampled_from([None, "gpt", "llama"]),
        "served_model": st.sampled_from([None, "m"]),
        "route": st.sampled_from([None, "a", "b"]),
        "key": st.sampled_from([None, "k1", "k2", "k3"]),
        "cost": st.none() | st.integers(0, 1000),
        "usage_input": st.integers(0, 50),
        "usage_cache_read": st.integers(0, 50),
        "usage_output": st.integers(0, 50),
        "usage_reasoning": st.integers(0, 5),
        "usage_input_audio": st.integers(0, 5),
        "usage_estimated": st.booleans(),
        "error_message": st.sampled_from([None, "first", "second"]),
    }
)


def in_window(spans, window):
    return [span for span in spans if window.from_ <= span.started < window.to]


def is_model(span):
    return span.kind in {"llm", "embedding"}


def failed(span):
    return span.status in {"error", "interrupted"}


def rank(values, share):
    values = sorted(values)
    return values[max(1, math.ceil(len(values) * share)) - 1] if values else None


def near(found, exact):
    if exact is None:
        return found is None
    return abs(found - exact) <= exact * 0.0203 + 0.5


def known(spans):
    costs = [span.cost for span in spans if span.cost is not None]
    models = [span.cost for span in spans if is_model(span)]
    return None if None in models and all(cost is None for cost in models) else sum(costs)


def tokens(spans):
    return sum(getattr(span, bucket) for span in spans for bucket in USAGE)


def check_measures(found, spans):
    calls = [span for span in spans if span.call]
    assert found.calls == len(calls)
    assert found.errors == sum(map(failed, calls))
    assert found.cost == known(spans)
    durations = [span.duration for span in calls]
    ttfts = [span.ttft for span in calls if span.ttft is not None]
    for share, value in ((0.5, found.p50), (0.95, found.p95), (0.99, found.p99)):
        assert near(value, rank(durations, share))
    assert near(found.ttft_p50, rank(ttfts, 0.5))
    assert near(found.ttft_p95, rank(ttfts, 0.95))


def check_totals(found, spans):
    check_measures(found, spans)
    assert found.error_rate == (found.errors / found.calls if found.calls else 0)
    assert found.usage.input == sum(span.usage_input for span in spans)
    assert found.usage.total == tokens(spans)
    assert found.usage.estimated == any(span.usage_estimated for span in spans)
    assert found.cost_unknown_calls == sum(is_model(span) and span.cost is None for span in spans)


def check_tops(found, spans, label, counts):
    groups = defaultdict(list)
    for span in spans:
        if label(span) is not None:
            groups[label(span)].append(span)
    counted = {name: [span for span in group if counts(span)] for name, group in groups.items()}
    expected = sorted((name for name in groups if counted[name]), key=lambda name: (-len(counted[name]), name))[:10]
    assert [top.name for top in found] == expected
    for top in found:
        assert top.calls == len(counted[top.name])
        assert top.errors == sum(map(failed, counted[top.name]))
        assert top.tokens == tokens(groups[top.name])
        assert top.cost == known(groups[top.name])
        assert near(top.p95, rank([span.duration for span in counted[top.name]], 0.95))


def model_of(span):
    model = span.target_model or span.served_model or span.requested_model
    return f"{span.provider}/{model}" if span.provider and model else None


def check(store, spans, window, points):
    overview = store.overview(window, points=points)
    inside = in_window(spans, window)
    before = Window(project=window.project, from_=2 * window.from_ - window.to, to=window.from_)
    check_totals(overview.totals, inside)
    check_totals(overview.previous, in_window(spans, before))
    times = [point.t for point in overview.series]
    assert times == list(range(window.from_ // overview.step * overview.step, window.to, overview.step))
    for point in overview.series:
        part = [span for span in inside if point.t <= span.started < point.t + overview.step]
        check_measures(point, part)
        assert (point.input, point.cache_read, point.output, point.reasoning) == tuple(
            sum(getattr(span, f"usage_{name}") for span in part)
            for name in ("input", "cache_read", "output", "reasoning")
        )
    check_tops(overview.top.routes, inside, lambda span: span.route, lambda span: span.call)
    check_tops(overview.top.keys, inside, lambda span: span.key, lambda span: span.call)
    check_tops(overview.top.models, inside, model_of, lambda span: is_model(span) and span.provider is not None)
    check_books(store.books(window), inside)
    check_models(store.model_stats(window.project, window.from_, window.to), inside)
    check_providers(store.provider_stats(window.project, window.from_, window.to), inside)


def check_books(books, spans):
    assert books.spans == len(spans)
    assert books.calls == sum(span.call for span in spans)
    assert books.cost == sum(span.cost or 0 for span in spans)
    assert books.cost_unknown == sum(is_model(span) and span.cost is None for span in spans)
    assert books.tokens == tokens(spans)


def check_models(stats, spans):
    assert stats == sorted(stats, key=lambda stat: (-stat.calls, stat.provider, stat.model))
    for stat in stats:
        label = f"{stat.provider}/{stat.model}" if stat.provider else stat.model
        group = [span for span in spans if model_of(span) == label]
        served = [span for span in group if is_model(span) and span.provider is not None]
        assert (stat.calls, stat.errors) == (len(served), sum(map(failed, served)))
        assert (stat.tokens, stat.cost) == (tokens(group), known(group))
        assert near(stat.p50, rank([span.duration for span in served], 0.5))
        assert near(stat.ttft_p50, rank([span.ttft for span in served if span.ttft is not None], 0.5))
    assert sum(stat.calls for stat in stats) == sum(
        is_model(span) and span.provider is not None and model_of(span) is not None for span in spans
    )


def check_providers(stats, spans):
    groups = defaultdict(list)
    for span in spans:
        if is_model(span) and span.provider is not None:
            groups[span.provider].append(span)
    assert [stat.provider for stat in stats] == sorted(groups)
    for stat in stats:
        group = groups[stat.provider]
        failures = [span for span in group if failed(span)]
        assert (stat.calls, stat.errors) == (len(group), len(failures))
        assert stat.last_error == max((span.started + span.duration for span in failures), default=None)
        newest = [span for span in failures if span.started + span.duration == stat.last_error]
        messages = {span.error_message for span in newest}
        assert stat.last_error_message in messages or None in messages or not failures
        assert stat.last_success == max(
            (span.started + span.duration for span in group if span.status == "ok"), default=None
        )


def test_the_numbers_are_those_of_the_spans_rolled_up_or_not(store, journal, clock, examples):
    """FAILURES O8: attempts are not counted with the call that they belong to.

    Examples lie beside each other, a project each, and are summed up together.
    """
    clock.advance(24 * 3600)
    seen = []

    @settings(max_examples=examples(15), suppress_health_check=[HealthCheck.too_slow])
    @given(
        first=st.lists(SPAN, max_size=25),
        later=st.lists(SPAN, max_size=10),
        low=st.integers(START - HOUR, START + 6 * HOUR),
        length=st.integers(1, 8 * HOUR),
        points=st.sampled_from([1, 3, 60]),
    )
    def put(first, later, low, length, points):
        project = f"p{journal.span().span_id}"
        window = Window(project=project, from_=low, to=low + length)
        spans = [journal.span(project=project, **fields) for fields in first]
        store.load([journal.write(*spans, journal.span(project="other", started=low, cost=9))])
        check(store, spans, window, points)
        seen.append((spans, later, window, points))

    put()
    while store.maintain():
        pass
    for spans, _, window, points in seen:
        check(store, spans, window, points)
    # Late records come into hours that were rolled up.
    for spans, later, window, points in seen:
        late = [journal.span(project=window.project, **fields) for fields in later]
        store.load([journal.write(*late)])
        spans += late
        check(store, spans, window, points)
    while store.maintain():
        pass
    for spans, _, window, points in seen:
        check(store, spans, window, points)


def test_the_current_hour_is_not_rolled_up(store, journal, clock):
    now = clock.now()
    store.load([journal.write(journal.span(started=now - 2 * HOUR), journal.span(started=now))])

    while store.maintain():
        pass

    with store._engine.snapshot() as read:
        assert read(sql("SELECT hour FROM pending_hours"), {}) == [(now // HOUR * HOUR,)]


def test_a_window_with_many_pending_hours_is_read_from_its_spans(store, journal, clock):
    clock.advance(100 * 3600)
    spans = [journal.span(started=START + hour * HOUR, cost=1) for hour in range(40)]
    store.load([journal.write(*spans)])
    while store.maintain():
        pass
    late = [journal.span(started=START + hour * HOUR, cost=1) for hour in range(0, 40, 2)]
    store.load([journal.write(*late)])

    overview = store.overview(Window(project=PROJECT, from_=START, to=START + 40 * HOUR), points=20)

    assert overview.totals.calls == 60
    assert [point.calls for point in overview.series] == [3] * 20


@pytest.mark.parametrize(
    ("shift", "points", "most"),
    [(0, 8, 3), (1, 8, 5), (1, 60, 7)],
    ids=["whole hours", "parts of hours", "steps shorter than an hour"],
)
def test_few_questions_tell_a_window_and_the_one_before_it(store, journal, clock, monkeypatch, shift, points, most):
    clock.advance(100 * 3600)
    spans = [journal.span(started=START + part * HOUR // 4, route="a", key="k") for part in range(64)]
    store.load([journal.write(*spans)])
    while store.maintain():
        pass
    asked = []
    with store._engine.snapshot() as read:
        reader = type(read)
    answer = reader.__call__
    monkeypatch.setattr(reader, "__call__", lambda *given: asked.append(given) or answer(*given))

    window = Window(project=PROJECT, from_=START + 8 * HOUR + shift, to=START + 16 * HOUR + shift)
    overview = store.overview(window, points=points)

    assert len(asked) == most
    assert overview.totals.calls == 32 - shift
    assert overview.previous.calls == 32
    assert sum(point.calls for point in overview.series) == 32 - shift


def test_labels_of_one_name_are_told_apart(store, journal, clock):
    clock.advance(100 * 3600)
    window = Window(project=PROJECT, from_=START, to=START + 10 * HOUR)
    spans = [
        journal.span(started=START + hour * HOUR, route=route, key=key, duration=duration, kind="gateway")
        for hour in range(9)
        for route, key, duration in (("same", "other", 1_000), ("another", "same", 1_000_000))
    ]
    store.load([journal.write(*spans)])

    for _ in range(2):
        top = store.overview(window, points=5).top
        assert [(each.name, near(each.p95, 1_000)) for each in top.routes] == [("another", False), ("same", True)]
        assert [(each.name, near(each.p95, 1_000)) for each in top.keys] == [("other", True), ("same", False)]
        while store.maintain():
            pass


def test_open_windows_reach_as_far_as_the_spans(store, journal):
    store.load([journal.write(*(journal.span(kind="llm", provider="p", served_model="m") for _ in range(3)))])

    assert store.books(Window(project=PROJECT)).spans == 3
    with pytest.raises(ValueError, match="both ends"):
        store.overview(Window(project=PROJECT), points=60)


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=200), st.sampled_from([0.0, 0.5, 0.95, 0.99, 1.0]))
def test_a_percentile_is_within_two_percent_of_the_exact_one(values, share):
    histogram = Histogram()
    for value in values:
        histogram.add(round(math.log(value) * 25), 1)

    assert near(histogram.percentile(share), rank(values, share))


def test_an_empty_histogram_has_no_percentile():
    assert Histogram().percentile(0.5) is None


@given(st.integers(1, 10**16), st.integers(1, 1000))
def test_a_step_cuts_the_window_into_at_most_so_many(span, points):
    step = step_of(span, points)

    assert -(-span // step) <= points
    assert step in STEPS or step % STEPS[-1] == 0


def test_names_of_segments_are_kept_while_they_could_come_again(store, journal, clock):
    """FAILURES O9: what is kept for exactly-once does not grow for ever."""
    gone, present = journal.write(journal.span()), journal.write(journal.span())
    store.load([gone, present])
    gone.unlink()
    clock.advance(8 * 24 * 3600)
    store.maintain()

    assert store.load([present])[0].repeated
    assert store._engine.read(sql("SELECT name FROM segments")) == [(present.stem,)]
