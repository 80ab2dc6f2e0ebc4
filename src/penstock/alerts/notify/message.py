"""What a notification says."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Literal

import msgspec

from penstock.alerts.rules.measure import SECOND
from penstock.alerts.types import AlertState, SeriesState, Severity, Unit
from penstock.core.clock import to_datetime

__all__ = ["MAX_ALERTS", "AlertText", "Message", "alert_text", "format_value", "group_message", "test_message"]

SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")
MAX_ALERTS = 20
"""Alerts that a message tells of one by one; the rest is counted."""


class AlertText(msgspec.Struct, frozen=True, kw_only=True):
    """One alert in a message."""

    name: str
    state: AlertState
    severity: Severity
    labels: dict[str, str]
    value: float | None
    threshold: float | None
    unit: Unit
    reason: str
    since: int
    """When it fired; of a resolved one, when it was resolved. Microseconds."""
    runbook: str | None
    link: str
    """The alert's page."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One notification: what a webhook is sent as JSON, and the text for other channels."""

    type: Literal["alert.firing", "alert.resolved", "alert.test"]
    id: str
    """The same in each try to deliver it."""
    at: int
    project: str
    severity: Severity
    """The highest of those that fire."""
    title: str
    text: str
    group: dict[str, str]
    """Labels that its alerts share."""
    alerts: list[AlertText]
    more: int
    """Alerts beyond those in `alerts`."""


def group_message(
    alerts: Sequence[AlertText], *, id_: str, at: int, project: str, group: dict[str, str], link: str
) -> Message:
    """The notification of a group.

    Args:
        alerts: Those that fire first.
        id_: Names the message.
        at: Now, microseconds.
        project: Its name.
        group: Labels that the alerts share.
        link: Page of all alerts.
    """
    firing = [alert for alert in alerts if alert.state != "resolved"]
    present = {alert.severity for alert in firing or alerts}
    severity = _highest(present)
    names = list(dict.fromkeys(alert.name for alert in firing or alerts))
    what = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    counts = f"{len(firing)} firing" if len(firing) > 1 else "firing" if firing else "resolved"
    title = f"[{severity} {counts}] {what}"[:200]
    shown = list(alerts[:MAX_ALERTS])
    more = len(alerts) - len(shown)
    lines = [line for alert in shown for line in _lines(alert)]
    if more:
        lines.append(f"… and {more} more: {link}")
    return Message(
        type="alert.firing" if firing else "alert.resolved",
        id=id_,
        at=at,
        project=project,
        severity=severity,
        title=title,
        text="\n".join(lines),
        group=group,
        alerts=shown,
        more=more,
    )


def test_message(channel: str, *, id_: str, now: int) -> Message:
    """The notification of the test button."""
    return Message(
        type="alert.test",
        id=id_,
        at=now,
        project="",
        severity="info",
        title="Penstock: a test",
        text=f"The channel {channel} works. Nothing is wrong.",
        group={},
        alerts=[],
        more=0,
    )


def alert_text(state: SeriesState, *, runbook: str | None, link: str) -> AlertText:
    """One alert of a message."""
    firing = state.firing_since is not None
    return AlertText(
        name=state.name,
        # A group whose data is missing, or cannot be read, fires until it is known to be right again.
        state="firing" if firing else "resolved",
        severity=state.severity,
        labels=state.labels,
        value=state.value,
        threshold=state.threshold,
        unit=state.unit,
        reason=state.reason,
        since=state.since if state.firing_since is None else state.firing_since,
        runbook=runbook,
        link=link,
    )


def format_value(value: float | None, unit: Unit) -> str:
    """A value with its unit, for people: `1.23 s`, `$0.42`, `3.1 %`."""
    if value is None:
        return "unknown"
    match unit:
        case "microseconds":
            return f"{value / SECOND:.2f} s" if abs(value) >= SECOND else f"{value / 1000:.0f} ms"
        case "nano_dollars":
            return f"${value / 1e9:,.2f}" if abs(value) >= 1e9 else f"${value / 1e9:.6f}"
        case "share":
            return f"{value * 100:.2f} %"
        case "per_second" | "tokens_per_second":
            return f"{value:.3g}/s"
        case _:
            return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def _highest(present: AbstractSet[str]) -> Severity:
    for severity in SEVERITIES:
        if severity in present:
            return severity
    return "info"


def _lines(alert: AlertText) -> list[str]:
    own = {name: value for name, value in alert.labels.items() if name not in {"alert", "severity"}}
    group = f" ({', '.join(f'{name}={value}' for name, value in own.items())})" if own else ""
    word = "resolved" if alert.state == "resolved" else "firing"
    lines = [
        f"{alert.name}{group}: {word} since {to_datetime(alert.since):%Y-%m-%d %H:%M:%S}Z",
        f"  value {format_value(alert.value, alert.unit)}"
        + (f", limit {format_value(alert.threshold, alert.unit)}" if alert.threshold is not None else "")
        + (f"; {alert.reason}" if alert.reason else ""),
    ]
    if alert.runbook is not None and alert.state != "resolved":
        lines.append(f"  run book: {alert.runbook}")
    lines.append(f"  {alert.link}")
    return lines
