"""The way of one call, top to bottom."""

import asyncio
import logging
import math
from functools import partial

from penstock.core.clock import Clock
from penstock.core.errors import PenstockError, Unavailable
from penstock.core.ids import Ids
from penstock.gateway.call import Call, read_context, read_trace
from penstock.gateway.http import Responder, vendor_headers
from penstock.gateway.inbound.request import Request
from penstock.gateway.ports import Journal
from penstock.gateway.publication import Publication
from penstock.gateway.stages.admit import Admission
from penstock.gateway.stages.authenticate import authenticate
from penstock.gateway.stages.degrade import degraded
from penstock.gateway.stages.dispatch.delivery import Ending
from penstock.gateway.stages.dispatch.executor import Run
from penstock.gateway.stages.record import begin, record, record_soon
from penstock.gateway.stages.reuse import Reuser
from penstock.gateway.stages.settle import settle
from penstock.gateway.watchdog import Watchdog
from penstock.providers.dialects import dialect_of, parse_call, render_error, render_stream_error
from penstock.providers.inbound import require_messages
from penstock.providers.types import Dialect, Operation
from penstock.tracing.scores.tokens import HEADER, feedback_token
from penstock.wire.headers import COST
from penstock.wire.snapshot import KeyEntry

__all__ = ["Pipeline"]

logger = logging.getLogger(__name__)

CALL_SCOPE = "gateway:call"
FEEDBACK_HEADER = HEADER.encode("ascii")
COST_HEADER = COST.encode("ascii")
CLIENT_CLOSED_REQUEST = 499
"""nginx's status for a caller that left; stands in the record only."""


