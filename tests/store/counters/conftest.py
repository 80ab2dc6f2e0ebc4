"""Counters on both engines."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from counters_harness import Bench, Engine, fresh_prefix
from redis_harness import SERVER, RedisServer


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """One server for all tests that do not hurt it; each has its own prefix."""
    if SERVER is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A server that the test may kill."""
    if SERVER is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def prefix() -> str:
    return fresh_prefix()


@pytest.fixture(params=["memory", "redis"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return Engine(request.getfixturevalue("shared_redis") if request.param == "redis" else None)


@pytest.fixture
async def bench(engine: Engine) -> AsyncIterator[Bench]:
    # The task group of a fixture must be left by the task that entered it.
    opened: asyncio.Future[Bench] = asyncio.get_running_loop().create_future()
    done = asyncio.Event()

    async def hold() -> None:
        async with engine.open() as bench:
            opened.set_result(bench)
            await done.wait()

    holding = asyncio.create_task(hold())
    await asyncio.wait([opened, holding], return_when=asyncio.FIRST_COMPLETED)
    if holding.done():
        holding.result()
    yield opened.result()
    done.set()
    await holding
