"""A pass-through call sent on, once, and its answer passed back."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from math import inf
from random import Random

import msgspec

from penstock.core.errors import DeadlineExceeded, InvalidInput, PenstockError, UpstreamError
from penstock.gateway.passthrough.address import request_of
from penstock.gateway.passthrough.call import PassthroughCall
from penstock.gateway.passthrough.exchange import Relay, refusal
from penstock.gateway.passthrough.record import Passage
from penstock.gateway.passthrough.stored import keeps_nothing
from penstock.gateway.passthrough.types import Resolved
from penstock.gateway.plan import Spot
from penstock.gateway.routing.verdicts import describe, judge
from penstock.gateway.uploads import Uploads
from penstock.gateway.watchdog import Watch, Watchdog
from penstock.providers.failures import from_status
from penstock.providers.types import Target

__all__ = ["Forwarder"]

PROVIDERS_LIMITS = (b"x-ratelimit-", b"anthropic-ratelimit-")
Now = Callable[[], float]


class Forwarder:
    """Sends requests on as they come.

    Args:
        uploads: The way to providers.
        watchdog: Holds the deadlines.
        random: Chooses among a provider's keys.
    """

    def __init__(self, uploads: Uploads, watchdog: Watchdog, *, random: Random) -> None:
        self._uploads = uploads
        self._watchdog = watchdog
        self._random = random
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time

    async def run(self, call: PassthroughCall, passage: Passage, resolved: Resolved) -> bytes:
        """Send a call and pass its answer on, but for its last bytes, which are returned.

        `passage` tells how it went, also when this raises: a refusal of the provider's, which is passed on as it
        is, stands in `passage.error`.

        Raises:
            UpstreamError: the provider failed or refused Penstock's own key; or its answer was cut, with the first
                of it given to the caller when `call.responder.started`.
            InvalidInput: the rest of the body is not what it should be, came too slowly, or the caller left.
            TooLarge: the body is over its limit.
        """
        spot = call.catalog.spot(resolved.target.provider, resolved.target.model)
        use = _Use(spot, self._choose(spot, passage), now=self._now)
        passage.resolved = msgspec.structs.replace(resolved, target=use.target)
        try:
            last = await self._exchange(call, passage, use.target)
        except UpstreamError as error:
            use.failed(error)
            raise
        except BaseException:
            use.abandoned()
            raise
        if isinstance(passage.error, UpstreamError):
            use.failed(passage.error)
        else:
            use.succeeded()
        return last

    def _choose(self, spot: Spot, passage: Passage) -> int:
        """What is kept at a provider belongs to the account of one key, so that is always the first."""
        if spot.ring is None or passage.endpoint.method == "GET" or not keeps_nothing(passage.endpoint):
            return 0
        return spot.ring.pick(self._now(), self._random)

    async def _exchange(self, call: PassthroughCall, passage: Passage, target: Target) -> bytes:
        body = passage.body
        assert body is not None  # noqa: S101 - read before it was resolved
        now = self._now()
        timers = _Timers(Watch(call.task, target.provider.timeouts, now), self._now)
        request = request_of(
            passage.endpoint,
            target,
            headers=call.request.headers,
            body=timers.while_sending(body.parts()),
            length=body.length,
        )
        self._watchdog.add(timers.watch)
        try:
            passage.sent = True
            async with self._uploads.send(request, target, progress=timers.sent) as answer:
                error = refusal(answer)
                if error is not None:
                    raise error
                keep = call.catalog.snapshot.gateway.max_recorded
                relay = passage.relay = Relay(answer, passage.endpoint, target, keep=keep)
                last = await relay.run(_Out(call, timers))
                if relay.status >= 400:
                    text = f"The provider {target.provider.name} answered with HTTP status {relay.status}."
                    passage.status = "error"
                    passage.error = from_status(relay.status, answer.headers, relay.output or b"", message=text)
                return last
        except asyncio.CancelledError:
            if timers.watch.expired is None or call.left:
                raise
            call.task.uncancel()
            raise timers.expired(target) from None
        finally:
            self._watchdog.remove(timers.watch)


class _Use:
    """One use of a target and one of its provider's keys, as the health of both sees it.

    What runs no model that is known has no target of its own, and says nothing of one.
    """

    def __init__(self, spot: Spot, index: int, *, now: Now) -> None:
        self.target = spot.targets[index]
        self._ring = spot.ring
        self._index = index
        self._now = now
        self._began = now()
        self._health = spot.health if self.target.model else None
        self._ticket = self._health.begin(self._began) if self._health is not None else None

    def succeeded(self) -> None:
        if self._health is not None and self._ticket is not None:
            self._health.succeeded(self._ticket, self._now())
        if self._ring is not None:
            self._ring.succeeded(self._index, began=self._began)

    def failed(self, error: UpstreamError) -> None:
        now = self._now()
        verdict = judge(error)
        counts, retry_after = verdict.counts, error.retry_after
        if self._ring is not None:
            self._ring.failed(self._index, error, now)
            if verdict.key and self._ring.has_another(now, tried=0):
                # The key is at fault, and others of the target work.
                counts, retry_after = False, None
        if self._health is not None and self._ticket is not None:
            self._health.failed(self._ticket, now, describe(error), counts=counts, retry_after=retry_after)

    def abandoned(self) -> None:
        if self._health is not None and self._ticket is not None:
            self._health.abandoned(self._ticket)


class _Timers:
    """The provider's four timers around a body that comes from a caller, whose own pauses are not held against it.

    The body and the answer have the total each: sending a large file takes as long as the caller's line does.
    """

    def __init__(self, watch: Watch, now: Now) -> None:
        self.watch = watch
        self._now = now
        self._is_sent = False
        self._is_answering = False

    async def while_sending(self, parts: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        """The parts of the body; between two of them the caller is waited for."""
        async with aclosing(parts) as source:
            self.watch.rest()
            async for part in source:
                self.watch.expect("gap", self.watch.timeouts.gap, self._now())
                yield part
                self.watch.rest()

    def sent(self, whole: bool) -> None:
        """Part of the body was sent, or the last of it."""
        if not whole:
            return
        now = self._now()
        self._is_sent = True
        self.watch.limit = now + self.watch.timeouts.total
        if not self._is_answering:
            self.watch.expect("first_byte", self.watch.timeouts.first_byte, now)
        elif self.watch.deadline == inf:
            self.answering()

    def answering(self) -> None:
        """The answer has begun, and more of it must come."""
        self._is_answering = True
        self.watch.expect("gap", self.watch.timeouts.gap, self._now())

    def expired(self, target: Target) -> PenstockError:
        """What to tell when the watch has run out."""
        name, timeouts, timer = target.provider.name, self.watch.timeouts, self.watch.expired
        if timer == "gap" and not self._is_answering:
            return DeadlineExceeded(
                f"The provider {name} took no more of the request for {timeouts.gap:g} s.", timer="gap"
            )
        if timer == "gap":
            return DeadlineExceeded(
                f"The provider {name} fell silent for {timeouts.gap:g} s in the middle of its answer.", timer="gap"
            )
        if timer == "first_byte":
            return DeadlineExceeded(
                f"The provider {name} did not begin to answer within {timeouts.first_byte:g} s.", timer="first_byte"
            )
        if not self._is_sent:
            return InvalidInput(
                f"The request body did not come whole within {timeouts.total:g} s.",
                hint=f"Send less, or raise providers.{name}.timeouts.total in penstock.yaml.",
                code="upload_too_slow",
            )
        return DeadlineExceeded(f"The provider {name} did not finish within {timeouts.total:g} s.", timer="total")


class _Out:
    """The way back to the caller, whose pauses are no fault of the provider's."""

    def __init__(self, call: PassthroughCall, timers: _Timers) -> None:
        self._call = call
        self._timers = timers

    def open(self, status: int, headers: Sequence[tuple[bytes, bytes]], *, length: int | None) -> None:
        if self._call.has_limits:
            # Theirs are those of Penstock's account.
            headers = [header for header in headers if not header[0].startswith(PROVIDERS_LIMITS)]
        self._call.responder.open(status, headers, length=length)
        self._timers.answering()

    async def write(self, data: bytes) -> None:
        self._timers.watch.rest()
        await self._call.responder.write(data)
        self._timers.answering()