class Pipeline:
    """Takes a request and sees it through: answered, settled and recorded, whatever happens."""

    def __init__(
        self,
        publication: Publication,
        journal: Journal,
        admission: Admission,
        reuser: Reuser,
        watchdog: Watchdog,
        *,
        tasks: asyncio.TaskGroup,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._publication = publication
        self._journal = journal
        self._admission = admission
        self._reuser = reuser
        self._watchdog = watchdog
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self._clock = clock
        self._ids = ids

    async def handle(self, request: Request, operation: Operation, *, provider: str = "") -> None:
        """Serve one call. Never raises for what a caller or a provider does.

        Args:
            request: What came.
            operation: Which call its path stands for.
            provider: The one that the path names; the body's model is in its spelling.
        """
        call = self._open(request, operation)
        call.provider = provider
        try:
            ending = await self._run(call)
            call.served = ending.attempt
            settle(call)
            call.responder.status = 200
            request.answered_soon = True
            record_soon(call, self._journal, self._clock, partial(self._recorded, call, ending))
        except PenstockError as error:
            self._fail(call, error)
            self._end(call)
        except asyncio.CancelledError:
            call.task.uncancel()
            self._interrupt(call)
            self._end(call)
        except Exception:
            # The boundary: a defect of ours must answer its caller, leave a record, and spare the other calls.
            logger.exception("call %s failed inside the gateway", call.trace_id)
            self._fail(call, _defect(call))
            self._end(call)

    def _recorded(self, call: Call, ending: Ending, error: PenstockError | None) -> None:
        """The call is in the journal, so it may be answered; or it is not, and is refused."""
        try:
            # In the turn of the write, so that counters and records of one moment agree.
            self._admission.give_back(call)
            if error is None:
                _finish(call, ending)
            else:
                self._fail(call, error)
        except Exception:
            # The boundary again: other calls are answered in the same turn.
            logger.exception("call %s failed inside the gateway", call.trace_id)
            call.request.abort()
        self._end(call)

    def _end(self, call: Call) -> None:
        self._admission.give_back(call)
        self._watchdog.let_go(call.responder)
        # The call knows its request and this knew the call: let go, or only the cyclic collector could free both.
        call.request.on_disconnect = None
        call.let_go()

    async def _run(self, call: Call) -> Ending:
        snapshot = call.catalog.snapshot
        call.key = authenticate(call.catalog, call.request, CALL_SCOPE, now=call.started)
        if snapshot.feedback.tokens and call.catalog.salt:
            call.responder.add_headers([(FEEDBACK_HEADER, _feedback_token(call, call.key))])
        call.context = read_context(call.request, call.context)
        body = await call.request.body(snapshot.gateway.max_body)
        call.size = len(body)
        inbound = call.inbound = parse_call(call.operation, body, vendor_headers(call.request))
        plan = call.plan = call.catalog.resolve(_name(inbound.model, call.provider), call.key)
        if inbound.bare and not plan.prompted:
            require_messages(inbound)
        self._journal.admit()
        run, node, ahead = Run(call=call, plan=plan, inbound=inbound), plan.root, None
        if call.catalog.limiter is not None:
            ahead = self._reuser.look_ahead(run, node)
            served = await degraded(run, self._admission, created=call.started // 1_000_000)
            if isinstance(served, Ending):
                return served
            run, node = served
        if inbound.stream:
            begin(call, self._journal, self._clock)
            call.responder.keep_streams_alive(snapshot.gateway.keepalive)
            self._watchdog.keep_alive(call.responder)
        return await self._reuser.run(run, node, ahead)

    def _open(self, request: Request, operation: Operation) -> Call:
        context = read_trace(request)
        dialect = dialect_of(operation)
        trace_id = context.trace_id or self._ids.trace_id()
        task = asyncio.current_task(self._loop)
        assert task is not None  # noqa: S101 - a coroutine of the event loop runs in a task
        call = Call(
            request=request,
            responder=Responder(request, trace_headers(trace_id, dialect), tasks=self._tasks),
            operation=operation,
            dialect=dialect,
            task=task,
            catalog=self._publication.catalog,
            trace_id=trace_id,
            span_id=self._ids.span_id(),
            started=self._clock.now(),
            context=context,
        )

        request.on_disconnect = call.leave
        return call

    def _interrupt(self, call: Call) -> None:
        """The caller left, or this worker stops and its patience is over."""
        if call.left:
            error = PenstockError(
                "The caller closed the connection before the answer was complete.", code="client_disconnected"
            )
        else:
            error = Unavailable(
                "The gateway is stopping and could not wait for this call any longer.", code="gateway_stopping"
            )
        self._fail(call, error, interrupted=True)

    def _fail(self, call: Call, error: PenstockError, *, interrupted: bool = False) -> None:
        call.error = error
        call.status = "interrupted" if interrupted else "error"
        settle(call)
        status, body = render_error(call.dialect, call.operation, error, request_id=call.trace_id)
        if call.left:
            status = CLIENT_CLOSED_REQUEST
        if not call.responder.started:
            call.responder.status = status
        try:
            record(call, self._journal, self._clock)
        except Unavailable as full:
            logger.error("call %s could not be recorded yet: %s", call.trace_id, full)  # noqa: TRY400 - the journal said why
        if call.left:
            return
        if call.responder.started:
            call.responder.end(render_stream_error(call.dialect, call.operation, error, request_id=call.trace_id))
        else:
            call.responder.whole(status, body, headers=retry_after(error))


def _defect(call: Call) -> PenstockError:
    return PenstockError("The gateway failed to handle this call.", hint=f"Trace {call.trace_id}.")


def trace_headers(trace_id: str, dialect: Dialect) -> bytes:
    """The trace id under Penstock's name and under the one that the vendor's SDK reads, as lines."""
    name = "request-id" if dialect == "anthropic" else "x-request-id"
    return f"x-penstock-trace-id: {trace_id}\r\n{name}: {trace_id}\r\n".encode()


def retry_after(error: PenstockError) -> list[tuple[bytes, bytes]]:
    """`Retry-After` in whole seconds, rounded up, where the error knows when to come back."""
    seconds = getattr(error, "retry_after", None)
    return [] if seconds is None else [(b"retry-after", b"%d" % max(1, -int(-seconds // 1)))]


def _feedback_token(call: Call, key: KeyEntry) -> bytes:
    """With which an end user's browser may judge this trace."""
    catalog = call.catalog
    expires = call.started // 1_000_000 + math.ceil(catalog.snapshot.feedback.expires)
    return feedback_token(catalog.salt, project=key.project, trace_id=call.trace_id, expires=expires).encode("ascii")


def _name(model: str, provider: str) -> str:
    return f"{provider}/{model.removeprefix(f'{provider}/')}" if provider else model


def _finish(call: Call, ending: Ending) -> None:
    if ending.stream:
        call.responder.end(ending.body)
    else:
        kind = ending.content_type
        call.responder.whole(
            200,
            ending.body,
            content_type=None if kind == "application/json" else kind.encode("latin-1"),
            headers=_cost(call),
        )


def _cost(call: Call) -> list[tuple[bytes, bytes]]:
    """What all attempts of the call cost; no header where that is unknown."""
    total = 0
    for attempt in call.attempts:
        if attempt.cost is None:
            return []
        total += attempt.cost
    return [(COST_HEADER, b"%d" % total)]
