"""The models page: what is configured, at what price, and what each served in a window."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from penstock.finops.pricing import Pricer
from penstock.registry.ports import ModelStat, ModelStats, ProviderStat
from penstock.registry.types import AliasView, HealthView, ModelsPage, ModelView, PriceView, ProviderView
from penstock.wire.snapshot import ProviderEntry, Snapshot

__all__ = ["ModelCatalog"]

DEGRADED = 0.05
FAILING = 0.5
DATED = re.compile(r"-(20\d{2}-?\d{2}-?\d{2}|\d{4})$")
"""The release date that vendors append to the name of the model they ran: `gpt-4o-mini-2024-07-18`."""


class ModelCatalog:
    """Answers what `GET /api/v1/models` asks. Blocking: the statistics come from the span store."""

    def __init__(self, stats: ModelStats) -> None:
        self._stats = stats
        self._priced: tuple[int, Pricer] | None = None

    def page(self, snapshot: Snapshot, *, project: str, from_: int, to: int) -> ModelsPage:
        """Providers with health and models, and aliases, over a window (microseconds, `to` exclusive).

        Prices are those in force at its end.
        """
        pricer = self._pricer(snapshot)
        models: dict[str, list[ModelStat]] = {}
        for stat in self._stats.model_stats(project, from_, to):
            models.setdefault(stat.provider, []).append(stat)
        health = {stat.provider: stat for stat in self._stats.provider_stats(project, from_, to)}
        return ModelsPage(
            providers=[
                ProviderView(
                    name=provider.name,
                    kind=provider.kind,
                    base_url=provider.base_url,
                    health=_health(health.get(provider.name)),
                    models=[
                        _model(provider, name, stat, price=_price(pricer, provider, name, to))
                        for name, stat in _rows(provider.models, models.get(provider.name, []))
                    ],
                )
                for provider in snapshot.providers.values()
            ],
            aliases=[AliasView(name=alias.name, targets=list(alias.targets)) for alias in snapshot.aliases.values()],
        )

    def _pricer(self, snapshot: Snapshot) -> Pricer:
        if self._priced is None or self._priced[0] != snapshot.version:
            self._priced = snapshot.version, Pricer(snapshot.prices, book=snapshot.price_book)
        return self._priced[1]


def _rows(listed: Sequence[str], stats: Iterable[ModelStat]) -> list[tuple[str, ModelStat | None]]:
    """Listed models in their order, each with what it served; then others that were called, the busiest first.

    A vendor answers with a dated name for the model that was asked for. It is the listed model, unless several
    dated ones were, whose percentiles cannot be joined.
    """
    by_name: Mapping[str, ModelStat] = {stat.model: stat for stat in stats}
    undated = Counter(DATED.sub("", name) for name in by_name)
    rows: list[tuple[str, ModelStat | None]] = []
    taken: set[str] = set()
    for name in listed:
        found = by_name.get(name)
        if found is None and undated[name] == 1:
            found = next(stat for other, stat in by_name.items() if DATED.sub("", other) == name)
        if found is not None:
            taken.add(found.model)
        rows.append((name, found))
    others = sorted(
        (stat for name, stat in by_name.items() if name not in taken), key=lambda stat: (-stat.calls, stat.model)
    )
    return [*rows, *((stat.model, stat) for stat in others)]


def _model(provider: ProviderEntry, name: str, stat: ModelStat | None, *, price: PriceView | None) -> ModelView:
    return ModelView(
        id=f"{provider.name}/{name}",
        name=name,
        listed=name in provider.models,
        price=price,
        calls=stat.calls if stat else 0,
        errors=stat.errors if stat else 0,
        tokens=stat.tokens if stat else 0,
        cost=stat.cost if stat else None,
        p50=stat.p50 if stat else None,
        p95=stat.p95 if stat else None,
        ttft_p50=stat.ttft_p50 if stat else None,
    )


def _price(pricer: Pricer, provider: ProviderEntry, model: str, at: int) -> PriceView | None:
    rates = pricer.rates(provider, model, at)
    if rates is None:
        return None
    return PriceView(
        input=rates.input,
        output=rates.output,
        cache_read=rates.cache_read,
        cache_write=rates.cache_write,
        reasoning=rates.reasoning,
        tiered=rates.tiered,
        version=rates.version,
    )


def _health(stat: ProviderStat | None) -> HealthView:
    if stat is None or stat.calls == 0:
        return HealthView(
            status="idle",
            calls=0,
            errors=0,
            error_rate=None,
            last_success=stat.last_success if stat else None,
            last_error=stat.last_error if stat else None,
            last_error_message=stat.last_error_message if stat else None,
        )
    rate = stat.errors / stat.calls
    return HealthView(
        status="failing" if rate >= FAILING else "degraded" if rate >= DEGRADED else "ok",
        calls=stat.calls,
        errors=stat.errors,
        error_rate=rate,
        last_success=stat.last_success,
        last_error=stat.last_error,
        last_error_message=stat.last_error_message,
    )
