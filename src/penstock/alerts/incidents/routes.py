"""Control API of incidents.

The app provides the dependencies: `principal` and `project` (id, from its guard), and `alerts`.
"""

from typing import Annotated

import msgspec
from litestar import Controller, Response, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, JSONBody, PathParameter, QueryParameter

from penstock.alerts.incidents.types import (
    Incident,
    IncidentChange,
    IncidentEvent,
    IncidentState,
    IncidentView,
    NewIncident,
    NewNote,
    NewPostmortem,
    Postmortem,
    StepChange,
)
from penstock.alerts.service import AlertService
from penstock.identity.types import Principal

__all__ = ["IncidentsController"]

Alerts = NamedDependency[AlertService]
Caller = NamedDependency[Principal]
ProjectId = NamedDependency[str]
Id = Annotated[str, PathParameter(description="Its id.")]


class IncidentPage(msgspec.Struct, frozen=True, kw_only=True):
    """Incidents, newest first."""

    items: list[Incident]
    next_cursor: str | None


class IncidentsController(Controller):
    path = "/incidents"
    tags = ("incidents",)

    @get("/", operation_id="listIncidents", opt={"permission": "incidents:read"}, sync_to_thread=True)
    def list_incidents(
        self,
        *,
        alerts: Alerts,
        project: ProjectId,
        wanted: Annotated[IncidentState | None, QueryParameter(name="state", description="Only these.")] = None,
        cursor: Annotated[
            int | None, QueryParameter(name="cursor", description="The `next_cursor` of the page before.")
        ] = None,
        limit: Annotated[int, QueryParameter(name="limit", description="Entries on one page, 1 to 200.")] = 50,
    ) -> IncidentPage:
        found = alerts.incidents.everything(project, state=wanted, cursor=cursor, limit=limit)
        return IncidentPage(items=found, next_cursor=str(found[-1].number) if len(found) == limit else None)

    @post("/", operation_id="createIncident", opt={"permission": "incidents:write"}, sync_to_thread=True)
    def create_incident(
        self, alerts: Alerts, principal: Caller, project: ProjectId, data: JSONBody[NewIncident]
    ) -> Incident:
        """Open an incident by hand."""
        return alerts.incidents.create(principal, project, data)

    @get("/{id:str}", operation_id="getIncident", opt={"permission": "incidents:read"}, sync_to_thread=True)
    def get_incident(self, alerts: Alerts, project: ProjectId, id: Id) -> IncidentView:  # noqa: A002 - the address's name for it
        """The incident with its timeline: alerts, changes, notes, and what was done about it."""
        return alerts.incidents.view(project, id)

    @patch("/{id:str}", operation_id="updateIncident", opt={"permission": "incidents:write"}, sync_to_thread=True)
    def update_incident(
        self,
        alerts: Alerts,
        principal: Caller,
        project: ProjectId,
        id: Id,  # noqa: A002 - as above
        data: JSONBody[IncidentChange],
    ) -> Incident:
        """Change its state, severity, owner, title or summary."""
        return alerts.incidents.change(principal, project, id, data)

    @post("/{id:str}/notes", operation_id="addIncidentNote", opt={"permission": "incidents:write"}, sync_to_thread=True)
    def add_note(
        self,
        alerts: Alerts,
        principal: Caller,
        project: ProjectId,
        id: Id,  # noqa: A002 - as above
        data: JSONBody[NewNote],
    ) -> IncidentEvent:
        """Add a note, or a trace that shows it, to the timeline."""
        return alerts.incidents.note(principal, project, id, data)

    @put(
        "/{id:str}/steps/{step:int}",
        operation_id="tickIncidentStep",
        opt={"permission": "incidents:write"},
        sync_to_thread=True,
    )
    def tick_step(
        self,
        *,
        alerts: Alerts,
        principal: Caller,
        project: ProjectId,
        id: Id,  # noqa: A002 - as above
        step: Annotated[int, PathParameter(description="Which step of the run book, from 0.")],
        data: JSONBody[StepChange],
    ) -> Incident:
        """Tick off a step of the run book, or take that back."""
        return alerts.incidents.tick(principal, project, id, step, done=data.done)

    @get(
        "/{id:str}/postmortem", operation_id="getPostmortem", opt={"permission": "incidents:read"}, sync_to_thread=True
    )
    def get_postmortem(
        self,
        alerts: Alerts,
        project: ProjectId,
        id: Id,  # noqa: A002 - as above
        *,
        version: Annotated[
            int | None,
            QueryParameter(name="version", description="Which text; 0 is the draft. Without it, the last one."),
        ] = None,
    ) -> Response[Postmortem]:
        """The text that was saved last, or a draft with the facts already in it; its version as ETag."""
        return _tagged(alerts.incidents.postmortem(project, id, version=version))

    @put(
        "/{id:str}/postmortem", operation_id="putPostmortem", opt={"permission": "incidents:write"}, sync_to_thread=True
    )
    def put_postmortem(
        self,
        *,
        alerts: Alerts,
        principal: Caller,
        project: ProjectId,
        id: Id,  # noqa: A002 - as above
        data: JSONBody[NewPostmortem],
        if_match: Annotated[
            str | None,
            HeaderParameter(name="if-match", description="The `version` that it must have, or `*` for any."),
        ] = None,
    ) -> Response[Postmortem]:
        """Save a text, in Markdown. Those before it stay, each under its version."""
        expected = None if if_match is None else if_match.strip().removeprefix("W/").strip('"')
        return _tagged(alerts.incidents.save_postmortem(principal, project, id, data, expected=expected))


def _tagged(text: Postmortem) -> Response[Postmortem]:
    return Response(text, status_code=200, headers={"etag": f'"{text.version}"'})
