"""Attempts: choose a target, send, stream; fall back while the caller has seen no content."""

import asyncio

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import DeadlineExceeded, PenstockError, UpstreamError
from penstock.core.ids import Ids
from penstock.gateway.call import Attempt, Call
from penstock.gateway.ports import Transport, UpstreamResponse
from penstock.gateway.watchdog import Watch, Watchdog
from penstock.providers.dialects import local_reply, open_exchange
from penstock.providers.types import Exchange, InboundCall, Reply, StreamCodec, Target

__all__ = ["Dispatcher", "Ending"]

MAX_ERROR_BODY = 64 * 1024
END_GRACE = 2.0
"""Seconds an upstream has to close its stream after it said that it was done."""


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """What is still to be sent once the call is recorded: a whole answer, or a stream's last bytes."""

    stream: bool
    body: bytes
    content_type: str = "application/json"


class Dispatcher:
    """Sends calls to providers."""

    def __init__(self, transport: Transport, watchdog: Watchdog, *, clock: Clock, ids: Ids) -> None:
        self._transport = transport
        self._watchdog = watchdog
        self._clock = clock
        self._ids = ids
        self._now = asyncio.get_running_loop().time

    async def dispatch(self, call: Call, inbound: InboundCall, targets: tuple[Target, ...]) -> Ending:
        """Try the targets in order until one starts to answer.

        A target is left for the next one only when its error could not happen there too, and only
        before the caller was given content (FAILURES G15, G16).

        Raises:
            PenstockError: the last attempt's error. `call.attempts` tells of all.
        """
        error: PenstockError | None = None
        for target in targets:
            attempt = Attempt(span_id=self._ids.span_id(), target=target, started=self._clock.now())
            call.attempts.append(attempt)
            try:
                return await self._attempt(call, attempt, inbound)
            except UpstreamError as failure:
                attempt.status, attempt.error, error = "error", failure, failure
                if attempt.ttft is not None or not failure.retryable:
                    raise
            except PenstockError as failure:
                attempt.status, attempt.error = "error", failure
                raise
            except asyncio.CancelledError:
                attempt.status = "interrupted"
                raise
            finally:
                attempt.duration = self._clock.now() - attempt.started
        assert error is not None  # noqa: S101 - a resolution has at least one target
        raise error

    async def _attempt(self, call: Call, attempt: Attempt, inbound: InboundCall) -> Ending:
        target = attempt.target
        local = local_reply(inbound, target)
        if local is not None:
            return _whole(attempt, local)
        exchange = open_exchange(inbound, target)
        timeouts = target.provider.timeouts
        now = self._now()
        watch = Watch(call.task, timeouts, now)
        watch.expect("first_byte", timeouts.first_byte, now)
        self._watchdog.add(watch)
        response: UpstreamResponse | None = None
        finished = False
        try:
            attempt.sent = True
            response = await self._transport.send(exchange.request, target)
            if not 200 <= response.status < 300:
                raise await _refusal(exchange, response)
            attempt.answered = True
            if inbound.stream:
                _expect_event_stream(response, target)
                ending = await self._relay(call, attempt, exchange.stream(), response, watch)
            else:
                limit = call.catalog.snapshot.gateway.max_response
                ending = _whole(attempt, exchange.reply(response.headers, await response.read(limit)))
            finished = True
        except asyncio.CancelledError:
            if watch.expired is None or call.left:
                raise
            call.task.uncancel()
            raise _expired(watch, target) from None
        finally:
            self._watchdog.remove(watch)
            if response is not None:
                response.release(reuse=finished)
        return ending

    async def _relay(
        self, call: Call, attempt: Attempt, codec: StreamCodec, response: UpstreamResponse, watch: Watch
    ) -> Ending:
        """Pass a stream on. What precedes the first content is held back, and so is its end."""
        gap = watch.timeouts.gap
        held = b""
        write = call.responder.write
        try:
            while True:
                data = await self._next(call, codec, response, watch)
                watch.rest()
                out = codec.feed(data) if data else codec.finish()
                if codec.started and attempt.ttft is None:
                    attempt.ttft = self._clock.now() - attempt.started
                if codec.failure is not None:
                    if out and attempt.ttft is not None:
                        await write(held + out)
                    raise codec.failure
                if not data:
                    return Ending(stream=True, body=held + out)
                held += out
                if codec.done:
                    watch.expect("end", END_GRACE, self._now())
                elif attempt.ttft is not None:
                    if held:
                        await write(held)
                        held = b""
                    watch.expect("gap", gap, self._now())
                else:
                    watch.expect("first_byte", watch.timeouts.first_byte - self._spent(attempt), self._now())
        finally:
            attempt.answer = codec.answer()

    async def _next(self, call: Call, codec: StreamCodec, response: UpstreamResponse, watch: Watch) -> bytes:
        """The next bytes; empty at the end, also when a stream that is done is not closed in time."""
        try:
            return await response.chunk()
        except asyncio.CancelledError:
            if watch.expired != "end" or call.left:
                raise
            call.task.uncancel()
            return b""
        except UpstreamError:
            # The answer is whole; how its connection ended is of no consequence.
            if codec.done:
                return b""
            raise

    def _spent(self, attempt: Attempt) -> float:
        return (self._clock.now() - attempt.started) / 1_000_000


def _whole(attempt: Attempt, reply: Reply) -> Ending:
    attempt.answer = reply.answer
    return Ending(stream=False, body=reply.body, content_type=reply.content_type)


async def _refusal(exchange: Exchange, response: UpstreamResponse) -> UpstreamError:
    try:
        body = await response.read(MAX_ERROR_BODY)
    except UpstreamError:
        body = b""
    return exchange.error(response.status, response.headers, body)


def _expect_event_stream(response: UpstreamResponse, target: Target) -> None:
    kind = response.headers.get("content-type", "")
    if not kind.startswith("text/event-stream"):
        came = repr(kind[:80]) if kind else "no content type"
        raise UpstreamError(
            f"The provider {target.provider.name} was asked for a stream and answered with {came}.",
            code="upstream_wrong_content_type",
        )


def _expired(watch: Watch, target: Target) -> DeadlineExceeded:
    timer = watch.expired or "total"
    name = target.provider.name
    timeouts = watch.timeouts
    told = {
        "first_byte": f"The provider {name} sent no content within {timeouts.first_byte:g} s.",
        "gap": f"The provider {name} fell silent for {timeouts.gap:g} s in the middle of its answer.",
        "total": f"The provider {name} did not finish within {timeouts.total:g} s.",
    }
    return DeadlineExceeded(told.get(timer, told["total"]), timer=timer if timer in told else "total")
