"""Error budgets and burn rates, held against the Site Reliability Workbook's own numbers."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts_harness import DAY, HOUR, MINUTE, START
from penstock.alerts.notify.types import NewChannel
from penstock.alerts.slo import arithmetic
from penstock.alerts.slo.arithmetic import BURN_RULES, bounds, budget_used, burn_rate, judge_burn, remaining
from penstock.alerts.slo.types import Indicator, SloSpec
from penstock.core.errors import Conflict, InvalidInput, NotFound, Unavailable

MONTH = 30 * 24 * 3600


def spec(**options) -> SloSpec:
    given = {"name": "Answers", "indicator": Indicator(kind="availability"), "objective": 0.9, "min_bad": 5}
    return SloSpec(**{**given, **options})


@pytest.mark.parametrize(
    ("rate", "hours", "budget"),
    # Table 5-8: 2 % in 1 h, 5 % in 6 h, 10 % in 3 days; 10 % in a day in the text.
    [(14.4, 1, 0.02), (6, 6, 0.05), (3, 24, 0.10), (1, 72, 0.10)],
)
def test_the_rates_use_the_budget_that_the_workbook_says(rate, hours, budget):
    assert budget_used(rate, window=hours * 3600, period=MONTH) == pytest.approx(budget)
    (rule,) = [one for one in BURN_RULES if one.rate == rate]
    assert rule.long == hours * 3600
    assert rule.short == rule.long / 12


@pytest.mark.parametrize(
    ("error_rate", "rate"),
    # Table 5-4: burn rates of an objective of 99.9 %.
    [(0.001, 1), (0.002, 2), (0.01, 10), (1.0, 1000)],
)
def test_burn_rates_are_those_of_the_workbook(error_rate, rate):
    total = 1_000_000
    assert burn_rate(round(total * (1 - error_rate)), total, objective=0.999) == pytest.approx(rate)


def test_a_burn_rate_of_14_4_is_an_error_rate_of_1_44_percent_at_99_9():
    assert burn_rate(9856, 10_000, objective=0.999) == pytest.approx(14.4)


def test_without_calls_there_is_no_rate_and_no_budget():
    assert burn_rate(0, 0, objective=0.9) is None
    assert remaining(0, 0, objective=0.9) is None


@given(total=st.integers(1, 10**9), part=st.floats(0, 1), objective=st.floats(0.5, 0.9999))
def test_a_rate_of_1_uses_the_budget_up(total, part, objective):
    good = round(total * part)
    rate, left = burn_rate(good, total, objective=objective), remaining(good, total, objective=objective)
    assert left == pytest.approx(1 - rate, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("long", "short", "breached"),
    [
        ((980, 1000), (80, 100), True),  # 20 and 200 times as fast
        ((980, 1000), (100, 100), False),  # over already
        ((999, 1000), (80, 100), False),  # a moment only
        ((98, 100), (8, 10), False),  # too few to tell
        ((0, 0), (0, 0), False),
    ],
)
def test_both_windows_must_burn_and_enough_calls_be_bad(long, short, breached):
    found = judge_burn(BURN_RULES[0], long=long, short=short, objective=0.999, min_bad=5)
    assert found.breached is breached


def micros(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("period", "from_", "to"),
    [
        ("7d", micros(2024, 2, 8, 12), micros(2024, 2, 15, 12)),
        ("28d", micros(2024, 1, 18, 12), micros(2024, 2, 15, 12)),
        ("week", micros(2024, 2, 12), micros(2024, 2, 19)),
        ("month", micros(2024, 2, 1), micros(2024, 3, 1)),
    ],
)
def test_a_period_rolls_or_follows_the_calendar(period, from_, to):
    assert bounds(period, micros(2024, 2, 15, 12)) == (from_, to)


def test_the_status_tells_budget_rates_and_burn_down(house):
    house.clock.advance(2 * 24 * 3600)
    now = house.clock.now()
    for hour in range(48):
        house.metrics.add(now - (hour + 1) * HOUR, times=19)
        house.metrics.add(now - (hour + 1) * HOUR, status="error")
    status = house.alerts.slos.test(house.project, spec(period="7d"), points=200)
    assert (status.good, status.total, status.share) == (48 * 19, 48 * 20, 0.95)
    assert (status.budget, status.bad) == (pytest.approx(96), 48)
    assert status.remaining == pytest.approx(0.5)
    assert [rate.long_rate for rate in status.burn_rates] == [pytest.approx(0.5)] * 4
    assert status.points[-1].remaining == pytest.approx(0.5)
    assert status.points[0].remaining == 1
    # Half of the budget is left, and is used at half the speed that would use all of it in seven days.
    assert status.exhausted_at == pytest.approx(now + 7 * DAY, abs=HOUR)


def test_a_calendar_period_goes_on_at_the_traffic_it_has_had(house):
    house.metrics.add(START, times=90)
    house.metrics.add(START, times=10, status="error")
    house.clock.advance(3.5 * 24 * 3600)
    status = house.alerts.slos.test(house.project, spec(period="week", objective=0.8))
    # 100 calls in half the week: 200 in all, of which 40 may fail; 10 have.
    assert status.points[-1].remaining == pytest.approx(0.75, abs=0.02)
    assert (status.ends - status.from_) == 7 * DAY


def test_calls_of_which_it_cannot_be_told_count_for_nothing(house):
    now = house.clock.now()
    house.metrics.add(now - HOUR, times=8, cost=10)
    house.metrics.add(now - HOUR, times=2, cost=1000)
    house.metrics.add(now - HOUR, times=5, cost=None)
    found = house.alerts.slos.test(house.project, spec(indicator=Indicator(kind="cost", limit=100)))
    assert (found.good, found.total) == (8, 10)


def test_slow_calls_and_low_scores_are_bad(house):
    now = house.clock.now()
    house.metrics.add(now - HOUR, times=8, duration=500, **{"score.grounded": 0.9})
    house.metrics.add(now - HOUR, times=2, duration=5000, **{"score.grounded": 0.1})
    for indicator in (Indicator(kind="latency", limit=1000), Indicator(kind="score", score="grounded", limit=0.5)):
        found = house.alerts.slos.test(house.project, spec(indicator=indicator))
        assert (found.good, found.total) == (8, 10)


def test_a_fast_burn_fires_tells_and_is_resolved(house):
    channel = house.alerts.channels.create(house.actor, house.project, new_channel())
    made = house.alerts.slos.create(
        house.actor,
        house.project,
        spec(objective=0.99, channels=[channel.name], incident="sev2", runbook="https://r.test"),
    )
    for minute in range(60):
        house.metrics.add(START + minute * MINUTE, times=5)
        house.metrics.add(START + minute * MINUTE, times=5, status="error")
    house.run(30)
    assert [state.state for state in house.alerts.rules.states(house.project)] == ["firing", "firing"]
    critical = next(one for one in house.ears.heard if one.severity == "critical")
    assert "burn the budget" in critical.text
    assert "https://r.test" in critical.text
    assert f"/slos/{made.id}" in critical.text
    assert house.alerts.slos.get(house.project, made.id).state == "firing"
    (incident,) = house.alerts.incidents.everything(house.project)
    assert (incident.severity, incident.rule) == ("sev2", made.id)
    house.metrics.calls = [call for call in house.metrics.calls if call["status"] == "ok"]
    house.run(60)
    assert house.ears.heard[-1].type == "alert.resolved"
    assert "-status" in house.alerts.rules.history(house.project)[0].query


def test_an_error_of_the_store_is_a_state(house):
    house.alerts.slos.create(house.actor, house.project, spec())
    house.metrics.error = Unavailable("The store is down.")
    house.run(2)
    assert house.states() == ["error", "error"]
    house.metrics.error = None
    house.run(2)
    assert house.states() == ["no_data", "no_data"]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"objective": 1.0}, "objective"),
        ({"objective": float("nan")}, "objective"),
        ({"name": " "}, "name"),
        ({"min_bad": -1}, "min_bad"),
        ({"indicator": Indicator(kind="latency")}, "indicator.limit"),
        ({"indicator": Indicator(kind="availability", limit=1)}, "indicator.limit"),
        ({"indicator": Indicator(kind="latency", limit=float("inf"))}, "indicator.limit"),
        ({"indicator": Indicator(kind="score", limit=1)}, "indicator.score"),
        ({"indicator": Indicator(kind="cost", limit=1, score="x")}, "indicator.score"),
        ({"indicator": Indicator(kind="availability", q="nonsense:1")}, "indicator.q"),
        ({"channels": ["none"]}, "channels"),
    ],
)
def test_an_objective_that_cannot_be_is_refused_with_its_field(house, options, field):
    with pytest.raises(InvalidInput) as caught:
        house.alerts.slos.create(house.actor, house.project, spec(**options))
    assert caught.value.field == field


def test_an_objective_is_written_read_changed_and_deleted(house):
    slos = house.alerts.slos
    made = slos.create(house.actor, house.project, spec())
    with pytest.raises(Conflict):
        slos.create(house.actor, house.project, spec())
    house.run(2)
    changed = slos.replace(house.actor, house.project, made.id, spec(objective=0.95, alerts=False))
    assert (changed.version, changed.state) == (2, "ok")
    assert house.states() == []
    assert [one.spec.objective for one in slos.everything(house.project)] == [0.95]
    assert slos.status(house.project, made.id).share is None
    with pytest.raises(InvalidInput):
        slos.status(house.project, made.id, points=0)
    slos.delete(house.actor, house.project, made.id)
    with pytest.raises(NotFound):
        slos.get(house.project, made.id)


def new_channel():
    return NewChannel(name="team", url="slack://a/b/c")


def test_the_burn_rules_are_in_order_of_their_rate():
    assert [rule.rate for rule in arithmetic.BURN_RULES] == [14.4, 6.0, 3.0, 1.0]
