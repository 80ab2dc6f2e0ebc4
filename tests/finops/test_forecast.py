"""What a budget will have spent: the point, the interval, and when a limit is reached."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.finops.forecast import HOUR, WEEK_HOURS, Course, forecast

DAY = 24 * HOUR
WEEK = WEEK_HOURS * HOUR
START = 20_000 * DAY


def usual(hour: int) -> int:
    """Working days from eight to six cost 1,000 an hour, nights and weekends 10."""
    day, of_day = divmod(hour % WEEK_HOURS, 24)
    return 1000 if day < 5 and 8 <= of_day < 18 else 10


def course(*, elapsed, weeks=0, length=DAY, factor=1.0, noise=0.0, seed=1):
    draw = random.Random(seed)

    def cost(hour):
        return round(usual(hour) * draw.lognormvariate(0, noise))

    first = START // HOUR
    history = {hour * HOUR: cost(hour) for hour in range(first - weeks * WEEK_HOURS, first)}
    whole = {hour * HOUR: round(cost(hour) * factor) for hour in range(first, (START + length) // HOUR)}
    now = START + elapsed
    series = {t: amount for t, amount in whole.items() if t < now}
    return Course(start=START, end=START + length, now=now, step=HOUR, series=series, history=history | series), sum(
        whole.values()
    )


def test_without_a_past_the_rest_goes_on_at_the_mean_rate():
    steady = Course(
        start=START, end=START + DAY, now=START + 6 * HOUR, step=HOUR, series={START + n * HOUR: 10 for n in range(6)}
    )
    found = forecast(steady, soft=120, hard=1000)
    assert (found.method, found.expected, found.low, found.high) == ("linear", 240, 240, 240)
    assert "mean rate" in found.explanation
    assert found.reaches_soft == START + 12 * HOUR
    assert found.reaches_hard is None


def test_the_interval_of_a_linear_forecast_widens_with_what_varies():
    def told(*amounts):
        series = {START + step * HOUR: amount for step, amount in enumerate(amounts)}
        return forecast(
            Course(start=START, end=START + DAY, now=START + 6 * HOUR, step=HOUR, series=series), soft=None, hard=None
        )

    calm, wild = told(10, 11, 9, 10, 10, 10), told(0, 0, 50, 0, 10, 0)
    assert calm.expected == wild.expected == 240
    assert calm.low < 240 < calm.high
    assert wild.high - wild.low > 5 * (calm.high - calm.low)
    assert wild.low >= 60


def test_too_early_to_tell_an_interval_there_is_none():
    early = Course(start=START, end=START + DAY, now=START + HOUR, step=HOUR, series={START: 5})
    found = forecast(early, soft=None, hard=None)
    assert (found.expected, found.low, found.high) == (120, None, None)


def test_a_window_that_begins_this_moment_has_a_forecast():
    found = forecast(Course(start=START, end=START + DAY, now=START, step=HOUR, series={}), soft=1, hard=2)
    assert (found.expected, found.reaches_soft, found.reaches_hard) == (0, None, None)


@pytest.mark.parametrize("weeks", [2, 3, 8, 12])
def test_with_two_weeks_of_past_the_hours_of_the_week_are_known(weeks):
    # At six in the morning the mean rate would tell 240, and the day will cost 10,140.
    night, truth = course(elapsed=6 * HOUR, weeks=weeks)
    found = forecast(night, soft=None, hard=5000)
    assert found.method == "seasonal"
    assert f"{min(weeks, 8)} weeks" in found.explanation
    assert abs(found.expected - truth) <= 1
    assert START + 12 * HOUR < found.reaches_hard < START + 14 * HOUR


@pytest.mark.parametrize(("weeks", "length"), [(1, DAY), (8, HOUR)])
def test_less_past_than_two_weeks_or_a_window_of_an_hour_is_told_linearly(weeks, length):
    found = forecast(course(elapsed=length // 2, weeks=weeks, length=length)[0], soft=None, hard=None)
    assert found.method == "linear"


def test_a_day_that_costs_twice_the_usual_is_expected_to_go_on_so():
    busy, truth = course(elapsed=14 * HOUR, weeks=4, factor=2.0)
    found = forecast(busy, soft=None, hard=None)
    usually = sum(usual(START // HOUR + hour) for hour in range(24))
    assert usually < found.expected <= truth
    assert found.expected > usually * 1.3


@pytest.mark.parametrize("length", [DAY, 30 * DAY])
def test_the_seasonal_interval_holds_what_comes_about_as_often_as_it_says(length):
    held = 0
    runs = 300
    for seed in range(runs):
        told, truth = course(elapsed=length // 2, weeks=6, length=length, noise=0.5, seed=seed)
        found = forecast(told, soft=None, hard=None)
        held += found.low <= truth <= found.high
    assert 0.7 <= held / runs <= 0.97


def test_a_limit_that_is_reached_already_is_not_reached_again():
    series = {START: 100}
    spent = Course(start=START, end=START + DAY, now=START + HOUR, step=HOUR, series=series)
    found = forecast(spent, soft=100, hard=200)
    assert (found.reaches_soft, found.reaches_hard) == (None, START + 2 * HOUR)


def test_a_past_in_which_nothing_was_spent_tells_nothing():
    empty = {START - 3 * WEEK: 0}
    told = Course(start=START, end=START + DAY, now=START + 12 * HOUR, step=HOUR, series={START: 12}, history=empty)
    assert forecast(told, soft=None, hard=None).method == "linear"


amounts = st.integers(min_value=0, max_value=10**15)


@given(
    series=st.dictionaries(st.integers(0, 719), amounts, max_size=40),
    history=st.dictionaries(st.integers(-8 * WEEK_HOURS, -1), amounts, max_size=60),
    elapsed=st.integers(0, 30 * DAY),
    limit=st.integers(1, 10**16),
)
def test_no_forecast_is_less_than_what_is_spent_nor_outside_its_interval(series, history, elapsed, limit):
    now = START + elapsed
    spent = {START + hour * HOUR: cost for hour, cost in series.items() if START + hour * HOUR <= now}
    told = Course(
        start=START,
        end=START + 30 * DAY,
        now=now,
        step=DAY,
        series=spent,
        history={START + hour * HOUR: cost for hour, cost in history.items()} | spent,
    )
    found = forecast(told, soft=None, hard=limit)
    assert found.expected >= told.spent
    if found.low is not None:
        assert told.spent <= found.low <= found.expected <= found.high
    if found.reaches_hard is not None:
        assert told.spent < limit
        assert now <= found.reaches_hard <= told.end
        assert found.expected >= limit - 1
