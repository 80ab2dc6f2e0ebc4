"""What is usual at an hour of the week, and how far from it a value is.

The profile is the median of the values around the same hour of the week over the last weeks; spread is estimated from
the median absolute deviation (Hampel 1974; Iglewicz and Hoaglin 1993, "How to Detect and Handle Outliers"), so that an
incident in the past neither moves what is usual nor widens what is let through. Values are first put on a scale where
their spread does not depend on their size: logarithms of counts, durations and money, the arcsine of the square root
of shares (Anscombe 1948), scores as they are.

How much a value of n calls may stray depends on n. The model is var(n) = between + within / n: what differs from one
day to the next however much traffic there is, and what fewer calls make uncertain. Both parts are estimated by the
method of moments from the windows with few and with many calls. Last, the scale is widened where the history itself
has heavier tails than a normal distribution.
"""

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from penstock.alerts.rules.measure import SECOND, Points
from penstock.alerts.types import Unit

__all__ = ["LEAST_DAYS", "Expectation", "Profile", "Scale", "fit_profile", "scale_of"]

Scale = Literal["log", "share", "plain", "count"]
Array = NDArray[np.float64]

HOUR = 3600
DAY = 24 * HOUR
WEEK = 7 * DAY
SLOT = HOUR // 2
SLOTS = WEEK // SLOT
REACH = HOUR
"""Seconds around an hour of the week whose values tell what is usual then."""
LEAST_DAYS = 3
"""Of history, for a profile by the hour of the day; two weeks make one by the hour of the week."""
LEAST_SAMPLES = 6
MAD = 1.4826
"""Makes the median absolute deviation of normal values their standard deviation."""
TAIL, TAIL_NORMAL = 0.99, 2.576
"""Share of |z| below the second number, in a normal distribution."""
WIDEST_TAIL = 3.0
NO_LESS = {"share": 0.5, "count": 1.0, "log": 0.0, "plain": 0.0}
"""Standard deviation of one call's part on each scale that chance alone makes: binomial, Poisson."""
# Monday 1970-01-05, so that slot 0 is Monday, 00:00 UTC.
MONDAY = 4 * DAY


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What is usual in a window."""

    value: float
    """In the metric's own unit; of a count in the whole window."""
    deviations: float | None
    """How many standard deviations the given value lies above (below: negative)."""
    low: float
    """Where the given number of deviations ends, below; and above."""
    high: float


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A group's usual values, by half hours of the week from Monday, 00:00 UTC."""

    scale: Scale
    centre: Array
    """On the scale; of counts per second."""
    between: float
    """Variance from one time to the next, whatever n; what the profile itself does not know included."""
    within: float
    """Variance of one call's part."""
    tail: float
    """Factor for tails that are heavier than normal."""
    days: float
    """Of history."""

    def expect(self, from_: int, to: int, *, value: float | None, count: int, deviations: float) -> Expectation:
        """What is usual from `from_` to `to` (microseconds), and how far from it `value` of `count` calls is."""
        seconds = (to - from_) / SECOND
        middles = from_ / SECOND + (np.arange(max(1, round(seconds / SLOT))) + 0.5) * min(SLOT, seconds)
        centre = self.centre_at(middles.astype(np.float64))
        if self.scale == "count":
            usual = float(np.mean(np.exp(centre)) * seconds)
            middle, n = float(np.log(usual + 0.5)), usual
        else:
            middle, n = float(np.mean(centre)), float(count)
            usual = float(_back(self.scale, middle))
        spread = self.tail * float(np.sqrt(self.between + self.within / max(n, 1.0)))
        low, high = (
            float(_back(self.scale, middle - deviations * spread)),
            float(_back(self.scale, middle + deviations * spread)),
        )
        strays = None
        if value is not None:
            strays = (float(_forth(self.scale, np.array([value]))[0]) - middle) / max(spread, 1e-9)
        return Expectation(value=usual, deviations=strays, low=low, high=high)

    def centre_at(self, seconds: Array) -> Array:
        """What is usual at these times (seconds since the epoch), on the scale."""
        place = ((seconds - MONDAY) % WEEK) / SLOT - 0.5
        low = np.floor(place).astype(np.int64)
        part = place - low
        return self.centre[low % SLOTS] * (1 - part) + self.centre[(low + 1) % SLOTS] * part


def scale_of(unit: Unit, aggregation: str) -> Scale:
    """On which scale values of a metric are compared."""
    if aggregation in {"count", "rate"}:
        return "count"
    if unit == "share":
        return "share"
    return "plain" if unit in {"score", "number"} else "log"


