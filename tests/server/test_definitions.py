"""Routes and limits through the control API."""
# ruff: noqa: E501 - one case of a table is one line

import asyncio

import pytest
from sqlalchemy import update

from penstock.identity.store import audit
from penstock.store.metadata import open_metadata
from penstock.store.metadata.schema import definitions
from penstock.wire.limits import Budget, LimitEntry
from penstock.wire.routing import Fallback, Use
from penstock.wire.snapshot import decode_snapshot

FILE = """\
providers:
  up: {kind: openai, base_url: 'http://127.0.0.1:1/v1', models: [big, small]}
aliases: {fast: up/small}
routes:
  filed: {variants: {only: up/big}}
limits:
  - {name: cap, on: organisation, requests_per_minute: 10}
"""
ROUTE = {"variants": {"smart": "up/big", "cheap": "up/small"}, "strategy": {"fallback": ["smart", "cheap"]}}
LIMIT = {"on": "key", "requests_per_minute": 60, "budget": {"day": {"hard": "$5", "soft": "$4"}}}
ROUTES, LIMITS = "/api/v1/routes", "/api/v1/limits"


@pytest.fixture
async def api(console):
    """Asks as the first admin; the console has a file."""
    console.home.config.write_text(FILE)
    await asyncio.to_thread(console.services.registry.reload)

    async def ask(method, path, json=None, *, status=200, key=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with console.client(key=key or console.made.secret, headers=named) as client:
            answer = await client.request(method, path, json=json)
        assert answer.status_code == status, answer.text
        ask.headers = answer.headers
        return answer.json() if answer.content else None

    return ask


def served(console):
    return decode_snapshot(console.home.snapshot.read_bytes())


# --- routes -----------------------------------------------------------------------------------


async def test_a_route_is_live_when_its_write_is_answered(api, console):
    """FAILURES G21."""
    before = served(console).version
    route = await api("PUT", f"{ROUTES}/support?comment=first", ROUTE)
    assert (route["name"], route["project"], route["source"], route["served"]) == (
        "support",
        console.made.project,
        "api",
        True,
    )
    assert api.headers["etag"] == '"1"'
    snapshot = served(console)
    assert snapshot.version == before + 1
    entry = snapshot.routes[f"{console.made.project}/support"]
    assert entry.strategy == Fallback(of=(Use(variant="smart"), Use(variant="cheap")))
    assert (entry.source, entry.project, entry.version) == ("api", console.made.project, route["version"])
    assert await api("GET", f"{ROUTES}/support") == route
    await api("DELETE", f"{ROUTES}/support", status=204)
    assert list(served(console).routes) == ["filed"]
    await api("GET", f"{ROUTES}/support", status=404)


async def test_routes_of_the_file_are_shown_with_their_place_and_changed_there_only(api, console):
    (route,) = (await api("GET", ROUTES))["items"]
    assert (route["name"], route["source"], route["file"], route["line"]) == (
        "filed",
        "file",
        str(console.home.config),
        5,
    )
    assert (route["definition"], route["served"]) == ({"variants": {"only": "up/big"}, "strategy": "only"}, True)
    for method, body, status in (("PUT", ROUTE, 409), ("DELETE", None, 409)):
        problem = await api(method, f"{ROUTES}/filed", body, status=status)
        assert problem["code"] == "defined_in_file"
        assert problem["detail"] == f"The route filed stands in {console.home.config}:5, and is changed there."


async def test_a_route_of_all_projects_is_hidden_by_one_of_a_project(api, console):
    other = console.project("other")
    await api("PUT", f"{ROUTES}/r?everywhere=true", {"strategy": "up/big"})
    await api("PUT", f"{ROUTES}/r", {"strategy": "up/small"})
    assert set(served(console).routes) == {"filed", "r", f"{console.made.project}/r"}
    assert (await api("GET", f"{ROUTES}/r"))["definition"]["strategy"] == "up/small"
    assert (await api("GET", f"{ROUTES}/r?project={other}"))["definition"]["strategy"] == "up/big"
    assert (await api("GET", f"{ROUTES}/r?everywhere=true"))["project"] is None
    await api("DELETE", f"{ROUTES}/r?project=other", status=404)
    await api("DELETE", f"{ROUTES}/r", status=204)
    assert (await api("GET", f"{ROUTES}/r"))["definition"]["strategy"] == "up/big"


async def test_writing_for_all_projects_needs_the_permission_in_all(api, console):
    key = console.key("routes:read", "routes:write", "limits:read").secret
    for method, body in (("PUT", ROUTE), ("DELETE", None)):
        problem = await api(method, f"{ROUTES}/r?everywhere=true", body, status=403, key=key)
        assert problem["code"] == "permission_denied"
    await api("PUT", f"{ROUTES}/r", ROUTE, key=key)
    await api("PUT", f"{LIMITS}/l", LIMIT, status=403, key=key)


@pytest.mark.parametrize(("role", "allowed"), [("viewer", set()), ("editor", {ROUTES}), ("admin", {ROUTES, LIMITS})])
async def test_roles_read_and_write_as_the_table_says(api, console, role, allowed):
    session = console.session(role, project=None if role == "admin" else console.made.project)
    for path, body in ((ROUTES, ROUTE), (LIMITS, LIMIT)):
        async with console.client(session=session) as client:
            assert (await client.get(path)).status_code == 200
            assert (await client.post(f"{path}/x/diff", json=body)).status_code == 200
            assert (await client.put(f"{path}/x", json=body)).status_code == (200 if path in allowed else 403)


async def test_the_body_may_repeat_the_project_and_not_say_another(api, console):
    await api("PUT", f"{ROUTES}/r", {**ROUTE, "project": "default"})
    await api("PUT", f"{ROUTES}/r", {**ROUTE, "project": console.made.project})
    console.project("other")
    for other in ("other", "nowhere", 3):
        problem = await api("PUT", f"{ROUTES}/r", {**ROUTE, "project": other}, status=400)
        assert problem["field"] == "project"
    problem = await api("PUT", f"{ROUTES}/r?everywhere=true", {**ROUTE, "project": "default"}, status=400)
    assert problem["field"] == "project"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, None),
        ({"strategy": {"fallback": ["up/big", "nowhere/x"]}}, "strategy.fallback[1]"),
        ({"variants": {"a": "up/big"}, "strategy": "b"}, "strategy"),
        ({"variants": {"a": {"model": "up/big", "parameters": {"temperature": "hot"}}}}, "variants.a.parameters.temperature"),
        ({"strategy": "up/big", "cach": {}}, None),
        ({"strategy": {"conditional": [{"if": "key.nam", "use": "up/big"}, {"else": "up/big"}]}}, "strategy.conditional[0].if"),
        ({"strategy": {"cascade": {"steps": ["up/small", "up/big"], "checks": [{"judge": "r"}]}}}, "strategy.cascade.checks[0].judge"),
    ],
)  # fmt: skip
async def test_a_body_is_checked_as_the_file_is_and_the_field_is_named(api, console, body, field):
    before = served(console)
    problem = await api("PUT", f"{ROUTES}/r", body, status=400)
    assert (problem["code"], problem.get("field")) == ("definition_invalid", field)
    assert served(console) == before


