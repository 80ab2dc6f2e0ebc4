"""What a call costs: usage in disjoint buckets × the rates in force, exact to the nano-dollar.

Overrides of the configuration come first, then the price book. All arithmetic is on integers and is
rounded once, half to even. A cost that cannot be computed is None, never 0.
"""

import functools
import hashlib
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from penstock.wire.prices import BUCKETS, Bucket, Match, ModelPrices, PriceBook, PricePeriod, PriceSheet, TieredRate
from penstock.wire.snapshot import PriceEntry, ProviderEntry
from penstock.wire.usage import Usage

__all__ = ["Price", "Pricer", "Rates", "glob_matches"]

CACHED_MODELS = 4096
"""Models whose compiled rates a pricer keeps; callers choose names, so the number is bounded."""
MICROSECONDS_PER_DAY = 86_400_000_000


class Price(NamedTuple):
    """What one call cost."""

    cost: int | None
    """Nano-dollars; None is unknown."""
    version: str | None = None
    """Which list priced it: `genai-prices 0.2.3` or `penstock.yaml <digest of the entry>`."""
    reason: str | None = None
    """Why the cost is unknown, for a person."""


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """The rates of a model for people: nano-dollars per million tokens, None where there is no price.

    Of a price that depends on the prompt's length, the rate of the shortest.
    """

    input: int | None
    output: int | None
    cache_read: int | None
    cache_write: int | None
    reasoning: int | None
    version: str
    tiered: bool = False
    """True when a longer prompt has other rates."""


class _Band(NamedTuple):
    """Integer rates of prompts with more than `above` tokens; None where a bucket has no price."""

    above: int
    rates: tuple[int, ...]
    """In the order of `BUCKETS`; 0 for an unpriced one."""
    unpriced: tuple[Bucket, ...]


class _Period(NamedTuple):
    starts: int | None
    daily_from: int | None
    daily_until: int | None
    bands: tuple[_Band, ...]
    """Ascending by `above`."""
    request: int
    divisor: int
    """tokens × rate / divisor = nano-dollars."""


class _Plan(NamedTuple):
    """Everything known about the price of one model at one provider."""

    version: str | None
    periods: tuple[_Period, ...]
    reason: str | None = None


