"""Alert rules as people write, read and try them."""

import pytest

from alerts_harness import DAY, HOUR, MINUTE, START, threshold
from penstock.alerts.rules.defaults import default_rules
from penstock.alerts.types import AlertCondition, MetricSpec, RuleSpec
from penstock.core.errors import Conflict, InvalidInput, NotFound, Unavailable

ERRORS = MetricSpec(aggregation="share", of="status:error")


def spec(condition: AlertCondition | None = None, **options) -> RuleSpec:
    return RuleSpec(**{"name": "Errors", "condition": condition or threshold(0.1), "metric": ERRORS, **options})


def test_a_rule_is_written_read_changed_and_deleted(house):
    rules = house.alerts.rules
    made = rules.create(house.actor, house.project, spec())
    assert (made.version, made.state, made.firing, made.evaluated) == (1, "ok", 0, None)
    with pytest.raises(Conflict) as caught:
        rules.create(house.actor, house.project, spec())
    assert caught.value.code == "alert_exists"
    house.metrics.add(START, status="error")
    house.run(2)
    shown = rules.get(house.project, made.id)
    assert (shown.state, shown.firing) == ("firing", 1)
    assert shown.evaluated is not None
    changed = house.change(made, description="why", name="Failures")
    assert (changed.version, changed.spec.name, changed.state) == (2, "Failures", "ok")
    assert [one.spec.name for one in rules.everything(house.project)] == ["Failures"]
    rules.delete(house.actor, house.project, made.id)
    with pytest.raises(NotFound):
        rules.get(house.project, made.id)
    assert house.states() == []
    assert [one.after for one in rules.history(house.project, rule=made.id)] == ["firing"]


def test_a_change_that_asks_the_same_keeps_the_states(house):
    made = house.create(threshold(0.1), metric=ERRORS)
    house.metrics.add(START, status="error")
    house.run(2)
    assert house.change(made, description="why", channels=[]).state == "firing"
    assert house.change(made, window=600).state == "ok"


def test_a_rule_that_is_switched_off_is_not_evaluated(house):
    made = house.create(threshold(0.1), metric=ERRORS, enabled=False)
    house.run(5)
    assert house.metrics.asked[1:] == []
    house.change(made, enabled=True)
    house.run(2)
    assert house.states() == ["no_data"]


