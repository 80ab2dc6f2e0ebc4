"""Public list prices, from the package genai-prices, compiled into a price book.

Loading that package takes about 0.4 s and 20 MB, so only the control plane does it, when it compiles a
snapshot; importing this module loads nothing.

What the list knows and a price book does not: prices that depend on the service tier of a request
(batch, flex, priority), one-hour cache writes (priced as five-minute ones, which is what the usage
buckets can tell) and fees per web search. Such a call is priced at the standard rates of its tokens.
"""

import calendar
import functools
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple, cast

from penstock.core.errors import MissingExtra
from penstock.wire.prices import BUCKETS, Bucket, Match, ModelPrices, PriceBook, PricePeriod, PriceSheet, TieredRate
from penstock.wire.snapshot import ProviderEntry

if TYPE_CHECKING:
    from genai_prices import types as listed

__all__ = ["compile_price_book", "current_models", "list_version", "sheet_names"]

PRICE_KEYS: dict[Bucket, tuple[str, ...]] = {
    "input": ("input_text_mtok", "input_mtok"),
    "cache_read": ("cache_read_mtok", "input_mtok"),
    "cache_write": ("cache_write_5m_mtok", "cache_write_mtok", "input_mtok"),
    "output": ("output_text_mtok", "output_mtok"),
    "reasoning": ("output_reasoning_mtok", "output_mtok"),
    "input_audio": ("input_audio_mtok", "input_mtok"),
    "output_audio": ("output_audio_mtok", "output_mtok"),
    "input_image": ("input_image_mtok", "input_mtok"),
    "output_image": ("output_image_mtok", "output_mtok"),
}
"""The list's price for each bucket: the most specific that a model has, as the list itself resolves it."""


def compile_price_book(providers: Iterable[ProviderEntry]) -> PriceBook:
    """The sheets that these providers are priced by; a provider the list does not know has no source."""
    library = _library()
    sources: dict[str, str] = {}
    sheets: dict[str, PriceSheet] = {}
    for provider in providers:
        found = _find_sheet(provider)
        if found is None:
            continue
        sources[provider.price_as or provider.base_url] = found.id
        fallbacks = tuple(found.fallback_model_providers or ())
        for name in (found.id, *fallbacks):
            if name not in sheets and name in library.by_id:
                sheets[name] = _compile_sheet(name)
    return PriceBook(version=list_version(), sources=sources, sheets=sheets)


def sheet_names() -> tuple[str, ...]:
    """What `price_as` may name."""
    return tuple(_library().by_id)


def current_models(price_as: str) -> tuple[str, ...]:
    """Names of a provider's models that are priced by the token and not retired, in the list's order.

    Empty for a provider the list does not know. An id of the list that is only the start of a name
    (`ft:gpt-4o`) or carries a routing suffix (`:free`, `:batch`) is left out.
    """
    provider = _library().find_by_id(price_as)
    if provider is None:
        return ()
    names = (
        _callable_name(model)
        for model in provider.models
        if not model.deprecated and any("input" in period.rates for period in _periods(model))
    )
    return tuple(dict.fromkeys(name for name in names if name is not None and ":" not in name))


def _callable_name(model: "listed.ModelInfo") -> str | None:
    """The id where the provider accepts it, else the first name that stands in the list in full."""
    if model.is_match(model.id):
        return model.id
    pending = [_match(model.match)]
    while pending:
        match = pending.pop(0)
        if match.equals is not None:
            return match.equals
        pending.extend(match.any_of or ())
    return None


class _Library(NamedTuple):
    """genai-prices, loaded."""

    providers: "Sequence[listed.Provider]"
    by_id: "dict[str, listed.Provider]"
    find_by_id: "Callable[[str], listed.Provider | None]"


