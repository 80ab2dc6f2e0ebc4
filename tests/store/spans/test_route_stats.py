"""What a route and its variants served."""

import pytest

from penstock.store.spans.queries.window import Window
from penstock.testing.journal import PROJECT

WINDOW = Window(project=PROJECT, from_=0, to=2**60)
OTHER = "01990000-0000-7000-8000-000000000002"


@pytest.fixture
def call(journal):
    """Spans of one call of the route `r`: one span, or one of the gateway with its attempts."""

    def call(*attempts, **fields):
        if len(attempts) == 1:
            return [journal.span(route="r", **{**attempts[0], **fields})]
        root = journal.span(route="r", kind="gateway", **{"variant": attempts[-1]["variant"], **fields})
        inner = {"trace_id": root.trace_id, "parent_id": root.span_id, "call": False, "route": "r"}
        return [root, *(journal.span(**inner, **attempt) for attempt in attempts)]

    return call


def test_variants_stand_side_by_side_with_what_each_answered_tried_and_cost(store, journal, call):
    smart = {"variant": "smart", "duration": 2_000_000, "ttft": 500_000, "usage_input": 10, "cost": 100}
    cheap = {"variant": "cheap", "duration": 100_000, "usage_output": 5, "cost": 1}
    failed = {"variant": "smart", "duration": 50_000, "status": "error", "error_type": "upstream_error", "cost": 0}
    store.load(
        [
            journal.write(
                *call(smart),
                *call(smart),
                *call(failed, failed, cheap),
                *call({"variant": "smart", "cache": "hit", "saved": 90, "cost": 0}),
                *call({"variant": "smart", "cache": "joined", "saved": 10, "cost": 0}),
                *call(
                    {"variant": "smart", "status": "error", "error_type": "upstream_error", "cost": 0, "cache": "miss"}
                ),
                journal.span(route="other", variant="smart", cost=7),
                journal.span(route="r", variant="smart", project=OTHER, cost=7),
            )
        ]
    )
    stats = store.route_stats(WINDOW, "r")
    assert (stats.calls, stats.errors, stats.hits, stats.joined, stats.saved) == (6, 1, 1, 1, 100)
    assert (stats.retries, stats.further) == (1, 1)
    first, second = stats.variants
    assert (first.variant, first.calls, first.attempts, first.errors) == ("smart", 5, 5, 3)
    assert (first.share, first.tokens, first.cost, first.ttft_p50) == (5 / 6, 20, 200, 500_000)
    assert (first.p50, first.p95) == (50_000, 2_000_000)
    assert (second.variant, second.calls, second.attempts, second.errors, second.cost) == ("cheap", 1, 1, 0, 1)


def test_an_unknown_cost_is_unknown(store, journal, call):
    """FAILURES G26."""
    store.load([journal.write(*call({"variant": "a"}))])
    (variant,) = store.route_stats(WINDOW, "r").variants
    assert variant.cost is None


def test_a_route_that_served_nothing_has_no_variants(store, journal, call):
    store.load([journal.write(*call({"variant": "a"}))])
    for window, route in ((WINDOW, "nothing"), (Window(project=PROJECT, from_=2**59, to=2**60), "r")):
        stats = store.route_stats(window, route)
        assert (stats.calls, stats.retries, stats.further, stats.saved, stats.variants) == (0, 0, 0, 0, [])
