"""Control API of alerts, silences, channels, objectives and incidents.

The app provides the dependencies: `principal` and `project` (id, from its guard), and `alerts`.
"""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Router, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter

from penstock.alerts.incidents.routes import IncidentsController
from penstock.alerts.notify.types import Channel, ChannelTest, Delivery, NewChannel
from penstock.alerts.service import AlertService
from penstock.alerts.slo.types import Slo, SloSpec, SloStatus
from penstock.alerts.types import (
    AlertPolicy,
    AlertRule,
    AlertTransition,
    BackTest,
    NewSilence,
    RuleSpec,
    SeriesState,
    Silence,
)
from penstock.identity.types import Principal

__all__ = ["alerts_router"]

Alerts = NamedDependency[AlertService]
Caller = NamedDependency[Principal]
ProjectId = NamedDependency[str]
Id = Annotated[str, PathParameter(description="Its id.")]
Cursor = Annotated[str | None, QueryParameter(name="cursor", description="The `next_cursor` of the page before.")]
Limit = Annotated[int, QueryParameter(name="limit", description="Entries on one page, 1 to 200.")]
Points = Annotated[int, QueryParameter(name="points", description="Steps of the series at most, 1 to 1000.")]
From = Annotated[int | None, QueryParameter(name="from", description="Microseconds since the epoch, inclusive.")]
To = Annotated[int | None, QueryParameter(name="to", description="Microseconds since the epoch, exclusive.")]


class RulePage(msgspec.Struct, frozen=True, kw_only=True):
    """Alert rules by name."""

    items: list[AlertRule]
    next_cursor: str | None


class StatePage(msgspec.Struct, frozen=True, kw_only=True):
    """Groups of rules and objectives as they stand, what fires first."""

    items: list[SeriesState]
    next_cursor: str | None


class TransitionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Changes of state, newest first."""

    items: list[AlertTransition]
    next_cursor: str | None


class SilencePage(msgspec.Struct, frozen=True, kw_only=True):
    """Silences, newest first, those included that ended within 30 days."""

    items: list[Silence]
    next_cursor: str | None


class ChannelPage(msgspec.Struct, frozen=True, kw_only=True):
    """Channels by name."""

    items: list[Channel]
    next_cursor: str | None


class DeliveryPage(msgspec.Struct, frozen=True, kw_only=True):
    """Notifications of a channel, newest first."""

    items: list[Delivery]
    next_cursor: str | None


class SloPage(msgspec.Struct, frozen=True, kw_only=True):
    """Objectives by name."""

    items: list[Slo]
    next_cursor: str | None


class AlertsController(Controller):
    path = "/alerts"
    tags = ("alerts",)

    @get("/", operation_id="listAlerts", opt={"permission": "alerts:read"}, sync_to_thread=True)
    def list_alerts(self, alerts: Alerts, project: ProjectId) -> RulePage:
        """Alert rules, each with the worst state of its groups."""
        return RulePage(items=alerts.rules.everything(project), next_cursor=None)

    @post("/", operation_id="createAlert", opt={"permission": "alerts:write"}, sync_to_thread=True)
    def create_alert(
        self, alerts: Alerts, principal: Caller, project: ProjectId, data: JSONBody[RuleSpec]
    ) -> AlertRule:
        return alerts.rules.create(principal, project, data)

    @post("/test", operation_id="testAlert", opt={"permission": "alerts:read"}, status_code=200, sync_to_thread=True)
    def test_alert(
        self,
        alerts: Alerts,
        project: ProjectId,
        data: JSONBody[RuleSpec],
        *,
        days: Annotated[int, QueryParameter(name="days", description="How far back, 1 to 31.")] = 7,
    ) -> BackTest:
        """When this rule would have fired over the last days. Stores nothing."""
        return alerts.rules.test(project, data, days=days)

    @get("/states", operation_id="listAlertStates", opt={"permission": "alerts:read"}, sync_to_thread=True)
    def list_states(
        self,
        alerts: Alerts,
        project: ProjectId,
        *,
        rule: Annotated[str | None, QueryParameter(name="rule", description="Id of one rule or objective.")] = None,
        active: Annotated[bool, QueryParameter(name="active", description="Only those that fire.")] = False,
    ) -> StatePage:
        """Where each group of each rule stands now, burn rates of objectives included."""
        return StatePage(items=alerts.rules.states(project, rule=rule, only_active=active), next_cursor=None)

    @get("/history", operation_id="listAlertHistory", opt={"permission": "alerts:read"}, sync_to_thread=True)
    def list_history(
        self,
        *,
        alerts: Alerts,
        project: ProjectId,
        rule: Annotated[str | None, QueryParameter(name="rule", description="Id of one rule or objective.")] = None,
        from_: From = None,
        to: To = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> TransitionPage:
        """Every change of state, with its value and a link to the traces behind it; deleted rules included."""
        found = alerts.rules.history(project, rule=rule, from_=from_, to=to, cursor=cursor, limit=limit)
        return TransitionPage(items=found, next_cursor=found[-1].id if len(found) == limit else None)

    @get("/policy", operation_id="getAlertPolicy", opt={"permission": "alerts:read"}, sync_to_thread=True)
    def get_policy(self, alerts: Alerts, project: ProjectId) -> AlertPolicy:
        """How alerts are grouped, repeated and inhibited."""
        return alerts.silences.policy(project)

    @put("/policy", operation_id="putAlertPolicy", opt={"permission": "alerts:write"}, sync_to_thread=True)
    def put_policy(
        self, alerts: Alerts, principal: Caller, project: ProjectId, data: JSONBody[AlertPolicy]
    ) -> AlertPolicy:
        return alerts.silences.put_policy(principal, project, data)

    @get("/{id:str}", operation_id="getAlert", opt={"permission": "alerts:read"}, sync_to_thread=True)
    def get_alert(self, alerts: Alerts, project: ProjectId, id: Id) -> AlertRule:  # noqa: A002 - the address's name for it
        return alerts.rules.get(project, id)

    @put("/{id:str}", operation_id="putAlert", opt={"permission": "alerts:write"}, sync_to_thread=True)
    def put_alert(
        self,
        alerts: Alerts,
        principal: Caller,
        project: ProjectId,
        id: Id,  # noqa: A002 - as above
        data: JSONBody[RuleSpec],
    ) -> AlertRule:
        """Write a rule anew. Its groups begin anew when it asks something else than before."""
        return alerts.rules.replace(principal, project, id, data)

    @delete("/{id:str}", operation_id="deleteAlert", opt={"permission": "alerts:write"}, sync_to_thread=True)
    def delete_alert(
        self,
        alerts: Alerts,
        principal: Caller,
        project: ProjectId,
        id: Id,  # noqa: A002 - as above
    ) -> None:
        """Delete a rule; its history stays."""
        alerts.rules.delete(principal, project, id)


class SilencesController(Controller):
    path = "/silences"
    tags = ("alerts",)

    @get("/", operation_id="listSilences", opt={"permission": "alerts:read"}, sync_to_thread=True)
    def list_silences(self, alerts: Alerts, project: ProjectId) -> SilencePage:
        return SilencePage(items=alerts.silences.everything(project), next_cursor=None)

    @post("/", operation_id="createSilence", opt={"permission": "alerts:write"}, sync_to_thread=True)
    def create_silence(
        self, alerts: Alerts, principal: Caller, project: ProjectId, data: JSONBody[NewSilence]
    ) -> Silence:
        return alerts.silences.create(principal, project, data)

    @delete("/{id:str}", operation_id="endSilence", opt={"permission": "alerts:write"}, sync_to_thread=True)
    def end_silence(
        self,
        alerts: Alerts,
        principal: Caller,
        project: ProjectId,
        id: Id,  # noqa: A002 - as above
    ) -> None:
        """End it now. It stays in the list."""
        alerts.silences.end(principal, project, id)


class ChannelsController(Controller):
    path = "/channels"
    tags = ("alerts",)

    @get("/", operation_id="listChannels", opt={"permission": "alerts:read"}, sync_to_thread=True)
    def list_channels(self, alerts: Alerts, project: ProjectId) -> ChannelPage:
        return ChannelPage(items=alerts.channels.everything(project), next_cursor=None)

    @post("/", operation_id="createChannel", opt={"permission": "alerts:write"}, sync_to_thread=True)
    def create_channel(
        self, alerts: Alerts, principal: Caller, project: ProjectId, data: JSONBody[NewChannel]
    ) -> Channel:
        """Store a channel. Its address is sealed and never shown again; a webhook's secret is in this answer only."""
        return alerts.channels.create(principal, project, data)

    @get("/{id:str}", operation_id="getChannel", opt={"permission": "alerts:read"}, sync_to_thread=True)
    def get_channel(self, alerts: Alerts, project: ProjectId, id: Id) -> Channel:  # noqa: A002 - as above
        return alerts.channels.get(project, id)

    @put("/{id:str}", operation_id="putChannel", opt={"permission": "alerts:write"}, sync_to_thread=True)
    def put_channel(
        self,
        alerts: Alerts,
        principal: Caller,
        project: ProjectId,
        id: Id,  # noqa: A002 - as above
        data: JSONBody[NewChannel],
    ) -> Channel:
        """Rename a channel, or give it another address."""
        return alerts.channels.replace(principal, project, id, data)

    @delete("/{id:str}", operation_id="deleteChannel", opt={"permission": "alerts:write"}, sync_to_thread=True)
    def delete_channel(
        self,
        alerts: Alerts,
        principal: Caller,
        project: ProjectId,
        id: Id,  # noqa: A002 - as above
    ) -> None:
        alerts.channels.delete(principal, project, id)

    @post(
        "/{id:str}/test",
        operation_id="testChannel",
        opt={"permission": "alerts:write"},
        status_code=200,
        sync_to_thread=True,
    )
    def test_channel(self, alerts: Alerts, project: ProjectId, id: Id) -> ChannelTest:  # noqa: A002 - as above
        """Send a notification that says it is a test, and tell how it went."""
        return alerts.channels.test(project, id)

    @get("/{id:str}/deliveries", operation_id="listDeliveries", opt={"permission": "alerts:read"}, sync_to_thread=True)
    def list_deliveries(
        self,
        *,
        alerts: Alerts,
        project: ProjectId,
        id: Id,  # noqa: A002 - as above
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> DeliveryPage:
        """What was sent through it, what waits for another try, and what was given up."""
        found = alerts.channels.deliveries(project, id, cursor=cursor, limit=limit)
        return DeliveryPage(items=found, next_cursor=found[-1].id if len(found) == limit else None)


class SlosController(Controller):
    path = "/slos"
    tags = ("slos",)

    @get("/", operation_id="listSlos", opt={"permission": "alerts:read"}, sync_to_thread=True)
    def list_slos(self, alerts: Alerts, project: ProjectId) -> SloPage:
        return SloPage(items=alerts.slos.everything(project), next_cursor=None)

    @post("/", operation_id="createSlo", opt={"permission": "alerts:write"}, sync_to_thread=True)
    def create_slo(self, alerts: Alerts, principal: Caller, project: ProjectId, data: JSONBody[SloSpec]) -> Slo:
        return alerts.slos.create(principal, project, data)

    @post("/test", operation_id="testSlo", opt={"permission": "alerts:read"}, status_code=200, sync_to_thread=True)
    def test_slo(
        self, alerts: Alerts, project: ProjectId, data: JSONBody[SloSpec], *, points: Points = 200
    ) -> SloStatus:
        """What the status of this objective would be. Stores nothing."""
        return alerts.slos.test(project, data, points=points)

    @get("/{id:str}", operation_id="getSlo", opt={"permission": "alerts:read"}, sync_to_thread=True)
    def get_slo(self, alerts: Alerts, project: ProjectId, id: Id) -> Slo:  # noqa: A002 - as above
        return alerts.slos.get(project, id)

    @put("/{id:str}", operation_id="putSlo", opt={"permission": "alerts:write"}, sync_to_thread=True)
    def put_slo(
        self,
        alerts: Alerts,
        principal: Caller,
        project: ProjectId,
        id: Id,  # noqa: A002 - as above
        data: JSONBody[SloSpec],
    ) -> Slo:
        return alerts.slos.replace(principal, project, id, data)

    @delete("/{id:str}", operation_id="deleteSlo", opt={"permission": "alerts:write"}, sync_to_thread=True)
    def delete_slo(
        self,
        alerts: Alerts,
        principal: Caller,
        project: ProjectId,
        id: Id,  # noqa: A002 - as above
    ) -> None:
        alerts.slos.delete(principal, project, id)

    @get("/{id:str}/status", operation_id="getSloStatus", opt={"permission": "alerts:read"}, sync_to_thread=True)
    def get_status(
        self,
        alerts: Alerts,
        project: ProjectId,
        id: Id,  # noqa: A002 - as above
        *,
        points: Points = 200,
    ) -> SloStatus:
        """Error budget, burn rates and burn-down as of now."""
        return alerts.slos.status(project, id, points=points)


def alerts_router() -> Router:
    """The routes of this slice, to be mounted under `/api/v1`."""
    handlers: list[Any] = [
        AlertsController,
        SilencesController,
        ChannelsController,
        SlosController,
        IncidentsController,
    ]
    return Router("/", route_handlers=handlers)