@functools.cache
def _library() -> _Library:
    try:
        from genai_prices import data_snapshot  # noqa: PLC0415 - optional extra, and heavy: loaded when first used
    except ImportError as error:
        raise MissingExtra("genai-prices", extra="server") from error
    providers = data_snapshot.get_snapshot().providers
    return _Library(
        providers=providers,
        by_id={provider.id: provider for provider in providers},
        find_by_id=functools.partial(data_snapshot.find_provider_by_id, providers),
    )


def list_version() -> str:
    """What stands on a record priced from this list; known without loading it."""
    return f"genai-prices {version('genai-prices')}"


def _find_sheet(provider: ProviderEntry) -> "listed.Provider | None":
    library = _library()
    if provider.price_as is not None:
        return library.find_by_id(provider.price_as)
    return next((known for known in library.providers if re.match(known.api_pattern, provider.base_url)), None)


@functools.cache
def _compile_sheet(name: str) -> PriceSheet:
    provider = _library().by_id[name]
    return PriceSheet(
        models=tuple(
            ModelPrices(id=model.id, match=_match(model.match), periods=_periods(model)) for model in provider.models
        ),
        fallbacks=tuple(provider.fallback_model_providers or ()),
    )


def _match(clause: "listed.MatchLogic") -> Match:
    # A clause of the list is an object with one attribute that names the comparison.
    ((name, operand),) = vars(clause).items()
    if name == "or_":
        return Match(any_of=tuple(_match(part) for part in operand))
    if name == "and_":
        return Match(all_of=tuple(_match(part) for part in operand))
    # A regular expression is matched as it stands; every other comparison ignores case.
    return Match(**{name: operand if name == "regex" else operand.lower()})


def _periods(model: "listed.ModelInfo") -> tuple[PricePeriod, ...]:
    prices = model.prices
    if not isinstance(prices, list):
        return (_period(model.id, prices, None),)
    return tuple(_period(model.id, entry.prices, entry.constraint) for entry in prices)


def _period(
    model: str,
    prices: "listed.ModelPrice",
    constraint: "listed.StartDateConstraint | listed.TimeOfDateConstraint | None",
) -> PricePeriod:
    values = cast("dict[str, Decimal | listed.TieredPrices | None]", vars(prices))
    rates: dict[Bucket, str | TieredRate] = {}
    for bucket, keys in PRICE_KEYS.items():
        price = next((values[key] for key in keys if values.get(key) is not None), None)
        if price is not None:
            rates[bucket] = _rate(price)
    # The list writes "free" as no price at all, and "not known any more" in the same way. Only a name that
    # says `:free` is taken at its word: an unknown cost must never read as 0.
    if not values and model.endswith(":free"):
        rates = dict.fromkeys(BUCKETS, "0")
    request = values.get("requests_kcount")
    start, daily_from, daily_until = _conditions(constraint)
    return PricePeriod(
        starts=start,
        daily_from=daily_from,
        daily_until=daily_until,
        rates=rates,
        request=str(request) if isinstance(request, Decimal) else None,
    )


def _rate(price: "Decimal | listed.TieredPrices") -> str | TieredRate:
    if isinstance(price, Decimal):
        return f"{price:f}"
    return TieredRate(base=f"{price.base:f}", tiers=tuple((tier.start, f"{tier.price:f}") for tier in price.tiers))


def _conditions(
    constraint: "listed.StartDateConstraint | listed.TimeOfDateConstraint | None",
) -> tuple[int | None, int | None, int | None]:
    if constraint is None:
        return None, None, None
    conditions = vars(constraint)
    if "start_date" in conditions:
        return calendar.timegm(conditions["start_date"].timetuple()) * 1_000_000, None, None
    return None, _microseconds_of_day(conditions["start_time"]), _microseconds_of_day(conditions["end_time"])


def _microseconds_of_day(at: time) -> int:
    # A time of day without a zone is UTC.
    moment = datetime.combine(date(1970, 1, 2), at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    return ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 1_000_000 + moment.microsecond
