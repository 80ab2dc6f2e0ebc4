"""What is usual, and how far from it a value is."""

import numpy as np
import pytest

from alerts_harness import DAY, HOUR, MINUTE, START, FakeMetrics, Rig, rule
from penstock.alerts.baseline import fit_profile, scale_of
from penstock.alerts.rules.measure import Points
from penstock.alerts.types import AlertCondition, MetricSpec

QUARTER = 900
WEEKS = 3
END = START + 21 * DAY


def history(value, count=lambda _t: 100.0, *, days: int = 21, step: int = QUARTER) -> Points:
    t = np.arange(START, START + days * DAY, step * 1_000_000)
    return Points(
        t=t,
        value=np.array([value(int(one)) for one in t], dtype=float),
        count=np.array([count(int(one)) for one in t], dtype=float),
    )


def fit(points: Points, *, scale="log", window: int = QUARTER, days: int = 21):
    return fit_profile(points, scale=scale, step=QUARTER, window=window, from_=START, to=START + days * DAY)


def hour(t: int) -> float:
    return (t - START) / HOUR % 24


def test_the_hour_of_the_day_is_usual_as_it_was():
    rng = np.random.default_rng(1)
    profile = fit(history(lambda t: (2 if 9 <= hour(t) < 17 else 1) * rng.lognormal(0, 0.05)))
    at = END + 12 * HOUR
    day = profile.expect(at, at + QUARTER * 1_000_000, value=2.0, count=100, deviations=5)
    night = profile.expect(at + 12 * HOUR, at + 12 * HOUR + QUARTER * 1_000_000, value=2.0, count=100, deviations=5)
    assert (round(day.value, 1), round(night.value, 1)) == (2.0, 1.0)
    assert abs(day.deviations) < 2
    assert night.deviations > 8
    assert night.low < 1 < night.high < 2


def test_weekends_are_told_from_working_days():
    rng = np.random.default_rng(2)
    points = history(
        lambda t: (t - START) // DAY % 7 < 5, lambda t: rng.poisson(200 if (t - START) // DAY % 7 < 5 else 40)
    )
    profile = fit(Points(t=points.t, value=points.count, count=points.count), scale="count")
    for day, usual in ((2, 200), (6, 40)):
        at = END + day * DAY + 12 * HOUR
        found = profile.expect(at, at + QUARTER * 1_000_000, value=usual, count=usual, deviations=5)
        assert found.value == pytest.approx(usual, rel=0.1)


def test_an_incident_in_the_past_neither_moves_nor_widens_what_is_usual():
    rng = np.random.default_rng(3)
    noise = {}

    def value(t: int, broken: bool) -> float:
        one = noise.setdefault(t, rng.lognormal(0, 0.05))
        return one * (5 if broken and 10 * DAY <= t - START < 10 * DAY + 2 * HOUR else 1)

    at = END + HOUR
    high = [
        fit(history(lambda t, broken=broken: value(t, broken)))
        .expect(at, at + QUARTER * 1_000_000, value=1.0, count=100, deviations=5)
        .high
        for broken in (False, True)
    ]
    assert high[1] == pytest.approx(high[0], rel=0.1)


def test_few_calls_may_stray_further_than_many():
    rng = np.random.default_rng(4)
    counts = {}

    def count(t: int) -> float:
        return counts.setdefault(t, float(rng.integers(10, 1000)))

    profile = fit(history(lambda t: rng.binomial(int(count(t)), 0.02) / count(t), count), scale="share")
    at = END + HOUR
    few, many = (profile.expect(at, at + QUARTER * 1_000_000, value=0.04, count=n, deviations=5) for n in (25, 2500))
    assert few.deviations < 2.5
    assert many.deviations > 3.5
    assert few.value == pytest.approx(0.02, abs=0.005)


def test_what_wanders_evens_out_over_a_long_window():
    rng = np.random.default_rng(5)
    points = history(lambda _t: rng.lognormal(0, 0.2))
    at = END + HOUR
    short = fit(points).expect(at, at + QUARTER * 1_000_000, value=1.3, count=100, deviations=5)
    long = fit(points, window=4 * 3600).expect(at, at + 4 * HOUR, value=1.3, count=1600, deviations=5)
    assert long.deviations > 2 * short.deviations