async def test_a_body_that_is_nested_without_end_is_refused(api):
    strategy = "up/big"
    for _ in range(40):
        strategy = {"fallback": [strategy]}
    problem = await api("PUT", f"{ROUTES}/r", {"strategy": strategy}, status=400)
    assert "nested over 32 levels" in problem["detail"]
    await api("PUT", f"{ROUTES}/r", [1], status=400)
    await api("PUT", f"{ROUTES}/a%20b", ROUTE, status=400)


async def test_a_name_stands_for_one_thing(api):
    for name in ("fast", "big"):
        problem = await api("PUT", f"{ROUTES}/{name}", ROUTE, status=409)
        assert problem["code"] == "name_taken"


async def test_judges_in_a_circle_are_refused_and_a_judge_in_use_stays(api):
    judged = {"strategy": {"cascade": {"steps": ["up/small", "up/big"], "checks": [{"judge": "judge"}]}}}
    problem = await api("PUT", f"{ROUTES}/r", judged, status=400)
    assert problem["detail"].startswith("no route is called 'judge'.")
    await api("PUT", f"{ROUTES}/judge", {"strategy": "up/big"})
    await api("PUT", f"{ROUTES}/r", judged)
    asks_back = {"strategy": {"cascade": {"steps": ["up/small", "up/big"], "checks": [{"judge": "r"}]}}}
    problem = await api("PUT", f"{ROUTES}/judge", asks_back, status=400)
    assert problem["field"] == "strategy.cascade.checks[0].judge"
    problem = await api("DELETE", f"{ROUTES}/judge", status=409)
    assert (problem["code"], problem["detail"]) == ("route_in_use", "The route r asks judge as its judge.")
    await api("DELETE", f"{ROUTES}/r", status=204)
    await api("DELETE", f"{ROUTES}/judge", status=204)


