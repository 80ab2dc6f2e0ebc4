"""What a worker counts for Prometheus."""

import pytest

from penstock.gateway.metrics import MAX_SERIES, OTHER, Meter, MeteredJournal
from penstock.wire.span import Span


def span(**fields):
    given = {
        "project": "p1", "trace_id": "0" * 32, "span_id": "0" * 16, "name": "chat", "kind": "llm", "call": True,
        "started": 1, "duration": 300_000, "operation": "chat", "http_status": 200, "provider": "sim",
        "target_model": "small", "cost": 2_000_000_000,
    }  # fmt: skip
    return Span(**(given | fields))


@pytest.fixture
def meter():
    return Meter({"p1": "Care"}.get)


def counters(meter, name):
    return dict(meter.report("w", 7).counters.get(name, []))


def test_a_call_with_one_attempt_is_a_call_and_an_attempt(meter):
    meter.observe([span(route="support", usage_input=10, usage_output=3, ttft=120_000)])
    assert counters(meter, "calls") == {("Care", "support", "chat", "ok", "200"): 1}
    assert counters(meter, "attempts") == {("sim", "small", "ok", ""): 1}
    assert counters(meter, "tokens") == {("Care", "sim", "small", "input"): 10, ("Care", "sim", "small", "output"): 3}
    assert counters(meter, "cost_dollars") == {("Care", "sim", "small"): 2.0}
    times = dict(meter.report("w", 7).histograms["time_to_first_token_seconds"])
    assert times[("support",)].total == pytest.approx(0.12)
    assert (sum(times[("support",)].counts), times[("support",)].counts[2]) == (1, 1)


def test_the_attempts_of_a_call_count_one_by_one_and_the_call_once(meter):
    meter.observe(
        [
            span(kind="gateway", cost=None),
            span(call=False, status="error", error_type="upstream_error", cost=0),
            span(call=False, provider="other", cost=None),
        ]
    )
    assert sum(counters(meter, "calls").values()) == 1
    assert counters(meter, "attempts") == {
        ("sim", "small", "error", "upstream_error"): 1,
        ("other", "small", "ok", ""): 1,
    }
    assert counters(meter, "cost_unknown") == {("Care", "other", "small"): 1}
    assert counters(meter, "cost_dollars") == {}


def test_an_answer_out_of_the_cache_asks_no_provider(meter):
    meter.observe([span(cache="hit", saved=500_000_000, cost=0, route="faq")])
    assert counters(meter, "attempts") == {}
    assert counters(meter, "cache") == {("Care", "faq", "hit"): 1}
    assert counters(meter, "cache_saved_dollars") == {("Care", "faq"): 0.5}


def test_what_callers_make_up_does_not_fill_the_memory(meter):
    for number in range(MAX_SERIES + 5):
        meter.observe([span(target_model=f"m{number}")])
    attempts = counters(meter, "attempts")
    assert len(attempts) == MAX_SERIES + 1
    assert attempts[(OTHER,) * 4] == 5
    assert len(meter.report("w", 7).histograms["attempt_duration_seconds"]) == MAX_SERIES + 1


def test_times_over_all_bounds_are_in_the_last_bucket(meter):
    meter.observe([span(duration=400_000_000)])
    ((_, found),) = meter.report("w", 7).histograms["call_duration_seconds"]
    assert found.counts[-1] == 1


class Kept:
    """A journal that keeps what it is given, or refuses it."""

    configure = admit = begin = tick = close = staticmethod(lambda *_: None)

    def __init__(self, *, full=False):
        self.full = full
        self.spans = []

    def record(self, spans):
        if self.full:
            raise OSError("full")
        self.spans += spans

    def record_soon(self, spans, then):
        self.spans += spans
        then(None)


def test_what_is_recorded_is_counted_and_what_is_refused_is_not(meter):
    kept, told = Kept(), []
    MeteredJournal(kept, meter).record([span()])
    MeteredJournal(kept, meter).record_soon([span()], told.append)
    with pytest.raises(OSError, match="full"):
        MeteredJournal(Kept(full=True), meter).record([span()])
    assert (len(kept.spans), told) == (2, [None])
    assert sum(counters(meter, "calls").values()) == 2
