"""Any metric, of any spans, by anything: what dashboards, alerts and objectives ask, and the answer."""

from typing import Literal

import msgspec

from penstock.store.spans.tree import Node

__all__ = [
    "Aggregation",
    "Distribution",
    "DistributionCell",
    "DistributionQuery",
    "MetricPoint",
    "MetricQuery",
    "MetricResult",
    "MetricSeries",
    "Population",
]

Population = Literal["calls", "model_calls", "traces", "spans", "scores"]
"""What is counted. `calls`: calls to the gateway. `model_calls`: requests to a model, attempts one by one, each
once (no `covered` spans). `traces`: calls and the roots of what applications sent, the rows of the trace list.
`spans`: all. `scores`: judgements, with the columns of the span they are of (of the trace's root or the session's
spans they take `session` only).
"""
Aggregation = Literal[
    "count", "rate", "share", "distinct", "sum", "avg", "min", "max", "p50", "p75", "p90", "p95", "p99"
]
"""`rate` is a count per second. `share` is the part (0 to 1) of the population for which `of` holds."""


class MetricQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One question. Percentiles are within 2 % of the exact value."""

    project: str
    from_: int
    """Microseconds since the epoch, inclusive."""
    to: int
    """Exclusive."""
    population: Population = "calls"
    aggregation: Aggregation = "count"
    field: str | None = None
    """What is aggregated: a numeric column (`duration`, `ttft`, `cost`, `usage_output`, `saved`, ...), `usage_total`,
    `throughput` (output tokens per second of streaming), `score.<name>`; for `distinct` any column. None for
    `count`, `rate` and `share`. Durations are microseconds, money nano-dollars; spans where it is unknown are left out.
    """
    of: Node | None = None
    """For `share`: what must hold."""
    where: Node | None = None
    group_by: tuple[str, ...] = ()
    """At most two columns, `model`, `tags.<key>`."""
    step: int | None = None
    """Microseconds of a step of the series; points lie on whole multiples of it. None: the whole window is one."""
    top: int = 10
    """Groups at most, those with the most of the population; at most 100."""
    exact: bool = True
    """Whether it is counted however long that takes. If not, a metric under words that very many texts hold is an
    estimate from a sample; `distinct`, `min`, `max`, and percentiles of what is no whole number never are.
    """


class MetricPoint(msgspec.Struct, frozen=True):
    t: int
    """Start of the step."""
    value: float | None
    """None where there is nothing to aggregate, or a sample tells nothing."""
    count: int
    """Of the population, in this step."""
    margin: float | None = 0.0
    """Of an estimate: the true value lies within so much to either side in 95 of 100 cases. 0: it is exact. None: how
    far off it may be is not known.
    """


class MetricSeries(msgspec.Struct, frozen=True, kw_only=True):
    labels: tuple[str | None, ...]
    """One for each of `group_by`."""
    total: MetricPoint
    """Of the whole window; `t` is its start."""
    points: list[MetricPoint]
    """In order of time, steps without any left out; empty without a step."""


class MetricResult(msgspec.Struct, frozen=True, kw_only=True):
    step: int | None
    unit: Literal[
        "count", "per_second", "share", "microseconds", "nano_dollars", "tokens", "tokens_per_second", "score", "number"
    ]
    series: list[MetricSeries]
    """The largest group first."""
    groups: int
    """How many groups there are; more than series when there were more than `top`. Of a sample: in the sample."""
    sample: float = 1.0
    """The share of the spans that were asked. Below 1 all is estimated, also which groups are the largest."""
    unknown: int = 0
    """Steps of which the sample holds too little to tell anything: there are more than it has blocks."""


class DistributionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How the values of a field lie: a histogram, or with a step a heat map."""

    project: str
    from_: int
    to: int
    population: Population = "calls"
    field: str = "duration"
    where: Node | None = None
    step: int | None = None
    buckets: int = 40
    """At most; bounds are round on a logarithmic scale, linear for scores."""
    exact: bool = True
    """As of `MetricQuery`."""


class DistributionCell(msgspec.Struct, frozen=True):
    t: int
    low: float
    """Inclusive."""
    high: float
    """Exclusive."""
    count: int


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    step: int | None
    unit: str
    cells: list[DistributionCell]
    """Those that hold any, in order of time, then of value."""
    sample: float = 1.0
    """The share of the spans that were asked; below 1 the counts are scaled up."""
