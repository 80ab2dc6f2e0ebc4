"""The console's app over real services, called in process."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from penstock.core.clock import ManualClock
from penstock.core.home import Home
from penstock.core.ids import RandomIds
from penstock.identity.service import IdentityService
from penstock.identity.types import Bootstrap, KeyWithSecret
from penstock.registry.ports import ModelStat, ProviderStat
from penstock.registry.service import RegistryService
from penstock.server.auth import csrf_token
from penstock.server.console_app import ConsoleApp, ConsoleServices, ConsoleSettings, create_app
from penstock.store.metadata import open_metadata

URL = "http://127.0.0.1:4180"


class NoStats:
    def model_stats(self, project: str, from_: int, to: int) -> Sequence[ModelStat]:
        return []

    def provider_stats(self, project: str, from_: int, to: int) -> Sequence[ProviderStat]:
        return []


@dataclass
class Console:
    """An app, its identity service, and what the first start made."""

    app: ConsoleApp
    identity: IdentityService
    made: Bootstrap
    clock: ManualClock
    home: Home

    def key(self, *scopes: str, project: str | None = None, **options) -> KeyWithSecret:
        admin = self.identity.access.by_key(self.made.secret)
        where = self.made.project if project is None else project
        return self.identity.keys.create(admin, project=where, name="test", scopes=scopes, **options)

    def session(self, role: str = "admin", name: str | None = None, project: str | None = None) -> str:
        link = self.identity.new_signin_link(role=role, name=name or role, project=project)
        return self.identity.people.sign_in(link.token).token

    def project(self, name: str) -> str:
        return self.identity.projects.create(self.identity.access.by_key(self.made.secret), name).id

    def client(self, *, key: str | None = None, session: str | None = None, **options) -> httpx.AsyncClient:
        """A client that signs its writes when it has a session, as the console's pages do."""
        headers = dict(options.pop("headers", {}))
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        if session is not None:
            headers |= {"cookie": f"penstock_session={session}", "x-csrf-token": csrf_token(session)}
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)  # type: ignore[arg-type]
        return httpx.AsyncClient(transport=transport, base_url=URL, headers=headers, **options)

    async def ask(self, method: str, path: str, **options) -> httpx.Response:
        credentials = {name: options.pop(name) for name in ("key", "session") if name in options}
        async with self.client(**credentials) as client:
            return await client.request(method, path, **options)


@pytest.fixture
def settings(tmp_path: Path) -> ConsoleSettings:
    return ConsoleSettings(console_url=URL, gateway_url="http://127.0.0.1:4100", static=tmp_path / "static")


@pytest.fixture
async def console(tmp_path: Path, settings: ConsoleSettings):
    home = Home(tmp_path / "home")
    home.create()
    clock = ManualClock()
    metadata = open_metadata(home.metadata)
    identity = IdentityService(metadata, clock=clock, ids=RandomIds(clock, seed=1))
    made = identity.bootstrap(home.admin_key)
    assert made is not None
    registry = RegistryService(home, clock=clock, entries=identity.snapshot_entries, environment={})
    await asyncio.to_thread(registry.start)
    services = ConsoleServices(identity=identity, registry=registry, tracing=NoStats(), settings=settings, clock=clock)
    yield Console(create_app(services), identity, made, clock, home)
    metadata.close()
