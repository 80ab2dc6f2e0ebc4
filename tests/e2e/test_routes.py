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
PATHS = sorted({route.path for route in ROUTES})
NOT_TAKEN = [
    (method, path)
    for path in PATHS
    for method in METHODS
    if method not in {route.method for route in ROUTES if route.path == path}
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


def address(route: Route) -> str:
    return route.path.replace("{model}", "fast")


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
    status, answered, content = ask(route.method, address(route), **headers)
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
        assert eventually(lambda headers=headers: ask(route.method, address(route), **headers)[0] != 401)
        status, _, content = ask(route.method, address(route), **headers)
        assert status == 403
        assert str(route.permission) in content["error"]["message"]


@pytest.mark.parametrize(("method", "path"), NOT_TAKEN)
def test_a_method_that_a_route_does_not_take_is_refused(
    ask: Ask, stack: PenstockServer, method: str, path: str
) -> None:
    """FAILURES S41."""
    address = path.replace("{model}", "fast")
    status, answered, content = ask(method, address, authorization=f"Bearer {stack.admin_key}")
    assert status == 405
    assert answered["allow"] in {route.method for route in ROUTES if route.path == path}
    if method != "HEAD":
        assert "does not take" in content["error"]["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "/v1/chat",
        "/v1/chat/completions/",
        "/v1//chat/completions",
        "//v1/models",
        "/V1/models",
        "/v1/modelsx",
        "/v1/completions",
        "/v1/files",
        "/v1/../v1/models",
        "/v1/%2e%2e/healthz",
        "/healthz/../v1/models",
        "/metrics/..%2fv1/models",
        "/api/v1/traces",
        "/docs",
        "/openapi.json",
        "/v1/chat/completions;x",
    ],
)
def test_what_is_no_route_answers_404_and_reaches_nothing(ask: Ask, stack: PenstockServer, path: str) -> None:
    """FAILURES S13, S18: authorised on the matched route, never on a spelling of its address."""
    for headers in ({}, {"authorization": f"Bearer {stack.admin_key}"}):
        status, _, content = ask("GET", path, **headers)
        assert status == 404, path
        assert content["error"]["code"] in {"unknown_route", "model_not_found"}
