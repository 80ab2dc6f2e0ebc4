"""Scalars of routes and limits: counts, numbers, shares, money, and who a cohort is cut by."""

import math
import re
from decimal import Decimal
from typing import Annotated
from urllib.parse import urlsplit

from penstock.core.money import NANO_PER_DOLLAR
from penstock.registry.config.forms import DURATION, REFERENCE, Form, Scalar, parse_duration, write_duration

__all__ = [
    "CohortKey",
    "Count",
    "HedgeDelay",
    "Money",
    "Number",
    "RedisUrl",
    "Share",
    "SpanStore",
    "Weight",
    "Whole",
]

PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
AMOUNT = re.compile(r"\$?(\d+(?:\.\d{1,9})?)")
COHORT_KEY = re.compile(r"session|user|key|header:[A-Za-z0-9!#$%&'*+.^_`|~-]+|tag:\S+")
MOST_DOLLARS = 1_000_000_000
LARGEST = 2**53
"""Beyond it not every whole number is a JSON number."""


def _number(value: Scalar) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError  # noqa: TRY004 - a form's parser raises nothing else
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("it must be finite")
    return number


def _weight(value: Scalar) -> float:
    weight = _number(value)
    if not 0 <= weight <= LARGEST:
        raise ValueError("a weight is 0 or more")
    return weight


def _whole(value: Scalar) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError  # noqa: TRY004 - as above
    if not 0 <= value <= LARGEST:
        raise ValueError("it must be 0 or more")
    return value


def _count(value: Scalar) -> int:
    number = _whole(value)
    if number == 0:
        raise ValueError("it must be 1 or more")
    return number


def _share(value: Scalar) -> float:
    if isinstance(value, str):
        match = PERCENT.fullmatch(value)
        if match is None:
            raise ValueError
        value = float(Decimal(match[1]) / 100)
    share = _number(value)
    if not 0 <= share <= 1:
        raise ValueError("a share is from 0 to 1, or from 0% to 100%")
    return share


def _write_share(value: object) -> str:
    percent = (Decimal(str(value)) * 100).normalize()
    return f"{percent:f}%"


def _money(value: Scalar) -> int:
    if isinstance(value, bool) or value is None:
        raise ValueError
    match = AMOUNT.fullmatch(value if isinstance(value, str) else f"{Decimal(str(value)):f}")
    if match is None:
        raise ValueError
    amount = Decimal(match[1])
    if amount > MOST_DOLLARS:
        raise ValueError(f"it is over ${MOST_DOLLARS:,}")
    return int(amount * NANO_PER_DOLLAR)


def _write_money(value: object) -> str:
    return f"${(Decimal(str(value)) / NANO_PER_DOLLAR).normalize():f}"


def _cohort_key(value: Scalar) -> str:
    if not isinstance(value, str) or COHORT_KEY.fullmatch(value) is None:
        raise ValueError
    kind, colon, name = value.partition(":")
    # A request's header names are compared in lower case.
    return f"{kind}:{name.lower()}" if colon and kind == "header" else value


def _hedge_delay(value: Scalar) -> float | None:
    if value == "p95":
        return None
    return parse_duration(value)


def _write_hedge_delay(value: object) -> str:
    return "p95" if value is None else write_duration(value)


def _redis_url(value: Scalar) -> str:
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004 - as above
    if REFERENCE.fullmatch(value) is not None:
        return value
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError("it is not a URL") from None
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("it must begin with redis://, rediss:// or unix://")
    if parts.password:
        raise ValueError("its password must not stand in the file; write the whole address as env:NAME or file:PATH")
    if (parts.scheme == "unix" and not parts.path) or (parts.scheme != "unix" and not parts.hostname) or port == 0:
        raise ValueError("it names no server")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("it has characters that a URL cannot have")
    return value


def _span_store(value: Scalar) -> str:
    if value == "duckdb":
        return "duckdb"
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004 - as above
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError("it is not a URL") from None
    if parts.scheme not in {"http", "https"}:
        raise ValueError("ClickHouse is spoken to over HTTP: it must begin with https:// or http://")
    if parts.password:
        raise ValueError("its password must not stand in the file; name it in spans_password as env:NAME or file:PATH")
    if not parts.hostname or port == 0:
        raise ValueError("it names no server")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("it has characters that a URL cannot have")
    return value


Number = Annotated[float, Form("a number", _number, {"type": "number"})]
Weight = Annotated[float, Form("a number, 0 or more", _weight, {"type": "number", "minimum": 0}, write=str)]
Whole = Annotated[int, Form("a whole number, 0 or more", _whole, {"type": "integer", "minimum": 0})]
Count = Annotated[int, Form("a whole number, 1 or more", _count, {"type": "integer", "minimum": 1})]
Share = Annotated[
    float,
    Form(
        "a share such as 0.2 or 20%",
        _share,
        {"type": ["number", "string"], "minimum": 0, "maximum": 1, "pattern": r"^\d+(\.\d+)?\s*%$"},
        write=_write_share,
    ),
]
"""Read as a number from 0 to 1."""
Money = Annotated[
    int,
    Form(
        "US dollars such as $5 or $0.25",
        _money,
        {"type": ["string", "number"], "minimum": 0, "pattern": r"^\$?\d+(\.\d{1,9})?$"},
        write=_write_money,
    ),
]
"""Read as nano-dollars."""
CohortKey = Annotated[
    str,
    Form(
        "session, user, key, header:NAME or tag:NAME",
        _cohort_key,
        {"type": "string", "pattern": f"^({COHORT_KEY.pattern})$"},
    ),
]
HedgeDelay = Annotated[
    float | None,
    Form(
        "p95, or a duration such as 500ms",
        _hedge_delay,
        {"type": ["string", "number"], "pattern": f"^(p95|{DURATION.pattern})$", "exclusiveMinimum": 0},
        write=_write_hedge_delay,
    ),
]
"""Read as seconds; None for the p95."""
SpanStore = Annotated[
    str,
    Form(
        "duckdb, or the https:// address of a ClickHouse server",
        _span_store,
        {"type": "string", "pattern": r"^(duckdb$|https?://)"},
    ),
]
RedisUrl = Annotated[
    str,
    Form(
        "a redis://, rediss:// or unix:// address, or env:NAME or file:PATH that holds one",
        _redis_url,
        {"type": "string", "pattern": r"^(rediss?://|unix:///|env:|file:|secret:)"},
        secret=True,
    ),
]
