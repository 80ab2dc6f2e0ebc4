"""What is due to be told, put into deliveries, and deliveries sent."""

import logging
from typing import Final

import msgspec
from sqlalchemy import Connection

from penstock.alerts.notify.message import AlertText, Message, alert_text, group_message
from penstock.alerts.notify.plan import Known, Muting, Plan, Send, plan
from penstock.alerts.rules.measure import SECOND
from penstock.alerts.service import AlertService
from penstock.alerts.store import notifications as store
from penstock.alerts.store import rules
from penstock.core.errors import PenstockError
from penstock.identity.store import projects

__all__ = ["Dispatch"]

logger = logging.getLogger(__name__)

BACKOFF: Final = (30, 120, 600, 1800, 3600)
"""Seconds between tries; after the last one it is given up."""
KEPT: Final = 30 * 24 * 3600 * SECOND
"""How long deliveries and silences are kept that are over."""
HISTORY: Final = 400 * 24 * 3600 * SECOND
"""How long changes of state are kept."""


class _Telling(msgspec.Struct):
    """The part of a rule or objective that notifications need."""

    channels: list[str] = []
    runbook: str | None = None


class Dispatch:
    """Blocks; `deliver` may be called by several threads, each with another delivery.

    Args:
        alerts: The service.
    """

    def __init__(self, alerts: AlertService) -> None:
        self._alerts = alerts
        self._context = alerts.context

    def plan(self) -> int:
        """Note what is to be sent now, in one transaction with how the groups stand; how many."""
        now = self._context.clock.now()
        with self._context.metadata.read() as connection:
            made = self._made(connection, now)
        if not (made.sends or made.put or made.remove):
            return 0
        with self._context.metadata.write() as connection:
            made = self._made(connection, now)
            names = {row.id: row.name for row in projects.everything(connection)}
            rows = {row.id: row for row in rules.everything(connection, None)}
            for id_ in made.remove:
                store.remove_group(connection, id_)
            for row in made.put:
                store.put_group(connection, row)
            for send in made.sends:
                message = self._message(send, rows, project=names.get(send.group.project, ""), now=now)
                store.add_delivery(
                    connection,
                    store.DeliveryRow(
                        id=message.id,
                        channel=send.group.channel,
                        created=now,
                        status="waiting",
                        attempts=0,
                        next_try=now,
                        finished=None,
                        title=message.title,
                        body=msgspec.to_builtins(message),
                        error=None,
                    ),
                )
        return len(made.sends)

    def due(self) -> list[store.DeliveryRow]:
        """Deliveries to be tried now."""
        with self._context.metadata.read() as connection:
            return store.due_deliveries(connection, self._context.clock.now())

    def deliver(self, row: store.DeliveryRow) -> None:
        """Try once, and note how it went. Raises `Unavailable` when that cannot be noted."""
        message = msgspec.convert(row.body, Message)
        error: str | None = None
        try:
            address = self._alerts.channels.address(row.channel)
            self._alerts.transport.send(address, message, allow=self._alerts.allow)
        except PenstockError as problem:
            error = str(problem)
            logger.warning("a notification could not be sent (%s): %s", row.title, error)
        now = self._context.clock.now()
        attempts = row.attempts + 1
        over = error is None or attempts > len(BACKOFF)
        done = msgspec.structs.replace(
            row,
            attempts=attempts,
            error=error,
            status="sent" if error is None else "failed" if over else "waiting",
            finished=now if over else None,
            next_try=None if over else now + BACKOFF[attempts - 1] * SECOND,
        )
        with self._context.metadata.write() as connection:
            store.finish_delivery(connection, done)

    def tidy(self) -> None:
        """Forget what is over for long."""
        now = self._context.clock.now()
        with self._context.metadata.write() as connection:
            store.drop_old(connection, before=now - KEPT)
            rules.drop_transitions(connection, before=now - HISTORY)

    def _made(self, connection: Connection, now: int) -> Plan:
        states = rules.series_of_project(connection, None)
        telling = {
            row.id: (row.project, msgspec.convert(row.body, _Telling)) for row in rules.everything(connection, None)
        }
        channels = {(row.project, row.name): row.id for row in store.channels_of(connection, None)}
        policies = store.policies(connection)
        silences = [one for one in store.silences_of(connection, None, ended_after=now) if one.starts <= now]
        alerts: list[Known] = []
        for state in states:
            project, told = telling[state.rule]
            ids = [channels[project, name] for name in told.channels if (project, name) in channels]
            alerts.append(Known(state=state, channels=ids, runbook=told.runbook))
        muting = Muting(states, silences, policies)
        return plan(alerts, store.groups_of(connection), policies=policies, muting=muting, now=now)

    def _message(self, send: Send, rows: dict[str, rules.DefinitionRow], *, project: str, now: int) -> Message:
        console = self._alerts.console()
        texts: list[AlertText] = []
        for state in [*send.firing, *send.resolved]:
            row = rows.get(state.rule)
            runbook = None if row is None else msgspec.convert(row.body, _Telling).runbook
            page = "slos" if state.source == "slo" else "alerts"
            texts.append(alert_text(state, runbook=runbook, link=f"{console}/{page}/{state.rule}"))
        return group_message(
            texts,
            id_=self._context.ids.uuid7(),
            at=now,
            project=project,
            group=send.group.labels,
            link=f"{console}/alerts",
        )
