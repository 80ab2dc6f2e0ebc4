"""Health of one target."""

import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from penstock.core.clock import ManualClock
from penstock.gateway.routing.health import LEAST_SHARE, MAX_HISTORY, MAX_PAUSE, TargetHealth
from penstock.wire.routing import Breaker

E503 = "upstream_error (503)"


class Driver:
    """A target with its clock; times are seconds from 1000."""

    def __init__(self, **settings_):
        self.clock = ManualClock()
        self.health = TargetHealth("p/m", Breaker(**settings_), clock=self.clock)

    @property
    def now(self):
        return 1000.0 + self.clock.monotonic()

    def wait(self, seconds):
        self.clock.advance(seconds)

    def begin(self):
        return self.health.begin(self.now)

    def ok(self, times=1, ttft=0.1):
        for _ in range(times):
            self.health.succeeded(self.begin(), self.now, ttft=ttft)

    def fail(self, times=1, **kinds):
        for _ in range(times):
            self.health.failed(self.begin(), self.now, E503, **kinds)

    def trip(self):
        self.fail(self.health.breaker.minimum)
        assert self.health.state == "open"

    @property
    def available(self):
        return self.health.available(self.now)


def test_a_target_goes_out_at_the_error_rate_and_says_why():
    driver = Driver()
    driver.ok(6)
    driver.fail(5)
    assert driver.available
    driver.wait(3)
    driver.fail(1)
    assert not driver.available
    report = driver.health.report(driver.now)
    assert (report.state, report.reason) == ("open", "6 of 12 attempts failed in 30 s: upstream_error (503)")
    assert report.since == driver.clock.now()
    assert [transition.state for transition in report.history] == ["open"]
    assert (report.latency, report.p95) == (pytest.approx(0.1), 0.1)


def test_too_few_attempts_are_not_judged():
    driver = Driver(minimum=10)
    driver.fail(9)
    assert driver.available
    driver.fail(1)
    assert not driver.available


def test_a_busy_target_that_dies_goes_out_after_ten_failures_in_a_row():
    """Half of the window would have to fail first, at the price of a timeout for each caller."""
    driver = Driver()
    driver.ok(1000)
    driver.fail(9)
    assert driver.available
    driver.ok()
    driver.fail(9)
    assert driver.available
    driver.fail(1)
    assert not driver.available
    assert driver.health.reason == "10 attempts in a row failed: upstream_error (503)"


def test_a_breaker_that_asks_for_more_attempts_asks_for_more_in_a_row():
    driver = Driver(minimum=25)
    driver.ok(1000)
    driver.fail(24)
    assert driver.available
    driver.fail(1)
    assert not driver.available


def test_failures_in_a_row_that_have_left_the_window_are_forgotten():
    driver = Driver(window=30.0)
    driver.ok(100)
    driver.fail(9)
    driver.wait(40)
    driver.fail(9)
    assert driver.available


def test_the_reason_names_the_most_frequent_error():
    driver = Driver(minimum=3)
    for error in ("upstream_cut", E503, "upstream_cut"):
        driver.health.failed(driver.begin(), driver.now, error)
    assert driver.health.reason.endswith(": upstream_cut")


def test_old_attempts_leave_the_window_by_tenths():
    driver = Driver(window=30.0)
    driver.fail(9)
    for _ in range(9):
        driver.wait(3)
        driver.ok()
    assert driver.health.report(driver.now).errors == 9
    driver.wait(3)
    report = driver.health.report(driver.now)
    assert (report.attempts, report.errors) == (9, 0)
    driver.wait(300)
    assert driver.health.report(driver.now).attempts == 0


def test_callers_faults_and_callers_that_leave_never_count():
    """FAILURES G13."""
    driver = Driver(minimum=1)
    driver.fail(50, counts=False)
    for _ in range(50):
        driver.health.abandoned(driver.begin())
    assert driver.available
    report = driver.health.report(driver.now)
    assert (report.attempts, report.errors, report.in_flight) == (0, 0, 0)


def test_a_ticket_counts_once_however_often_it_is_handed_back():
    driver = Driver()
    ticket = driver.begin()
    driver.health.succeeded(ticket, driver.now)
    driver.health.succeeded(ticket, driver.now)
    driver.health.failed(ticket, driver.now, E503)
    driver.health.abandoned(ticket)
    driver.health.answering(ticket, driver.now)
    report = driver.health.report(driver.now)
    assert (report.attempts, report.errors, report.in_flight) == (1, 0, 0)


