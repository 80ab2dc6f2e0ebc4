"""The way of a call to any other endpoint of a provider, top to bottom."""

import asyncio
import logging

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput, PenstockError, Unavailable
from penstock.core.ids import Ids
from penstock.gateway.call import read_context, read_trace
from penstock.gateway.http import Responder
from penstock.gateway.inbound.request import Request
from penstock.gateway.limits.claims import hash_user
from penstock.gateway.limits.headers import limit_headers, refusal
from penstock.gateway.limits.ports import Counters
from penstock.gateway.passthrough.body import read_body
from penstock.gateway.passthrough.call import PassthroughCall
from penstock.gateway.passthrough.estimate import estimate_passage
from penstock.gateway.passthrough.exchange import render_passthrough_error
from penstock.gateway.passthrough.paths import METHODS, endpoint_of, operation_of
from penstock.gateway.passthrough.record import Passage, settle_passage, span_of
from penstock.gateway.passthrough.resolve import PROVIDER_HEADER, resolve
from penstock.gateway.passthrough.stored import check_stored
from penstock.gateway.passthrough.types import CallerDialect, Resolved
from penstock.gateway.pipeline import CALL_SCOPE, CLIENT_CLOSED_REQUEST, Pipeline, retry_after, trace_headers
from penstock.gateway.ports import Journal
from penstock.gateway.publication import Publication
from penstock.gateway.stages.authenticate import authenticate
from penstock.gateway.stages.forward import Forwarder
from penstock.providers.metering import is_free
from penstock.wire.limits import Claim
from penstock.wire.span import Span

__all__ = ["GOOGLES_KEY", "PassthroughPipeline"]

logger = logging.getLogger(__name__)

SLACK_SECONDS = 60.0
"""A lease outlives the longest exchange by this."""
GOOGLES_KEY = b"x-goog-api-key"
"""Sent by Google's SDK alone, whose paths under `/v1` look like those of others."""
GEMINI_ROOTS = (b"/v1beta/", b"/v1alpha/")