# --- versions and history ---------------------------------------------------------------------


async def test_a_write_on_top_of_an_older_version_is_refused(api):
    await api("PUT", f"{ROUTES}/r", ROUTE, if_none_match="*")
    problem = await api("PUT", f"{ROUTES}/r", ROUTE, status=412, if_none_match="*")
    assert problem["code"] == "precondition_failed"
    await api("PUT", f"{ROUTES}/r", {"strategy": "up/big"}, if_match='"1"')
    problem = await api("PUT", f"{ROUTES}/r", ROUTE, status=412, if_match='W/"1"')
    assert problem["detail"] == "Version 1 was expected, and it is in version 2, last written by admin."
    await api("DELETE", f"{ROUTES}/r", status=412, if_match='"1"')
    await api("PUT", f"{ROUTES}/new", ROUTE, status=412, if_match="*")
    await api("DELETE", f"{ROUTES}/r", status=204, if_match="*")
    # A name that comes back is no older version of itself.
    assert (await api("PUT", f"{ROUTES}/r", ROUTE))["etag"] == "4"


async def test_writing_the_same_again_changes_nothing(api, console):
    first = await api("PUT", f"{ROUTES}/r", ROUTE)
    version = served(console).version
    assert await api("PUT", f"{ROUTES}/r", {**ROUTE, "retries": {"attempts": 1}}) == first
    assert served(console).version == version
    assert len((await api("GET", f"{ROUTES}/r/history"))["items"]) == 1


async def test_the_history_says_who_did_what_when_and_why(api, console):
    await api("PUT", f"{ROUTES}/r?comment=begin", ROUTE)
    console.clock.advance(60)
    await api("PUT", f"{ROUTES}/r", {**ROUTE, "strategy": "smart"})
    await api("DELETE", f"{ROUTES}/r?comment=over", status=204)
    page = await api("GET", f"{ROUTES}/r/history")
    assert [(act["version"], act["action"], act["comment"], act["actor"]) for act in page["items"]] == [
        (3, "delete", "over", "admin"),
        (2, "update", "", "admin"),
        (1, "create", "begin", "admin"),
    ]
    assert page["next_cursor"] is None
    _, update_, create = page["items"]
    assert update_["at"] - create["at"] == 60_000_000
    assert update_["differences"] == [
        {"change": "changed", "path": "strategy", "before": {"fallback": ["smart", "cheap"]}, "after": "smart"}
    ]
    assert (create["before"], update_["after"]["strategy"]) == (None, "smart")
    first = await api("GET", f"{ROUTES}/r/history?limit=2")
    assert [act["version"] for act in first["items"]] == [3, 2]
    rest = await api("GET", f"{ROUTES}/r/history?limit=2&cursor={first['next_cursor']}")
    assert [act["version"] for act in rest["items"]] == [1]
    await api("GET", f"{ROUTES}/r/history?limit=0", status=400)
    await api("GET", f"{ROUTES}/nothing/history", status=404)


async def test_changes_are_audited_and_a_comment_has_an_end(api, console):
    await api("PUT", f"{ROUTES}/r?comment={'x' * 501}", ROUTE, status=400)
    await api("PUT", f"{ROUTES}/r?comment=why", ROUTE)
    store = open_metadata(console.home.metadata)
    with store.read() as connection:
        (row,) = [row for row in audit.newest(connection) if row.action == "route.create"]
    store.close()
    assert row.details == {"name": "r", "version": 1, "comment": "why"}
    assert (row.actor_name, row.project) == ("admin", console.made.project)


# --- dry run ----------------------------------------------------------------------------------


