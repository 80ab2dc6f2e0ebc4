"""What is usual at an hour of the week, and how far from it a value is.

The profile is the median of the values around the same hour of the week over the last weeks, as far as weeks differ by
the hour more than chance explains; else of the hour of the day, else of all. Spread is estimated from
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
NEIGHBOURS = HOUR // SLOT
"""Slots on either side whose values tell what is usual in one."""
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


def fit_profile(points: Points, *, scale: Scale, step: int, window: int, from_: int, to: int) -> Profile | None:
    """The profile of a history; None where it is too short.

    Args:
        points: Steps with any of the population.
        scale: See `scale_of`.
        step: Of the points, seconds.
        window: Of the values that will be held against it, seconds: what wanders evens out over a long one.
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
    centre, periods = _centres(seconds, x, counts, scale=scale, weekly=weekly)
    bare = Profile(scale=scale, centre=centre, between=0.0, within=0.0, tail=1.0, days=days)
    strays = x - bare.centre_at(seconds)
    if weekly:
        # Traffic grows from week to week: the last week says at which level the profile stands now.
        level = float(np.median(strays[seconds > to / SECOND - WEEK])) if np.any(seconds > to / SECOND - WEEK) else 0.0
        centre = centre + level
        strays = strays - level
    n = np.maximum(np.exp(bare.centre_at(seconds)) * step, 1.0) if scale == "count" else counts
    strays, n = _over_windows(seconds, strays, n, steps=window // step)
    between, within = _variance(strays, n, least=NO_LESS[scale] ** 2)
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


def _centres(seconds: Array, x: Array, counts: Array, *, scale: Scale, weekly: bool) -> tuple[Array, float]:
    """What is usual in each slot of a week, and of how many periods that is known."""
    place = (seconds - MONDAY) / SLOT
    first = np.floor(place.min() / SLOTS) * SLOTS
    cells = (np.floor(place) - first).astype(np.int64)
    weeks = int(cells.max()) // SLOTS + 1
    grid = _Grid.of(cells, x, counts, size=weeks * SLOTS, scale=scale)
    overall = float(_median(grid.periods(weeks * SLOTS).T)[0])
    daily, day_weight = _drawn_in(grid.periods(DAY // SLOT), np.full(DAY // SLOT, overall))
    centre = np.tile(daily, WEEK // DAY)
    days = float(np.unique(cells // (DAY // SLOT)).size)
    if not weekly:
        return centre, days
    centre, week_weight = _drawn_in(grid.periods(SLOTS), centre)
    # As many periods as the profile is made of: weeks where it follows the hour of the week, else days.
    return centre, week_weight * weeks + (1 - week_weight) * days * max(day_weight, 1 / max(days, 1.0))


class _Grid(msgspec.Struct, frozen=True, kw_only=True):
    """Values of half hours one after the other; NaN where there is none."""

    share: bool
    value: Array
    """The median; of a share, how many of `count` it holds for."""
    count: Array

    @classmethod
    def of(cls, cells: NDArray[np.int64], x: Array, counts: Array, *, size: int, scale: Scale) -> "_Grid":
        if scale == "share":
            hits = np.bincount(cells, weights=np.sin(x) ** 2 * counts, minlength=size).astype(np.float64)
            total = np.bincount(cells, weights=counts, minlength=size).astype(np.float64)
            return cls(share=True, value=hits, count=total)
        order = np.argsort(cells, kind="stable")
        found, starts, times = np.unique(cells[order], return_index=True, return_counts=True)
        rows = np.full((int(times.max()), size), np.nan)
        within = np.arange(len(cells)) - np.repeat(starts, times)
        rows[within, np.repeat(found, times)] = x[order]
        value = _median(rows)
        return cls(share=False, value=value, count=np.bincount(cells, minlength=size).astype(np.float64))

    def periods(self, slots: int) -> Array:
        """One row for each period of so many slots: what was usual then around each slot."""
        around = [np.roll(self.value, shift) for shift in range(-NEIGHBOURS, NEIGHBOURS + 1)]
        if not self.share:
            return _median(np.stack(around)).reshape(-1, slots)
        # Of a rare event most windows hold none, so that their median would be 0: neighbours are put together.
        hits = np.sum(around, axis=0)
        counts = np.sum([np.roll(self.count, shift) for shift in range(-NEIGHBOURS, NEIGHBOURS + 1)], axis=0)
        part = np.divide(hits, counts, out=np.full(len(hits), np.nan), where=counts > 0)
        return np.arcsin(np.sqrt(np.clip(part, 0.0, 1.0))).reshape(-1, slots)


def _drawn_in(periods: Array, prior: Array) -> tuple[Array, float]:
    """The median over periods, drawn in towards a profile that is known better; and how much of it is left, 0 to 1.

    Empirical Bayes (Efron and Morris 1975): as far as the slots differ from the prior by no more than chance explains,
    the prior holds.
    """
    found = _median(periods)
    known = np.isfinite(found)
    every: Array = np.asarray(periods - found, dtype=np.float64)
    strays: Array = every[np.isfinite(every)]
    times: Array = np.maximum(np.count_nonzero(np.isfinite(periods), axis=0), 1).astype(np.float64)
    usual = float(np.median(times[known]))
    if usual <= 1:
        return prior, 0.0
    middle = float(np.median(np.abs(strays)))
    noise = (MAD * middle) ** 2 * usual / (usual - 1)
    if noise == 0:
        noise = float(np.mean(np.square(strays))) * usual / (usual - 1)
    chance = np.pi / 2 * noise / times
    apart = np.where(known, found - prior, 0.0)
    real = max(0.0, float(np.mean(apart[known] ** 2 - chance[known])))
    weight = real / (real + chance) if real > 0 else np.zeros(len(prior))
    weight = np.where(known, weight, 0.0)
    return prior + weight * apart, float(np.mean(weight))


def _median(rows: Array) -> Array:
    """Of each column, without what is missing; NaN where all is."""
    empty = ~np.isfinite(rows).any(axis=0)
    medians: Array = np.asarray(np.nanmedian(np.where(empty, 0.0, rows), axis=0), dtype=np.float64)
    return np.where(empty, np.nan, medians)


def _over_windows(seconds: Array, strays: Array, n: Array, *, steps: int) -> tuple[Array, Array]:
    """Strays of windows of so many steps, each with its n, out of those of single steps."""
    if steps <= 1:
        return strays, n
    span = steps * float(np.min(np.diff(seconds))) if len(seconds) > 1 else 0.0
    ends = np.searchsorted(seconds, seconds + span - 1e-6)
    starts = np.arange(len(seconds))
    whole = ends - starts > steps // 2
    weighted = np.concatenate([[0.0], np.cumsum(strays * n)])
    total = np.concatenate([[0.0], np.cumsum(n)])
    sums = total[ends[whole]] - total[starts[whole]]
    if len(sums) < LEAST_SAMPLES:
        return strays, n
    return (weighted[ends[whole]] - weighted[starts[whole]]) / sums, sums


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
