"""The state of one call on its way through the pipeline."""

import asyncio
import re
from collections.abc import Callable
from typing import Literal

import msgspec

from penstock.core.errors import InvalidInput, PenstockError
from penstock.gateway.catalog import Catalog
from penstock.gateway.http import Responder
from penstock.gateway.inbound.request import Request
from penstock.gateway.plan import Plan
from penstock.gateway.prompts import ServedPrompt
from penstock.providers.estimate import estimate_input_tokens
from penstock.providers.types import Answer, Dialect, InboundCall, Operation, Target
from penstock.wire.conditions import Facts
from penstock.wire.headers import (
    ON_DISCONNECT,
    PROMPT,
    SESSION,
    TAGS,
    TRACEPARENT,
    USER,
    check_id,
    check_on_disconnect,
    check_prompt,
    decode_tags,
)
from penstock.wire.limits import Grant
from penstock.wire.snapshot import KeyEntry
from penstock.wire.span import Status
from penstock.wire.usage import Usage

__all__ = ["Attempt", "Call", "Context", "Given", "Role", "read_context", "read_trace"]

Role = Literal["serve", "judge", "shadow"]
"""Whether an attempt serves the caller, judges an answer, or is a copy whose answer nobody is given."""

TRACEPARENT_FORM = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?", re.ASCII)


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller says about the call in headers."""

    trace_id: str | None = None
    parent_id: str | None = None
    session: str | None = None
    user: str | None = None
    tags: dict[str, str] = {}
    finishes: bool = False
    """The call is finished and recorded although its caller goes away."""
    prompt: tuple[str, str] | None = None
    """Name and version of the prompt that the caller rendered itself."""


NO_CONTEXT = Context()


class Attempt(msgspec.Struct, kw_only=True):
    """One try at one target, billed by itself."""

    span_id: str
    """Empty for the first: it has a span of its own only if others follow."""
    target: Target
    inbound: InboundCall
    """As it was asked, the variant's parameters included."""
    variant: str
    prompt: ServedPrompt | None = None
    """What gave its messages; `inbound` holds them."""
    role: Role = "serve"
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
    on_content: "Callable[[], None] | None" = None
    """Called when the first content of a stream is there."""
    note: str | None = None
    """What became of its answer, when it was not given: why a cascade went on."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """An answer without an attempt."""

    answer: Answer
    provider: str | None = None
    model: str | None = None
    variant: str | None = None


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
    provider: str = ""
    """The provider that the path names: the caller's `model` is in its spelling."""
    plan: Plan | None = None
    size: int = 0
    """Bytes of the request body."""
    facts: Facts | None = None
    grant: Grant | None = None
    """What was borrowed from limits and budgets; None when nothing limits the call."""
    lent: int = 0
    """Attempts that it was lent for."""
    role: Role = "serve"
    cache: str | None = None
    """`hit`, `miss` or `joined`; None when no cache was asked."""
    saved: int | None = None
    """Nano-dollars that a hit or a joined call would have cost."""
    degraded: str | None = None
    """`soft` or `hard`: the kind of budget that changed how the call was served."""
    served: Attempt | None = None
    """The attempt whose answer the caller was given."""
    given: Given | None = None
    """What the caller was given when no attempt of its own gave it: from the cache, or a route's own text."""
    attempts: list[Attempt] = []
    error: PenstockError | None = None
    status: Status = "ok"
    left: bool = False
    """The caller closed the connection."""
    recorded: bool = False
    recorded_input: bytes | None = None

    def known(self) -> Facts:
        """What conditions and cohorts may ask of the call."""
        if self.facts is None:
            self.facts = self._facts()
        return self.facts

    def _facts(self) -> Facts:
        inbound, key = self.inbound, self.key
        assert inbound is not None  # noqa: S101 - asked once the call is read
        assert key is not None  # noqa: S101 - as above
        project = self.catalog.snapshot.projects.get(key.project)
        return Facts(
            key=(key.id, key.name, project.name if project is not None else key.project),
            model=inbound.model,
            operation=self.operation,
            at=self.started,
            stream=inbound.stream,
            user=self.context.user or inbound.user or "",
            session=self.context.session or inbound.session or "",
            tags=self.context.tags,
            headers=self.request.headers,
            body=inbound.fields,
            size=self.size,
            count_tokens=lambda: estimate_input_tokens(self._expected(inbound)),
        )

    def _expected(self, inbound: InboundCall) -> InboundCall:
        """The call as the variant that is likely asked will be sent it."""
        plan = self.plan
        if plan is None or not plan.prompted:
            return inbound
        leaf = plan.leaves[0]
        if leaf.prompt is None or not leaf.spots:
            return inbound
        try:
            return leaf.prompt.applied(inbound, leaf.spots[0].target)
        except InvalidInput:
            # Whoever sends it says what is wrong.
            return inbound

    def let_go(self) -> None:
        """Cut what would keep an ended call alive until the cyclic collector comes by (FAILURES G9).

        A traceback holds the frames, and they the call that holds the error; the facts hold the call to count its
        tokens. Under load the collector would stop every caller for the milliseconds that it takes to free thousands
        of them at once.
        """
        self.facts = None
        for attempt in self.attempts:
            _without_traceback(attempt.error)
        _without_traceback(self.error)

    def leave(self) -> None:
        """The caller closed the connection. Unless it asked for the call to be finished, nobody wants the answer."""
        if not self.left and not self.responder.finished and not self.context.finishes:
            self.left = True
            self.task.cancel()


def _without_traceback(error: BaseException | None) -> None:
    while error is not None:
        before = error.__context__
        error.__traceback__ = error.__context__ = error.__cause__ = None
        error = before


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
    """`trace` with `x-penstock-session`, `-user`, `-tags`, `-prompt` and `-on-disconnect` added.

    Raises:
        InvalidInput: a header is too long or malformed.
    """
    session, user, tags = request.header(SESSION), request.header(USER), request.header(TAGS)
    gone, prompt = request.header(ON_DISCONNECT), request.header(PROMPT)
    if session is None and user is None and tags is None and gone is None and prompt is None:
        return trace
    return Context(
        trace_id=trace.trace_id,
        parent_id=trace.parent_id,
        session=check_id(session, name=SESSION) if session else None,
        user=check_id(user, name=USER) if user else None,
        tags=decode_tags(tags) if tags else {},
        finishes=gone is not None and check_on_disconnect(gone),
        prompt=check_prompt(prompt) if prompt else None,
    )
