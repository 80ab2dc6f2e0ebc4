import pytest
from litestar import Litestar
from litestar.di import Provide
from litestar.testing import TestClient

from penstock.identity.types import SYSTEM
from penstock.registry.models import ModelCatalog
from penstock.registry.routes import registry_router


class NoStats:
    def __init__(self):
        self.asked = []

    def model_stats(self, project, from_, to):
        self.asked.append((project, from_, to))
        return []

    def provider_stats(self, project, from_, to):
        return []


@pytest.fixture
def stats():
    return NoStats()


@pytest.fixture
def client(make_registry, write, stats, clock):
    write("providers: {gpu: {kind: openai, base_url: 'http://127.0.0.1:1/v1', models: [m]}}\naliases: {fast: gpu/m}")
    registry = make_registry()
    registry.start()
    catalog = ModelCatalog(stats)
    app = Litestar(
        [registry_router()],
        dependencies={
            "project": Provide(lambda: "p1", sync_to_thread=False),
            "principal": Provide(lambda: SYSTEM, sync_to_thread=False),
            "tracing": Provide(lambda: None, sync_to_thread=False),
            "definitions": Provide(lambda: None, sync_to_thread=False),
            "registry": Provide(lambda: registry, sync_to_thread=False),
            "model_catalog": Provide(lambda: catalog, sync_to_thread=False),
            "clock": Provide(lambda: clock, sync_to_thread=False),
        },
        debug=True,
    )
    with TestClient(app) as client:
        client.registry = registry
        yield client


def test_models_answer_with_providers_and_aliases_over_the_last_day(client, stats, clock):
    answer = client.get("/models")
    assert answer.status_code == 200
    body = answer.json()
    assert body["aliases"] == [{"name": "fast", "targets": ["gpu/m"]}]
    (provider,) = body["providers"]
    assert provider["health"]["status"] == "idle"
    assert provider["models"] == [
        {
            "id": "gpu/m",
            "name": "m",
            "listed": True,
            "price": None,
            "calls": 0,
            "errors": 0,
            "tokens": 0,
            "cost": None,
            "p50": None,
            "p95": None,
            "ttft_p50": None,
        }
    ]
    assert stats.asked == [("p1", clock.now() - 86_400_000_000, clock.now())]


def test_models_take_a_window(client, stats):
    assert client.get("/models", params={"from": 5, "to": 9}).status_code == 200
    assert stats.asked == [("p1", 5, 9)]


def test_an_empty_window_is_refused(client):
    answer = client.get("/models", params={"from": 9, "to": 9})
    assert "expected `from` to be before `to`" in answer.text


def test_config_answers_with_its_state(client, write, home):
    body = client.get("/config").json()
    assert body["file"] == str(home.config)
    assert body["snapshot_version"] == 1
    assert body["error"] is None
    write("providers: [")
    client.registry.reload()
    body = client.get("/config").json()
    assert body["error"]["line"] == 1
    assert "not valid YAML" in body["error"]["message"]
    assert body["snapshot_version"] == 1


def test_every_route_declares_its_permission(client):
    handlers = [
        handler
        for route in client.app.routes
        for handler in getattr(route, "route_handlers", [])
        if route.path in {"/models", "/config"} and handler.opt.get("permission")
    ]
    assert {handler.opt["permission"] for handler in handlers} == {"models:read", "config:read"}
