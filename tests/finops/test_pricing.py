import subprocess
import sys
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import genai_prices
import msgspec
import pytest
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.finops.price_list import compile_price_book, list_version, sheet_names
from penstock.finops.pricing import Price, Pricer, glob_matches
from penstock.wire.prices import Match, ModelPrices, PriceBook, PricePeriod, PriceSheet, TieredRate
from penstock.wire.snapshot import PriceEntry, ProviderEntry
from penstock.wire.usage import Usage

AT = 1_770_000_000_000_000
OPENAI = ProviderEntry(name="openai", kind="openai", base_url="https://api.openai.com/v1")
MINI = PriceEntry(provider="openai", model="gpt-4o-mini", input=150_000_000, output=600_000_000)


def provider(price_as: str) -> ProviderEntry:
    return ProviderEntry(name=price_as, kind="openai", base_url="http://127.0.0.1/v1", price_as=price_as)


def book(*periods: PricePeriod, name: str = "m") -> PriceBook:
    """A book with one model at the provider `here`."""
    sheet = PriceSheet(models=(ModelPrices(id=name, match=Match(equals=name), periods=periods),))
    return PriceBook(version="test 1", sources={"here": "here"}, sheets={"here": sheet})


HERE = provider("here")


# --- against the library ----------------------------------------------------------------------

BOOK = compile_price_book([provider(name) for name in sheet_names()])
PRICER = Pricer(book=msgspec.json.decode(msgspec.json.encode(BOOK), type=PriceBook))
MODELS = [
    (listed.id, model.id)
    for listed in get_snapshot().providers
    for model in listed.models
    if listed.find_model(model.id, all_providers=get_snapshot().providers) is not None
]
tokens = st.one_of(st.just(0), st.integers(0, 2000), st.integers(0, 600_000))


def by_library(sheet: str, model: str, usage: Usage, at: int) -> int:
    """Nano-dollars as genai-prices itself computes them, from its overlapping totals."""
    overlapping = genai_prices.Usage(
        input_tokens=usage.total_input,
        output_tokens=usage.total_output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        output_reasoning_tokens=usage.reasoning,
        input_audio_tokens=usage.input_audio,
        output_audio_tokens=usage.output_audio,
        input_image_tokens=usage.input_image,
        output_image_tokens=usage.output_image,
        # Named, because the library asks for every overlap that a model prices.
        cache_audio_read_tokens=0,
        cache_image_read_tokens=0,
        cache_write_1h_tokens=0,
    )
    moment = datetime.fromtimestamp(at / 1_000_000, UTC)
    price = genai_prices.calc_price(overlapping, model, provider_id=sheet, genai_request_timestamp=moment)
    return int((price.total_price * 1_000_000_000).to_integral_value(ROUND_HALF_EVEN))


@settings(max_examples=1500, deadline=None)
@given(
    place=st.sampled_from(MODELS),
    usage=st.builds(Usage, *[tokens] * 9),
    at=st.integers(1_600_000_000, 1_900_000_000).map(lambda seconds: seconds * 1_000_000),
)
def test_the_cost_is_what_the_price_list_itself_computes_for_any_model_usage_and_time(place, usage, at):
    """FAILURES G27: the list wants overlapping totals, Penstock keeps disjoint buckets."""
    sheet, model = place
    price = PRICER.price(provider(sheet), model, usage, at)
    if price.cost is None:
        assert price.reason
    else:
        assert price == Price(by_library(sheet, model, usage, at), list_version())


def test_almost_every_listed_model_has_a_price_for_text():
    usage = Usage(input=1000, output=100)
    priced = [PRICER.price(provider(sheet), model, usage, AT).cost is not None for sheet, model in MODELS]
    assert sum(priced) / len(priced) > 0.85


# --- arithmetic -------------------------------------------------------------------------------


def test_each_bucket_is_charged_once_at_its_own_rate():
    """FAILURES G27: every rate is another power of ten, so each bucket shows as one digit."""
    entry = PriceEntry(
        provider="openai",
        model="m",
        input=1_000_000,
        output=10_000_000,
        cache_read=100_000_000,
        cache_write=1_000_000_000,
        reasoning=10_000_000_000,
        input_audio=100_000_000_000,
        output_audio=1_000_000_000_000,
    )
    usage = Usage(input=1, output=2, cache_read=3, cache_write=4, reasoning=5, input_audio=6, output_audio=7)
    assert Pricer([entry], book=BOOK).price(OPENAI, "m", usage, AT).cost == 7_654_321


