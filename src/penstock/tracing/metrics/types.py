"""Questions about metrics as the control API takes them: conditions are text of the filter language."""

from typing import Literal

import msgspec

from penstock.store.spans.metrics import Aggregation, Population

__all__ = ["Catalog", "DistributionRequest", "Grouping", "Measurable", "MetricRequest", "MetricSpec", "Unit"]

Unit = Literal[
    "count", "per_second", "share", "microseconds", "nano_dollars", "tokens", "tokens_per_second", "score", "number"
]


class MetricSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is measured, of which spans."""

    population: Population = "calls"
    aggregation: Aggregation = "count"
    field: str | None = None
    """What is aggregated, as `duration`, `cost` or `score.helpful`; none for `count`, `rate` and `share`."""
    of: str | None = None
    """For `share`: what must hold, in the filter language."""
    q: str = ""
    """Which spans, in the filter language."""
    group_by: list[str] = []
    """At most two fields."""
    top: int = 10
    """Groups at most, 1 to 100; those with the most spans."""


class MetricRequest(MetricSpec, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    from_: int | None = msgspec.field(name="from", default=None)
    """Microseconds since the epoch, inclusive; without it, a day before `to`."""
    to: int | None = None
    """Exclusive; without it, now."""
    step: int | None = None
    """Microseconds of a step of the series, a second at least; without it the whole window is one."""
    exact: bool = True
    """If false, a metric under words that very many texts hold may be an estimate from a sample, which says so."""


class DistributionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How the values of a field lie: a histogram, or with a step a heat map."""

    population: Population = "calls"
    field: str = "duration"
    q: str = ""
    from_: int | None = msgspec.field(name="from", default=None)
    to: int | None = None
    step: int | None = None
    buckets: int = 40
    """At most, 2 to 100."""
    exact: bool = True
    """As of a metric."""


class Measurable(msgspec.Struct, frozen=True, kw_only=True):
    """A field that can be aggregated."""

    name: str
    """`score.NAME` stands for the scores of any name."""
    about: str
    unit: Unit


class Grouping(msgspec.Struct, frozen=True, kw_only=True):
    """A field that can be grouped by, and counted distinctly."""

    name: str
    """`tags.NAME` stands for the tag of any name."""
    about: str


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a metric can be made of."""

    populations: list[Population]
    aggregations: list[Aggregation]
    fields: list[Measurable]
    group_by: list[Grouping]
