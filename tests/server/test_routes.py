"""Every route of the control API, as nobody, as the wrong one, and as another tenant."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress

import pytest
from litestar import get, post
from litestar.exceptions import ImproperlyConfiguredException
from litestar.routes import HTTPRoute

from penstock.core.errors import Conflict
from penstock.identity.types import PERMISSIONS
from penstock.server.auth import AUTHENTICATED
from penstock.server.console_app import ConsoleSettings, build, create_app
from penstock.server.openapi import _no_services

APP = build(ConsoleSettings(), _no_services)

PUBLIC = {
    ("GET", "/"),
    ("HEAD", "/"),
    ("GET", "/{path:path}"),
    ("HEAD", "/{path:path}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/api/openapi.json"),
    ("GET", "/api/openapi.json/{path:str}"),
    ("POST", "/api/v1/session"),
    ("POST", "/api/v1/feedback"),
}
"""What anybody may call. A route is added here by decision, never by accident."""

ALERT = {"name": "x", "condition": {"kind": "threshold", "value": 1}}
SLO = {"name": "x", "objective": 0.99, "indicator": {"kind": "availability"}}
BODIES = {
    "/api/v1/alerts": ALERT,
    "/api/v1/alerts/test": ALERT,
    "/api/v1/alerts/policy": {},
    "/api/v1/alerts/{id:str}": ALERT,
    "/api/v1/silences": {"matchers": [{"label": "alert", "value": "x"}], "comment": "x", "ends": 2_000_000_000_000_000},
    "/api/v1/channels": {"name": "x", "url": "slack://a/b/c"},
    "/api/v1/channels/{id:str}": {"name": "y"},
    "/api/v1/slos": SLO,
    "/api/v1/slos/test": SLO,
    "/api/v1/slos/{id:str}": SLO,
    "/api/v1/incidents": {"title": "x"},
    "/api/v1/incidents/{id:str}": {"title": "y"},
    "/api/v1/incidents/{id:str}/notes": {"text": "y"},
    "/api/v1/incidents/{id:str}/postmortem": {"markdown": "y"},
    "/api/v1/incidents/{id:str}/steps/{step:int}": {"done": True},
    "/api/v1/artifacts/prompt": {"name": "x"},
    "/api/v1/artifacts/prompt/{name:str}": {"tags": ["x"]},
    "/api/v1/artifacts/prompt/{name:str}/versions": {"body": {"text": "x"}},
    "/api/v1/artifacts/prompt/{name:str}/diff": {"body": {"text": "x"}},
    "/api/v1/artifacts/prompt/{name:str}/branches": {"name": "y"},
    "/api/v1/artifacts/prompt/{name:str}/branches/{branch:str}/merge": {},
    "/api/v1/artifacts/prompt/{name:str}/labels/{label:str}": {"version": "1"},
    "/api/v1/artifacts/prompt/{name:str}/labels/{label:str}/rollback": {},
    "/api/v1/artifacts/prompt/{name:str}/comments": {"text": "x"},
    "/api/v1/artifacts/prompt/{name:str}/lineage": {"uses": []},
    "/api/v1/protected-labels/prompt": {"labels": ["x"]},
    "/api/v1/webhooks": {"name": "x", "url": "https://example.com"},
    "/api/v1/webhooks/{id:str}": {"name": "y"},
    "/api/v1/datasets/uploads/{upload:str}/preview": {"mapping": {"input": "input"}},
    "/api/v1/datasets/{name:str}/import": {"upload": "x", "mapping": {"input": "input"}},
    "/api/v1/datasets/from-traces/preview": {},
    "/api/v1/datasets/{name:str}/from-traces": {},
    "/api/v1/datasets/{name:str}/checks": {"similar": None},
    "/api/v1/datasets/{name:str}/rows": {"put": [{"input": "x"}]},
    "/api/v1/datasets/{name:str}/splits": {"shares": {"x": 1}},
    "/api/v1/datasets/{name:str}/contents": [],
    "/api/v1/annotation": {"name": "x", "questions": [{"name": "good", "type": "boolean"}]},
    "/api/v1/annotation/{queue:str}": {"name": "x", "questions": [{"name": "good", "type": "boolean"}]},
    "/api/v1/annotation/{queue:str}/items": {"items": [{"input": "y"}]},
    "/api/v1/annotation/{queue:str}/items/{item:str}/label": {"answers": {"good": True}},
    "/api/v1/playground/runs": {"model": "x/y", "messages": [{"role": "user", "content": "x"}]},
    "/api/v1/keys": {"name": "x"},
    "/api/v1/projects": {"name": "x"},
    "/api/v1/prompts/render": {"body": {"text": "x"}},
    "/api/v1/prompts/estimate": {"body": {"text": "x"}},
    "/api/v1/secrets": {"name": "x", "value": "sk-x"},
    "/api/v1/signin-links": {"role": "viewer"},
    "/api/v1/dashboards": {"name": "x", "widgets": []},
    "/api/v1/dashboards/{dashboard:str}": {"name": "x", "widgets": []},
    "/api/v1/scores": {"name": "x", "value": True, "session": "x"},
    "/api/v1/traces/{trace_id:str}/feedback-token": {},
    "/api/v1/experiments": {
        "spec": {"name": "x", "dataset": "x.jsonl", "variants": [{"name": "a", "model": "m"}]},
    },
    "/api/v1/evaluators/{name:str}/calibration-runs": {"queue": {"queue": "judged", "question": "good"}},
    "/api/v1/evaluators/{name:str}/calibrations": {"labels": [{"judge": True, "people": True}]},
    "/api/v1/experiments/{experiment:str}/rows": {"rows": [{"input": "x"}]},
    "/api/v1/experiments/{experiment:str}/take": {"runner": "x"},
    "/api/v1/experiments/{experiment:str}/renew": {"runner": "x"},
    "/api/v1/experiments/{experiment:str}/release": {"runner": "x", "state": "paused"},
    "/api/v1/experiments/{experiment:str}/look": {"cells": []},
    "/api/v1/experiments/{experiment:str}/begin": {"runner": "x", "calls": []},
    "/api/v1/experiments/{experiment:str}/finish": {"runner": "x"},
    "/api/v1/deletions": {"session": "x"},
    "/api/v1/retention": {"default": 30},
    "/api/v1/views": {"name": "x"},
    "/api/v1/views/{view:str}": {"name": "x"},
}


QUERIES = {"/api/v1/experiments/{experiment:str}/differences": "metric=latency"}
"""What an address needs behind it to be understood."""


ENDLESS = {"/api/v1/experiments/{experiment:str}/progress"}
"""Streams that last as long as what they tell of."""


def every_route(app=APP) -> Iterator[tuple[str, str, dict]]:
    for route in app.routes:
        assert isinstance(route, HTTPRoute), f"{route.path} is no plain HTTP route; decide how it is guarded"
        for method, (handler, _) in route.route_handler_map.items():
            if method != "OPTIONS":
                yield method, of_prompts(route.path), {**handler.opt, **of_kind(handler.opt)}


def of_prompts(text: str) -> str:
    """The addresses of artifacts are the same for every kind."""
    return text.replace("{kind:str}", "prompt").replace("{kind}", "prompt")


def of_kind(opt: dict) -> dict:
    return {"permission": of_prompts(opt["permission"])} if "permission" in opt else {}


GUARDED = sorted((m, p, opt["permission"]) for m, p, opt in every_route() if "permission" in opt)
BY_NAME = {
    (m, f"/api/v1/{kind}/{{name:str}}{rest}")
    for kind in ("routes", "limits")
    for m, rest in (("PUT", ""), ("POST", "/diff"))
}
"""What writes, or would write, under a name of the caller's own project, whoever else has it."""
BY_NAME.add(("POST", "/api/v1/traces/{trace_id:str}/feedback-token"))  # for a trace that may still come
BY_NAME.add(("POST", "/api/v1/datasets/{name:str}/from-traces"))
BY_NAME |= {("POST", "/api/v1/datasets/{name:str}/import"), ("PATCH", "/api/v1/datasets/{name:str}/rows")}
OBJECTS = [(m, p, permission) for m, p, permission in GUARDED if "{" in p and (m, p) not in BY_NAME]


