"""Objectives of service levels. Durations are seconds, times microseconds since the epoch, UTC."""

from typing import Literal

import msgspec

from penstock.alerts.types import AlertState, Severity

__all__ = [
    "BudgetPoint",
    "BurnRate",
    "BurnRule",
    "Indicator",
    "IndicatorKind",
    "Period",
    "Slo",
    "SloSpec",
    "SloStatus",
]

IndicatorKind = Literal["availability", "latency", "ttft", "score", "cost"]
Period = Literal["7d", "28d", "30d", "week", "month"]
"""Rolling days, or a calendar's week (from Monday) or month, UTC."""


class Indicator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes a call a good one. A call for which it cannot be told (no first token, no cost, no score) is none."""

    kind: IndicatorKind
    """`availability`: it did not fail. `latency`, `ttft`, `cost`: at most `limit`. `score`: at least `limit`."""
    limit: float | None = None
    """Microseconds, nano-dollars, or the score."""
    score: str | None = None
    """Name of the score."""
    q: str = ""
    """Which calls, in the filter language."""


class SloSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    description: str = ""
    indicator: Indicator
    objective: float
    """Share of good calls, above 0 and below 1: 0.999."""
    period: Period = "28d"
    min_bad: int = 10
    """Bad calls in the long window below which no burn rate alerts: with little traffic one call is a large share."""
    alerts: bool = True
    """Whether its burn rates alert."""
    labels: dict[str, str] = {}
    runbook: str | None = None
    steps: list[str] = []
    channels: list[str] = []
    incident: Literal["sev1", "sev2", "sev3", "sev4"] | None = None
    """Severity of the incident that a fast burn opens; null: none."""


class Slo(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    project: str
    version: int
    spec: SloSpec
    state: AlertState
    """The worst of its burn-rate alerts."""
    created: int
    created_by: str
    updated: int
    updated_by: str


class BurnRule(msgspec.Struct, frozen=True, kw_only=True):
    """A pair of windows that must both burn the budget at this rate."""

    rate: float
    long: int
    short: int
    severity: Severity


class BurnRate(msgspec.Struct, frozen=True, kw_only=True):
    """How fast the budget is used now; 1 uses exactly all of it by the end of the period."""

    threshold: float
    long: int
    short: int
    long_rate: float | None
    """Null: no calls."""
    short_rate: float | None
    bad: int
    """Bad calls in the long window."""
    severity: Severity
    breached: bool


class BudgetPoint(msgspec.Struct, frozen=True):
    t: int
    """End of the step."""
    good: int
    total: int
    """In this step."""
    remaining: float
    """Part of the period's budget that is left then; below 0 it is overspent."""


class SloStatus(msgspec.Struct, frozen=True, kw_only=True):
    from_: int = msgspec.field(name="from")
    """Start of the period."""
    to: int
    ends: int
    """When the period ends; of a rolling one, now."""
    good: int
    total: int
    share: float | None
    objective: float
    budget: float
    """Bad calls that the period allows, of the calls there were so far."""
    bad: int
    remaining: float | None
    """Part of the budget that is left; null without calls."""
    exhausted_at: int | None
    """When the budget ends at the rate of the last day; null: not within the period, or it is over already."""
    burn_rates: list[BurnRate]
    points: list[BudgetPoint]
