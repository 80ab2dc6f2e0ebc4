"""Rules that fit most projects as they are: everything that is unusual in what people notice first."""

from penstock.alerts.types import AlertCondition, MetricSpec, RuleSpec, Severity
from penstock.store.spans.metrics import Aggregation

__all__ = ["default_rules"]

MINUTE = 60
HOUR = 60 * MINUTE


def default_rules(*, channels: list[str] | None = None, score: str | None = None) -> list[RuleSpec]:
    """The set, for a project's channels.

    Args:
        channels: Who is told.
        score: Name of a score between 0 and 1 that tells of quality; without it quality is not watched.
    """
    told = channels or []
    fast_and_slow = [
        ("Errors", _errors(), None, 0.1, 50),
        ("Errors by model", _errors(), "model", 0.1, 50),
        ("Errors by route", _errors(), "route", 0.1, 50),
        ("Latency", _of("p50", "duration", "status:ok"), None, 0.15, 30),
        ("Latency by model", _of("p50", "duration", "status:ok"), "model", 0.15, 30),
        ("Latency by route", _of("p50", "duration", "status:ok"), "route", 0.15, 30),
        ("Slowest calls", _of("p95", "duration", "status:ok"), None, 0.25, 100),
        ("Time to first token", _of("p50", "ttft", "has:ttft"), None, 0.2, 30),
        ("Cost per call", _of("avg", "cost", "has:cost"), None, 0.25, 30),
        ("Cost per call by route", _of("avg", "cost", "has:cost"), "route", 0.4, 30),
        ("Tokens per answer", _of("avg", "usage_output", "status:ok"), None, 0.3, 30),
    ]
    rules: list[RuleSpec] = []
    for name, metric, group, change, least in fast_and_slow:
        severity: Severity = "critical" if name == "Errors" else "warning"
        rules += [
            _anomaly(name, metric, group=group, change=change, least=least, severity=severity, channels=told),
            _anomaly(name, metric, group=group, change=change, least=4 * least, slow=True, channels=told),
        ]
    rules += [
        RuleSpec(
            name="Traffic",
            description="Far more or far fewer calls than usual at this hour.",
            window=30 * MINUTE,
            condition=AlertCondition(kind="anomaly", direction="both", deviations=5.0, min_change=0.4),
            pending_for=10 * MINUTE,
            keep_firing_for=15 * MINUTE,
            interval=5 * MINUTE,
            min_count=50,
            channels=told,
        ),
        RuleSpec(
            name="Silence",
            description="No calls at all, where there are some at this hour.",
            window=10 * MINUTE,
            condition=AlertCondition(kind="absence", expected=20),
            interval=MINUTE,
            severity="critical",
            channels=told,
        ),
        RuleSpec(
            name="Silence of a route",
            description="No calls to a route that has some at this hour.",
            group_by=["route"],
            window=30 * MINUTE,
            condition=AlertCondition(kind="absence", expected=20),
            interval=5 * MINUTE,
            channels=told,
        ),
    ]
    if score is not None:
        metric = _of("avg", f"score.{score}", f"has:score.{score}")
        rules += [
            _quality("Quality", metric, channels=told),
            _quality("Quality by route", metric, "route", channels=told),
        ]
    return rules


def _errors() -> MetricSpec:
    return MetricSpec(aggregation="share", of="status:error or status:interrupted")


def _of(aggregation: Aggregation, field: str, q: str) -> MetricSpec:
    return MetricSpec(aggregation=aggregation, field=field, q=q)


def _anomaly(
    name: str,
    metric: MetricSpec,
    *,
    channels: list[str],
    group: str | None,
    change: float,
    least: int,
    severity: Severity = "warning",
    slow: bool = False,
) -> RuleSpec:
    """A large change is found within minutes; a smaller one needs more calls to be told from chance."""
    fast_window = 30 * MINUTE if group else 15 * MINUTE
    return RuleSpec(
        name=f"{name}, sustained" if slow else name,
        metric=metric,
        group_by=[] if group is None else [group],
        window=3 * HOUR if slow else fast_window,
        condition=AlertCondition(
            kind="anomaly", deviations=4.0 if slow else 4.5, min_change=change, min_difference=0.01
        ),
        pending_for=10 * MINUTE,
        keep_firing_for=15 * MINUTE,
        interval=10 * MINUTE if slow else 5 * MINUTE,
        min_count=least,
        severity=severity,
        channels=channels,
    )


def _quality(name: str, metric: MetricSpec, group: str | None = None, *, channels: list[str]) -> RuleSpec:
    return RuleSpec(
        name=name,
        description="Scores come slowly and vary much: a long window tells more.",
        metric=metric,
        group_by=[] if group is None else [group],
        window=6 * HOUR,
        condition=AlertCondition(kind="anomaly", direction="down", deviations=4.0, min_difference=0.02),
        pending_for=30 * MINUTE,
        keep_firing_for=HOUR,
        interval=15 * MINUTE,
        min_count=100,
        channels=channels,
    )
