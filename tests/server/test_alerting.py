"""Alerts over HTTP, from spans in a real store to a notification."""

import asyncio

import pytest

from penstock.alerts.jobs import AlertJob
from penstock.core.ids import RandomIds
from penstock.server.alerting import ingestion_behind
from penstock.testing.journal import JournalFolder

MINUTE = 60_000_000


async def ask(console, method: str, path: str, status: int = 200, **options):
    answer = await console.ask(method, f"/api/v1{path}", key=console.made.secret, **options)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def calls(console, status: str, number: int = 5, **columns) -> None:
    folder = JournalFolder(console.journal, worker=RandomIds().trace_id()[:16])
    started = console.clock.now()
    for index in range(number):
        folder.write(
            folder.span(
                project=console.made.project, key=console.made.key, status=status, started=started + index, **columns
            )
        )
    await console.ingest.step()


def rule(**options) -> dict:
    return {
        "name": "Errors",
        "metric": {"aggregation": "share", "of": "status:error"},
        "condition": {"kind": "threshold", "value": 0.5},
        "window": 300,
        "delay": 0,
        **options,
    }


async def test_a_rule_over_real_spans_fires_and_is_told(console):
    channel = await ask(console, "POST", "/channels", 201, json={"name": "team", "url": "slack://a/b/c"})
    body = rule(channels=["team"], group_by=["model"], incident="sev2", steps=["look"])
    made = await ask(console, "POST", "/alerts", 201, json=body)
    await calls(console, "error")
    console.clock.advance(60)
    job = AlertJob(console.services.alerts, behind=lambda: ingestion_behind(console.ingest))
    for _ in range(4):
        async with asyncio.TaskGroup() as tasks:
            await job.step(tasks)
        console.clock.advance(20)
    states = (await ask(console, "GET", f"/alerts/states?rule={made['id']}&active=true"))["items"]
    assert [(one["state"], one["value"]) for one in states] == [("firing", 1.0)]
    assert (await ask(console, "GET", f"/alerts/{made['id']}"))["firing"] == 1
    history = await ask(console, "GET", "/alerts/history?limit=1")
    assert history["items"][0]["after"] == "firing"
    assert history["next_cursor"] == history["items"][0]["id"]
    sent = (await ask(console, "GET", f"/channels/{channel['id']}/deliveries"))["items"]
    assert [one["status"] for one in sent] == ["sent"]
    (incident,) = (await ask(console, "GET", "/incidents?state=open"))["items"]
    view = await ask(console, "GET", f"/incidents/{incident['id']}")
    assert len(view["traces"]) == 5
    ticked = await ask(console, "PUT", f"/incidents/{incident['id']}/steps/0", json={"done": True})
    assert ticked["steps"][0]["by"] == "admin"


async def test_a_rule_is_tried_on_real_spans(console):
    await calls(console, "error")
    console.clock.advance(600)
    tested = await ask(console, "POST", "/alerts/test?days=1", json=rule())
    assert (tested["firings"], tested["unit"]) == (1, "share")
    anomaly = rule(condition={"kind": "anomaly"}, metric={"aggregation": "p95", "field": "duration"})
    assert (await ask(console, "POST", "/alerts/test?days=1", json=anomaly))["firings"] == 0


async def test_every_kind_of_objective_is_counted_on_real_spans(console):
    await calls(console, "ok", 8, duration=1000, ttft=10, cost=5)
    await calls(console, "error", 2, duration=9000, ttft=90, cost=50)
    console.clock.advance(60)
    for indicator, found in (
        ({"kind": "availability"}, (8, 10)),
        ({"kind": "latency", "limit": 5000}, (8, 8)),
        ({"kind": "ttft", "limit": 5}, (0, 8)),
        ({"kind": "cost", "limit": 10}, (8, 10)),
        ({"kind": "score", "score": "helpful", "limit": 0.5}, (0, 0)),
    ):
        body = {"name": "x", "objective": 0.9, "indicator": indicator}
        status = await ask(console, "POST", "/slos/test", json=body)
        assert (status["good"], status["total"]) == found, indicator
    made = await ask(
        console, "POST", "/slos", 201, json={"name": "x", "objective": 0.9, "indicator": {"kind": "availability"}}
    )
    status = await ask(console, "GET", f"/slos/{made['id']}/status?points=10")
    assert status["remaining"] == pytest.approx(-1.0)
    assert len(status["burn_rates"]) == 4


