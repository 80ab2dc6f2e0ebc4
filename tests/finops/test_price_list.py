import builtins
import sys
from datetime import time, timedelta, timezone

import pytest

from penstock.core.errors import MissingExtra
from penstock.finops import price_list
from penstock.finops.price_list import compile_price_book, current_models, list_version, sheet_names
from penstock.finops.pricing import Pricer
from penstock.wire.snapshot import ProviderEntry
from penstock.wire.usage import Usage


def test_a_book_holds_the_sheets_of_its_providers_and_of_whom_they_resell_and_no_others():
    azure = ProviderEntry(name="az", kind="azure", base_url="https://x.openai.azure.com")
    local = ProviderEntry(name="gpu", kind="openai", base_url="http://gpu:8000/v1")
    book = compile_price_book([azure, local])
    assert book.version == list_version()
    assert book.sources == {"https://x.openai.azure.com": "azure"}
    assert set(book.sheets) == {"azure", *book.sheets["azure"].fallbacks}
    assert "openai" in book.sheets


def test_an_empty_book_names_the_list_all_the_same():
    assert compile_price_book([]).version == list_version()


@pytest.mark.parametrize("sheet", ["openai", "anthropic", "google", "mistral", "groq", "deepseek", "x-ai"])
def test_every_current_model_is_one_that_its_own_list_prices(sheet):
    entry = ProviderEntry(name=sheet, kind="openai", base_url="http://127.0.0.1", price_as=sheet)
    pricer = Pricer(book=compile_price_book([entry]))
    models = current_models(sheet)
    assert len(models) == len(set(models)) > 0
    assert [m for m in models if pricer.price(entry, m, Usage(input=1000), 2_000_000_000_000_000).cost is None] == []


def test_current_models_have_the_well_known_ones_and_no_retired_ones():
    assert {"gpt-4o", "gpt-4o-mini", "text-embedding-3-small"} <= set(current_models("openai"))
    assert "gemini-2.0-flash" not in current_models("google")
    assert not [model for model in current_models("openai") if model.startswith("ft:")]


def test_an_unknown_provider_has_no_models():
    assert current_models("acme") == ()
    assert "acme" not in sheet_names()


def test_a_time_of_day_of_the_list_is_read_as_utc():
    beijing = timezone(timedelta(hours=8))
    assert price_list._microseconds_of_day(time(0, 30)) == 30 * 60 * 1_000_000
    assert price_list._microseconds_of_day(time(8, 30, 1, 5, tzinfo=beijing)) == (30 * 60 + 1) * 1_000_000 + 5
    assert price_list._microseconds_of_day(time(1, 0, tzinfo=beijing)) == 17 * 3600 * 1_000_000


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("genai_prices")]:
        monkeypatch.delitem(sys.modules, name)
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("genai_prices"):
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    price_list._library.cache_clear()
    try:
        with pytest.raises(MissingExtra, match=r"penstock\[server\]"):
            current_models("openai")
    finally:
        price_list._library.cache_clear()