async def test_a_proposal_says_what_would_change_and_changes_nothing(api, console):
    before = served(console)
    new = await api("POST", f"{ROUTES}/r/diff", ROUTE)
    assert (new["valid"], new["etag"], new["problems"]) == (True, None, [])
    assert [(one["change"], one["path"]) for one in new["differences"]] == [
        ("added", "variants"),
        ("added", "strategy"),
    ]
    assert served(console) == before
    await api("PUT", f"{ROUTES}/r", ROUTE)
    changed = await api("POST", f"{ROUTES}/r/diff", {**ROUTE, "cache": {"ttl": "60s"}})
    assert (changed["etag"], changed["differences"]) == (
        "1",
        [{"change": "added", "path": "cache", "before": None, "after": {"ttl": "1m"}}],
    )
    hidden = await api("POST", f"{ROUTES}/r/diff?everywhere=true", ROUTE)
    assert hidden["etag"] is None


async def test_a_proposal_tells_every_reason_against_it(api):
    body = {"variants": {"a": "nowhere/x"}, "strategy": {"weighted": {"a": 0}}, "retries": {"attempts": -1}}
    answer = await api("POST", f"{ROUTES}/filed/diff", body)
    assert (answer["valid"], answer["definition"], answer["differences"]) == (False, None, [])
    assert [problem["field"] for problem in answer["problems"]] == [
        "name",
        "strategy.weighted",
        "retries.attempts",
        "variants.a",
    ]


# --- limits -----------------------------------------------------------------------------------


async def test_a_limit_is_live_when_its_write_is_answered(api, console):
    key = console.key("gateway:call")
    limit = await api("PUT", f"{LIMITS}/team", {**LIMIT, "match": "test"})
    assert (limit["source"], limit["version"], limit["definition"]["budget"]) == (
        "api",
        None,
        {"day": {"hard": "$5", "soft": "$4"}},
    )
    assert served(console).limits == (
        LimitEntry(name="cap", level="organisation", requests_per_minute=10),
        LimitEntry(
            name="team",
            level="key",
            match=key.id,
            project=console.made.project,
            source="api",
            requests_per_minute=60,
            budgets=(Budget(window="day", hard=5_000_000_000, soft=4_000_000_000),),
        ),
    )
    await api("DELETE", f"{LIMITS}/team", status=204)
    assert len(served(console).limits) == 1
    assert [act["action"] for act in (await api("GET", f"{LIMITS}/team/history"))["items"]] == ["delete", "create"]


@pytest.mark.parametrize(
    ("query", "body", "field"),
    [
        ("", {"on": "key"}, None),
        ("", {**LIMIT, "match": "nobody"}, "match"),
        ("", {**LIMIT, "name": "other"}, "name"),
        ("", {"on": "organisation", "parallel": 1}, "on"),
        ("", {"on": "project", "match": "default", "parallel": 1}, "match"),
        ("?everywhere=true", {"on": "project", "match": "nowhere", "parallel": 1}, "match"),
        ("", {**LIMIT, "budget": {"day": "$-1"}}, "budget.day"),
        ("", {**LIMIT, "on": "tag"}, None),
    ],
)
async def test_a_limit_for_what_is_not_there_is_refused(api, query, body, field):
    problem = await api("PUT", f"{LIMITS}/l{query}", body, status=400)
    assert (problem["code"], problem.get("field")) == ("definition_invalid", field)


async def test_limits_on_others_are_not_shown_to_those_who_see_one_project(api, console):
    """FAILURES S39."""
    other = console.project("other")
    theirs = console.key("gateway:call", project=other)
    mine = console.key("gateway:call", "limits:read")
    for name, match in (("a", theirs.id), ("b", mine.id)):
        await api("PUT", f"{LIMITS}/{name}?everywhere=true", {**LIMIT, "match": match})
    await api("PUT", f"{LIMITS}/c?everywhere=true", {"on": "project", "match": "other", "parallel": 1})
    await api("PUT", f"{LIMITS}/d?everywhere=true", {"on": "user", "match": "someone", "parallel": 1})
    await api("PUT", f"{LIMITS}/e?everywhere=true", {"on": "tag", "match": "team=blue", "parallel": 1})
    await api("PUT", f"{LIMITS}/f?project=other", {"on": "user", "parallel": 1})
    seen = await api("GET", LIMITS, key=mine.secret)
    assert [one["name"] for one in seen["items"]] == ["b", "cap", "e"]
    assert [one["name"] for one in (await api("GET", LIMITS))["items"]] == ["a", "b", "c", "cap", "d", "e"]


async def test_the_files_limits_are_changed_in_the_file(api, console):
    problem = await api("PUT", f"{LIMITS}/cap", LIMIT, status=409)
    assert f"{console.home.config}:7" in problem["detail"]