async def test_what_the_store_cannot_measure_is_refused(console):
    for options, field in (
        ({"metric": {"aggregation": "avg", "field": "nonsense"}}, None),
        ({"group_by": ["nonsense"]}, None),
        ({"metric": {"q": "nonsense:1"}}, "metric.q"),
    ):
        answer = await console.ask("POST", "/api/v1/alerts", key=console.made.secret, json=rule(**options))
        assert answer.status_code == 400
        if field is not None:
            assert answer.json()["field"] == field


async def test_silences_policy_and_pages(console):
    body = {"matchers": [{"label": "alert", "value": "x"}], "comment": "x", "ends": console.clock.now() + MINUTE}
    made = await ask(console, "POST", "/silences", 201, json=body)
    await ask(console, "DELETE", f"/silences/{made['id']}", 204)
    assert (await ask(console, "GET", "/silences"))["items"][0]["state"] == "ended"
    policy = await ask(console, "GET", "/alerts/policy")
    assert policy["group_by"] == ["alert"]
    changed = await ask(console, "PUT", "/alerts/policy", json={**policy, "repeat": 600})
    assert changed["repeat"] == 600
    await ask(console, "POST", "/incidents", 201, json={"title": "a"})
    await ask(console, "POST", "/incidents", 201, json={"title": "b"})
    page = await ask(console, "GET", "/incidents?limit=1")
    assert [one["title"] for one in page["items"]] == ["b"]
    page = await ask(console, "GET", f"/incidents?limit=1&cursor={page['next_cursor']}")
    assert [one["title"] for one in page["items"]] == ["a"]
    found = page["items"][0]["id"]
    assert (await ask(console, "PATCH", f"/incidents/{found}", json={"state": "resolved"}))["state"] == "resolved"
    await ask(console, "POST", f"/incidents/{found}/notes", 201, json={"text": "seen"})
    assert "seen" in (await ask(console, "GET", f"/incidents/{found}/postmortem"))["markdown"]


async def test_a_post_mortem_is_saved_under_its_version(console):
    found = (await ask(console, "POST", "/incidents", 201, json={"title": "a"}))["id"]
    path = f"/api/v1/incidents/{found}/postmortem"
    draft = await console.ask("GET", path, key=console.made.secret)
    assert (draft.headers["etag"], draft.json()["saved"]) == ('"0"', None)

    async def save(text, version):
        headers = {"if-match": version}
        return await console.ask("PUT", path, key=console.made.secret, json={"markdown": text}, headers=headers)

    saved = await save("# Why", '"0"')
    assert (saved.status_code, saved.headers["etag"], saved.json()["saved_by"]) == (200, '"1"', "admin")
    late = await save("# Other", '"0"')
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert (await ask(console, "GET", f"/incidents/{found}/postmortem"))["markdown"] == "# Why"
    assert (await ask(console, "GET", f"/incidents/{found}/postmortem?version=0"))["version"] == 0


async def test_windows_begin_at_from_on_the_wire(console):
    await calls(console, "error")
    console.clock.advance(60)
    assert {"from", "to"} < (await ask(console, "POST", "/alerts/test?days=1", json=rule())).keys()
    body = {"name": "x", "objective": 0.9, "indicator": {"kind": "availability"}}
    assert {"from", "to"} < (await ask(console, "POST", "/slos/test", json=body)).keys()


async def test_ingestion_that_lags_is_told(console):
    assert ingestion_behind(console.ingest) is None
    console.ingest.state.waiting_segments = 500
    assert "500 segments" in ingestion_behind(console.ingest)
    console.ingest.state.error = "disk full"
    assert "disk full" in ingestion_behind(console.ingest)
    console.ingest.state.waiting_segments, console.ingest.state.error = 0, None
