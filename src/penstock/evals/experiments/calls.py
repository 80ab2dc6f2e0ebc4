"""One answer, paid for once: marked before it is asked for, looked up when its caller did not live to see it."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import PenstockError, UpstreamError
from penstock.evals.experiments.keys import trace_id
from penstock.evals.experiments.pacing import Pacer
from penstock.evals.experiments.ports import Recall
from penstock.evals.experiments.types import CallMark, Output

__all__ = ["NOT_SENT", "Asked", "CallSettings", "Calls", "Stopped"]

NOT_SENT: Final = "not_sent"
"""Code of an error after which the other side cannot have seen the call."""
REFUSED: Final = frozenset({429, 503, 529})
REFUSALS: Final = 20
"""How often a call is put off because the other side has too many, beside its retries."""
POLL_FIRST: Final = 0.25
POLL_MOST: Final = 2.0
GRACE_SECONDS: Final = 5.0
"""How long a record may take to be found after whoever made the call has gone."""
BACK_OFF_FIRST: Final = 0.5
BACK_OFF_MOST: Final = 30.0


class Stopped(Exception):
    """The run ends; this call was not started."""


class CallSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How calls are made."""

    experiment: str
    retries: int = 3
    patience: float = 120.0
    """Seconds after its mark for which a call may still be under way somewhere."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, and what it took."""

    output: Output
    attempts: int
    recalled: bool = False
    """It was found in the records rather than asked for."""
    kept: bool = False
    """It was there from before: nothing was paid."""


Ask = Callable[[CallMark], Awaitable[Output]]


class Calls:
    """Makes calls, each once, as many at a time as the other side takes.

    Args:
        settings: How.
        begin: Marks a call durably: its key, and whether it is a new attempt.
        pacer: How many at a time.
        recall: Looks for records; None where there are none.
        may_start: Says no once the run is to end.
        clock: Time of marks.
        random: Spreads retries.
        pause: Waits, seconds.
    """

    def __init__(
        self,
        settings: CallSettings,
        begin: Callable[[tuple[str, bool]], Awaitable[CallMark]],
        pacer: Pacer,
        *,
        recall: Recall | None,
        may_start: Callable[[], bool],
        clock: Clock,
        random: Random,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._begin = begin
        self._pacer = pacer
        self._recall = recall
        self._may_start = may_start
        self._clock = clock
        self._random = random
        self._pause = pause
        self._flights: dict[str, asyncio.Future[Asked]] = {}

    async def get(self, key: str, ask: Ask) -> Asked:
        """The answer under a key. Who asks for one that is being asked for waits for that.

        Raises:
            UpstreamError: there is none after all tries.
            Stopped: the run ends before it was asked for.
        """
        flight = self._flights.get(key)
        if flight is not None:
            return await flight
        flight = self._flights[key] = asyncio.get_running_loop().create_future()
        try:
            asked = await self._get(key, ask)
        except (PenstockError, Stopped) as error:
            flight.set_exception(error)
            flight.exception()  # seen here, so that nobody else need
            raise
        except BaseException:
            flight.cancel()
            raise
        else:
            flight.set_result(asked)
            return asked
        finally:
            del self._flights[key]

    async def _get(self, key: str, ask: Ask) -> Asked:
        failures = refusals = 0
        again = False
        while True:
            mark, outcome = await self._once(key, ask, again=again)
            if isinstance(outcome, Output):
                return Asked(output=outcome, attempts=mark.attempt)
            again = True
            if outcome is None or _unknown(outcome):
                found = await self._look_up(mark)
                if found is not None:
                    return Asked(output=found, attempts=mark.attempt, recalled=True)
            if outcome is None:
                continue
            if _refused(outcome):
                refusals += 1
            else:
                failures += 1
            if not outcome.retryable or failures > self._settings.retries or refusals > REFUSALS:
                raise outcome
            if outcome.retry_after is None:
                # Full jitter (Brooker, "Exponential Backoff And Jitter", AWS 2015).
                most = min(BACK_OFF_MOST, BACK_OFF_FIRST * 2 ** (failures + refusals - 1))
                await self._pause(self._random.uniform(0, most))

    async def _once(self, key: str, ask: Ask, *, again: bool) -> tuple[CallMark, Output | UpstreamError | None]:
        """One attempt: its answer, its error, or None when an earlier process may have made it already."""
        place = await self._pacer.acquire()
        outcome: Output | UpstreamError | None = None
        try:
            if not self._may_start():
                raise Stopped
            mark = await self._begin((key, again))
            if mark.fresh:
                try:
                    outcome = await ask(mark)
                except UpstreamError as error:
                    outcome = error
        finally:
            refused = isinstance(outcome, UpstreamError) and _refused(outcome)
            wait = outcome.retry_after if isinstance(outcome, UpstreamError) else None
            self._pacer.release(place, refused=refused, retry_after=wait)
        return mark, outcome

    async def _look_up(self, mark: CallMark) -> Output | None:
        """The record of a call, as soon as it is there; None once it will not come."""
        if self._recall is None:
            return None
        trace = trace_id(self._settings.experiment, mark.key, mark.attempt)
        deadline = mark.started / 1_000_000 + self._settings.patience
        wait, gone = POLL_FIRST, False
        while True:
            try:
                found = await self._recall.find(trace)
            except UpstreamError:
                return None
            now = self._clock.now() / 1_000_000
            if found is not None or now >= deadline:
                return found
            if not gone and not await self._recall.alive(mark.started):
                gone = True
                deadline = min(deadline, now + GRACE_SECONDS)
            await self._pause(min(wait, max(0.0, deadline - now)))
            wait = min(POLL_MOST, wait * 2)


def _refused(error: UpstreamError) -> bool:
    return error.upstream_status in REFUSED


def _unknown(error: UpstreamError) -> bool:
    """Whether the call may have been made all the same: sent, and no answer came."""
    return error.upstream_status is None and error.code != NOT_SENT
