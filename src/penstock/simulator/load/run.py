"""Runs a load test."""

import asyncio
from collections.abc import Iterator

import aiohttp

from penstock.core.clock import Clock, SystemClock
from penstock.simulator.load.caller import LoadCaller
from penstock.simulator.load.plan import LoadPlan, Shot, arrivals
from penstock.simulator.load.tally import LoadReport, Outcome, Tally

__all__ = ["run_load"]


async def run_load(
    plan: LoadPlan, tally: Tally | None = None, *, stop: asyncio.Event | None = None, clock: Clock | None = None
) -> LoadReport:
    """Send what the plan says, wait for the answers, and report.

    Args:
        plan: What to send and when.
        tally: Counts along the way; give one to show progress.
        stop: Set it to send nothing more and give up what is under way.
        clock: Measures.

    Raises:
        InvalidInput: the plan contradicts itself, or its trace cannot be read.
    """
    plan.check()
    shots = arrivals(plan)
    first = next(shots, None)
    counted = Tally() if tally is None else tally
    timer = clock or SystemClock()
    halt = stop or asyncio.Event()
    began = timer.monotonic()
    if first is not None:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=75)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=True) as session:
            runner = _Runner(LoadCaller(plan, session, clock=timer), plan, counted, halt=halt, clock=timer)
            await runner.run(_chain(first, shots))
    return counted.report(timer.monotonic() - began)


def _chain(first: Shot, rest: Iterator[Shot]) -> Iterator[Shot]:
    yield first
    yield from rest


class _Runner:
    def __init__(self, caller: LoadCaller, plan: LoadPlan, tally: Tally, *, halt: asyncio.Event, clock: Clock) -> None:
        self._caller = caller
        self._plan = plan
        self._tally = tally
        self._halt = halt
        self._clock = clock
        self._began = clock.monotonic()
        self._under_way = 0

    async def run(self, shots: Iterator[Shot]) -> None:
        """Returns when all is answered, or soon after `halt`."""
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(self._closed(shots) if self._plan.closed else self._open(shots))
            halting = group.create_task(self._halt.wait())
            await asyncio.wait((sending, halting), return_when=asyncio.FIRST_COMPLETED)
            sending.cancel()
            halting.cancel()

    async def _closed(self, shots: Iterator[Shot]) -> None:
        async def caller() -> None:
            for shot in shots:
                if self._plan.duration is not None and self._elapsed() >= self._plan.duration:
                    return
                await self._send(shot, self._clock.monotonic())

        async with asyncio.TaskGroup() as group:
            for _ in range(self._plan.closed or 0):
                group.create_task(caller())

    async def _open(self, shots: Iterator[Shot]) -> None:
        async with asyncio.TaskGroup() as group:
            for shot in shots:
                early = shot.at - self._elapsed()
                # Also when late: answers must be read between two sendings.
                await asyncio.sleep(max(0.0, early))
                if self._under_way >= self._plan.in_flight:
                    self._tally.sent += 1
                    self._tally.add(Outcome(error="overload"))
                    continue
                group.create_task(self._send(shot, self._began + shot.at))

    async def _send(self, shot: Shot, due: float) -> None:
        self._tally.sent += 1
        self._under_way += 1
        try:
            self._tally.add(await self._caller.send(shot, due))
        finally:
            self._under_way -= 1

    def _elapsed(self) -> float:
        return self._clock.monotonic() - self._began