def test_a_rule_that_cannot_be_measured_any_more_says_why(house):
    made = house.create(threshold(0.1), metric=ERRORS)
    house.metrics.error = Unavailable("The store is down.")
    house.run(2)
    shown = house.alerts.rules.get(house.project, made.id)
    assert (shown.state, shown.error) == ("error", "The store is down.")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"description": "\x00"}, "description"),
        ({"window": 59}, "window"),
        ({"interval": 1}, "interval"),
        ({"max_series": 101}, "max_series"),
        ({"group_by": ["model", "model"]}, "group_by"),
        ({"group_by": ["model", "route", "user"]}, "group_by"),
        ({"labels": {"alert": "x"}}, "labels"),
        ({"labels": {str(n): "x" for n in range(21)}}, "labels"),
        ({"labels": {"x": "y" * 201}}, "labels.x"),
        ({"runbook": "javascript:alert(1)"}, "runbook"),
        ({"runbook": "http://[::1"}, "runbook"),
        ({"steps": [""]}, "steps"),
        ({"steps": ["x"] * 51}, "steps"),
        ({"channels": ["nobody"]}, "channels"),
        ({"channels": ["x"] * 21}, "channels"),
        ({"metric": MetricSpec(aggregation="share")}, "metric.of"),
        ({"metric": MetricSpec(q="nonsense:1")}, "metric.q"),
        ({"metric": MetricSpec(aggregation="share", of="(")}, "metric.of"),
        ({"condition": AlertCondition(kind="threshold")}, "condition.value"),
        ({"condition": AlertCondition(kind="threshold", value=float("nan"))}, "condition.value"),
        ({"condition": AlertCondition(kind="threshold", value=1, recover=2)}, "condition.recover"),
        ({"condition": AlertCondition(kind="threshold", value=1, op="<", recover=0)}, "condition.recover"),
        ({"condition": AlertCondition(kind="threshold", value=1, weeks=2)}, "condition.weeks"),
        ({"condition": AlertCondition(kind="change", value=1, offset=1)}, "condition.offset"),
        ({"condition": AlertCondition(kind="anomaly", deviations=0)}, "condition.deviations"),
        ({"condition": AlertCondition(kind="absence", value=1)}, "condition.value"),
        ({"condition": AlertCondition(kind="absence"), "on_no_data": "alert"}, "on_no_data"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_its_field(house, options, field):
    with pytest.raises(InvalidInput) as caught:
        house.alerts.rules.create(house.actor, house.project, spec(**options))
    assert caught.value.field == field


def test_the_history_has_pages(house):
    house.create(threshold(0.1), metric=ERRORS, window=60)
    for minute in range(0, 60, 2):
        house.metrics.add(START + minute * MINUTE, status="error")
        house.metrics.add(START + (minute + 1) * MINUTE)
    house.run(61)
    first = house.alerts.rules.history(house.project, limit=5)
    second = house.alerts.rules.history(house.project, limit=5, cursor=first[-1].id)
    assert first[-1].id > second[0].id
    part = house.alerts.rules.history(house.project, from_=START + 10 * MINUTE, to=START + 20 * MINUTE, limit=200)
    assert {one.after for one in part} == {"firing", "resolved"}
    assert all(START + 10 * MINUTE <= one.at < START + 20 * MINUTE for one in part)
    with pytest.raises(InvalidInput):
        house.alerts.rules.history(house.project, limit=0)


def test_only_what_fires_can_be_asked_for(house):
    house.create(threshold(0.1), metric=ERRORS, group_by=["route"])
    house.metrics.add(START, status="error", route="a")
    house.metrics.add(START, route="b")
    house.run(2)
    assert house.states() == ["firing", "ok"]
    assert house.states(only_active=True) == ["firing"]


@pytest.mark.parametrize("condition", [threshold(0.1), AlertCondition(kind="change", value=3)])
def test_a_back_test_says_when_it_would_have_fired_as_it_does_live(house, condition):
    """The same firings as evaluation, within the delay."""
    made = spec(condition, window=600, interval=60, pending_for=300, delay=0)
    base = START - 7 * DAY
    for minute in range(0, 8 * 24 * 60, 2):
        wrong = 7 * 24 * 60 + 100 <= minute < 7 * 24 * 60 + 160 or minute % 10 == 0
        house.metrics.add(base + minute * MINUTE, status="error" if wrong else "ok")
        house.metrics.add(base + minute * MINUTE + 1, times=3)
    house.alerts.rules.create(house.actor, house.project, made)
    house.run(6 * 60, every=60)
    live = [
        one
        for one in reversed(house.alerts.rules.history(house.project, limit=200))
        if one.after in {"firing", "resolved"}
    ]
    tested = house.alerts.rules.test(house.project, made, days=1)
    (series,) = tested.series
    found = [(one.fired, one.resolved) for one in series.firings if one.fired > START]
    assert found == [(live[0].at, live[1].at)]
    assert (tested.step, tested.firings, tested.notifications) == (60, len(series.firings), 0)
    assert len(series.times) == len(series.values) == len(series.thresholds) <= 1000


def test_a_back_test_of_percentiles_asks_at_most_five_hundred_windows(house):
    made = spec(threshold(400), metric=MetricSpec(aggregation="p50", field="duration"), window=600, delay=30)
    now = house.clock.now()
    for hour in range(48):
        house.metrics.add(now - hour * HOUR - 5 * MINUTE, duration=500 if hour == 10 else 100)
    tested = house.alerts.rules.test(house.project, made, days=2)
    assert tested.evaluations <= 500
    assert tested.step % 60 == 0
    assert [one.resolved is None for one in tested.series[0].firings] == [False]


def test_a_back_test_of_an_anomaly_learns_only_from_what_was_before(house):
    condition = AlertCondition(kind="anomaly", weeks=1, deviations=5)
    made = spec(condition, metric=MetricSpec(aggregation="rate"), window=3600, interval=1800)
    now = house.clock.now()
    for minute in range(0, 9 * 24 * 60, 5):
        busy = 5 if 300 <= minute < 420 else 1
        house.metrics.add(now - minute * MINUTE - 1, times=4 * busy)
    tested = house.alerts.rules.test(house.project, made, days=1)
    assert tested.firings == 1
    assert tested.series[0].firings[0].fired >= now - 420 * MINUTE


def test_a_back_test_of_an_unfit_rule_is_refused(house):
    for days in (0, 32):
        with pytest.raises(InvalidInput):
            house.alerts.rules.test(house.project, spec(), days=days)


def test_sums_and_rates_are_put_together_as_the_store_would(house):
    for aggregation, field in (("sum", "cost"), ("rate", None), ("count", None)):
        made = spec(threshold(1e9), metric=MetricSpec(aggregation=aggregation, field=field), window=3600, interval=600)
        now = house.clock.now() // (600 * 1_000_000) * 600 * 1_000_000
        house.metrics.calls.clear()
        for minute in range(0, 600, 7):
            house.metrics.add(now - minute * MINUTE - 1, cost=minute, x=1)
        tested = house.alerts.rules.test(house.project, made, days=1)
        last = tested.series[0].values[-1]
        part = [call for call in house.metrics.calls if now - HOUR <= call["t"] < now]
        wanted = {"sum": sum(call["cost"] for call in part), "rate": len(part) / 3600, "count": len(part)}
        assert last == pytest.approx(wanted[aggregation])


def test_the_default_rules_can_all_be_written(house):
    for one in default_rules(score="helpful"):
        house.alerts.rules.create(house.actor, house.project, one)
    names = [one.spec.name for one in house.alerts.rules.everything(house.project)]
    assert len(names) == len(set(names)) > 20
    house.run(20)
    assert set(house.states()) <= {"ok", "no_data"}
