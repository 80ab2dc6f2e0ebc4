"""Alerts, bound to the stores and to the slices that they ask."""

from collections.abc import Sequence
from typing import Protocol

from penstock.alerts.context import Context
from penstock.alerts.incidents.changes import AuditChanges
from penstock.alerts.notify.network import ALLOW_VARIABLE, allowed_networks
from penstock.alerts.notify.transport import ProcessTransport, Transport
from penstock.alerts.notify.vault import StoredVault
from penstock.alerts.ports import Metrics
from penstock.alerts.service import AlertService
from penstock.core.clock import Clock
from penstock.core.home import Home
from penstock.core.ids import Ids
from penstock.core.settings import Environment, process_environment
from penstock.identity.service import IdentityService
from penstock.server.settings import ConsoleSettings
from penstock.store.metadata import Metadata
from penstock.store.spans.queries.traces import Page
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import Node
from penstock.tracing.jobs import IngestJob
from penstock.tracing.query.names import QueryReader

__all__ = ["alert_service", "ingestion_behind"]

MOST_WAITING = 200
"""Sealed segments that may wait while what is stored still counts as all there is."""


class Spans(Metrics, Protocol):
    """All that is asked of the store of spans."""

    def list_calls(self, window: Window, *, where: Node | None = None, limit: int = 50) -> Page: ...


def alert_service(  # noqa: PLR0913 - it binds what others only name
    spans: Spans,
    metadata: Metadata,
    identity: IdentityService,
    *,
    reader: QueryReader,
    home: Home,
    settings: ConsoleSettings,
    clock: Clock,
    ids: Ids,
    transport: Transport | None = None,
    environment: Environment | None = None,
) -> AlertService:
    """The service over open stores.

    Args:
        spans: The store of spans.
        metadata: The open metadata store.
        identity: Keeps secrets.
        reader: Reads the filter language.
        home: Where the master key lies.
        settings: The console's address.
        clock: Where time comes from.
        ids: Where ids come from.
        transport: Sends notifications; None: in processes of their own.
        environment: Where the operator's networks are allowed; None is the process's own.
    """
    variables = process_environment() if environment is None else environment

    def examples(project: str, query: str, from_: int, to: int) -> Sequence[str]:
        page = spans.list_calls(Window(project=project, from_=from_, to=to), where=reader.read(project, query), limit=5)
        return [row.trace_id for row in page.rows]

    return AlertService(
        Context(metadata=metadata, metrics=spans, parse=reader.read, clock=clock, ids=ids),
        vault=StoredVault(identity.secrets, metadata, master_key=home.master_key, environment=environment),
        transport=transport or ProcessTransport(),
        changes=AuditChanges(metadata),
        examples=examples,
        allow=allowed_networks(variables.get(ALLOW_VARIABLE)),
        console=lambda: settings.url,
    )


def ingestion_behind(ingest: IngestJob) -> str | None:
    """Why the store does not hold what has happened; None when it does."""
    state = ingest.state
    if state.error is not None:
        return f"Spans cannot be stored: {state.error}"
    if state.waiting_segments > MOST_WAITING:
        return f"{state.waiting_segments} segments of spans wait to be stored."
    return None