def test_what_an_override_leaves_out_is_charged_as_input_or_output():
    entry = PriceEntry(provider="openai", model="m", input=1_000_000, output=10_000_000)
    usage = Usage(
        input=1,
        cache_read=1,
        cache_write=1,
        input_audio=1,
        input_image=1,
        output=1,
        reasoning=1,
        output_audio=1,
        output_image=1,
    )
    assert Pricer([entry], book=BOOK).price(OPENAI, "m", usage, AT).cost == 5 * 1 + 4 * 10


@given(
    counts=st.lists(st.integers(0, 10**9), min_size=2, max_size=2),
    rates=st.lists(st.integers(0, 10**12), min_size=2, max_size=2),
)
def test_the_sum_is_rounded_once_half_to_even(counts, rates):
    entry = PriceEntry(provider="*", model="*", input=rates[0], output=rates[1])
    exact = Fraction(counts[0] * rates[0] + counts[1] * rates[1], 1_000_000)
    cost = Pricer([entry], book=BOOK).price(OPENAI, "m", Usage(input=counts[0], output=counts[1]), AT).cost
    assert cost == round(exact)


@pytest.mark.parametrize(("rate", "cost"), [(500_000, 0), (1_500_000, 2), (2_500_000, 2), (500_001, 1)])
def test_half_a_nano_dollar_goes_to_the_even_neighbour(rate, cost):
    entry = PriceEntry(provider="*", model="*", input=rate, output=0)
    assert Pricer([entry], book=BOOK).price(OPENAI, "m", Usage(input=1), AT).cost == cost


def test_seventeen_decimal_places_of_a_price_are_not_lost():
    pricer = Pricer(book=book(PricePeriod(rates={"input": "0.08333333333333334", "output": "30"})))
    cost = pricer.price(HERE, "m", Usage(input=3 * 10**15, output=1), AT).cost
    assert cost == round(Fraction(Decimal("0.08333333333333334")) * 3 * 10**18 + 30_000)


def test_a_fee_per_request_is_added_once():
    pricer = Pricer(book=book(PricePeriod(rates={"input": "1"}, request="12")))
    assert pricer.price(HERE, "m", Usage(input=1_000_000), AT).cost == 1_000_000_000 + 12_000_000


# --- tiers and times --------------------------------------------------------------------------

TIERED = book(
    PricePeriod(rates={"input": TieredRate(base="3", tiers=((200_000, "6"),)), "cache_read": "1", "output": "15"})
)


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (Usage(input=200_000), "0.6"),
        (Usage(input=200_001), "1.200006"),
        (Usage(input=100_000, cache_read=100_000), "0.4"),
        (Usage(input=100_000, cache_read=100_001), "0.700001"),
        (Usage(input=1, output=400_000), "6.000003"),
        (Usage(), "0"),
    ],
)
def test_the_whole_prompt_decides_the_tier_and_every_token_pays_its_rate(usage, dollars):
    assert Pricer(book=TIERED).price(HERE, "m", usage, AT).cost == Decimal(dollars) * 1_000_000_000


MIDNIGHT = 1_769_904_000_000_000  # 2026-02-01T00:00:00Z
HOUR = 3_600_000_000
TIMED = book(
    PricePeriod(rates={"input": "1"}),
    PricePeriod(starts=MIDNIGHT, rates={"input": "2"}),
    PricePeriod(daily_from=22 * HOUR, daily_until=6 * HOUR, rates={"input": "4"}),
    PricePeriod(daily_from=12 * HOUR, daily_until=13 * HOUR, rates={"input": "8"}),
)


