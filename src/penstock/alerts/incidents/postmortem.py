"""A post-mortem in Markdown, with the facts of an incident already in it."""

from typing import Final

import minijinja

from penstock.alerts.incidents.types import Incident, IncidentEvent
from penstock.core.clock import to_datetime

__all__ = ["render"]

TEMPLATE: Final = """\
# Post-mortem: incident {{ number }}, {{ title }}

| | |
|---|---|
| Severity | {{ severity }} |
| State | {{ state }} |
| Owner | {{ owner }} |
| Began | {{ opened }} |
| Acknowledged | {{ acknowledged }} |
| Mitigated | {{ mitigated }} |
| Resolved | {{ resolved }} |
| Time to acknowledge | {{ to_acknowledge }} |
| Time to mitigate | {{ to_mitigate }} |
| Time to resolve | {{ to_resolve }} |
{%- if runbook %}
| Run book | {{ runbook }} |
{%- endif %}

## Summary

{{ summary or "_What happened, in two sentences._" }}

## Impact

_Who noticed what, and for how long._
{% if labels %}
The alert's labels:{% for label in labels %} `{{ label }}`{% endfor %}.
{% endif %}
## Timeline (UTC)
{% for event in events %}
- {{ event.at }} {{ event.text }}{% if event.by %} ({{ event.by }}){% endif %}
{%- endfor %}

## Changes in the hours before
{% for change in changes %}
- {{ change.at }} {{ change.text }} ({{ change.by }})
{%- else %}
None that Penstock knows of.
{%- endfor %}

## Traces that show it
{% for trace in traces %}
- {{ trace }}
{%- else %}
None were kept.
{%- endfor %}

## Run book
{% for step in steps %}
- [{{ "x" if step.done else " " }}] {{ step.text }}{% if step.by %} ({{ step.by }}){% endif %}
{%- else %}
No steps.
{%- endfor %}

## Root cause

_Why it happened, and why it was not caught before._

## What went well, what did not

-

## Actions

| action | owner | due |
|---|---|---|
| | | |
"""


def render(incident: Incident, timeline: list[IncidentEvent], *, traces: list[str], console: str) -> str:
    """The document.

    Args:
        incident: The incident.
        timeline: All of its events, oldest first.
        traces: Ids of example traces.
        console: The console's address.
    """
    began = incident.opened
    environment = minijinja.Environment(undefined_behavior="strict", auto_escape_callback=_no_escape)
    changes = [event for event in timeline if event.kind == "change" and event.at <= began]
    return environment.render_str(
        TEMPLATE,
        number=incident.number,
        title=_line(incident.title),
        severity=incident.severity,
        state=incident.state,
        owner=_cell(incident.owner or "nobody"),
        opened=_time(began),
        acknowledged=_time(incident.acknowledged),
        mitigated=_time(incident.mitigated),
        resolved=_time(incident.resolved),
        to_acknowledge=_duration(began, incident.acknowledged),
        to_mitigate=_duration(began, incident.mitigated),
        to_resolve=_duration(began, incident.resolved),
        runbook=_cell(incident.runbook or ""),
        summary=incident.summary,
        labels=[f"{name}={value}".replace("`", "'") for name, value in sorted(incident.labels.items())],
        events=[_event(event) for event in timeline if event not in changes],
        changes=[_event(event) for event in changes],
        traces=[f"{console}/traces/{trace}" for trace in traces],
        steps=[
            {"done": step.done is not None, "text": _line(step.text), "by": step.by or ""} for step in incident.steps
        ],
    )


def _no_escape(_name: str) -> bool:
    # The document is text: what people wrote stands in it as they wrote it.
    return False


def _event(event: IncidentEvent) -> dict[str, str]:
    return {"at": _time(event.at), "text": _line(event.text), "by": event.by}


def _time(at: int | None) -> str:
    return "not yet" if at is None else f"{to_datetime(at):%Y-%m-%d %H:%M:%S}"


def _duration(from_: int, to: int | None) -> str:
    if to is None:
        return "not yet"
    minutes, seconds = divmod(max(0, to - from_) // 1_000_000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def _line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")
