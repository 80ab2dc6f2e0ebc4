"""The state of one pass-through call on its way."""

import asyncio

import msgspec

from penstock.gateway.call import Context
from penstock.gateway.catalog import Catalog
from penstock.gateway.http import Responder
from penstock.gateway.inbound.request import Request
from penstock.gateway.passthrough.record import Passage
from penstock.gateway.passthrough.types import CallerDialect
from penstock.wire.limits import Grant
from penstock.wire.snapshot import KeyEntry

__all__ = ["PassthroughCall"]


class PassthroughCall(msgspec.Struct, kw_only=True):
    """One request, from its first byte to its record."""

    request: Request
    responder: Responder
    task: "asyncio.Task[None]"
    catalog: Catalog
    trace_id: str
    span_id: str
    started: int
    """Microseconds since the epoch."""
    dialect: CallerDialect
    """Of its errors: by its headers, and by its path once that is known."""
    context: Context
    key: KeyEntry | None = None
    passage: Passage | None = None
    """Once the path is known to be an endpoint."""
    grant: Grant | None = None
    """What was borrowed from limits and budgets; None when nothing limits the call."""
    has_limits: bool = False
    """The caller is told its own limits, so those of the provider's account are left out."""
    left: bool = False
    """The caller closed the connection."""
    recorded: bool = False

    def leave(self) -> None:
        """The caller closed the connection."""
        if not self.left and not self.responder.finished:
            self.left = True
            self.task.cancel()
