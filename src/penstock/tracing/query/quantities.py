"""Quantities as people write them, in the units of the store; and back.

Durations are microseconds there, money nano-dollars, times microseconds since the epoch.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, DecimalException

__all__ = [
    "read_count",
    "read_duration",
    "read_money",
    "read_number",
    "read_time",
    "write_duration",
    "write_money",
    "write_number",
    "write_time",
]

_DURATIONS = {
    "us": 1, "µs": 1, "μs": 1, "ms": 1_000, "s": 1_000_000, "sec": 1_000_000, "m": 60_000_000, "min": 60_000_000,
    "h": 3_600_000_000, "d": 86_400_000_000, "w": 604_800_000_000,
}  # fmt: skip
_WRITTEN_DURATIONS = ("d", "h", "m", "s", "ms", "us")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|µs|μs|ms|sec|s|min|m|h|d|w)", re.IGNORECASE)
_MULTIPLES = {"": 1, "k": 1_000, "m": 1_000_000, "b": 1_000_000_000, "g": 1_000_000_000}
_COUNT = re.compile(r"(-?\d+(?:\.\d+)?)([kmbg]?)", re.IGNORECASE)
_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?(?:e[+-]?\d{1,3})?)(%?)", re.IGNORECASE)
_MONEY = re.compile(r"(-?)(\$?)(\d+(?:\.\d+)?)([km]?)(\$|usd|dollars?)?", re.IGNORECASE)
NANO = Decimal(1_000_000_000)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STEPS = {
    10: timedelta(days=1),
    13: timedelta(hours=1),
    16: timedelta(minutes=1),
    19: timedelta(seconds=1),
}
"""What a time stands for by how many characters of it are given: `2026-11-01` is a day."""
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d(?::\d\d(?::\d\d(?:\.\d{1,6})?)?)?(?:Z|[+-]\d\d:?\d\d)?)?\Z", re.IGNORECASE
)
_ZONE = re.compile(r"(?:Z|[+-]\d\d:?\d\d)\Z", re.IGNORECASE)


def read_duration(text: str) -> int | None:
    """`250ms`, `1.5s`, `1h30m` as microseconds; None when it is no duration, or finer than one. `0` needs no unit."""
    if text == "0":
        return 0
    parts = list(_DURATION.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        return None
    return _whole(sum((Decimal(part[1]) * _DURATIONS[part[2].lower()] for part in parts), Decimal(0)))


def write_duration(microseconds: int) -> str:
    for unit in _WRITTEN_DURATIONS:
        size = _DURATIONS[unit]
        if microseconds % size == 0 and microseconds:
            return f"{microseconds // size}{unit}"
    return "0"


def read_money(text: str) -> int | None:
    """`0.01`, `$0.01`, `2k`, `3dollars` as nano-dollars; None when it is no amount, or finer than one."""
    found = _MONEY.fullmatch(text)
    if found is None or (found[2] and found[5]):
        return None
    amount = _whole(Decimal(found[3]) * _multiple(found[4]) * NANO)
    return -amount if amount is not None and found[1] else amount


def write_money(nano: int) -> str:
    return f"{(Decimal(nano) / NANO).normalize():f}"


def read_count(text: str) -> int | None:
    """`1200`, `10k`, `1.5M`; None when it is no whole number."""
    found = _COUNT.fullmatch(text)
    return None if found is None else _whole(Decimal(found[1]) * _multiple(found[2]))


def read_number(text: str) -> float | None:
    """`0.8`, `80%`, `1e-3`; None when it is no number."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    number = float(Decimal(found[1]) / 100 if found[2] else Decimal(found[1]))
    return number if abs(number) != float("inf") else None


def write_number(number: float) -> str:
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)


def read_time(text: str) -> tuple[int, int] | None:
    """A date or a time in ISO 8601, UTC unless it says otherwise, as microseconds: what it stands for, half open.

    `2026-11-01` is a day, `2026-11-01T10` an hour, `2026-11-01T10:15:00.5` an instant.
    """
    if _TIME.match(text) is None:
        return None
    bare = _ZONE.sub("", text) if len(text) > len("2026-11-01") else text
    try:
        moment = datetime.fromisoformat(text.upper().replace(" ", "T"))
        start = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)) - _EPOCH
    except (ValueError, OverflowError):
        return None
    if not _FIRST - _EPOCH <= start < _LAST - _EPOCH:
        return None
    first = start // _MICROSECOND
    return first, first + _STEPS.get(len(bare), _MICROSECOND) // _MICROSECOND


def write_time(microseconds: int) -> str:
    """The shortest that begins at this time: a date at midnight, seconds where they are whole."""
    try:
        moment = _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        # Before the year 1 or after 9999: only a program writes such a time.
        moment = _LAST if microseconds > 0 else _FIRST
    if not microseconds % _DURATIONS["d"]:
        return moment.date().isoformat()
    return moment.replace(tzinfo=None).isoformat() + "Z"


def _multiple(suffix: str, table: Mapping[str, int] = _MULTIPLES) -> int:
    return table[suffix.lower()]


def _whole(number: Decimal) -> int | None:
    try:
        whole = int(number)
    except (DecimalException, OverflowError, ValueError):
        return None
    return whole if whole == number and abs(whole) < 2**63 else None
