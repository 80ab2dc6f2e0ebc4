"""The price book: public list prices of the configured providers, compiled into the snapshot.

The control plane compiles it (`penstock.finops.price_list`), so that a gateway prices calls without
loading a price library, and so that every worker prices with the same list. Prices are US dollars per
million tokens as decimal text, exact as published.
"""

from typing import Literal

import msgspec

__all__ = ["BUCKETS", "Bucket", "Match", "ModelPrices", "PriceBook", "PricePeriod", "PriceSheet", "TieredRate"]

Bucket = Literal[
    "input",
    "cache_read",
    "cache_write",
    "output",
    "reasoning",
    "input_audio",
    "output_audio",
    "input_image",
    "output_image",
]
"""The disjoint buckets of `wire.usage.Usage`."""

BUCKETS: tuple[Bucket, ...] = (
    "input",
    "cache_read",
    "cache_write",
    "output",
    "reasoning",
    "input_audio",
    "output_audio",
    "input_image",
    "output_image",
)


class Match(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a model's name is recognised; names are compared in lower case. Exactly one member is set."""

    equals: str | None = None
    starts_with: str | None = None
    ends_with: str | None = None
    contains: str | None = None
    regex: str | None = None
    any_of: tuple["Match", ...] | None = None
    all_of: tuple["Match", ...] | None = None


class TieredRate(msgspec.Struct, frozen=True):
    """A rate that depends on the size of the whole prompt: the highest tier reached prices every token."""

    base: str
    tiers: tuple[tuple[int, str], ...]
    """(prompt tokens, price): the price applies when the prompt has more tokens than that. Ascending."""


class PricePeriod(msgspec.Struct, frozen=True, omit_defaults=True):
    """The prices of a model while a condition holds."""

    starts: int | None = None
    """From this moment on, microseconds since the epoch."""
    daily_from: int | None = None
    """Only from this time of day (UTC) …, microseconds since midnight."""
    daily_until: int | None = None
    """… until before this one; earlier than `daily_from` means over midnight."""
    rates: dict[Bucket, str | TieredRate] = {}
    """Dollars per million tokens. A bucket that is absent has no price."""
    request: str | None = None
    """Dollars per thousand requests, charged beside the tokens."""


class ModelPrices(msgspec.Struct, frozen=True):
    id: str
    match: Match
    periods: tuple[PricePeriod, ...]
    """The last whose condition holds applies; when none holds, the first."""


class PriceSheet(msgspec.Struct, frozen=True, omit_defaults=True):
    """One provider's price list."""

    models: tuple[ModelPrices, ...]
    """The first match wins."""
    fallbacks: tuple[str, ...] = ()
    """Sheets asked next, in order, for models this provider resells."""


class PriceBook(msgspec.Struct, frozen=True):
    version: str
    """Stands on every record priced from this book: `genai-prices 0.2.3`."""
    sources: dict[str, str] = {}
    """A provider's `price_as`, else its `base_url`, to the name of its sheet."""
    sheets: dict[str, PriceSheet] = {}
