"""Counters on both engines, with a clock that a test moves, and a builder of claims."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from penstock.core.clock import ManualClock
from penstock.core.ids import RandomIds
from penstock.store.counters.ledger import Ledger
from penstock.store.counters.memory import MemoryCounters
from penstock.store.counters.redis import RedisCounters
from penstock.wire.limits import Claim, Measure, RedisSettings, Window
from redis_harness import RedisServer

PATIENCE = 20.0
_numbers = itertools.count()


def fresh_prefix() -> str:
    return f"test-{next(_numbers)}"


def claim(
    measure: Measure = "requests",
    window: Window = "minute",
    amount: int = 1,
    hard: int | None = 10,
    soft: int | None = None,
    *,
    whose: str = "project:p",
) -> Claim:
    return Claim(f"limit-a/{whose}/{measure}/{window}", measure, window, amount, hard, soft, "limit-a")


class Bench:
    """Counters with what surrounds them."""

    def __init__(self, counters: MemoryCounters | RedisCounters, clock: ManualClock, ledger: Ledger) -> None:
        self.counters = counters
        self.clock = clock
        self.ledger = ledger

    async def settled(self) -> None:
        """What was given back is counted."""
        if isinstance(self.counters, RedisCounters):
            await self.counters.drained()

    async def pass_time(self, seconds: float) -> None:
        await self.settled()
        self.clock.advance(seconds)
        self.counters.tick()
        await self.settled()

    async def used(self, one: Claim) -> int:
        await self.settled()
        return (await self.counters.read([one.counter]))[one.counter]


async def nothing() -> Mapping[str, int]:
    return {}


@asynccontextmanager
async def redis_counters(
    url: str,
    *,
    prefix: str,
    clock: ManualClock | None = None,
    ledger: Ledger | None = None,
    on_fresh: Callable[[], Awaitable[Mapping[str, int]]] = nothing,
    wait: bool = True,
    **settings: object,
) -> AsyncIterator[Bench]:
    clock, ledger = clock or ManualClock(), ledger or Ledger()
    async with asyncio.TaskGroup() as tasks:
        counters = RedisCounters(
            RedisSettings(url=url, prefix=prefix, **{"timeout": 5.0, **settings}),  # type: ignore[arg-type]
            clock=clock,
            ids=RandomIds(),
            ledger=ledger,
            worker=f"worker-{next(_numbers)}",
            tasks=tasks,
            on_fresh=on_fresh,
        )
        try:
            if wait:
                await asyncio.wait_for(counters.ready(), PATIENCE)
            yield Bench(counters, clock, ledger)
        finally:
            await counters.close()


class Engine:
    def __init__(self, server: RedisServer | None) -> None:
        self._server = server

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Bench]:
        if self._server is None:
            clock, ledger = ManualClock(), Ledger()
            counters = MemoryCounters(clock, ledger)
            yield Bench(counters, clock, ledger)
            await counters.close()
            return
        async with redis_counters(self._server.url, prefix=fresh_prefix()) as bench:
            yield bench
