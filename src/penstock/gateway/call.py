"""The state of one call on its way through the pipeline."""

import asyncio
import re

import msgspec

from penstock.core.errors import PenstockError
from penstock.gateway.catalog import Catalog, Resolution
from penstock.gateway.http import Responder
from penstock.gateway.inbound.request import Request
from penstock.providers.types import Answer, Dialect, InboundCall, Operation, Target
from penstock.wire.headers import SESSION, TAGS, TRACEPARENT, USER, check_id, decode_tags
from penstock.wire.snapshot import KeyEntry
from penstock.wire.span import Status
from penstock.wire.usage import Usage

__all__ = ["Attempt", "Call", "Context", "read_context", "read_trace"]

TRACEPARENT_FORM = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?", re.ASCII)


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller says about the call in headers."""

    trace_id: str | None = None
    parent_id: str | None = None
    session: str | None = None
    user: str | None = None
    tags: dict[str, str] = {}


NO_CONTEXT = Context()


class Attempt(msgspec.Struct, kw_only=True):
    """One try at one target, billed by itself."""

    span_id: str
    target: Target
    started: int
    """Microseconds since the epoch."""
    duration: int = 0
    ttft: int | None = None
    sent: bool = False
    """The request may have reached the provider: what it costs, it costs."""
    answered: bool = False
    """The provider accepted the call (2xx)."""
    answer: Answer = msgspec.field(default_factory=Answer)
    usage: Usage | None = None
    """After `settle`: reported or estimated; None when nothing was billed."""
    cost: int | None = 0
    price_version: str | None = None
    status: Status = "ok"
    error: PenstockError | None = None


class Call(msgspec.Struct, kw_only=True):
    """One request to the gateway, from its first byte to its record."""

    request: Request
    responder: Responder
    operation: Operation
    dialect: Dialect
    task: "asyncio.Task[None]"
    catalog: Catalog
    trace_id: str
    span_id: str
    started: int
    key: KeyEntry | None = None
    context: Context = NO_CONTEXT
    inbound: InboundCall | None = None
    resolution: Resolution | None = None
    attempts: list[Attempt] = []
    error: PenstockError | None = None
    status: Status = "ok"
    left: bool = False
    """The caller closed the connection."""
    recorded: bool = False
    recorded_input: bytes | None = None

    def leave(self) -> None:
        """The caller closed the connection."""
        if not self.left and not self.responder.finished:
            self.left = True
            self.task.cancel()


def read_trace(request: Request) -> Context:
    """The caller's trace, from W3C `traceparent`.

    A malformed header starts a new trace, as the W3C recommendation demands.
    """
    parent = request.header(TRACEPARENT)
    match = TRACEPARENT_FORM.fullmatch(parent) if parent else None
    if match is None:
        return NO_CONTEXT
    trace_id, parent_id = match.groups()
    if trace_id == "0" * 32 or parent_id == "0" * 16:
        return NO_CONTEXT
    return Context(trace_id=trace_id, parent_id=parent_id)


def read_context(request: Request, trace: Context) -> Context:
    """`trace` with `x-penstock-session`, `-user` and `-tags` added.

    Raises:
        InvalidInput: a header is too long or malformed.
    """
    session, user, tags = request.header(SESSION), request.header(USER), request.header(TAGS)
    if session is None and user is None and tags is None:
        return trace
    return Context(
        trace_id=trace.trace_id,
        parent_id=trace.parent_id,
        session=check_id(session, name=SESSION) if session else None,
        user=check_id(user, name=USER) if user else None,
        tags=decode_tags(tags) if tags else {},
    )