# --- beside a file that changes ---------------------------------------------------------------


async def test_the_file_goes_first_and_what_is_stored_waits(api, console):
    await api("PUT", f"{ROUTES}/r", ROUTE)
    await api("PUT", f"{LIMITS}/l", LIMIT)
    console.home.config.write_text(
        FILE.replace("  filed:", "  r: {strategy: up/big}\n  filed:") + "  - {name: l, on: key, parallel: 1}\n"
    )
    await asyncio.to_thread(console.services.registry.reload)
    assert set(served(console).routes) == {"filed", "r"}
    assert {limit.source for limit in served(console).limits} == {"file"}
    stored = [one for one in (await api("GET", ROUTES))["items"] if one["source"] == "api"]
    assert [(one["served"], one["problem"]) for one in stored] == [
        (False, "the configuration file has a route of this name.")
    ]
    warnings = (await api("GET", "/api/v1/config"))["warnings"]
    assert (
        "The route r of the control API is not in force: the configuration file has a route of this name." in warnings
    )
    assert (
        "The limit l of the control API is not in force: the configuration file has a limit of this name." in warnings
    )
    console.home.config.write_text(FILE)
    await asyncio.to_thread(console.services.registry.reload)
    assert f"{console.made.project}/r" in served(console).routes


async def test_an_alias_of_the_file_goes_first_too(api, console):
    await api("PUT", f"{ROUTES}/r", ROUTE)
    console.home.config.write_text(FILE.replace("{fast: up/small}", "{fast: up/small, r: up/big}"))
    await asyncio.to_thread(console.services.registry.reload)
    assert list(served(console).routes) == ["filed"]


async def test_a_route_whose_provider_is_gone_goes_on_with_its_other_variants_and_a_warning(api, console):
    more = FILE.replace("providers:\n", "providers:\n  spare: {kind: openai, base_url: 'http://127.0.0.1:2/v1'}\n")
    console.home.config.write_text(more)
    await asyncio.to_thread(console.services.registry.reload)
    await api("PUT", f"{ROUTES}/r", {"strategy": {"fallback": ["spare/m", "up/big"]}})
    console.home.config.write_text(FILE)
    await asyncio.to_thread(console.services.registry.reload)
    assert f"{console.made.project}/r" in served(console).routes
    assert (await api("GET", "/api/v1/config"))["warnings"] == [
        "The variant spare/m of the route r cannot serve: no provider is called 'spare'."
    ]


async def test_what_another_version_stored_is_shown_and_left_out(api, console, caplog):
    await api("PUT", f"{ROUTES}/r", ROUTE)
    store = open_metadata(console.home.metadata)
    with store.write() as connection:
        connection.execute(update(definitions).values(body={"strategy": {"oracle": ["x"]}}))
    store.close()
    await asyncio.to_thread(console.services.registry.publish)
    assert list(served(console).routes) == ["filed"]
    route = await api("GET", f"{ROUTES}/r")
    assert (route["served"], route["problem"]) == (False, "this version of Penstock cannot read it.")
    assert "was written by another version" in caplog.text


async def test_what_cannot_be_published_yet_is_kept_and_published_later(api, console, caplog):
    console.home.snapshot.rename(console.home.path / "before.json")
    console.home.snapshot.mkdir()
    route = await api("PUT", f"{ROUTES}/r", ROUTE)
    assert (route["etag"], route["served"]) == ("1", True)
    assert "could not be published yet" in caplog.text
    console.home.snapshot.rmdir()
    await asyncio.to_thread(console.services.registry.publish)
    assert f"{console.made.project}/r" in served(console).routes


# --- what it served ---------------------------------------------------------------------------


async def test_a_routes_statistics_are_those_of_the_requests_project(api, console):
    await api("PUT", f"{ROUTES}/r", ROUTE)
    stats = await api("GET", f"{ROUTES}/r/stats")
    assert (stats["calls"], stats["variants"]) == (0, [])
    problem = await api("GET", f"{ROUTES}/r/stats?from=5&to=5", status=400)
    assert problem["field"] == "from"
    await api("GET", f"{ROUTES}/nothing/stats", status=404)


async def test_workers_are_listed_with_the_published_version(api):
    assert await api("GET", "/api/v1/workers") == {"items": [], "next_cursor": None}
    state = await api("GET", "/api/v1/config")
    assert (state["live"], state["waiting_for"]) == (False, [])