PARAMETER = re.compile(r"\{[^}]+\}")


def address(path: str) -> str:
    return with_id(path, "0190b6e2-7c1f-7a51-89b9-05b95b430bf6")


def with_id(path: str, id_: str) -> str:
    """The path of an object; a number is 0, a trace's span is called as the first half of it, an artifact's version is
    its first one, and its branch and label are called `x`.
    """

    def called(found: re.Match[str]) -> str:
        if path.startswith("/api/v1/artifacts/") and not found[0].startswith("{name"):
            return "1" if found[0].startswith("{version") else "x"
        if found[0].endswith(":int}"):
            return "0"
        return id_[:16] if "span_id" in found[0] else id_

    return PARAMETER.sub(called, path)


def test_what_is_public_is_public_by_decision():
    assert {(m, p) for m, p, opt in every_route() if "public" in opt} == PUBLIC
    assert len(GUARDED) > 8


@pytest.mark.parametrize(("method", "path", "permission"), GUARDED)
async def test_without_a_credential_every_route_answers_401(door, method, path, permission):
    """FAILURES S16, S41"""
    answer = await door.ask(method, address(path), json=BODIES.get(path))
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path", "permission"), [r for r in GUARDED if r[2] != AUTHENTICATED])
@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
async def test_a_key_without_the_permission_is_refused_in_either_header(door, method, path, permission, header):
    """FAILURES S1, S23, S40, S41"""
    key = door.key(*(PERMISSIONS - {permission})).secret
    headers = {header: f"Bearer {key}" if header == "authorization" else key}
    answer = await door.ask(method, address(path), headers=headers, json=BODIES.get(path))
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert permission in answer.json()["detail"]


