"""A gateway in this process, in front of a provider that does what a test tells it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import httpx
import pytest

from gateway_harness import KEY, SECRET, Gateway, MemoryJournal, Provider, listening
from penstock.core.clock import SystemClock
from penstock.core.ids import RandomIds
from penstock.finops.pricing import Pricer
from penstock.gateway.app import GatewayApp
from penstock.gateway.inbound.listener import Listener
from penstock.gateway.pipeline import Pipeline
from penstock.gateway.publication import Publication
from penstock.gateway.routing.registry import Health
from penstock.gateway.stages.admit import Admission
from penstock.gateway.stages.dispatch.attempt import Attempts
from penstock.gateway.stages.dispatch.executor import Executor
from penstock.gateway.stages.reuse import Reuser
from penstock.gateway.transport import HttpTransport
from penstock.gateway.watchdog import Watchdog
from penstock.store.answers.memory import MemoryAnswers
from penstock.store.counters.memory import MemoryCounters
from penstock.wire.snapshot import (
    AliasEntry,
    GatewaySettings,
    KeyEntry,
    PriceEntry,
    ProjectEntry,
    ProviderEntry,
    Snapshot,
    Timeouts,
    hash_key,
)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with listening(Provider()) as provider:
        yield provider


@pytest.fixture
async def second() -> AsyncIterator[Provider]:
    """Another provider, to fall back to."""
    async with listening(Provider()) as provider:
        yield provider


@pytest.fixture
def timeouts() -> Timeouts:
    """Overridden by a test that lets one run out."""
    return Timeouts(connect=5, first_byte=5, gap=5, total=10)


@pytest.fixture
def settings() -> GatewaySettings:
    return GatewaySettings(max_body=2 * 1024 * 1024)


@pytest.fixture
def snapshot(provider: Provider, second: Provider, timeouts: Timeouts, settings: GatewaySettings) -> Snapshot:
    def entry(name: str, url: str) -> ProviderEntry:
        return ProviderEntry(
            name=name, kind="openai", base_url=f"{url}/v1", api_key="env:SECRET", models=("m",), timeouts=timeouts
        )

    return Snapshot(
        version=1,
        created=1,
        projects={"project": ProjectEntry(id="project", name="default")},
        keys={
            hash_key(KEY): KeyEntry(id="key", name="app", project="project", scopes=("gateway:call", "gateway:models"))
        },
        providers={"p": entry("p", provider.url), "q": entry("q", second.url)},
        aliases={"both": AliasEntry(name="both", targets=("p/m", "q/m"))},
        prices=(PriceEntry(provider="*", model="*", input=1_000_000_000, output=2_000_000_000),),
        user_salt="00" * 32,
        gateway=settings,
    )


@pytest.fixture
async def gateway(snapshot: Snapshot, tmp_path: Path) -> AsyncIterator[Gateway]:
    clock = SystemClock()
    ids = RandomIds(clock)
    journal = MemoryJournal()
    health = Health(clock=clock)
    publication = Publication(tmp_path / "snapshot.json", Pricer, health, environment={"SECRET": SECRET})
    transport = HttpTransport(snapshot.gateway)
    watchdog = Watchdog()
    async with asyncio.TaskGroup() as tasks:
        counters = MemoryCounters(clock)
        cache = MemoryAnswers(budget=1_000_000, clock=clock)
        random = Random(7)
        admission = Admission(counters, clock=clock)
        attempts = Attempts(transport, watchdog, clock=clock)
        executor = Executor(attempts, admission, health, journal, random=random, clock=clock, ids=ids)
        reuser = Reuser(executor.run, cache, random=random, clock=clock)
        pipeline = Pipeline(publication, journal, admission, reuser, watchdog, tasks=tasks, clock=clock, ids=ids)
        app = GatewayApp(pipeline, publication, tasks=tasks, clock=clock, ids=ids)

        listener = Listener(app)
        watchdog.chores.append(listener.tick)
        server = await asyncio.get_running_loop().create_server(listener.connection, "127.0.0.1", 0)
        ticker = tasks.create_task(watchdog.run())
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {KEY}"}, timeout=10) as client:
            gateway = Gateway(client, journal, publication, tmp_path / "snapshot.json")
            gateway.watchdog = watchdog
            gateway.health = health
            gateway.counters = counters
            gateway.shadows = executor.shadows
            gateway.publish(snapshot)
            yield gateway
        server.close()
        listener.drain()
        await listener.drained(1)
        await executor.shadows.close()
        ticker.cancel()
    await transport.close()
