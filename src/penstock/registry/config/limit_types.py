"""The types of the sections `limits` and `redis`. The reference page and the JSON Schema come from this module."""

from typing import Literal

import msgspec

from penstock.registry.config.forms import Duration
from penstock.registry.config.quantities import Count, Money, RedisUrl
from penstock.wire.limits import Level, RedisSettings

__all__ = ["MEASURES", "AmountsConfig", "BudgetConfig", "LimitConfig", "RedisConfig"]

MEASURES = (
    "requests_per_second",
    "requests_per_minute",
    "requests_per_day",
    "tokens_per_minute",
    "tokens_per_day",
    "parallel",
)
"""What a limit may bound beside money, by the names that file and snapshot share."""

_REDIS = RedisSettings(url="")


class AmountsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Amounts of one window. At least one is set, and `soft` is below `hard`."""

    hard: Money | None = None
    """Calls that might go over it are refused, or degraded as their route says."""
    soft: Money | None = None
    """From here on: a response header, an alert, and the route's soft degradation."""


class BudgetConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Money per calendar window (UTC). An amount alone is `hard`."""

    hour: Money | AmountsConfig | None = None
    """Per hour."""
    day: Money | AmountsConfig | None = None
    """Per day."""
    month: Money | AmountsConfig | None = None
    """Per month."""


class LimitConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one level. What is left out is not limited."""

    name: str
    """Named in the error and the headers of a call that it refuses."""
    on: Level
    """What it is a limit of."""
    match: str | None = None
    """Which: name or id of a project or key, a user's id, or `NAME=VALUE` of a tag. Left out: each project, key or
    user by itself. For a tag `NAME` alone means each of its values by itself. `organisation` has none."""
    project: str | None = None
    """Name or id of a project: only its calls."""
    requests_per_second: Count | None = None
    """Requests in any second."""
    requests_per_minute: Count | None = None
    """Requests in any minute."""
    requests_per_day: Count | None = None
    """Requests in any 24 hours."""
    tokens_per_minute: Count | None = None
    """Tokens, of input and output, in any minute."""
    tokens_per_day: Count | None = None
    """Tokens in any 24 hours."""
    parallel: Count | None = None
    """Calls at the same time."""
    budget: BudgetConfig | None = None
    """Money per hour, day or month."""


class RedisConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Redis or Valkey, where several workers or machines count limits and share the cache together."""

    url: RedisUrl
    """Its address. One with a password is a reference to a secret that holds the whole address."""
    on_lost: Literal["closed", "open"] = _REDIS.on_lost
    """While it cannot be reached: `closed` refuses calls that are limited, with 503; `open` serves them, counts what
    they cost, and hands that in when it is back."""
    timeout: Duration = _REDIS.timeout
    """One round trip; longer counts as lost."""
    prefix: str = _REDIS.prefix
    """Of its keys, so that several installations may share one server."""
