"""What a budget will have spent when its window ends: a point, an interval, and the method in words.

Linear: what is left of the window goes on as what has passed. The interval comes from how much the steps that
have passed differ from each other.

Seasonal, once two whole weeks are known: each hour that is left takes the mean of the same hour of past weeks,
scaled by how this window compares with them so far. The interval comes from how far whole days of the past lay
from the mean of the same days of the other weeks, and from how uncertain the scale is.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, variance

import msgspec

from penstock.finops.types import Forecast

__all__ = ["CONFIDENCE", "HISTORY", "Course", "forecast"]

HOUR = 3_600_000_000
"""Microseconds."""
DAY_HOURS = 24
WEEK_HOURS = 168
MOST_WEEKS = 8
HISTORY = MOST_WEEKS * WEEK_HOURS * HOUR
"""Microseconds of the past that a forecast looks at."""
CONFIDENCE = 0.8
_Z = 1.2815515655446004
"""Quantile of the normal distribution that leaves a tenth on each side."""
LEAST_STEPS = 3
"""Whole steps that an interval of the linear method needs."""
LINEAR = (
    "What is left of the window goes on at the mean rate so far; the interval comes from how the steps so far vary."
)
SEASONAL = (
    "Each hour that is left takes the mean of the same hour of the last {weeks} weeks, scaled by {scale:.2f}, which is "
    "how this window compares with them so far; the interval comes from how past days strayed from that mean."
)


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """What one counter spent, in nano-dollars; times in microseconds since the epoch."""

    start: int
    end: int
    now: int
    step: int
    series: Mapping[int, int]
    """By start of the step, in the window; a step that is not there spent nothing."""
    history: Mapping[int, int] = {}
    """By hour, in the window and before it."""

    @property
    def spent(self) -> int:
        return sum(self.series.values())


class _Point(msgspec.Struct, frozen=True):
    rest: float
    """Expected between now and the end."""
    sigma: float | None
    """Its standard error, times the quantile; None: unknown."""
    method: str
    explanation: str
    pace: Sequence[tuple[int, float]]
    """When each piece of the rest ends, and what it adds."""


def forecast(course: Course, *, soft: int | None, hard: int | None) -> Forecast:
    """The forecast of one counter.

    Args:
        course: What it spent so far.
        soft: The budget's soft limit.
        hard: Its hard limit.
    """
    spent = course.spent
    point = _seasonal(course) or _linear(course)
    expected = spent + point.rest
    low = high = None
    if point.sigma is not None:
        low, high = max(spent, round(expected - point.sigma)), round(expected + point.sigma)
    return Forecast(
        method="seasonal" if point.method == "seasonal" else "linear",
        explanation=point.explanation,
        expected=round(expected),
        low=low,
        high=high,
        confidence=CONFIDENCE,
        reaches_soft=_reaches(course, point, soft),
        reaches_hard=_reaches(course, point, hard),
    )


def _reaches(course: Course, point: _Point, limit: int | None) -> int | None:
    total = float(course.spent)
    if limit is None or total >= limit:
        return None
    before = course.now
    for ends, amount in point.pace:
        if amount > 0 and total + amount >= limit:
            return before + round((ends - before) * (limit - total) / amount)
        total += amount
        before = ends
    return None


def _linear(course: Course) -> _Point:
    elapsed = max(1, course.now - course.start)
    left = max(0, course.end - course.now)
    rest = course.spent * left / elapsed
    whole = range(course.start, course.now - course.now % course.step, course.step)
    steps = [course.series.get(t, 0) for t in whole]
    sigma = None
    if len(steps) >= LEAST_STEPS:
        ahead = left / course.step
        # The steps ahead vary by themselves, and the mean that they are measured by is uncertain.
        spread = variance(steps) * (ahead + ahead * ahead / len(steps))
        sigma = _quantile(len(steps) - 1) * math.sqrt(spread)
    return _Point(rest, sigma, "linear", LINEAR, [(course.end, rest)])


def _seasonal(course: Course) -> _Point | None:
    """None while less than two whole weeks before the window are known, and for a window of an hour."""
    if course.end - course.start <= HOUR or not course.history:
        return None
    begin = course.start // HOUR
    known = (begin - min(course.history) // HOUR) // WEEK_HOURS
    weeks = min(MOST_WEEKS, known)
    if weeks < 2:
        return None
    past = [
        [course.history.get((begin - (weeks - week) * WEEK_HOURS + hour) * HOUR, 0) for hour in range(WEEK_HOURS)]
        for week in range(weeks)
    ]
    usual = [sum(hours) / weeks for hours in zip(*past, strict=True)]
    if not any(usual):
        return None
    scale = _scale(course, usual, begin)
    left = _hours(course.now, course.end, begin)
    pace = [(ends, scale * usual[hour % WEEK_HOURS] * share) for hour, share, ends in left]
    rest = sum(amount for _, amount in pace)
    days = (course.end - course.now) / HOUR / DAY_HOURS
    strays = _strays(past)
    weekly = [sum(week) for week in past]
    # Days ahead vary by themselves; the level of the whole may be off, as that of past weeks was.
    mean = fmean(weekly)
    level = rest * math.sqrt(variance(weekly) / weeks) / mean
    noise = scale * math.sqrt(days * fmean(stray * stray for stray in strays))
    sigma = _quantile(weeks - 1) * math.hypot(level, noise)
    return _Point(rest, sigma, "seasonal", SEASONAL.format(weeks=weeks, scale=scale), pace)


def _scale(course: Course, usual: Sequence[float], begin: int) -> float:
    """How the window compares with the usual weeks so far; a day of the usual spend stands against early noise."""
    expected = sum(usual[hour % WEEK_HOURS] * share for hour, share, _ in _hours(course.start, course.now, begin))
    day = sum(usual) / 7
    return (course.spent + day) / (expected + day)


def _hours(first: int, last: int, begin: int) -> list[tuple[int, float, int]]:
    """The hours of `[first, last)`: number since the window began, share of it that lies there, its end."""
    found: list[tuple[int, float, int]] = []
    while first < last:
        ends = min(last, (first // HOUR + 1) * HOUR)
        found.append((first // HOUR - begin, (ends - first) / HOUR, ends))
        first = ends
    return found


def _strays(past: Sequence[Sequence[int]]) -> list[float]:
    """How far each past day lay from the mean of the same day of the other weeks."""
    strays: list[float] = []
    for day in range(7):
        totals = [sum(week[day * DAY_HOURS : (day + 1) * DAY_HOURS]) for week in past]
        # The mean of the others, from the mean of all.
        strays += [(total - fmean(totals)) * len(totals) / (len(totals) - 1) for total in totals]
    return strays


def _quantile(freedom: int) -> float:
    """Of Student's t, by the expansion of Cornish and Fisher; within 8 % of the exact one even at 1."""
    z, n = _Z, max(1, freedom)
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    )
