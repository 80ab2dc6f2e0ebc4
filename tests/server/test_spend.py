"""Budgets, the cache, targets and reconciliation by the control API, as those who may and those who may not."""

import msgspec
import pytest

from penstock.core.ids import RandomIds
from penstock.registry.types import Place
from penstock.testing.journal import JournalFolder
from penstock.wire.status import CacheReport, TargetReport, WorkerReport

MINUTE = 60_000_000


@pytest.fixture
def limit(console):
    """Writes a limit through the control API."""

    def limit(name, body, *, project=None, everywhere=False):
        admin = console.identity.access.by_key(console.made.secret)
        place = Place(project=project or console.made.project, everywhere=everywhere)
        console.services.definitions.put("limit", admin, name, body, place=place)

    return limit


@pytest.fixture
def spend(console):
    """Stores calls as the gateway's journal would bring them."""
    folder = JournalFolder(console.journal, worker=RandomIds().span_id())

    async def spend(*costs, project=None, **fields):
        given = {"started": console.clock.now() - MINUTE, "project": project or console.made.project} | fields
        folder.write(*(folder.span(cost=cost, **given) for cost in costs))
        await console.ingest.step()

    return spend


async def test_a_viewer_sees_what_limits_of_the_project_have_used(console, limit, spend):
    key = console.key("gateway:call")
    limit("each-key", {"on": "key", "requests_per_minute": 10, "budget": {"day": {"soft": "$0.000001", "hard": "$1"}}})
    await spend(1500, 700, key=key.id, route="r")
    session = console.session("viewer", project=console.made.project)
    (use,) = (await console.ask("GET", "/api/v1/budgets", session=session)).json()["items"]
    (budget,) = use["budgets"]
    (line,) = budget["lines"]
    assert (use["name"], use["source"], budget["hard"], budget["spent"]) == ("each-key", "api", 10**9, 2200)
    assert (line["who"], line["state"]) == ({"level": "key", "id": key.id, "name": "test"}, "soft")
    assert (line["series"][-1]["total"], line["spenders"]) == (2200, None)
    assert line["forecast"]["method"] == "linear"
    assert use["rates"][0]["peak"] == 2

    detail = (await console.ask("GET", "/api/v1/budgets/each-key?window=day", session=session)).json()
    spenders = detail["budgets"][0]["lines"][0]["spenders"]
    assert [(one["name"], one["cost"], one["calls"]) for one in spenders["routes"]] == [("r", 2200, 2)]
    assert (await console.ask("GET", "/api/v1/budgets/each-key?window=hour", session=session)).json()["budgets"] == []
    assert (await console.ask("GET", "/api/v1/budgets/each-key?window=year", session=session)).status_code == 400


async def test_another_tenant_sees_nothing_of_a_project_nor_of_what_projects_share(console, limit, spend):
    """FAILURES S23, S39."""
    theirs = console.project("theirs")
    limit("company", {"on": "organisation", "budget": {"day": "$1"}}, everywhere=True)
    limit("own", {"on": "project", "budget": {"day": "$1"}})
    await spend(500, cache="hit", saved=9, route="secret")
    tenant = console.session("viewer", name="tenant", project=theirs)
    answer = await console.ask("GET", "/api/v1/budgets", session=tenant)
    assert answer.json()["items"] == []
    for name in ("own", "company"):
        refused = await console.ask("GET", f"/api/v1/budgets/{name}", session=tenant)
        assert (refused.status_code, refused.json()["code"]) == (404, "limit_not_found")
    cache = (await console.ask("GET", "/api/v1/cache", session=tenant)).json()
    assert (cache["totals"]["asked"], cache["routes"]) == (0, [])
    mine = console.session("viewer", name="mine", project=console.made.project)
    assert [use["name"] for use in (await console.ask("GET", "/api/v1/budgets", session=mine)).json()["items"]] == [
        "own"
    ]
    admin = (await console.ask("GET", "/api/v1/budgets", key=console.made.secret)).json()["items"]
    assert [use["name"] for use in admin] == ["company", "own"]


@pytest.mark.parametrize(("method", "permission"), [("GET", "limits:read"), ("POST", "limits:write")])
async def test_reconciling_needs_the_permission_in_every_project(console, method, permission):
    """FAILURES S1, S23."""
    key = console.key("limits:read", "limits:write").secret
    refused = await console.ask(method, "/api/v1/reconciliation", key=key)
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert permission in refused.json()["detail"]


async def test_an_admin_reconciles_and_puts_right(console, limit, spend):
    """FAILURES G5."""
    key = console.key("gateway:call")
    limit("this-key", {"on": "key", "match": key.id, "budget": {"day": "$1"}})
    await spend(500, key=key.id)
    found = (await console.ask("GET", "/api/v1/reconciliation", key=console.made.secret)).json()
    (item,) = found["items"]
    assert (found["source"], item["limit"], item["recorded"], item["difference"]) == ("log", "this-key", 500, -500)
    fixed = (await console.ask("POST", "/api/v1/reconciliation", key=console.made.secret)).json()
    assert (fixed["equal"], fixed["fixed"]) == (True, 1)


async def test_the_cache_and_targets_are_told_from_records_and_workers(console, spend):
    await spend(0, 0, cache="hit", saved=40, route="r")
    await spend(7, cache="miss", route="r")
    report = WorkerReport(
        worker="w",
        pid=1,
        program="1",
        started=1,
        at=console.clock.now(),
        snapshot=1,
        cache=CacheReport(entries=3, bytes=99),
        targets=(TargetReport(target="up/m", state="open", reason="it failed"),),
    )
    (console.home.workers / "w.json").write_bytes(msgspec.json.encode(report))
    session = console.session("viewer", project=console.made.project)
    cache = (await console.ask("GET", "/api/v1/cache?points=10", session=session)).json()
    assert (cache["totals"]["hits"], cache["totals"]["misses"], cache["totals"]["saved"]) == (2, 1, 80)
    assert (cache["live"], len(cache["series"]) <= 11) == (
        {"workers": 1, "entries": 3, "bytes": 99, "shared": False},
        True,
    )
    (target,) = (await console.ask("GET", "/api/v1/targets", session=session)).json()["items"]
    assert (target["target"], target["state"], target["reason"]) == ("up/m", "open", "it failed")
    assert [one["worker"] for one in target["workers"]] == ["w"]
    assert (await console.ask("GET", "/api/v1/cache?points=0", session=session)).status_code == 400