def fit_profile(points: Points, *, scale: Scale, step: int, from_: int, to: int) -> Profile | None:
    """The profile of a history; None where it is too short.

    Args:
        points: Steps with any of the population.
        scale: See `scale_of`.
        step: Of the points, seconds.
        from_: Start of the history, microseconds; what a group did before its first point is not known.
        to: Its end.
    """
    if len(points.t) == 0:
        return None
    first = max(from_, int(points.t[0]))
    days = (to - first) / SECOND / DAY
    if days < LEAST_DAYS:
        return None
    filled = _with_silence(points, step=step, to=to) if scale == "count" else points
    usable = np.isfinite(filled.value) & ((filled.count > 0) | (scale == "count"))
    seconds = filled.t[usable] / SECOND + step / 2
    values, counts = filled.value[usable], filled.count[usable]
    if len(values) < LEAST_SAMPLES:
        return None
    x = np.log((values + 0.5) / step) if scale == "count" else _forth(scale, values)
    weekly = days >= 14
    centre = _centres(seconds, x, counts, scale=scale, period=WEEK if weekly else DAY)
    if centre is None:
        return None
    bare = Profile(scale=scale, centre=centre, between=0.0, within=0.0, tail=1.0, days=days)
    strays = x - bare.centre_at(seconds)
    if weekly:
        # Traffic grows from week to week: the last week says at which level the profile stands now.
        level = float(np.median(strays[seconds > to / SECOND - WEEK])) if np.any(seconds > to / SECOND - WEEK) else 0.0
        centre = centre + level
        strays = strays - level
    n = np.maximum(np.exp(bare.centre_at(seconds)) * step, 1.0) if scale == "count" else counts
    between, within = _variance(strays, n, least=NO_LESS[scale] ** 2)
    periods = days / (7 if weekly else 1)
    return Profile(
        scale=scale,
        centre=centre,
        # A median of few periods lies between them: what is new strays further from it than they do.
        between=between * (periods + 1) / max(periods - 1, 0.5),
        within=within,
        tail=_tail(strays / np.sqrt(np.maximum(between + within / n, 1e-18))),
        days=days,
    )


def _forth(scale: Scale, values: Array) -> Array:
    if scale == "log":
        return np.log(np.maximum(values, 1e-9))
    if scale == "share":
        return np.arcsin(np.sqrt(np.clip(values, 0.0, 1.0)))
    return np.log(values + 0.5) if scale == "count" else values


def _back(scale: Scale, x: float) -> float:
    if scale == "log":
        return float(np.exp(x))
    if scale == "share":
        return float(np.sin(np.clip(x, 0.0, np.pi / 2)) ** 2)
    return max(0.0, float(np.exp(x)) - 0.5) if scale == "count" else x


def _with_silence(points: Points, *, step: int, to: int) -> Points:
    """With zeros for the steps between that had none."""
    width = step * SECOND
    t = np.arange(int(points.t[0]), to - width + 1, width, dtype=np.int64)
    value = np.zeros(len(t))
    place = (points.t - points.t[0]) // width
    fits = place < len(t)
    value[place[fits]] = points.count[fits]
    return Points(t=t, value=value, count=value)


def _centres(seconds: Array, x: Array, counts: Array, *, scale: Scale, period: int) -> Array | None:
    """What is usual in each slot of a week; by hours of the day where those of the week have too little."""
    order = np.argsort((seconds - MONDAY) % period, kind="stable")
    place, week = ((seconds - MONDAY) % period)[order], ((seconds - MONDAY) // WEEK)[order]
    x, counts = x[order], counts[order]
    middles = (np.arange(period // SLOT) + 0.5) * SLOT
    # Once around: a slot at the end of the period has neighbours at its beginning.
    around = np.concatenate([place - period, place, place + period])
    low = np.searchsorted(around, middles - REACH, side="left")
    high = np.searchsorted(around, middles + REACH, side="right")
    found = np.full(len(middles), np.nan)
    for slot in range(len(middles)):
        chosen = np.arange(int(low[slot]), int(high[slot])) % len(place)
        if chosen.size >= LEAST_SAMPLES:
            found[slot] = _middle(x[chosen], counts[chosen], week[chosen], scale=scale)
    missing = np.isnan(found)
    if period == WEEK and missing.any():
        daily = _centres(seconds, x[np.argsort(order)], counts[np.argsort(order)], scale=scale, period=DAY)
        if daily is None:
            return None
        found[missing] = daily[missing]
    elif missing.any():
        overall = _middle(x, counts, week, scale=scale)
        found[missing] = overall
    return found if period == WEEK else np.tile(found, WEEK // period)


def _middle(x: Array, counts: Array, week: Array, *, scale: Scale) -> float:
    if scale != "share":
        return float(np.median(x))
    # Of a rare event most windows hold none, so that their median would be 0: each week is put together first.
    pooled = [
        float(np.sum(np.sin(x[week == one]) ** 2 * counts[week == one]) / max(float(np.sum(counts[week == one])), 1.0))
        for one in np.unique(week)
    ]
    return float(np.arcsin(np.sqrt(np.median(pooled))))


def _variance(strays: Array, n: Array, *, least: float) -> tuple[float, float]:
    """`between` and `within` of var(n) = between + within / n."""
    middle = np.median(n)
    few, many = n <= middle, n >= middle
    spread_few, spread_many = (float(MAD * np.median(np.abs(strays[part]))) ** 2 for part in (few, many))
    inverse_few, inverse_many = float(np.mean(1 / n[few])), float(np.mean(1 / n[many]))
    apart = inverse_few - inverse_many
    within = (spread_few - spread_many) / apart if apart > 0.1 * inverse_few else spread_many / inverse_many
    within = max(least, within)
    return max(0.0, spread_many - within * inverse_many), within


def _tail(deviations: Array) -> float:
    """How much heavier the tails of a history are than those of a normal distribution."""
    return min(WIDEST_TAIL, max(1.0, float(np.quantile(np.abs(deviations), TAIL)) / TAIL_NORMAL))
