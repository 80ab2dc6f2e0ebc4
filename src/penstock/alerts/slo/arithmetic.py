"""Error budgets and burn rates, as in Google's "The Site Reliability Workbook" (2018), chapter 5, "Alerting on SLOs".

An objective of 99.9 % allows one bad call in a thousand: the error budget. A burn rate of 1 uses the budget exactly by
the end of the period; an alert on a rate of r over a window w fires once r·w/period of the budget is used within it.
Each rate is held against a long window, so that it is significant, and against a short one of a twelfth, so that the
alert ends soon after the errors do ("multiwindow, multi-burn-rate alerts").
"""

import calendar
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from penstock.alerts.rules.measure import SECOND
from penstock.alerts.slo.types import BudgetPoint, BurnRate, BurnRule, Period
from penstock.core.clock import to_datetime

__all__ = ["BURN_RULES", "DAY", "HOUR", "bounds", "budget_used", "burn_rate", "judge_burn", "remaining", "series"]

HOUR: Final = 3600
DAY: Final = 24 * HOUR
BURN_RULES: Final = (
    BurnRule(rate=14.4, long=HOUR, short=HOUR // 12, severity="critical"),
    BurnRule(rate=6.0, long=6 * HOUR, short=HOUR // 2, severity="critical"),
    BurnRule(rate=3.0, long=DAY, short=2 * HOUR, severity="warning"),
    BurnRule(rate=1.0, long=3 * DAY, short=6 * HOUR, severity="warning"),
)
"""The workbook's table 5-8, with the pair of one day that its text recommends beside it: for a period of 30 days they
fire when 2 %, 5 %, 10 % and 10 % of the budget are used.
"""
ROLLING: Final[dict[Period, int]] = {"7d": 7 * DAY, "28d": 28 * DAY, "30d": 30 * DAY}


def bounds(period: Period, now: int) -> tuple[int, int]:
    """Start and end of the period that `now` lies in; a rolling one ends now. Microseconds."""
    if period in ROLLING:
        return now - ROLLING[period] * SECOND, now
    midnight = to_datetime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "week":
        start = midnight - timedelta(days=midnight.weekday())
        return _micros(start), _micros(start + timedelta(days=7))
    start = midnight.replace(day=1)
    days = calendar.monthrange(start.year, start.month)[1]
    return _micros(start), _micros(start + timedelta(days=days))


def burn_rate(good: int, total: int, *, objective: float) -> float | None:
    """Share of bad calls over the share that is allowed; None without calls."""
    return None if total == 0 else ((total - good) / total) / (1 - objective)


def budget_used(rate: float, *, window: int, period: int) -> float:
    """Part of a period's budget that a burn rate uses within a window, both in seconds."""
    return rate * window / period


def remaining(good: int, total: int, *, objective: float) -> float | None:
    """Part of the budget that is left of `total` calls; below 0 when overspent, None without calls."""
    return None if total == 0 else 1 - (total - good) / (total * (1 - objective))


def judge_burn(
    rule: BurnRule, *, long: tuple[int, int], short: tuple[int, int], objective: float, min_bad: int
) -> BurnRate:
    """A pair of windows, each with its good and all calls.

    Args:
        rule: The rate and its windows.
        long: Good and all calls in the long window.
        short: The same of the short one.
        objective: Share of good calls.
        min_bad: Bad calls in the long window below which nothing is wrong.
    """
    rates = burn_rate(*long, objective=objective), burn_rate(*short, objective=objective)
    bad = long[1] - long[0]
    breached = all(rate is not None and rate > rule.rate for rate in rates) and bad >= min_bad
    return BurnRate(
        threshold=rule.rate,
        long=rule.long,
        short=rule.short,
        long_rate=rates[0],
        short_rate=rates[1],
        bad=bad,
        severity=rule.severity,
        breached=breached,
    )


def series(steps: Sequence[tuple[int, int, int]], *, objective: float, expected: float) -> list[BudgetPoint]:
    """The burn-down of a budget.

    Args:
        steps: End, good and all calls of each step, in order of time.
        objective: Share of good calls.
        expected: Calls of the whole period: their share is the budget.
    """
    budget = expected * (1 - objective)
    bad = 0
    points: list[BudgetPoint] = []
    for end, good, total in steps:
        bad += total - good
        left = 1 - bad / budget if budget > 0 else 1.0
        points.append(BudgetPoint(t=end, good=good, total=total, remaining=left))
    return points


def _micros(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp()) * SECOND