@pytest.mark.parametrize(
    ("hours", "dollars"),
    [(-10, 1), (-2.5, 1), (-2, 4), (0, 4), (5.999, 4), (6, 2), (11.999, 2), (12, 8), (13, 2), (22, 4), (30, 2)],
)
def test_the_last_period_that_holds_at_the_moment_of_the_call_applies(hours, dollars):
    at = MIDNIGHT + round(hours * HOUR)
    assert Pricer(book=TIMED).price(HERE, "m", Usage(input=1_000_000), at).cost == dollars * 1_000_000_000


def test_the_first_period_applies_when_none_holds():
    late = book(
        PricePeriod(starts=MIDNIGHT, rates={"input": "2"}), PricePeriod(starts=MIDNIGHT * 2, rates={"input": "3"})
    )
    assert Pricer(book=late).price(HERE, "m", Usage(input=1_000_000), 0).cost == 2_000_000_000


# --- unknown ----------------------------------------------------------------------------------


def test_an_unknown_model_has_no_cost_and_says_why():
    """FAILURES G26."""
    price = PRICER.price(provider("openai"), "my-own-model", Usage(input=1), AT)
    assert price.cost is None
    assert price.version is None
    assert price.reason == f"The price list openai ({list_version()}) does not have the model my-own-model."


def test_an_unknown_provider_has_no_cost_and_says_what_to_do():
    """FAILURES G26."""
    price = Pricer(book=BOOK).price(
        ProviderEntry(name="gpu", kind="openai", base_url="http://gpu/v1"), "m", Usage(input=1), AT
    )
    assert price.cost is None
    assert "price_as" in str(price.reason)


def test_a_bucket_without_a_price_makes_the_cost_unknown_only_when_it_was_used():
    """FAILURES G26."""
    pricer = Pricer(book=book(PricePeriod(rates={"input": "1"})))
    assert pricer.price(HERE, "m", Usage(input=7), AT).cost == 7000
    price = pricer.price(HERE, "m", Usage(input=7, output=1, reasoning=2), AT)
    assert price == Price(None, None, "test 1 has no price of output, reasoning tokens of m.")


def test_a_model_that_the_list_merely_names_is_unknown_not_free():
    """FAILURES G26: the list writes both "free" and "not known any more" as no price."""
    assert PRICER.price(provider("cerebras"), "qwen-3-coder-480b", Usage(input=1), AT).cost is None
    assert PRICER.price(provider("openrouter"), "deepseek/deepseek-chat-v3-0324:free", Usage(input=1), AT).cost == 0


def test_an_override_of_zero_is_free_and_not_unknown():
    free = PriceEntry(provider="openai", model="*", input=0, output=0)
    assert Pricer([free], book=BOOK).price(OPENAI, "m", Usage(input=5), AT).cost == 0


# --- which price ------------------------------------------------------------------------------


def test_the_first_override_that_matches_wins_over_the_list():
    dear = PriceEntry(provider="openai", model="gpt-4o*", input=9_000_000, output=0)
    pricer = Pricer([MINI, dear], book=BOOK)
    assert pricer.price(OPENAI, "gpt-4o-mini", Usage(input=1_000_000), AT).cost == 150_000_000
    assert pricer.price(OPENAI, "gpt-4o", Usage(input=1_000_000), AT).cost == 9_000_000
    assert pricer.price(provider("openai"), "gpt-4.1", Usage(input=1_000_000), AT).cost == 2_000_000_000


def test_an_override_is_for_its_own_provider_only():
    elsewhere = ProviderEntry(name="azure", kind="azure", base_url="http://127.0.0.1")
    assert Pricer([MINI], book=BOOK).price(elsewhere, "gpt-4o-mini", Usage(input=1), AT).cost is None


def test_the_version_names_the_entry_that_priced_the_call():
    first = Pricer([MINI], book=BOOK).price(OPENAI, "gpt-4o-mini", Usage(input=1), AT).version
    other = msgspec.structs.replace(MINI, output=1)
    second = Pricer([other], book=BOOK).price(OPENAI, "gpt-4o-mini", Usage(input=1), AT).version
    assert first is not None
    assert first.startswith("penstock.yaml ")
    assert second != first
    assert Pricer([MINI], book=BOOK).price(OPENAI, "gpt-4o-mini", Usage(), AT).version == first