def test_a_slow_target_goes_out_when_slowness_is_judged():
    driver = Driver(slow_after=2.0, slow_rate=0.9)
    driver.ok(1)
    driver.ok(8, ttft=3.0)
    assert driver.available
    driver.ok(1, ttft=3.0)
    assert driver.health.state == "open"
    assert driver.health.reason == "9 of 10 attempts took more than 2 s in 30 s"
    patient = Driver()
    patient.ok(100, ttft=1000.0)
    assert patient.available


def test_it_comes_back_by_probes_one_at_a_time():
    driver = Driver(open_for=10.0, probes=3)
    driver.trip()
    driver.wait(9.9)
    assert not driver.available
    driver.wait(0.1)
    assert driver.available
    assert driver.health.wants_probe(driver.now)
    for _ in range(3):
        assert driver.available
        probe = driver.begin()
        assert not driver.available
        driver.health.succeeded(probe, driver.now)
    assert driver.health.state == "closed"
    assert driver.health.reason == ""
    states = [transition.state for transition in driver.health.report(driver.now).history]
    assert states == ["open", "half_open", "closed"]


def test_a_probe_passes_with_its_first_content():
    driver = Driver(probes=2)
    driver.trip()
    driver.wait(10)
    stream = driver.begin()
    driver.health.answering(stream, driver.now)
    assert driver.available
    driver.ok()
    assert driver.health.state == "closed"
    driver.health.succeeded(stream, driver.now)
    assert driver.health.in_flight == 0


def test_a_probe_that_is_cut_after_content_has_failed():
    driver = Driver(probes=2)
    driver.trip()
    driver.wait(10)
    stream = driver.begin()
    driver.health.answering(stream, driver.now)
    driver.health.failed(stream, driver.now, "upstream_cut")
    assert (driver.health.state, driver.health.reason) == ("open", "probe failed: upstream_cut")


def test_a_slow_probe_has_failed():
    driver = Driver(slow_after=1.0)
    driver.trip()
    driver.wait(10)
    driver.ok(ttft=4.0)
    assert driver.health.reason == "probe failed: first content after 4 s"


def test_a_probe_that_was_abandoned_makes_room_for_the_next():
    driver = Driver()
    driver.trip()
    driver.wait(10)
    driver.health.abandoned(driver.begin())
    assert driver.available
    driver.fail(counts=False)
    assert driver.available
    assert driver.health.state == "half_open"


def test_the_wait_doubles_with_each_failed_probe_up_to_its_cap():
    driver = Driver(open_for=10.0, open_for_at_most=60.0)
    driver.trip()
    waits = []
    for _ in range(5):
        before = driver.now
        waits.append(driver.health.back_at(before) - before)
        driver.wait(waits[-1])
        driver.fail()
    assert waits == [10.0, 20.0, 40.0, 60.0, 60.0]
    driver.wait(60)
    driver.ok(3)
    driver.wait(driver.health.breaker.ramp)
    assert driver.available
    driver.trip()
    assert driver.health.back_at(driver.now) - driver.now == pytest.approx(10.0)


def test_one_that_answers_as_a_last_resort_comes_back_at_once():
    driver = Driver(open_for=60.0)
    driver.trip()
    driver.wait(5)
    assert not driver.available
    driver.ok()
    assert (driver.health.state, driver.health.reason) == ("half_open", "it answered although it was out")
    assert driver.available
    driver.ok(2)
    assert driver.health.state == "closed"


def test_a_slow_or_failed_last_resort_leaves_it_out():
    driver = Driver(open_for=60.0, slow_after=1.0)
    driver.trip()
    driver.ok(ttft=2.0)
    driver.fail()
    assert driver.health.state == "open"
    assert driver.health.back_at(driver.now) - driver.now == pytest.approx(60.0)


def test_an_attempt_from_before_the_outage_does_not_end_it():
    driver = Driver()
    early = driver.begin()
    driver.trip()
    driver.health.succeeded(early, driver.now, ttft=0.1)
    assert driver.health.state == "open"


