"""One attempt: send to a target, take its answer as it comes."""

import asyncio

from penstock.core.clock import Clock
from penstock.core.errors import DeadlineExceeded, PenstockError, UpstreamError
from penstock.gateway.call import Attempt, Call
from penstock.gateway.ports import Transport, UpstreamResponse
from penstock.gateway.stages.dispatch.delivery import Delivery, Ending, Outrun
from penstock.gateway.watchdog import Watch, Watchdog
from penstock.providers.dialects import local_reply, open_exchange
from penstock.providers.types import Exchange, InboundCall, Reply, StreamCodec, Target

__all__ = ["Attempts"]

MAX_ERROR_BODY = 64 * 1024
END_GRACE = 2.0
"""Seconds an upstream has to close its stream after it said that it was done."""


class Attempts:
    """Makes attempts at targets."""

    def __init__(self, transport: Transport, watchdog: Watchdog, *, clock: Clock) -> None:
        self._transport = transport
        self._watchdog = watchdog
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time

    async def run(self, call: Call, attempt: Attempt, inbound: InboundCall, delivery: Delivery) -> Ending:
        """Ask one target. `attempt` tells how it went, also when this raises.

        Raises:
            UpstreamError: the target failed; the caller was given content when `attempt.ttft` is set.
            Outrun: `delivery` did not want the answer any more.
        """
        try:
            return await self._attempt(call, attempt, inbound, delivery)
        except PenstockError as failure:
            attempt.status, attempt.error = "error", failure
            raise
        except (asyncio.CancelledError, Outrun):
            attempt.status = "interrupted"
            raise
        finally:
            attempt.duration = self._clock.now() - attempt.started

    async def _attempt(self, call: Call, attempt: Attempt, inbound: InboundCall, delivery: Delivery) -> Ending:
        target = attempt.target
        local = local_reply(inbound, target)
        if local is not None:
            delivery.claim()
            return _whole(attempt, local)
        exchange = open_exchange(inbound, target)
        timeouts = target.provider.timeouts
        now = self._now()
        task = asyncio.current_task(self._loop)
        assert task is not None  # noqa: S101 - a coroutine of the event loop runs in a task
        watch = Watch(task, timeouts, now)
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
                ending = await self._relay(
                    call, attempt, response, codec=exchange.stream(), watch=watch, delivery=delivery
                )
            else:
                body = await self._whole_body(call, response, watch)
                ending = _whole(attempt, exchange.reply(response.headers, body))
                if not delivery.claim():
                    raise Outrun
            finished = True
        except asyncio.CancelledError:
            if watch.expired is None or call.left:
                raise
            if task.uncancel():
                # Given up by somebody else in the same moment.
                raise
            raise _expired(watch, target) from None
        finally:
            self._watchdog.remove(watch)
            if response is not None:
                response.release(reuse=finished)
        return ending

    async def _whole_body(self, call: Call, response: UpstreamResponse, watch: Watch) -> bytes:
        gap = watch.timeouts.gap
        watch.expect("gap", gap, self._now())
        return await response.read(
            call.catalog.snapshot.gateway.max_response, progress=lambda: watch.expect("gap", gap, self._now())
        )

    async def _relay(
        self,
        call: Call,
        attempt: Attempt,
        response: UpstreamResponse,
        *,
        codec: StreamCodec,
        watch: Watch,
        delivery: Delivery,
    ) -> Ending:
        """Pass a stream on. What precedes the first content is held back, and so is its end."""
        gap = watch.timeouts.gap
        held = b""
        write = delivery.write
        try:
            while True:
                data = await self._next(call, codec, response, watch)
                watch.rest()
                out = codec.feed(data) if data else codec.finish()
                if codec.started and attempt.ttft is None:
                    attempt.ttft = self._clock.now() - attempt.started
                    if attempt.on_content is not None:
                        attempt.on_content()
                    if not delivery.claim():
                        raise Outrun
                if codec.failure is not None:
                    if out and attempt.ttft is not None:
                        await write(held + out)
                    raise codec.failure
                if not data:
                    return Ending(stream=True, body=held + out, attempt=attempt)
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
            if watch.task.uncancel():
                raise
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
    return Ending(stream=False, body=reply.body, content_type=reply.content_type, attempt=attempt)


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
