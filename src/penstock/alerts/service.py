"""Alerts, objectives and incidents, put together."""

from collections.abc import Callable, Sequence
from typing import final

from penstock.alerts.context import Context
from penstock.alerts.incidents.service import Incidents
from penstock.alerts.notify.network import Network
from penstock.alerts.notify.service import Channels, Silences
from penstock.alerts.notify.transport import Transport
from penstock.alerts.ports import Changes, Examples, Vault
from penstock.alerts.rules.service import Rules
from penstock.alerts.slo.service import Slos

__all__ = ["AlertService"]


@final
class AlertService:
    """The parts of this slice that routes and jobs work with.

    Args:
        context: Shared dependencies.
        vault: Keeps the addresses of channels.
        transport: Sends notifications.
        changes: What people changed, for incidents.
        examples: Traces that show something, for incidents.
        allow: Networks that are not public and may be notified.
        console: The console's address, for links.
    """

    def __init__(
        self,
        context: Context,
        *,
        vault: Vault,
        transport: Transport,
        changes: Changes,
        examples: Examples,
        allow: Sequence[Network] = (),
        console: Callable[[], str],
    ) -> None:
        self.context = context
        self.transport = transport
        self.allow = tuple(allow)
        self.console = console
        self.rules = Rules(context)
        self.channels = Channels(context, vault, transport, allow=allow)
        self.silences = Silences(context)
        self.slos = Slos(context)
        self.incidents = Incidents(context, changes=changes, examples=examples, console=console)