def test_without_price_as_the_address_says_whose_prices_apply():
    pricer = Pricer(book=compile_price_book([OPENAI]))
    assert pricer.price(OPENAI, "gpt-4o-mini", Usage(input=1_000_000), AT) == Price(150_000_000, list_version())


def test_a_provider_falls_back_to_the_lists_of_whom_it_resells():
    azure = ProviderEntry(name="az", kind="azure", base_url="https://x.openai.azure.com", price_as="azure")
    pricer = Pricer(book=compile_price_book([azure]))
    assert pricer.price(azure, "gpt-4o-mini", Usage(input=1_000_000), AT).cost == 150_000_000


@pytest.mark.parametrize("spelling", ["GPT-4o-Mini", "gpt-4o-mini-2024-07-18", "gpt-4o-mini-20240718"])
def test_a_models_other_spellings_have_its_price(spelling):
    assert PRICER.price(provider("openai"), spelling, Usage(input=1_000_000), AT).cost == 150_000_000


def test_without_a_book_the_list_is_loaded_when_a_provider_is_first_priced():
    assert Pricer().price(OPENAI, "gpt-4o-mini", Usage(input=1_000_000), AT).cost == 150_000_000


@given(st.text("ab*", max_size=6), st.text("ab", max_size=8))
def test_a_star_stands_for_anything_and_nothing_else_is_special(pattern, name):
    parts = pattern.split("*")
    expected = name == pattern
    if len(parts) > 1 and name.startswith(parts[0]) and len(name) >= sum(map(len, parts)):
        rest = name[len(parts[0]) :]
        for part in parts[1:-1]:
            found = rest.find(part)
            if found < 0:
                break
            rest = rest[found + len(part) :]
        else:
            expected = rest.endswith(parts[-1])
    assert glob_matches(pattern, name) is expected
    assert glob_matches("a[b]?", "a[b]?")
    assert not glob_matches("a[b]?", "abb")


# --- rates for people -------------------------------------------------------------------------


def test_rates_are_shown_in_nano_dollars_per_million_tokens():
    rates = PRICER.rates(provider("openai"), "gpt-4o-mini", AT)
    assert rates is not None
    assert (rates.input, rates.cache_read, rates.cache_write, rates.output, rates.reasoning) == (
        150_000_000,
        75_000_000,
        150_000_000,
        600_000_000,
        600_000_000,
    )
    assert rates.version == list_version()
    assert not rates.tiered


def test_rates_of_a_long_prompt_are_announced():
    rates = Pricer(book=TIERED).rates(HERE, "m", AT)
    assert rates is not None
    assert rates.tiered
    assert rates.input == 3_000_000_000


def test_rates_show_a_missing_price_as_none():
    rates = Pricer(book=book(PricePeriod(rates={"input": "1"}))).rates(HERE, "m", AT)
    assert rates is not None
    assert rates.output is None


def test_a_model_without_any_price_has_no_rates():
    assert Pricer(book=book(PricePeriod())).rates(HERE, "m", AT) is None
    assert PRICER.rates(provider("openai"), "my-own-model", AT) is None


# --- the gateway's concerns -------------------------------------------------------------------


def test_names_that_callers_invent_do_not_fill_the_memory():
    """FAILURES G9."""
    pricer = Pricer(book=TIERED)
    for number in range(10_000):
        pricer.price(HERE, f"model-{number}", Usage(), AT)
    assert pricer._plan.cache_info().currsize == 4096


def test_pricing_by_a_book_loads_no_price_library():
    program = """
import sys, msgspec
from penstock.finops.pricing import Pricer
from penstock.wire.prices import PriceBook
from penstock.wire.snapshot import ProviderEntry
from penstock.wire.usage import Usage
book = msgspec.json.decode(sys.stdin.buffer.read(), type=PriceBook)
entry = ProviderEntry(name="openai", kind="openai", base_url="https://api.openai.com/v1")
assert Pricer(book=book).price(entry, "gpt-4o-mini", Usage(input=1000000), 1).cost == 150000000
assert not {"genai_prices", "pydantic", "penstock.finops.price_list"} & sys.modules.keys()
"""
    data = msgspec.json.encode(compile_price_book([OPENAI]))
    subprocess.run([sys.executable, "-c", program], input=data, check=True, timeout=60)