def test_one_that_fails_in_its_ramp_waits_twice_as_long():
    driver = Driver(open_for=10.0)
    driver.trip()
    driver.wait(10)
    driver.ok(3)
    driver.wait(5)
    driver.trip()
    assert driver.health.back_at(driver.now) - driver.now == pytest.approx(20.0)


def test_what_was_begun_before_a_change_says_nothing_after_it():
    driver = Driver(open_for=10.0)
    old = [driver.begin() for _ in range(4)]
    driver.trip()
    driver.health.failed(old[0], driver.now, E503)
    driver.wait(10)
    assert driver.available
    driver.health.succeeded(old[1], driver.now)
    driver.health.failed(old[2], driver.now, E503)
    assert driver.health.report(driver.now).state == "half_open"
    driver.ok(3)
    driver.health.failed(old[3], driver.now, E503)
    report = driver.health.report(driver.now)
    assert (report.state, report.errors, report.in_flight) == ("closed", 0, 0)


def test_the_share_grows_over_the_ramp():
    driver = Driver(ramp=30.0)
    assert driver.health.share(driver.now) == 1.0
    driver.trip()
    assert driver.health.share(driver.now) == 0.0
    driver.wait(10)
    driver.ok(3)
    shares = []
    for _ in range(4):
        shares.append(driver.health.share(driver.now))
        driver.wait(10)
    assert shares == [LEAST_SHARE, pytest.approx(1 / 3), pytest.approx(2 / 3), 1.0]
    assert driver.health.clear


def test_retry_after_takes_it_out_for_that_long_without_judging_it():
    driver = Driver(minimum=1)
    driver.fail(counts=False, retry_after=20.0)
    report = driver.health.report(driver.now)
    assert (report.state, report.reason) == ("open", "asked to wait 20 s: upstream_error (503)")
    assert driver.health.back_at(driver.now) == driver.now + 20.0
    driver.wait(10)
    driver.fail(counts=False, retry_after=20.0)
    driver.fail(counts=False, retry_after=5.0)
    driver.wait(10)
    assert not driver.available
    driver.wait(10)
    assert driver.available
    assert driver.health.share(driver.now) == LEAST_SHARE
    report = driver.health.report(driver.now)
    assert (report.state, report.reason) == ("closed", "")
    assert [transition.state for transition in report.history] == ["open", "closed"]
    driver.wait(20)
    assert driver.health.share(driver.now) == 1.0


def test_a_short_wait_is_paid_for_with_a_short_ramp():
    driver = Driver(ramp=30.0)
    driver.fail(counts=False, retry_after=1.0)
    driver.wait(2.0)
    assert driver.available
    assert driver.health.clear


def test_an_absurd_retry_after_is_not_believed():
    driver = Driver()
    driver.fail(counts=False, retry_after=1e9)
    assert driver.health.back_at(driver.now) == driver.now + MAX_PAUSE


def test_a_wait_within_an_outage_ends_when_both_have():
    driver = Driver(open_for=10.0)
    late = driver.begin()
    driver.trip()
    driver.health.failed(late, driver.now, E503, retry_after=30.0)
    assert driver.health.reason.startswith("10 of 10 attempts failed")
    driver.wait(20)
    assert not driver.available
    driver.wait(10)
    assert driver.health.wants_probe(driver.now)
    driver.fail(counts=False, retry_after=5.0)
    assert driver.health.state == "open"
    assert not driver.available
    driver.wait(5)
    assert driver.health.wants_probe(driver.now)


def test_the_mean_follows_recent_times_however_they_come_in_bursts():
    driver = Driver()
    driver.ok(100, ttft=1.0)
    assert driver.health.latency == pytest.approx(1.0)
    driver.ok(100, ttft=3.0)
    assert driver.health.latency == pytest.approx(2.0)
    driver.wait(100)
    driver.ok(1, ttft=0.5)
    assert driver.health.latency == pytest.approx(0.5, abs=0.05)


def test_the_p95_is_of_the_latest_times_and_memory_does_not_grow():
    driver = Driver()
    assert driver.health.p95 is None
    driver.ok(1, ttft=0.3)
    assert driver.health.p95 == 0.3
    for number in range(1000):
        driver.ok(1, ttft=number / 1000)
    assert driver.health.p95 == pytest.approx(0.993, abs=0.02)
    assert len(driver.health._times) == 128


