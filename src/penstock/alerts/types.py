"""Alert rules and what becomes of them. Durations are seconds, times microseconds since the epoch, UTC."""

from typing import Literal

import msgspec

from penstock.store.spans.metrics import Aggregation, Population

__all__ = [
    "AlertCondition",
    "AlertPolicy",
    "AlertRule",
    "AlertState",
    "AlertTransition",
    "BackTest",
    "BackTestSeries",
    "Direction",
    "Firing",
    "Inhibition",
    "Matcher",
    "MetricSpec",
    "NewSilence",
    "RuleSpec",
    "SeriesState",
    "Severity",
    "Silence",
    "Source",
    "Unit",
]

Severity = Literal["critical", "warning", "info"]
AlertState = Literal["ok", "pending", "firing", "resolved", "no_data", "error"]
"""`resolved` is `ok` within the first hour after `firing`."""
Direction = Literal["up", "down", "both"]
Source = Literal["rule", "slo"]
"""What an alert comes from: a rule, or the burn rate of an objective."""
Unit = Literal[
    "count", "per_second", "share", "microseconds", "nano_dollars", "tokens", "tokens_per_second", "score", "number"
]


class MetricSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is measured; see the metrics API."""

    population: Population = "calls"
    aggregation: Aggregation = "count"
    field: str | None = None
    """Numeric column, `usage_total`, `throughput` or `score.<name>`; null for `count`, `rate` and `share`."""
    of: str | None = None
    """For `share`: what must hold, in the filter language."""
    q: str = ""
    """Which of the population, in the filter language."""


class AlertCondition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a rule's value is wrong. Which fields count depends on `kind`; others are left at their default."""

    kind: Literal["threshold", "change", "anomaly", "absence"]
    """`threshold`: the value against a number. `change`: against the value of the same window some time before.
    `anomaly`: against what is usual at this hour of the week. `absence`: nothing came, where something is expected.
    """
    op: Literal[">", ">=", "<", "<="] = ">"
    value: float | None = None
    """`threshold`: in the metric's own unit (microseconds, nano-dollars, 0 to 1). `change`: the ratio now / before, or
    the difference now - before.
    """
    recover: float | None = None
    """An alert that fires ends only on the far side of this; null: of `value`."""
    mode: Literal["ratio", "difference"] = "ratio"
    """Of `change`."""
    offset: int = 604_800
    """`change`: how long before."""
    direction: Direction = "up"
    """`anomaly`: which side is wrong."""
    deviations: float = 5.0
    """`anomaly`: robust standard deviations from what is usual; an alert ends within half of them."""
    min_change: float = 0.1
    """`anomaly`: a smaller part of what is usual is never wrong; of anything but shares and scores."""
    min_difference: float = 0.01
    """`anomaly`: as `min_change`, of shares and scores, which are compared by their difference."""
    weeks: int = 4
    """`anomaly`, `absence`: how much history tells what is usual."""
    expected: float = 20.0
    """`absence`: how many are usual at least in such a window, at this hour of the week; where fewer are, their
    absence says nothing. 0: absence is wrong at any hour.
    """


class RuleSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An alert rule as it is written."""

    name: str
    """Unique in the project: 1 to 100 characters."""
    description: str = ""
    metric: MetricSpec = MetricSpec()
    group_by: list[str] = []
    """At most two columns or `tags.<key>`; each of their values has a state of its own."""
    window: int = 900
    condition: AlertCondition
    pending_for: int = 0
    """For how long it must be wrong before it fires (Prometheus' `for`)."""
    keep_firing_for: int = 0
    """For how long it must be right again before it is resolved."""
    interval: int = 60
    """Between two evaluations."""
    delay: int = 30
    """How long a window is left to fill after it has ended: late data."""
    min_count: int = 1
    """A window with fewer of the population has no value."""
    on_no_data: Literal["no_data", "ok", "alert"] = "no_data"
    """What a window without a value means: a state of its own that tells nobody, or right, or wrong."""
    severity: Severity = "warning"
    labels: dict[str, str] = {}
    runbook: str | None = None
    """Address of what to do."""
    steps: list[str] = []
    """Run-book steps that an incident is given to tick off."""
    channels: list[str] = []
    """Names of the channels that are told."""
    incident: Literal["sev1", "sev2", "sev3", "sev4"] | None = None
    """Severity of the incident that it opens; null: it opens none."""
    max_series: int = 50
    """Groups that are watched, those with the most first; at most 100."""
    enabled: bool = True


class AlertRule(msgspec.Struct, frozen=True, kw_only=True):
    """A stored rule with the worst state of its groups."""

    id: str
    project: str
    version: int
    spec: RuleSpec
    state: AlertState
    firing: int
    """Groups that fire."""
    evaluated: int | None
    """When it was last evaluated."""
    error: str | None
    """Why the last evaluation failed."""
    created: int
    created_by: str
    updated: int
    updated_by: str


class SeriesState(msgspec.Struct, frozen=True, kw_only=True):
    """One group of a rule (or one severity of an objective), as it stands. Durable: a restart goes on from here."""

    rule: str
    """Id of the rule or objective."""
    source: Source = "rule"
    series: str
    """Stable id of the group within the rule."""
    project: str
    name: str
    """Of the rule or objective."""
    severity: Severity
    labels: dict[str, str]
    """All of the alert's labels: `alert`, `severity`, the rule's own, those of its group."""
    state: AlertState = "ok"
    since: int = 0
    """When it came into this state."""
    pending_since: int | None = None
    firing_since: int | None = None
    """Set from firing to resolved, through missing data and errors."""
    right_since: int | None = None
    """While firing: since when it has been right again."""
    value: float | None = None
    threshold: float | None = None
    """What the value was held against."""
    count: int = 0
    unit: Unit = "number"
    evaluated: int = 0
    reason: str = ""
    seen: int = 0
    """End of the last window in which it had any of the population."""
    silenced_by: str | None = None
    inhibited: bool = False


class AlertTransition(msgspec.Struct, frozen=True, kw_only=True):
    """A change of state."""

    id: str
    project: str
    rule: str
    source: Source
    name: str
    series: str
    labels: dict[str, str]
    severity: Severity
    at: int
    before: AlertState
    after: AlertState
    value: float | None
    threshold: float | None
    unit: Unit
    reason: str
    from_: int = msgspec.field(name="from")
    """Start of the window that was looked at."""
    to: int
    query: str
    """What was looked at, in the filter language: the traces behind it."""
    link: str
    """Path of the traces behind it in the console."""


class Matcher(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A condition on a label; a label that is not there is empty."""

    label: str
    op: Literal["=", "!=", "=~", "!~"] = "="
    """`=~` and `!~`: a regular expression (RE2) for the whole value."""
    value: str


class NewSilence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    matchers: list[Matcher]
    """All of them hold of a silenced alert."""
    comment: str
    starts: int | None = None
    """Null: now."""
    ends: int


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts that nobody is told of for a while. They still have states and histories."""

    id: str
    project: str
    matchers: list[Matcher]
    comment: str
    starts: int
    ends: int
    created: int
    created_by: str
    state: Literal["waiting", "active", "ended"]


class Inhibition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """While an alert that `source` matches fires, those that `target` matches tell nobody."""

    source: list[Matcher]
    target: list[Matcher]
    equal: list[str] = []
    """Labels that both have alike."""


class AlertPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a project's alerts are put together into notifications."""

    group_by: list[str] = msgspec.field(default_factory=lambda: ["alert"])
    """Labels: alerts alike in these go into one notification. Empty: all of a channel's."""
    wait: int = 30
    """Before the first notification of a group, for others to join it."""
    interval: int = 300
    """Between two notifications of a group that changed."""
    repeat: int = 14_400
    """Between two notifications of a group that did not change."""
    inhibitions: list[Inhibition] = []


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """One time that a rule would have fired."""

    pending: int
    fired: int
    resolved: int | None
    """Null: it would fire still."""
    value: float | None
    """At the moment that it fired."""
    threshold: float | None
    reason: str


class BackTestSeries(msgspec.Struct, frozen=True, kw_only=True):
    labels: dict[str, str]
    firings: list[Firing]
    times: list[int]
    """End of each window that was evaluated, at most a thousand of them, evenly taken."""
    values: list[float | None]
    thresholds: list[float | None]


class BackTest(msgspec.Struct, frozen=True, kw_only=True):
    """When a rule would have fired."""

    from_: int = msgspec.field(name="from")
    to: int
    step: int
    """Seconds between two evaluations; more than the rule's interval where that would be too many."""
    evaluations: int
    firings: int
    notifications: int
    """Firings of all groups that would have told somebody."""
    unit: Unit
    series: list[BackTestSeries]