class Pricer:
    """Prices calls. Immutable; a new snapshot makes a new one.

    Args:
        overrides: Entries of `penstock.yaml`, the first match wins.
        book: The price book of the snapshot. Without one, list prices are loaded from the package
            genai-prices when a provider is first priced, which blocks for about half a second.

    Raises:
        MissingExtra: on first use, without a book and without genai-prices.
    """

    def __init__(self, overrides: Iterable[PriceEntry] = (), *, book: PriceBook | None = None) -> None:
        self._overrides = tuple(
            (_compile_glob(entry.provider), _compile_glob(entry.model), entry) for entry in overrides
        )
        self._book = book
        self._plan = functools.lru_cache(CACHED_MODELS)(self._compile)

    def price(self, provider: ProviderEntry, model: str, usage: Usage, at: int) -> Price:
        """The cost of `usage` at `provider` for `model`, in its spelling, at a moment (microseconds, UTC)."""
        plan = self._plan(provider.name, provider.price_as, provider.base_url, model)
        periods = plan.periods
        if not periods:
            return Price(None, None, plan.reason)
        period = periods[0] if len(periods) == 1 else _in_force(periods, at)
        bands = period.bands
        band = bands[0] if len(bands) == 1 else _band_of(bands, usage.total_input)
        if band.unpriced:
            missing = [bucket for bucket in band.unpriced if getattr(usage, bucket)]
            if missing:
                return Price(None, None, f"{plan.version} has no price of {', '.join(missing)} tokens of {model}.")
        rates = band.rates
        total = (
            period.request
            + usage.input * rates[0]
            + usage.cache_read * rates[1]
            + usage.cache_write * rates[2]
            + usage.output * rates[3]
            + usage.reasoning * rates[4]
            + usage.input_audio * rates[5]
            + usage.output_audio * rates[6]
            + usage.input_image * rates[7]
            + usage.output_image * rates[8]
        )
        return Price(_divide(total, period.divisor), plan.version)

    def rates(self, provider: ProviderEntry, model: str, at: int) -> Rates | None:
        """The rates in force at a moment; None when the model's price is unknown."""
        plan = self._plan(provider.name, provider.price_as, provider.base_url, model)
        if not plan.periods or plan.version is None:
            return None
        period = _in_force(plan.periods, at)
        band = period.bands[0]
        if len(band.unpriced) == len(BUCKETS):
            return None
        per_million: dict[Bucket, int | None] = {
            bucket: None if bucket in band.unpriced else _divide(rate * 1_000_000, period.divisor)
            for bucket, rate in zip(BUCKETS, band.rates, strict=True)
        }
        return Rates(
            input=per_million["input"],
            output=per_million["output"],
            cache_read=per_million["cache_read"],
            cache_write=per_million["cache_write"],
            reasoning=per_million["reasoning"],
            version=plan.version,
            tiered=len(period.bands) > 1,
        )

    def _compile(self, provider: str, price_as: str | None, base_url: str, model: str) -> _Plan:
        for matches_provider, matches_model, entry in self._overrides:
            if matches_provider(provider) and matches_model(model):
                return _Plan(_override_version(entry), (_override_period(entry),))
        book = self._book or _book_of(provider, price_as, base_url)
        sheet_name = book.sources.get(price_as or base_url)
        if sheet_name is None:
            return _Plan(
                None,
                (),
                f"No price list is known for the provider {provider}; name one with price_as, or give prices.",
            )
        found = _find_model(book, book.sheets[sheet_name], model.lower())
        if found is None:
            return _Plan(None, (), f"The price list {sheet_name} ({book.version}) does not have the model {model}.")
        return _Plan(book.version, tuple(_compile_period(period) for period in found.periods))


def glob_matches(pattern: str, name: str) -> bool:
    """Whether a name matches a pattern in which `*` stands for any characters, and nothing else is special."""
    return _compile_glob(pattern)(name)


def _compile_glob(pattern: str) -> Callable[[str], bool]:
    if "*" not in pattern:
        return pattern.__eq__
    expression = re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)
    return lambda name: expression.fullmatch(name) is not None


@functools.lru_cache(64)
def _book_of(provider: str, price_as: str | None, base_url: str) -> PriceBook:
    from penstock.finops.price_list import (  # noqa: PLC0415 - loads genai-prices, which a gateway with a book never needs
        compile_price_book,
    )

    entry = ProviderEntry(name=provider, kind="openai", base_url=base_url, price_as=price_as)
    return compile_price_book([entry])


# --- arithmetic -------------------------------------------------------------------------------


def _divide(total: int, divisor: int) -> int:
    """Rounded half to even."""
    quotient, rest = divmod(total, divisor)
    twice = rest * 2
    return quotient + (twice > divisor or (twice == divisor and quotient & 1 == 1))


def _in_force(periods: tuple[_Period, ...], at: int) -> _Period:
    for period in reversed(periods):
        if period.starts is not None:
            if at >= period.starts:
                return period
        elif period.daily_from is not None and period.daily_until is not None:
            now = at % MICROSECONDS_PER_DAY
            if period.daily_until < period.daily_from:
                if now >= period.daily_from or now < period.daily_until:
                    return period
            elif period.daily_from <= now < period.daily_until:
                return period
        else:
            return period
    return periods[0]


def _band_of(bands: tuple[_Band, ...], prompt: int) -> _Band:
    for band in reversed(bands):
        if prompt > band.above:
            return band
    return bands[0]


# --- compiling --------------------------------------------------------------------------------