def test_the_time_to_first_content_is_taken_from_the_clock_when_it_is_not_given():
    driver = Driver()
    ticket = driver.begin()
    driver.wait(0.7)
    driver.health.answering(ticket, driver.now)
    driver.wait(5)
    driver.health.succeeded(ticket, driver.now)
    assert driver.health.p95 == pytest.approx(0.7)


def test_times_from_before_an_outage_are_forgotten():
    driver = Driver(slow_after=None)
    driver.ok(5, ttft=9.0)
    driver.trip()
    driver.wait(10)
    driver.ok(3, ttft=0.2)
    assert driver.health.latency == pytest.approx(0.2)
    assert driver.health.p95 == 0.2


def test_new_settings_keep_the_state_and_drop_counts_of_another_window():
    driver = Driver()
    driver.fail(4)
    driver.health.breaker = Breaker(minimum=5)
    driver.fail(1)
    assert driver.health.state == "open"
    other = Driver()
    other.fail(4)
    other.health.breaker = Breaker(window=60.0)
    assert other.health.report(other.now).attempts == 0


def test_a_flapping_target_keeps_its_latest_changes():
    driver = Driver(minimum=1, open_for=1.0, open_for_at_most=1.0)
    for _ in range(MAX_HISTORY):
        driver.fail()
        driver.wait(1)
        assert driver.available
    history = driver.health.report(driver.now).history
    assert len(history) == MAX_HISTORY
    assert [transition.at for transition in history] == sorted(transition.at for transition in history)


class BreakerMachine(RuleBasedStateMachine):
    """Whatever comes in whatever order: nothing leaks, and what is out comes back."""

    def __init__(self):
        super().__init__()
        self.driver = Driver(minimum=3, window=10.0, open_for=2.0, open_for_at_most=8.0, ramp=4.0, slow_after=1.0)
        self.health = self.driver.health
        self.flying = []

    @rule(seconds=st.sampled_from([0.0, 0.3, 1.0, 2.5, 9.0, 40.0]))
    def wait(self, seconds):
        self.driver.wait(seconds)

    @rule()
    def begin(self):
        due = self.health.wants_probe(self.driver.now)
        ticket = self.driver.begin()
        assert ticket.probe == due
        if due:
            assert not self.driver.available
        self.flying.append(ticket)

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def answer(self, data):
        ticket = data.draw(st.sampled_from(self.flying))
        self.health.answering(ticket, self.driver.now, ttft=data.draw(st.sampled_from([0.1, 2.0])))

    @precondition(lambda self: self.flying)
    @rule(
        data=st.data(),
        how=st.sampled_from(["ok", "failed", "harmless", "wait", "abandoned"]),
        ttft=st.sampled_from([0.1, 2.0]),
    )
    def end(self, data, how, ttft):
        ticket = self.flying.pop(data.draw(st.integers(0, len(self.flying) - 1)))
        now = self.driver.now
        if how == "ok":
            self.health.succeeded(ticket, now, ttft=ttft)
        elif how == "abandoned":
            self.health.abandoned(ticket)
        else:
            retry_after = 3.0 if how == "wait" else None
            self.health.failed(ticket, now, E503, counts=how == "failed", retry_after=retry_after)

    @invariant()
    def nothing_leaks(self):
        health, now = self.health, self.driver.now
        report = health.report(now)
        assert report.in_flight == len(self.flying)
        assert 0 <= report.errors <= report.attempts
        assert report.attempts == sum(health._attempts)
        assert report.errors == sum(health._errors)
        assert health._total_slow == sum(health._slow) <= report.attempts
        share = health.share(now)
        assert share == 0.0 if not health.available(now) else LEAST_SHARE <= share <= 1.0
        assert bool(report.reason) == (report.state != "closed")
        assert len(report.history) <= MAX_HISTORY
        assert not report.history or report.history[-1].state == report.state
        assert math.isfinite(health.cost(now))

    def teardown(self):
        for ticket in self.flying:
            self.health.abandoned(ticket)
        self.driver.wait(3600)
        for _ in range(self.health.breaker.probes):
            assert self.driver.available
            self.driver.ok()
        self.driver.wait(10)
        assert self.health.share(self.driver.now) == 1.0
        assert self.health.report(self.driver.now).state == "closed"
        assert self.health.in_flight == 0


BreakerMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestBreaker = BreakerMachine.TestCase
