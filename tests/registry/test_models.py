from dataclasses import dataclass, field

import pytest

from penstock.finops.price_list import compile_price_book, list_version
from penstock.registry.models import ModelCatalog
from penstock.registry.ports import ModelStats
from penstock.registry.types import HealthView
from penstock.wire.snapshot import AliasEntry, PriceEntry, ProviderEntry, Snapshot

AT = 1_770_000_000_000_000
OPENAI = ProviderEntry(
    name="openai",
    kind="openai",
    base_url="https://api.openai.com/v1",
    models=("gpt-4o", "gpt-4o-mini"),
    price_as="openai",
)
GPU = ProviderEntry(name="gpu", kind="openai", base_url="http://gpu/v1")


@dataclass
class ModelRow:
    provider: str
    model: str
    calls: int = 1
    errors: int = 0
    tokens: int = 10
    cost: int | None = 5
    p50: int | None = 100
    p95: int | None = 200
    ttft_p50: int | None = None


@dataclass
class ProviderRow:
    provider: str
    calls: int
    errors: int
    last_success: int | None = None
    last_error: int | None = None
    last_error_message: str | None = None


@dataclass
class Stats:
    models: list[ModelRow] = field(default_factory=list)
    providers: list[ProviderRow] = field(default_factory=list)
    asked: list[tuple] = field(default_factory=list)

    def model_stats(self, project, from_, to):
        self.asked.append((project, from_, to))
        return self.models

    def provider_stats(self, project, from_, to):
        return self.providers


def snapshot(*providers, **fields):
    return Snapshot(
        version=1,
        created=1,
        providers={provider.name: provider for provider in providers},
        price_book=compile_price_book(providers),
        **fields,
    )


def page(stats, published):
    return ModelCatalog(stats).page(published, project="p1", from_=AT - 10, to=AT)


def test_listed_models_come_in_their_order_with_price_and_what_they_served():
    stats = Stats(models=[ModelRow("openai", "gpt-4o-mini", calls=7, errors=2, tokens=99, cost=1234, ttft_p50=50)])
    assert isinstance(stats, ModelStats)
    (provider,) = page(stats, snapshot(OPENAI)).providers
    assert stats.asked == [("p1", AT - 10, AT)]
    assert (provider.name, provider.kind, provider.base_url) == ("openai", "openai", "https://api.openai.com/v1")
    idle, busy = provider.models
    assert (idle.id, idle.calls, idle.cost, idle.p50, idle.listed) == ("openai/gpt-4o", 0, None, None, True)
    assert (busy.id, busy.calls, busy.errors, busy.tokens, busy.cost, busy.ttft_p50) == (
        "openai/gpt-4o-mini",
        7,
        2,
        99,
        1234,
        50,
    )
    assert busy.price is not None
    assert (busy.price.input, busy.price.output, busy.price.version) == (150_000_000, 600_000_000, list_version())


def test_a_model_that_was_called_and_is_not_listed_is_shown_after_the_listed_the_busiest_first():
    stats = Stats(models=[ModelRow("gpu", "b", calls=1), ModelRow("gpu", "a", calls=1), ModelRow("gpu", "c", calls=9)])
    (provider,) = page(stats, snapshot(GPU)).providers
    assert [(model.name, model.listed, model.price) for model in provider.models] == [
        ("c", False, None),
        ("a", False, None),
        ("b", False, None),
    ]


def test_a_dated_name_that_the_vendor_answered_with_is_the_listed_model():
    stats = Stats(models=[ModelRow("openai", "gpt-4o-mini-2024-07-18", calls=3)])
    (provider,) = page(stats, snapshot(OPENAI)).providers
    assert [(model.name, model.calls) for model in provider.models] == [("gpt-4o", 0), ("gpt-4o-mini", 3)]


def test_several_dated_names_stay_apart_since_percentiles_cannot_be_joined():
    stats = Stats(models=[ModelRow("openai", "gpt-4o-2024-05-13", calls=3), ModelRow("openai", "gpt-4o-2024-08-06")])
    (provider,) = page(stats, snapshot(OPENAI)).providers
    assert [(model.name, model.calls) for model in provider.models] == [
        ("gpt-4o", 0),
        ("gpt-4o-mini", 0),
        ("gpt-4o-2024-05-13", 3),
        ("gpt-4o-2024-08-06", 1),
    ]


def test_a_model_under_its_own_name_is_not_mixed_with_a_dated_one():
    stats = Stats(models=[ModelRow("openai", "gpt-4o", calls=3), ModelRow("openai", "gpt-4o-2024-08-06", calls=1)])
    (provider,) = page(stats, snapshot(OPENAI)).providers
    assert [(model.name, model.calls) for model in provider.models] == [
        ("gpt-4o", 3),
        ("gpt-4o-mini", 0),
        ("gpt-4o-2024-08-06", 1),
    ]


@pytest.mark.parametrize(
    ("calls", "errors", "status", "rate"),
    [
        (0, 0, "idle", None),
        (100, 0, "ok", 0.0),
        (100, 4, "ok", 0.04),
        (100, 5, "degraded", 0.05),
        (2, 1, "failing", 0.5),
    ],
)
def test_health_follows_the_rate_of_errors(calls, errors, status, rate):
    stats = Stats(providers=[ProviderRow("gpu", calls, errors, 1, 2, "refused")])
    (provider,) = page(stats, snapshot(GPU)).providers
    assert provider.health == HealthView(
        status=status,
        calls=calls,
        errors=errors,
        error_rate=rate,
        last_success=1,
        last_error=2,
        last_error_message="refused",
    )


def test_a_provider_that_was_never_called_is_idle():
    (provider,) = page(Stats(), snapshot(GPU)).providers
    assert (provider.health.status, provider.health.last_error) == ("idle", None)


def test_prices_follow_the_snapshot():
    catalog = ModelCatalog(Stats())
    first = snapshot(OPENAI)
    entry = PriceEntry(provider="openai", model="gpt-4o", input=7, output=8)
    second = Snapshot(version=2, created=1, providers=first.providers, prices=(entry,), price_book=first.price_book)
    prices = [
        catalog.page(published, project="p", from_=0, to=AT).providers[0].models[0].price
        for published in (first, second, second)
    ]
    assert [price and price.input for price in prices] == [2_500_000_000, 7, 7]


def test_aliases_are_shown_with_their_targets():
    published = snapshot(GPU, aliases={"fast": AliasEntry(name="fast", targets=("gpu/a", "gpu/b"))})
    (alias,) = page(Stats(), published).aliases
    assert (alias.name, alias.targets) == ("fast", ["gpu/a", "gpu/b"])