def _override_version(entry: PriceEntry) -> str:
    digest = hashlib.blake2b(msgspec.json.encode(entry), digest_size=4).hexdigest()
    return f"penstock.yaml {digest}"


def _override_period(entry: PriceEntry) -> _Period:
    def either(price: int | None, otherwise: int) -> int:
        return otherwise if price is None else price

    rates: dict[Bucket, int] = {
        "input": entry.input,
        "cache_read": either(entry.cache_read, entry.input),
        "cache_write": either(entry.cache_write, entry.input),
        "output": entry.output,
        "reasoning": either(entry.reasoning, entry.output),
        "input_audio": either(entry.input_audio, entry.input),
        "output_audio": either(entry.output_audio, entry.output),
        "input_image": entry.input,
        "output_image": entry.output,
    }
    band = _Band(0, tuple(rates[bucket] for bucket in BUCKETS), ())
    return _Period(None, None, None, (band,), 0, 1_000_000)


def _compile_period(period: PricePeriod) -> _Period:
    """Rates as integers of one common scale: dollars per million tokens × 10^places."""
    places = max([3, *(_places(text) for rate in period.rates.values() for text in _texts(rate))])
    if period.request is not None:
        places = max(places, _places(period.request))
    starts = sorted(
        {start for rate in period.rates.values() if isinstance(rate, TieredRate) for start, _ in rate.tiers}
    )
    unpriced: tuple[Bucket, ...] = tuple(bucket for bucket in BUCKETS if bucket not in period.rates)
    bands = tuple(
        _Band(
            above,
            tuple(
                _scaled(_rate_above(period.rates[bucket], above), places) if bucket in period.rates else 0
                for bucket in BUCKETS
            ),
            unpriced,
        )
        # A tier may start at 0, "any prompt at all", so the base stands below it.
        for above in (-1, *starts)
    )
    # Dollars per million tokens × 10^places, times 10⁹ nano-dollars, over 10⁶ tokens.
    divisor = 10 ** (places - 3)
    # Dollars per thousand requests: 10⁶ nano-dollars per request.
    request = 0 if period.request is None else _scaled(period.request, places) * 1000
    return _Period(period.starts, period.daily_from, period.daily_until, bands, request, divisor)


def _texts(rate: str | TieredRate) -> list[str]:
    return [rate] if isinstance(rate, str) else [rate.base, *(price for _, price in rate.tiers)]


def _places(text: str) -> int:
    return len(text.partition(".")[2])


def _scaled(text: str, places: int) -> int:
    # Through the text's digits, not through Decimal arithmetic, whose precision is limited.
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(places, "0"))


def _rate_above(rate: str | TieredRate, above: int) -> str:
    if isinstance(rate, str):
        return rate
    price = rate.base
    for start, tier in rate.tiers:
        if above >= start:
            price = tier
    return price


# --- finding a model --------------------------------------------------------------------------

COMPACT_DATE = re.compile(r"-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")
"""`gpt-5.2-20251211`, as some routers write `gpt-5.2-2025-12-11`."""


def _find_model(book: PriceBook, sheet: PriceSheet, name: str) -> ModelPrices | None:
    spelled_out = COMPACT_DATE.sub(r"-\1-\2-\3", name)
    for spelling in (name,) if spelled_out == name else (name, spelled_out):
        for candidate in (sheet, *(book.sheets[other] for other in sheet.fallbacks if other in book.sheets)):
            for model in candidate.models:
                if _is_match(model.match, spelling):
                    return model
    return None


def _is_match(match: Match, name: str) -> bool:
    if match.any_of is not None:
        return any(_is_match(part, name) for part in match.any_of)
    if match.all_of is not None:
        return all(_is_match(part, name) for part in match.all_of)
    return (
        name == match.equals
        or (match.starts_with is not None and name.startswith(match.starts_with))
        or (match.ends_with is not None and name.endswith(match.ends_with))
        or (match.contains is not None and match.contains in name)
        or (match.regex is not None and re.search(match.regex, name) is not None)
    )
