"""Balancing between replicas, in simulated fleets."""

import heapq
from collections import Counter
from random import Random

import pytest

from penstock.core.clock import ManualClock
from penstock.gateway.routing.balance import least_bad, pick
from penstock.gateway.routing.health import TargetHealth
from penstock.wire.routing import Breaker

CLOCK = ManualClock()


def fleet(count, **settings):
    return [TargetHealth(f"p{number}/m", Breaker(**settings), clock=CLOCK) for number in range(count)]


def drive(targets, serve, *, rate, start, seconds, seed=1):
    """Send calls at a steady rate; `serve(index, now)` gives seconds, negative for a failure after that long."""
    random = Random(seed)
    ending = []
    counts = Counter()
    calls = int(rate * seconds)
    for number in range(calls):
        now = start + number / rate
        while ending and ending[0][0] <= now:
            at, _, index, ticket, failed = heapq.heappop(ending)
            if failed:
                targets[index].failed(ticket, at, "upstream_error (503)")
            else:
                targets[index].succeeded(ticket, at)
        index = pick(targets, now, random)
        took = serve(index, now)
        heapq.heappush(ending, (now + abs(took), number, index, targets[index].begin(now), took < 0))
        counts[index] += 1
    for at, _, index, ticket, failed in sorted(ending, key=lambda item: item[:2]):
        if failed:
            targets[index].failed(ticket, at, "upstream_error (503)")
        else:
            targets[index].succeeded(ticket, at)
    assert all(target.in_flight == 0 for target in targets)
    return counts


def trip(target, now):
    for _ in range(target.breaker.minimum):
        target.failed(target.begin(now), now, "upstream_error (503)")


def test_equal_replicas_share_the_load():
    jitter = Random(5)
    counts = drive(fleet(4), lambda index, now: jitter.uniform(0.8, 1.2), rate=50, start=100.0, seconds=60)
    assert all(counts[index] == pytest.approx(750, rel=0.15) for index in range(4))


def test_a_slow_replica_is_given_less():
    jitter = Random(5)
    speeds = (0.2, 0.2, 1.0)
    counts = drive(
        fleet(3), lambda index, now: speeds[index] * jitter.uniform(0.9, 1.1), rate=50, start=100.0, seconds=60
    )
    assert counts[2] < 0.4 * counts[0]
    assert counts[2] > 0


def test_a_replica_that_was_slow_is_tried_again_when_it_was_left_alone():
    jitter = Random(5)

    def serve(index, now):
        return jitter.uniform(0.9, 1.1) * (5.0 if index == 1 and now < 110 else 0.2)

    targets = fleet(2)
    drive(targets, serve, rate=2, start=100.0, seconds=30)
    counts = drive(targets, serve, rate=2, start=200.0, seconds=300)
    assert counts[1] > 100


def test_a_replica_that_fails_fast_does_not_draw_the_load():
    jitter = Random(5)
    # Never judged, so that only the balance keeps it away.
    targets = fleet(2, minimum=10**9)
    counts = drive(
        targets,
        lambda index, now: -0.001 if index == 1 and jitter.random() < 0.8 else jitter.uniform(0.19, 0.21),
        rate=50,
        start=100.0,
        seconds=60,
    )
    assert counts[1] < 0.35 * counts.total()


def test_a_recovered_replica_ramps_up():
    jitter = Random(5)
    targets = fleet(3, open_for=5.0, ramp=30.0)

    def serve(index, now):
        return -0.01 if index == 0 and now < 110 else jitter.uniform(0.09, 0.11)

    before = drive(targets, serve, rate=100, start=100.0, seconds=10)
    assert before[0] < 100
    drive(targets, serve, rate=100, start=110.0, seconds=6)
    shares = []
    for step in range(5):
        counts = drive(targets, serve, rate=100, start=116.0 + 10 * step, seconds=10, seed=step)
        shares.append(counts[0] / counts.total())
    assert targets[0].state == "closed"
    assert shares[0] < 0.15
    assert shares[0] < shares[1] < shares[4]
    assert shares[4] == pytest.approx(1 / 3, abs=0.08)


def test_a_target_that_is_out_gets_nothing_and_its_probe_gets_the_next_call():
    targets = fleet(3, open_for=10.0)
    trip(targets[1], 100.0)
    random = Random(1)
    assert {pick(targets, 105.0, random) for _ in range(200)} == {0, 2}
    picks = [pick(targets, 111.0, random) for _ in range(50)]
    assert 1 in picks
    first = picks.index(1)
    ticket = targets[1].begin(111.0)
    assert ticket.probe
    assert first < 30
    assert {pick(targets, 111.0, random) for _ in range(200)} == {0, 2}


def test_a_single_target_is_given_everything_also_in_its_ramp():
    targets = fleet(1, open_for=1.0)
    assert pick(targets, 100.0, Random(1), panic=0.0) == 0
    trip(targets[0], 100.0)
    for _ in range(3):
        targets[0].succeeded(targets[0].begin(101.0), 101.0)
    assert targets[0].share(101.0) < 1.0
    assert all(pick(targets, 101.0, Random(seed), panic=0.0) == 0 for seed in range(50))


def test_when_all_are_out_the_one_that_is_back_first_is_tried():
    targets = fleet(3, open_for=10.0)
    for index, at in ((0, 103.0), (1, 100.0), (2, 104.0)):
        trip(targets[index], at)
    random = Random(1)
    assert pick(targets, 105.0, random) == 1
    assert pick(targets, 105.0, random, tried=0b010) == 0
    assert pick(targets, 105.0, random, panic=0.0) is None
    let_through = sum(pick(targets, 105.0, random, panic=0.3) is not None for _ in range(5000))
    assert let_through == pytest.approx(1500, abs=120)


def test_what_was_tried_is_left_out():
    targets = fleet(3)
    random = Random(1)
    assert {pick(targets, 100.0, random, tried=0b001) for _ in range(100)} == {1, 2}
    assert pick(targets, 100.0, random, tried=0b101) == 1
    assert pick(targets, 100.0, random, tried=0b111) is None
    assert least_bad(targets, 100.0, tried=0b111) is None
    assert pick(fleet(1), 100.0, random, tried=0b1) is None


def test_new_replicas_are_compared_by_what_they_have_to_do():
    targets = fleet(2)
    for _ in range(100):
        targets[pick(targets, 100.0, Random(3))].begin(100.0)
    assert abs(targets[0].in_flight - targets[1].in_flight) <= 1