@pytest.mark.parametrize(("method", "path", "permission"), GUARDED)
@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
async def test_a_wrong_key_is_refused_in_either_header(door, method, path, permission, header):
    """FAILURES S40"""
    for wrong in ("psk_" + "a" * 43, "", "null"):
        headers = {header: f"Bearer {wrong}" if header == "authorization" else wrong}
        answer = await door.ask(method, address(path), headers=headers, json=BODIES.get(path))
        assert (answer.status_code, answer.json()["code"]) == (401, "key_invalid")


@pytest.mark.parametrize(("method", "path", "permission"), GUARDED)
async def test_another_tenants_project_is_not_there_on_any_route(door, method, path, permission):
    """FAILURES S23, S39"""
    with suppress(Conflict):  # the test before this one has made it
        door.project("theirs")
    key = door.key(*PERMISSIONS).secret
    answer = await door.ask(method, f"{address(path)}?project=theirs", key=key, json=BODIES.get(path))
    assert (answer.status_code, answer.json()["code"]) == (404, "project_not_found")


def secret(console) -> str:
    """A stored secret is the organisation's: for whoever may do so in one project only, it is not there."""
    admin = console.identity.access.by_key(console.made.secret)
    return console.identity.secrets.set(admin, "theirs", "sk-x").name


async def theirs(console, path: str) -> str:
    """The address of an object that exists, in a project of somebody else."""
    project = console.project("theirs")
    objects = {
        "/api/v1/keys/": lambda: asyncio.sleep(0, console.key("gateway:call", project=project).id),
        "/api/v1/secrets/": lambda: asyncio.to_thread(secret, console),
        "/api/v1/routes/": lambda: asyncio.sleep(0, console.definition("route", "theirs", project)),
        "/api/v1/budgets/": lambda: asyncio.sleep(0, console.definition("limit", "theirs", project)),
        "/api/v1/limits/": lambda: asyncio.sleep(0, console.definition("limit", "theirs", project)),
        "/api/v1/scores/": lambda: asyncio.to_thread(console.score, project),
        "/api/v1/traces/": lambda: console.trace(project),
        **{
            f"/api/v1/{kind}/": lambda kind=kind: asyncio.to_thread(console.alerting, kind, project)
            for kind in ("alerts", "silences", "channels", "slos", "incidents")
        },
        "/api/v1/artifacts/": lambda: asyncio.to_thread(console.artifact, project),
        "/api/v1/prompts/": lambda: asyncio.to_thread(console.prompt, project),
        "/api/v1/datasets/{name": lambda: asyncio.to_thread(console.dataset, project),
        "/api/v1/datasets/uploads/": lambda: console.upload(project),
        "/api/v1/annotation/": lambda: asyncio.to_thread(console.annotated, project),
        "/api/v1/datasets/checks/": lambda: asyncio.to_thread(console.checked, project),
        "/api/v1/datasets/imports/": lambda: console.imported(project),
        "/api/v1/evaluators/calibration-runs/": lambda: asyncio.to_thread(console.calibrating, project),
        "/api/v1/evaluators/{name:str}/calibration-runs": lambda: asyncio.to_thread(console.judged, project),
        "/api/v1/evaluators/{name:str}/calibrations": lambda: asyncio.to_thread(console.evaluator, project),
        "/api/v1/experiments/": lambda: asyncio.to_thread(
            console.experiment, project, running=not path.endswith(("/start", "/take", "/rows"))
        ),
        "/api/v1/webhooks/": lambda: asyncio.to_thread(console.webhook, project),
        "/api/v1/webhook-deliveries/": lambda: asyncio.to_thread(console.dead_delivery, project),
        "/api/v1/sessions/": lambda: console.seen(project, session="0190b6e2"),
        "/api/v1/users/": lambda: console.seen(project, user="0190b6e2"),
        "/api/v1/dashboards/": lambda: asyncio.to_thread(console.dashboard, project),
        "/api/v1/deletions/": lambda: asyncio.to_thread(console.deletion, project),
        "/api/v1/views/": lambda: asyncio.to_thread(console.view, project),
    }
    if "{item" in path:
        queue, _, item = (await asyncio.to_thread(console.to_annotate, project)).partition("/items/")
        return with_id(path.replace("{item:str}", item), queue)
    if path.endswith("/calibrations/{id:str}"):
        name, _, report = (await asyncio.to_thread(console.calibrated, project)).partition("/calibrations/")
        return with_id(path.replace("{id:str}", report), name)
    (make,) = [make for prefix, make in objects.items() if path.startswith(prefix)]
    return with_id(path, await make())


