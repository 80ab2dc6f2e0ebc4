"""Both caches of answers, the one on a real server."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from penstock.core.clock import ManualClock
from penstock.store.answers.memory import MemoryAnswers
from penstock.store.answers.redis import RedisAnswers
from penstock.wire.answers import CachedAnswer
from penstock.wire.limits import RedisSettings
from penstock.wire.usage import Usage
from redis_harness import SERVER, RedisServer

PREFIXES = itertools.count()


def make_answer(body: bytes = b'{"id":"a"}', **members: Any) -> CachedAnswer:
    return CachedAnswer(
        **{
            "operation": "chat",
            "body": body,
            "created": 1_700_000_000_000_000,
            "provider": "up",
            "model": "m",
            "usage": Usage(input=3, output=2),
            "cost": 17,
            **members,
        }
    )


@pytest.fixture(scope="session")
def answer() -> Callable[..., CachedAnswer]:
    return make_answer


@pytest.fixture(scope="session")
def server() -> Iterator[RedisServer]:
    """One server for all tests that do not hurt it; each has its own prefix."""
    if SERVER is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    """A server that the test may kill."""
    if SERVER is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def settings(server: RedisServer) -> RedisSettings:
    return RedisSettings(url=server.url, prefix=f"t{os.getpid()}-{next(PREFIXES)}", timeout=5.0)


class Opened:
    """A cache, and a way to know that what was put is there."""

    def __init__(self, cache: MemoryAnswers | RedisAnswers) -> None:
        self.cache = cache

    async def put(self, key: str, answer: CachedAnswer, *, ttl: float = 60.0) -> None:
        self.cache.put(key, answer, ttl=ttl)
        await self.settled()

    async def settled(self) -> None:
        if isinstance(self.cache, RedisAnswers) and self.cache._writer is not None:
            await asyncio.wait((self.cache._writer,))


@asynccontextmanager
async def open_redis(settings: RedisSettings, clock: ManualClock, budget: int = 1 << 20) -> AsyncIterator[Opened]:
    async with asyncio.TaskGroup() as tasks:
        cache = RedisAnswers(settings, budget=budget, clock=clock, tasks=tasks)
        yield Opened(cache)
        await cache.close()


@asynccontextmanager
async def open_memory(clock: ManualClock, budget: int = 1 << 20) -> AsyncIterator[Opened]:
    cache = MemoryAnswers(budget=budget, clock=clock)
    yield Opened(cache)
    await cache.close()


@pytest.fixture(params=["memory", "redis"])
def opened(request: pytest.FixtureRequest, clock: ManualClock) -> Callable[..., Any]:
    """`async with opened(budget=…) as it:` on each engine."""
    if request.param == "memory":
        return lambda budget=1 << 20: open_memory(clock, budget)
    settings = request.getfixturevalue("settings")
    return lambda budget=1 << 20: open_redis(settings, clock, budget)


@pytest.fixture
def redis(clock: ManualClock) -> Callable[..., Any]:
    return lambda settings, budget=1 << 20: open_redis(settings, clock, budget)
