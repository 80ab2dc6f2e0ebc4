"""Incidents: what went wrong, who takes care, and what happened when. Times are microseconds since the epoch, UTC."""

from typing import Any, Literal

import msgspec

__all__ = [
    "Change",
    "EventKind",
    "Incident",
    "IncidentChange",
    "IncidentEvent",
    "IncidentSeverity",
    "IncidentState",
    "IncidentStep",
    "IncidentView",
    "NewIncident",
    "NewNote",
    "NewPostmortem",
    "Postmortem",
    "StepChange",
]

IncidentSeverity = Literal["sev1", "sev2", "sev3", "sev4"]
IncidentState = Literal["open", "acknowledged", "mitigated", "resolved"]
EventKind = Literal["opened", "state", "severity", "owner", "title", "alert", "change", "note", "step", "trace"]


class IncidentStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the run book."""

    text: str
    done: int | None = None
    """When it was ticked off."""
    by: str | None = None


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    project: str
    number: int
    """1, 2, 3, … within the project."""
    title: str
    state: IncidentState
    severity: IncidentSeverity
    owner: str | None
    summary: str
    opened: int
    opened_by: str
    acknowledged: int | None
    mitigated: int | None
    resolved: int | None
    rule: str | None
    """Id of the alert rule or objective that opened it."""
    series: str | None
    labels: dict[str, str]
    runbook: str | None
    steps: list[IncidentStep]


class IncidentEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the timeline."""

    id: str
    at: int
    kind: EventKind
    by: str
    text: str
    data: dict[str, Any]
    """`alert`: the transition. `change`: what was changed. `trace`: `trace_id`."""


class IncidentView(msgspec.Struct, frozen=True, kw_only=True):
    incident: Incident
    timeline: list[IncidentEvent]
    """Oldest first: events of the incident, transitions of alerts, and changes around it."""
    traces: list[str]
    """Ids of example traces."""


class NewIncident(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    title: str
    severity: IncidentSeverity = "sev3"
    summary: str = ""
    owner: str | None = None
    runbook: str | None = None
    steps: list[str] = []
    began: int | None = None
    """When it began, if that was before now; not older than 30 days."""


class IncidentChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is null stays as it is."""

    title: str | None = None
    state: IncidentState | None = None
    severity: IncidentSeverity | None = None
    owner: str | None = None
    """Empty: nobody."""
    summary: str | None = None


class NewNote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: str
    trace_id: str | None = None
    """A trace that shows it."""


class StepChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    done: bool = True


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Something that somebody changed: a route, a limit, a key."""

    at: int
    by: str
    what: str
    """`route support updated`"""
    data: dict[str, Any] = {}


class Postmortem(msgspec.Struct, frozen=True, kw_only=True):
    """What is written about an incident: its last text, or a draft with the facts until there is one."""

    markdown: str
    version: int
    """1, 2, 3, …; 0 is the draft, which nobody has saved and which is made anew each time."""
    saved: int | None
    saved_by: str | None


class NewPostmortem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    markdown: str
    """1 to 100,000 characters."""