@pytest.mark.parametrize(("method", "path", "permission"), OBJECTS)
async def test_another_tenants_object_is_as_one_that_does_not_exist(console, method, path, permission):
    """FAILURES S35, S39"""
    real = await theirs(console, path)
    invented = address(path).replace("-", "") if "trace_id" in path else address(path)
    key = console.key(*PERMISSIONS).secret
    body = BODIES.get(path)
    query = QUERIES.get(path, "")
    answers = [await console.ask(method, f"{each}?{query}", key=key, json=body) for each in (real, invented)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["code"] == answers[1].json()["code"]
    # It was there all the time, for those who may see it.
    if path in ENDLESS:
        # This client reads an answer to its end; what the stream tells of answers instead.
        real = real.rpartition("/")[0]
    allowed = await console.ask(method, f"{real}?project=theirs&{query}", key=console.made.secret, json=body)
    assert allowed.status_code in {200, 201, 202, 204}


@pytest.mark.parametrize(("method", "path", "permission"), [r for r in GUARDED if r[0] not in {"GET", "HEAD"}])
async def test_every_write_with_a_session_needs_the_csrf_header(door, method, path, permission):
    session = door.session()
    for headers in ({}, {"x-csrf-token": ""}, {"x-csrf-token": "0" * 64}, {"x-csrf-token": "ä".encode()}):
        answer = await door.ask(
            method, address(path), headers={"cookie": f"penstock_session={session}", **headers}, json=BODIES.get(path)
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


def test_the_app_does_not_start_with_a_route_that_says_nothing(console):
    @get("/forgotten", sync_to_thread=False)
    def forgotten() -> str:
        return ""

    @post("/misspelt", opt={"permission": "keys:writes"}, sync_to_thread=False)
    def misspelt() -> str:
        return ""

    @get("/both", opt={"permission": "keys:read", "public": "no"}, sync_to_thread=False)
    def both() -> str:
        return ""

    @get("/reasonless", opt={"public": ""}, sync_to_thread=False)
    def reasonless() -> str:
        return ""

    with pytest.raises(ImproperlyConfiguredException) as caught:
        build(ConsoleSettings(), _no_services, also=[forgotten, misspelt, both, reasonless])
    for route in ("GET /forgotten", "POST /misspelt", "GET /both", "GET /reasonless"):
        assert route in str(caught.value)


async def test_further_routes_stand_under_the_same_guard(console):
    @get("/metrics", opt={"permission": "system:read"}, sync_to_thread=False)
    def metrics() -> str:
        return "up 1"

    console.app = create_app(console.services, also=[metrics])
    assert (await console.ask("GET", "/metrics")).status_code == 401
    assert (await console.ask("GET", "/metrics", key=console.made.secret)).text == "up 1"