def test_traffic_that_grew_is_held_against_its_last_week():
    rng = np.random.default_rng(6)
    points = history(lambda _t: 1.0, lambda t: rng.poisson(200 * 1.3 ** ((t - START) // (7 * DAY))))
    profile = fit(Points(t=points.t, value=points.count, count=points.count), scale="count")
    found = profile.expect(END, END + QUARTER * 1_000_000, value=338, count=338, deviations=5)
    assert found.value == pytest.approx(338, rel=0.1)


@pytest.mark.parametrize("days", [1, 2])
def test_a_short_history_makes_no_profile(days):
    assert fit(history(lambda _t: 1.0, days=days), days=days) is None
    nothing = Points(t=np.array([], dtype=np.int64), value=np.array([]), count=np.array([]))
    assert fit(nothing) is None


def test_a_few_days_make_a_profile_by_the_hour_of_the_day():
    rng = np.random.default_rng(7)
    profile = fit(history(lambda t: (3 if hour(t) < 12 else 1) * rng.lognormal(0, 0.05), days=5), days=5)
    at = START + 5 * DAY + 6 * HOUR
    assert profile.expect(at, at + QUARTER * 1_000_000, value=3, count=9, deviations=5).value == pytest.approx(
        3, rel=0.1
    )


def test_a_history_without_any_difference_makes_a_profile_all_the_same():
    for scale in ("log", "share", "plain"):
        profile = fit(history(lambda _t: 0.5), scale=scale)
        found = profile.expect(END, END + QUARTER * 1_000_000, value=0.5, count=100, deviations=5)
        assert found.value == pytest.approx(0.5)
        assert abs(found.deviations) < 0.1


@pytest.mark.parametrize(
    ("unit", "aggregation", "scale"),
    [("count", "count", "count"), ("share", "share", "share"), ("score", "avg", "plain"), ("tokens", "avg", "log")],
)
def test_each_metric_is_compared_on_its_scale(unit, aggregation, scale):
    assert scale_of(unit, aggregation) == scale


def seasonal(metrics: FakeMetrics, *, days: int, seed: int = 1, route: str | None = None, gap=(0, 0)) -> None:
    rng = np.random.default_rng(seed)
    for t in range(START, START + days * DAY, 10 * MINUTE):
        if gap[0] <= t < gap[1]:
            continue
        busy = 6 <= hour(t) < 22
        for one in range(int(rng.poisson(12 if busy else 1))):
            duration = int(1_000_000 * rng.lognormal(0, 0.3) * (1.2 if busy else 1))
            metrics.add(
                t + one, duration=duration, cost=100, route=route, status="error" if rng.random() < 0.02 else "ok"
            )


def test_an_anomaly_fires_far_from_what_is_usual_and_ends_near_it():
    metric = MetricSpec(aggregation="avg", field="duration")
    it = Rig(rule(AlertCondition(kind="anomaly"), metric=metric, window=3600, min_count=10))
    seasonal(it.metrics, days=15)
    now = START + 14 * DAY
    for at in range(now + 8 * HOUR, now + 12 * HOUR, HOUR):
        it.at(at)
        assert it.state == "ok", it.states[0].reason
    for call in it.metrics.calls:
        if call["t"] >= now + 11 * HOUR:
            call["duration"] *= 1.6
    it.at(now + 12 * HOUR)
    assert it.state == "firing"
    assert "from the usual" in it.states[0].reason
    assert it.states[0].value > it.states[0].threshold > 1_000_000


def test_silence_is_wrong_by_day_and_right_by_night():
    it = Rig(rule(AlertCondition(kind="absence", expected=20), window=3600, group_by=["route"]))
    now = START + 14 * DAY
    seasonal(it.metrics, days=15, route="search", gap=(now, now + 2 * DAY))
    it.at(now + 4 * HOUR)
    assert it.state == "ok"
    assert it.states[0].labels["route"] == "search"
    it.at(now + 12 * HOUR)
    assert it.state == "firing"


def test_the_same_judgement_comes_whoever_asks():
    condition = AlertCondition(kind="anomaly", direction="both")
    first, second = (Rig(rule(condition, window=3600)) for _ in range(2))
    for it in (first, second):
        seasonal(it.metrics, days=15)
    now = START + 14 * DAY
    for at in range(now, now + 10 * HOUR, HOUR):
        first.at(at)
    second.at(now + 9 * HOUR)
    assert first.states[0].threshold == second.states[0].threshold
