"""States of an alert, one evaluation after the other."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts_harness import HOUR, MINUTE, START, FakeMetrics, Rig, holds, rule, threshold
from penstock.alerts.types import AlertCondition, MetricSpec
from penstock.core.errors import Unavailable
from penstock.tracing.query import parse

ERRORS = MetricSpec(aggregation="share", of="status:error")


def rig(**options) -> Rig:
    return Rig(rule(threshold(0.1, **options.pop("levels", {})), **{"metric": ERRORS, "window": 60, **options}))


def errors(rig: Rig, minute: int, part: float, *, calls: int = 20, **columns) -> None:
    wrong = round(part * calls)
    rig.metrics.add(START + minute * MINUTE, times=wrong, **{"status": "error", **columns})
    rig.metrics.add(START + minute * MINUTE + 1000, times=calls - wrong, **columns)


def minutes(rig: Rig, *parts: float | None, begin: int = 0) -> list[str]:
    """States after minutes with these parts of errors; None: no calls."""
    found = []
    for minute, part in enumerate(parts, start=begin):
        if part is not None:
            errors(rig, minute, part)
        rig.at(START + (minute + 1) * MINUTE)
        found.append(rig.state)
    return found


def test_it_waits_pending_fires_and_is_resolved():
    """FAILURES O14"""
    it = rig(pending_for=120)
    assert minutes(it, 0, 0.5, 0.5, 0.5, 0) == ["ok", "pending", "pending", "firing", "resolved"]
    assert [(one.before, one.after) for one in it.transitions] == [
        ("ok", "pending"),
        ("pending", "firing"),
        ("firing", "resolved"),
    ]
    fired = it.transitions[1]
    assert (fired.value, fired.threshold, fired.at) == (0.5, 0.1, START + 4 * MINUTE)
    assert fired.link.startswith("/traces?from=")


def test_a_moment_right_ends_what_is_pending():
    it = rig(pending_for=120)
    assert minutes(it, 0.5, 0.5, 0, 0.5, 0.5, 0.5) == ["pending", "pending", "ok", "pending", "pending", "firing"]


def test_without_pending_it_fires_at_once():
    assert minutes(rig(), 0, 0.5) == ["ok", "firing"]


def test_between_the_levels_an_alert_neither_begins_nor_ends():
    """FAILURES O14: no flapping"""
    it = rig(levels={"recover": 0.05})
    assert minutes(it, 0.1, 0.2, 0.1, 0.2, 0.1, 0.05, 0.1) == [
        "ok",
        "firing",
        "firing",
        "firing",
        "firing",
        "resolved",
        "resolved",
    ]
    assert len(it.transitions) == 2


def test_it_goes_on_firing_until_it_was_right_for_long_enough():
    it = rig(keep_firing_for=120)
    assert minutes(it, 0.5, 0, 0, 0.5, 0, 0, 0) == ["firing"] * 6 + ["resolved"]


def test_an_hour_after_it_was_resolved_it_is_ok_and_nobody_hears_of_that():
    it = rig()
    minutes(it, 0.5, 0)
    told = len(it.transitions)
    assert minutes(it, *[0] * 60, begin=2)[-2:] == ["resolved", "ok"]
    assert len(it.transitions) == told


def test_missing_data_is_a_state_of_its_own_and_ends_nothing():
    """FAILURES O14"""
    it = rig()
    assert minutes(it, 0.5, None, None, 0.5, None, 0) == [
        "firing",
        "no_data",
        "no_data",
        "firing",
        "no_data",
        "resolved",
    ]
    assert it.states[0].firing_since is None


def test_missing_data_can_mean_right_or_wrong():
    assert minutes(rig(on_no_data="ok"), 0.5, None) == ["firing", "resolved"]
    assert minutes(rig(on_no_data="alert"), 0, None) == ["ok", "firing"]


def test_a_window_with_too_few_calls_has_no_value():
    it = rig(min_count=21)
    assert minutes(it, 1.0) == ["no_data"]
    assert "fewer than 21" in it.states[0].reason


def test_an_error_is_a_state_of_its_own_and_what_was_pending_goes_on():
    """FAILURES O14"""
    it = rig(pending_for=180)
    minutes(it, 0, 0.5)
    it.metrics.error = Unavailable("The store is down.")
    assert minutes(it, 0.5, begin=2) == ["error"]
    assert "down" in it.states[0].reason
    it.metrics.error = None
    assert minutes(it, 0.5, 0.5, begin=3) == ["pending", "firing"]


def test_an_error_ends_no_alert_that_fires():
    it = rig()
    minutes(it, 0.5)
    it.metrics.error = Unavailable("The store is down.")
    minutes(it, 0.5, begin=1)
    it.metrics.error = None
    assert minutes(it, 0.5, 0, begin=2) == ["firing", "resolved"]


def test_each_group_has_a_state_of_its_own():
    """FAILURES O15: spend by user"""
    spend = MetricSpec(aggregation="sum", field="cost")
    it = Rig(rule(threshold(100), metric=spend, group_by=["user"], window=3600))
    for user, cost in (("ada", 150), ("bob", 50), ("eve", None)):
        it.metrics.add(START, user=user, cost=cost)
    it.at(START + HOUR)
    assert {one.labels["user"]: one.state for one in it.states} == {"ada": "firing", "bob": "ok", "eve": "no_data"}
    (fired,) = [one for one in it.transitions if one.after == "firing"]
    assert fired.labels == {"alert": "rule", "severity": "warning", "user": "ada"}
    assert fired.query == 'user:"ada"'


def test_an_unknown_cost_is_left_out_and_never_0():
    it = Rig(rule(threshold(5, op="<"), metric=MetricSpec(aggregation="avg", field="cost"), window=60))
    it.metrics.add(START, cost=10)
    it.metrics.add(START, times=9, cost=None)
    it.at(START + MINUTE)
    assert (it.state, it.states[0].value) == ("ok", 10.0)


def test_a_group_that_is_missing_among_too_many_is_not_judged():
    it = Rig(rule(threshold(0), group_by=["user"], window=60, max_series=1))
    it.metrics.add(START, times=3, user="ada")
    it.at(START + MINUTE)
    it.metrics.add(START + MINUTE, user="ada")
    it.metrics.add(START + MINUTE, times=5, user="bob")
    it.at(START + 2 * MINUTE)
    assert {one.labels["user"]: one.state for one in it.states} == {"ada": "firing", "bob": "firing"}


def test_a_group_that_was_not_seen_for_a_week_is_dropped_and_resolved():
    it = Rig(rule(threshold(0), metric=MetricSpec(aggregation="avg", field="cost"), group_by=["user"], window=60))
    it.metrics.add(START, user="ada", cost=1)
    it.at(START + MINUTE)
    outcome = it.at(START + 8 * 24 * HOUR)
    assert (outcome.states, len(outcome.gone)) == ([], 1)
    assert outcome.transitions[-1].after == "resolved"


def test_nothing_counted_is_a_count_of_0():
    it = Rig(rule(threshold(1, op="<"), window=60))
    it.at(START)
    assert it.state == "firing"


@pytest.mark.parametrize(
    ("mode", "value", "state"), [("ratio", 1.5, "firing"), ("ratio", 2.5, "ok"), ("difference", 9, "firing")]
)
def test_a_change_is_measured_against_the_week_before(mode, value, state):
    it = Rig(rule(AlertCondition(kind="change", mode=mode, value=value), window=3600))
    it.metrics.add(START, times=10)
    it.metrics.add(START + 7 * 24 * HOUR, times=20)
    it.at(START + 7 * 24 * HOUR + HOUR)
    assert it.state == state


def test_a_change_against_nothing_has_no_value():
    it = Rig(rule(AlertCondition(kind="change", value=1.5), window=3600))
    it.metrics.add(START + 7 * 24 * HOUR, times=20)
    it.at(START + 7 * 24 * HOUR + HOUR)
    assert (it.state, it.states[0].reason) == ("no_data", "nothing before to compare with")


def test_absence_at_any_hour_when_nothing_is_expected():
    it = Rig(rule(AlertCondition(kind="absence", expected=0), window=60))
    it.metrics.add(START)
    it.at(START + MINUTE)
    assert it.state == "ok"
    it.at(START + 2 * MINUTE)
    assert it.state == "firing"


def test_absence_without_history_says_nothing():
    it = Rig(rule(AlertCondition(kind="absence"), window=60))
    it.at(START)
    assert (it.state, "too short" in it.states[0].reason) == ("no_data", True)


def test_a_filter_that_is_not_understood_any_more_is_an_error():
    it = Rig(rule(threshold(1), metric=MetricSpec(q="nonsense:1"), window=60), FakeMetrics())
    it.at(START)
    assert it.state == "error"


def test_the_query_of_a_group_without_a_value_finds_it():
    it = Rig(rule(threshold(0), metric=MetricSpec(q="status:ok"), group_by=["user", "tags.team"], window=60))
    it.metrics.add(START, user=None, **{"tags.team": 'a"b'})
    it.at(START + MINUTE)
    assert it.transitions[0].query == '(status:ok) missing:user tag.team:"a\\"b"'


def test_a_state_survives_its_journey_through_json():
    it = rig(pending_for=60)
    minutes(it, 0.5, 0.5)
    (state,) = it.states
    assert msgspec.convert(msgspec.to_builtins(state), type(state)) == state


@given(value=st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_the_query_of_any_group_is_understood(value):
    it = Rig(rule(threshold(0), metric=MetricSpec(q="status:ok or status:error"), group_by=["route"], window=60))
    it.metrics.add(START, route=value)
    it.at(START + MINUTE)
    found = parse(it.transitions[0].query)
    assert holds(found, {"status": "ok", "route": value})
