"""A gateway in this process, in front of a provider that does what a test tells it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway_harness import KEY, Gateway, Provider, listening, running
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
    async with running(snapshot, tmp_path) as gateway:
        yield gateway
