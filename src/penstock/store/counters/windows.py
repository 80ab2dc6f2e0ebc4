"""Where windows begin and end, and what a sliding one holds. Integer microseconds, UTC.

Requests and tokens slide: a counter keeps the amounts of the current and of the previous bucket of one
window's width, and takes of the previous one the share that the window still covers. Money counts in
calendar windows.
"""

from calendar import monthrange
from datetime import UTC, datetime
from functools import lru_cache

from penstock.core.clock import to_datetime

__all__ = ["DAY", "FOREVER", "WIDTHS", "bounds", "kind_of", "sliding", "sliding_wait"]

SECOND = 1_000_000
DAY = 86_400 * SECOND
WIDTHS = {"second": SECOND, "minute": 60 * SECOND, "hour": 3600 * SECOND, "day": DAY}
FOREVER = 1 << 62


def kind_of(counter: str) -> tuple[str, str]:
    """Measure and window of a counter's id."""
    _, measure, window = counter.rsplit("/", 2)
    return measure, window


def bounds(window: str, at: int) -> tuple[int, int]:
    """Start and end of the window, or of the bucket, that `at` lies in."""
    if window == "now":
        return 0, FOREVER
    if window == "month":
        return _month(at // DAY)
    width = WIDTHS[window]
    start = at - at % width
    return start, start + width


@lru_cache(maxsize=64)
def _month(day: int) -> tuple[int, int]:
    date = to_datetime(day * DAY)
    start = int(datetime(date.year, date.month, 1, tzinfo=UTC).timestamp()) * SECOND
    return start, start + monthrange(date.year, date.month)[1] * DAY


def sliding(current: int, previous: int, elapsed: int, width: int) -> int:
    """What a window of `width` holds that ends `elapsed` after its current bucket began; rounded to the nearest."""
    if not previous:
        return current
    return current + (2 * previous * (width - elapsed) + width) // (2 * width)


def sliding_wait(current: int, previous: int, elapsed: int, width: int, room: int) -> int:
    """Microseconds until the window holds at most `room`, if nothing is added.

    `room` below 0 can never be: then the time until it is empty.
    """
    if room < 0:
        return 2 * width - elapsed
    if current <= room:
        return max(0, _decayed(previous, width, room - current) - elapsed)
    return width - elapsed + _decayed(current, width, room)


def _decayed(amount: int, width: int, room: int) -> int:
    """How far into the next bucket the rounded share of `amount` has shrunk to `room`."""
    if amount <= room:
        return 0
    return width - ((2 * room + 1) * width - 1) // (2 * amount)
