"""Every route of the gateway as nobody, as a key that may not, and as one that may; nothing else is served.

The console's routes are enumerated by `tests/server/test_routes.py`.
"""

import http.client
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from e2e_harness import Control, eventually
from penstock.gateway.app import ROUTES, Route
from penstock.testing.server import PenstockServer

PUBLIC = {("GET", "/healthz"), ("GET", "/readyz")}
"""What anybody may ask of the gateway. A route is added here by decision, never by accident."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
GUARDED = [route for route in ROUTES if route.permission is not None]
REST = "/{path}"
"""What no other route takes: the providers' other endpoints."""


def taken(path: str) -> set[str]:
    methods: set[str] = {route.method for route in ROUTES if route.path == path}
    return methods | {"HEAD"} if "GET" in methods and path != REST else methods


NOT_TAKEN = [
    (method, path)
    for path in sorted({route.path for route in ROUTES})
    for method in METHODS
    if method not in taken(path)
]

Ask = Callable[..., tuple[int, dict[str, str], Any]]


@pytest.fixture
def ask(stack: PenstockServer) -> Ask:
    """One request with the path sent exactly as it is given."""
    parts = urlsplit(stack.gateway_url)

    def send(method: str, path: str, **headers: str) -> tuple[int, dict[str, str], Any]:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        try:
            body = json.dumps({"model": "fast", "max_tokens": 9, "messages": [], "input": ""})
            connection.putrequest(method, path)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders(body.encode())
            answer = connection.getresponse()
            data = answer.read()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, found, json.loads(data) if data else None
        finally:
            connection.close()

    return send


def address(path: str) -> str:
    return path.replace("{model}", "fast").replace("{path}", "v1/files")


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


def test_what_is_public_is_public_by_decision() -> None:
    assert {(route.method, route.path) for route in ROUTES if route.permission is None} == PUBLIC
    assert all(route.public_because for route in ROUTES if route.permission is None)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_what_is_public_needs_no_key_and_tells_no_more_than_its_state(ask: Ask, path: str) -> None:
    status, _, content = ask("GET", path)
    assert status == 200
    assert set(content) <= {"status", "snapshot"}


@pytest.mark.parametrize("route", GUARDED, ids=named)
@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer "}, {"authorization": "Basic cHNrOng="}, {"x_api_key": ""}]
)
def test_without_a_key_a_route_answers_401_before_it_reads_the_body(
    ask: Ask, route: Route, headers: dict[str, str]
) -> None:
    """FAILURES S16, S41."""
    status, answered, content = ask(route.method, address(route.path), **headers)
    assert status == 401
    assert content["error"]["message"].startswith("No API key came")
    assert len(answered["x-penstock-trace-id"]) == 32


@pytest.mark.parametrize("route", GUARDED, ids=named)
def test_a_key_without_the_scope_is_refused_whichever_header_it_comes_in(
    ask: Ask, control: Control, route: Route
) -> None:
    """FAILURES S23, S40."""
    others = sorted({route.permission for route in GUARDED if route.permission} - {route.permission})
    secret = control.new_key(f"not {route.permission}", scopes=others)["secret"]
    for headers in ({"authorization": f"Bearer {secret}"}, {"x_api_key": secret}):
        assert eventually(lambda headers=headers: ask(route.method, address(route.path), **headers)[0] != 401)
        status, _, content = ask(route.method, address(route.path), **headers)
        assert status == 403
        assert str(route.permission) in content["error"]["message"]


@pytest.mark.parametrize(("method", "path"), NOT_TAKEN)
def test_a_method_that_a_route_does_not_take_is_refused(
    ask: Ask, stack: PenstockServer, method: str, path: str
) -> None:
    """FAILURES S41."""
    status, answered, content = ask(method, address(path), authorization=f"Bearer {stack.admin_key}")
    assert status == 405
    assert set(answered["allow"].split(", ")) == taken(path)
    if method != "HEAD":
        assert "does not take" in content["error"]["message"] or path == REST


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", 404),
        ("/v1", 400),
        ("/v1/", 400),
        ("/v1//chat/completions", 400),
        ("//v1/models", 400),
        ("/V1/models", 404),
        ("/v2/models", 404),
        ("/v1/models/", 404),
        ("/v1/models/nothing", 404),
        ("/v1/../v1/models", 400),
        ("/v1/%2e%2e/healthz", 400),
        ("/healthz/../v1/models", 400),
        ("/metrics/..%2fv1/models", 400),
        ("/chat/completions", 404),
        ("/api/v1/traces", 404),
        ("/docs", 404),
        ("/openapi.json", 404),
    ],
)
def test_what_is_no_route_is_refused_and_nobody_without_a_key_learns_what_is(
    ask: Ask, stack: PenstockServer, path: str, expected: int
) -> None:
    """FAILURES S13, S18: authorised before its address is looked at, in whatever spelling."""
    assert ask("GET", path)[0] == 401
    status, _, content = ask("GET", path, authorization=f"Bearer {stack.admin_key}")
    assert status == expected
    assert content["error"]["code"] in {"unknown_route", "invalid_path", "model_not_found"}
