"""Quality against its price: which variants are beaten at both by another."""

from typing import Final

import msgspec

from penstock.evals.experiments.summary import Figure, MetricSummary, Summary
from penstock.evals.experiments.worst import less_is_better
from penstock.evals.gates.types import Unit

__all__ = ["Pareto", "Point", "pareto"]

PRICES: Final = ("cost", "latency")


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A variant. `x` is its price, `y` its quality."""

    variant: str
    x: Figure
    y: Figure
    beaten_by: str | None


class Pareto(msgspec.Struct, frozen=True, kw_only=True):
    price: str
    quality: str
    price_unit: Unit
    quality_unit: Unit
    less_is_better: bool
    """Of the quality."""
    points: list[Point]

    def front(self) -> list[Point]:
        """Those that nobody beats, the cheapest first."""
        return sorted((one for one in self.points if one.beaten_by is None), key=lambda one: one.x.value)

    def sentence(self) -> str:
        """What the picture says, in words."""
        beaten = [f"{one.variant} is beaten at both by {one.beaten_by}." for one in self.points if one.beaten_by]
        return " ".join(beaten) or "None of the variants is beaten by another at both."


def pareto(summary: Summary) -> Pareto | None:
    """The first metric against money, or time where no answer has a price. None where fewer than two have both."""
    names = list(dict.fromkeys(one.metric for variant in summary.variants for one in variant.metrics))
    price = next((name for name in PRICES if name in names), None)
    quality = next((name for name in names if name not in PRICES), None)
    if price is None or quality is None:
        return None
    less = less_is_better(quality)
    places: list[tuple[str, Figure, Figure]] = []
    units: dict[str, Unit] = {}
    for variant in summary.variants:
        known = {one.metric: one for one in variant.metrics}
        x, y = _figure(known.get(price)), _figure(known.get(quality))
        if x is not None and y is not None:
            units = {name: known[name].unit for name in (price, quality)}
            places.append((variant.variant, x, y))
    if len(places) < 2:
        return None
    points = [Point(variant=name, x=x, y=y, beaten_by=_beaten(places, x, y, less=less)) for name, x, y in places]
    return Pareto(
        price=price,
        quality=quality,
        price_unit=units[price],
        quality_unit=units[quality],
        less_is_better=less,
        points=points,
    )


def _beaten(places: list[tuple[str, Figure, Figure]], x: Figure, y: Figure, *, less: bool) -> str | None:
    sign = -1 if less else 1
    for name, price, quality in places:
        gain = sign * (quality.value - y.value)
        if price.value <= x.value and gain >= 0 and (price.value < x.value or gain > 0):
            return name
    return None


def _figure(metric: MetricSummary | None) -> Figure | None:
    return None if metric is None else metric.figure