class PassthroughPipeline:
    """Takes a request for what is no operation of the gateway's own, and sees it through as `Pipeline` does.

    Args:
        publication: What is served.
        journal: Where calls are recorded.
        counters: Lend what limits and budgets bound.
        forwarder: Sends calls on.
        pipeline: Serves a path that names a provider and an operation that the gateway knows in full.
        tasks: For what runs beside calls.
        clock: Time of records.
        ids: Names calls.
    """

    def __init__(
        self,
        publication: Publication,
        journal: Journal,
        counters: Counters,
        forwarder: Forwarder,
        pipeline: Pipeline,
        *,
        tasks: asyncio.TaskGroup,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._publication = publication
        self._journal = journal
        self._counters = counters
        self._forwarder = forwarder
        self._pipeline = pipeline
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self._clock = clock
        self._ids = ids

    async def handle(self, request: Request) -> None:
        """Serve one call. Never raises for what a caller or a provider does."""
        call = self._open(request)
        try:
            passage = self._enter(call)
            operation = operation_of(passage.endpoint)
            if operation is not None:
                provider = passage.endpoint.provider
                await self._pipeline.handle(request, operation, provider=provider.name if provider is not None else "")
                return
            last = await self._run(call, passage)
            self._settle(call, passage)
            self._record(call)
            self._give_back(call)
            call.responder.end(last)
        except PenstockError as error:
            self._fail(call, error)
        except asyncio.CancelledError:
            call.task.uncancel()
            self._interrupt(call)
        except Exception:
            # The boundary: a defect of ours must answer its caller, leave a record, and spare the other calls.
            logger.exception("call %s failed inside the gateway", call.trace_id)
            self._fail(call, PenstockError("The gateway failed to handle this call.", hint=f"Trace {call.trace_id}."))
        finally:
            self._give_back(call)

    def _open(self, request: Request) -> PassthroughCall:
        context = read_trace(request)
        dialect = _dialect(request)
        trace_id = context.trace_id or self._ids.trace_id()
        task = asyncio.current_task(self._loop)
        assert task is not None  # noqa: S101 - a coroutine of the event loop runs in a task
        vendor = "anthropic" if dialect == "anthropic" else "openai"
        call = PassthroughCall(
            request=request,
            responder=Responder(request, trace_headers(trace_id, vendor), tasks=self._tasks),
            task=task,
            catalog=self._publication.catalog,
            trace_id=trace_id,
            span_id=self._ids.span_id(),
            started=self._clock.now(),
            dialect=dialect,
            context=context,
        )
        request.on_disconnect = call.leave
        return call

    def _enter(self, call: PassthroughCall) -> Passage:
        """Who calls, and what. Before it is known who, nothing is told of what there is (FAILURES S13, S18)."""
        request, catalog = call.request, call.catalog
        call.key = authenticate(catalog, request, CALL_SCOPE, now=call.started)
        endpoint = endpoint_of(
            request.method,
            request.raw_path,
            request.query,
            providers=catalog.providers,
            anthropic=b"anthropic-version" in request.headers,
            google=GOOGLES_KEY in request.headers,
        )
        call.dialect = endpoint.dialect
        return Passage(endpoint=endpoint)

    async def _run(self, call: PassthroughCall, passage: Passage) -> bytes:
        call.passage = passage
        catalog, key, settings = call.catalog, call.key, call.catalog.snapshot.gateway
        assert key is not None  # noqa: S101 - authenticated
        call.context = read_context(call.request, call.context)
        body = await read_body(call.request, max_json=settings.max_body, max_upload=settings.max_upload)
        passage.body = body
        named = call.request.header(PROVIDER_HEADER)
        resolved = passage.resolved = resolve(passage.endpoint, body, named=named, targets=catalog, key=key)
        check_stored(passage.endpoint, resolved.target.provider)
        self._journal.admit()
        await self._borrow(call, passage, resolved)
        self._begin(call, passage, resolved)
        return await self._forwarder.run(call, passage, resolved)

    # Limits and budgets (FAILURES G3, G4)

    async def _borrow(self, call: PassthroughCall, passage: Passage, resolved: Resolved) -> None:
        """Borrow what the call may need.

        Raises:
            RateLimited: a limit or a budget has no room.
            Unavailable: `limits_unavailable`.
        """
        claims = self._claims(call, passage, resolved)
        if not claims:
            return
        # The body may take the total, and then the answer.
        lease = 2 * resolved.target.provider.timeouts.total + SLACK_SECONDS
        grant = await self._counters.borrow(call.span_id, claims, lease=lease, at=call.started)
        vendor = "anthropic" if call.dialect == "anthropic" else "openai"
        headers = limit_headers(grant, vendor, now=self._clock.now())
        call.has_limits = bool(headers)
        call.responder.add_headers(headers)
        if grant.refused is not None:
            raise refusal(grant)
        call.grant = grant

    def _claims(self, call: PassthroughCall, passage: Passage, resolved: Resolved) -> tuple[Claim, ...]:
        catalog, key, body = call.catalog, call.key, passage.body
        limiter = catalog.limiter
        if limiter is None or key is None or body is None:
            return ()
        settings = catalog.snapshot.gateway
        usage = estimate_passage(passage.endpoint, body, resolved, output=settings.estimate_output_tokens)
        money = 0
        if usage is not None:
            target = resolved.target
            money = catalog.pricing.price(target.provider, target.model, usage, call.started).cost or 0
        user = call.context.user or body.user
        return limiter.claims(
            key.project,
            key.id,
            user=hash_user(user, catalog.salt) if user else None,
            tags=call.context.tags,
            tokens=usage.total if usage is not None else 0,
            money=money,
        )

    def _give_back(self, call: PassthroughCall) -> None:
        """Return what was borrowed, with what was used. Once; later calls do nothing."""
        grant, call.grant = call.grant, None
        passage = call.passage
        if grant is None or passage is None:
            return
        tokens = passage.usage.total if passage.usage is not None else 0
        money = passage.cost or 0
        amounts = [money if claim.measure == "money" else tokens for claim in grant.claims]
        self._counters.give_back(call.span_id, amounts)

    # The record

    def _begin(self, call: PassthroughCall, passage: Passage, resolved: Resolved) -> None:
        """Note a call that may cost before it is sent, so that a killed gateway leaves a record of it."""
        if is_free(resolved.target.provider.kind, passage.endpoint.method, passage.endpoint.path):
            return
        passage.status, passage.cost = "interrupted", None
        span = self._span(call, passage)
        passage.status, passage.cost = "ok", 0
        if span is not None:
            self._journal.begin(span)

    def _settle(self, call: PassthroughCall, passage: Passage) -> None:
        settle_passage(passage, call.catalog.pricing, at=call.started)

    def _record(self, call: PassthroughCall) -> None:
        """Write the call's span, once.

        Raises:
            Unavailable: the journal is full and policy is to refuse what cannot be recorded.
        """
        if call.recorded or call.passage is None:
            return
        span = self._span(call, call.passage)
        if span is not None:
            call.recorded = True
            self._journal.record([span])

    def _span(self, call: PassthroughCall, passage: Passage) -> Span | None:
        if call.key is None:
            return None
        return span_of(
            passage,
            key=call.key,
            context=call.context,
            ids=(call.trace_id, call.span_id),
            time=(call.started, self._clock.now() - call.started),
            http_status=call.responder.status,
            settings=call.catalog.snapshot.gateway,
            salt=call.catalog.salt,
        )

    # What went wrong

    def _interrupt(self, call: PassthroughCall) -> None:
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

    def _fail(self, call: PassthroughCall, error: PenstockError, *, interrupted: bool = False) -> None:
        passage, responder = call.passage, call.responder
        if passage is not None:
            passage.error, passage.status = error, "interrupted" if interrupted or call.left else "error"
            self._settle(call, passage)
        status, body = render_passthrough_error(call.dialect, error, request_id=call.trace_id)
        headers = retry_after(error)
        if error.code == "method_not_allowed" and isinstance(error, InvalidInput):
            status = 405
            headers.append((b"allow", ", ".join(sorted(METHODS)).encode()))
        if not responder.started:
            responder.status = CLIENT_CLOSED_REQUEST if call.left else status
        try:
            self._record(call)
        except Unavailable as full:
            logger.error("call %s could not be recorded yet: %s", call.trace_id, full)  # noqa: TRY400 - the journal said why
        if call.left:
            return
        if responder.started:
            responder.abort()
        else:
            responder.whole(status, body, headers=headers)


def _dialect(request: Request) -> CallerDialect:
    """Whose error object is expected as long as the path has not been looked at."""
    if b"anthropic-version" in request.headers:
        return "anthropic"
    if GOOGLES_KEY in request.headers or request.raw_path.startswith(GEMINI_ROOTS):
        return "gemini"
    return "openai"
