"""Retries: full jitter, a budget, only what can succeed."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import UpstreamError
from penstock.gateway.routing.retries import RESERVE, SAVED, TRICKLE, RetryBudget, next_wait, wait_before
from penstock.providers import failures
from penstock.wire.routing import Retries

DOWN = UpstreamError("down", upstream_status=503)


def limited(after):
    return UpstreamError("slow down", upstream_status=429, retry_after=after)


def test_waits_are_spread_over_the_whole_range_and_grow_to_the_cap():
    retries, random = Retries(base=0.1, cap=1.0), Random(1)
    for nth, highest in [(1, 0.2), (2, 0.4), (3, 0.8), (4, 1.0), (5000, 1.0)]:
        waits = [wait_before(retries, nth, random) for _ in range(2000)]
        assert min(waits) < 0.01 * highest
        assert 0.99 * highest < max(waits) <= highest
        assert sum(waits) / 2000 == pytest.approx(highest / 2, rel=0.06)


def test_retry_after_is_waited_for_and_not_all_come_back_at_once():
    retries, random = Retries(base=0.1, cap=5.0), Random(1)
    waits = {wait_before(retries, 1, random, retry_after=2.0) for _ in range(100)}
    assert all(2.0 <= wait <= 2.2 for wait in waits)
    assert len(waits) == 100
    assert wait_before(retries, 1, random, retry_after=5.0) == 5.0


def test_a_wait_beyond_the_cap_is_not_waited_for():
    budget = RetryBudget(1.0, now=0.0)
    assert wait_before(Retries(cap=5.0), 1, Random(1), retry_after=5.1) is None
    assert next_wait(Retries(), 1, limited(60.0), budget=budget, random=Random(1), now=0.0) is None
    # Nothing was taken for it.
    assert [budget.take(0.0) for _ in range(4)] == [True, True, True, False]


def test_only_what_can_succeed_is_sent_again_and_not_more_often_than_said():
    """FAILURES G16."""
    budget, random = RetryBudget(1.0, now=0.0), Random(1)

    def wait(nth, error, attempts=2):
        return next_wait(Retries(attempts=attempts), nth, error, budget=budget, random=random, now=0.0)

    assert wait(1, failures.from_status(400, {}, b"", message="bad")) is None
    assert wait(1, failures.from_status(401, {}, b"", message="bad")) is None
    assert wait(3, DOWN) is None
    assert wait(1, DOWN, attempts=0) is None
    assert wait(1, DOWN) is not None
    assert wait(2, limited(1.0)) >= 1.0


def test_a_storm_of_failures_adds_no_more_than_the_share():
    budget = RetryBudget(0.2, now=0.0)
    granted = 0
    for number in range(10_000):
        budget.called()
        granted += budget.take(number * 0.001)
    assert 2000 <= granted <= 2000 + RESERVE + TRICKLE * 10


def test_a_route_with_little_traffic_can_still_retry():
    budget = RetryBudget(0.2, now=0.0)
    budget.called()
    assert budget.take(0.0)
    later = [budget.take(3600.0) for _ in range(5)]
    assert later == [True, True, True, False, False]
    assert budget.take(3600.0 + 1 / TRICKLE)


def test_no_share_is_no_retries():
    budget = RetryBudget(0.0, now=0.0)
    budget.called()
    assert not budget.take(100.0)


@given(
    st.floats(0, 1),
    st.lists(st.tuples(st.sampled_from(["call", "retry"]), st.floats(0, 30)), max_size=200),
    st.integers(0, 100),
)
def test_in_any_span_retries_stay_within_the_budget(share, steps, skipped):
    budget, now = RetryBudget(share, now=0.0), 0.0
    calls = granted = 0
    started = 0.0
    for number, (step, seconds) in enumerate(steps):
        now += seconds
        if number == skipped:
            calls = granted = 0
            started = now
        if step == "call":
            budget.called()
            calls += 1
        else:
            granted += budget.take(now)
    bound = share * calls + RESERVE + SAVED + TRICKLE * (now - started)
    # What had trickled in before the span but was not yet booked is within the reserve.
    assert granted <= bound + 1e-6
