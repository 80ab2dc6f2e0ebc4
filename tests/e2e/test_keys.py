"""What a key may do, and how soon that changes, through the gateway as a caller meets it."""

import time
from collections.abc import Callable
from typing import Any

import anthropic
import httpx
import openai
import pytest

from e2e_harness import Control, chat, eventually, message
from penstock.testing.server import PenstockServer

SECONDS = 2.0
"""Within which a change of a key is in force."""

NewKey = Callable[..., dict[str, Any]]


@pytest.fixture
def key(control: Control, request: pytest.FixtureRequest) -> NewKey:
    """Makes keys named for the test, each as soon as the gateway knows it."""

    def new(**fields: Any) -> dict[str, Any]:
        return control.new_key(request.node.name[:60], **fields)

    return new


@pytest.fixture
def status(stack: PenstockServer) -> Callable[..., int]:
    """The gateway's answer to a listing of models, which costs nothing."""

    def ask(secret: str) -> int:
        headers = {"authorization": f"Bearer {secret}"}
        return httpx.get(f"{stack.gateway_url}/v1/models", headers=headers, trust_env=False).status_code

    return ask


def test_a_new_key_works_within_2_seconds(key: NewKey, status: Callable[..., int]) -> None:
    made = key()
    assert eventually(lambda: status(made["secret"]) == 200, seconds=SECONDS)


def test_a_revoked_key_stops_within_2_seconds(
    stack: PenstockServer, control: Control, key: NewKey, status: Callable[..., int]
) -> None:
    """FAILURES G22."""
    made = key()
    assert eventually(lambda: status(made["secret"]) == 200)
    control.ask("DELETE", f"/keys/{made['id']}")
    assert eventually(lambda: status(made["secret"]) == 401, seconds=SECONDS)
    answer = chat(stack.gateway_url, made["secret"], "sim/gpt-4o-mini")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_key")


def test_a_rotated_keys_old_secret_stops_and_the_new_one_works(
    control: Control, key: NewKey, status: Callable[..., int]
) -> None:
    """FAILURES G22."""
    old = key()
    assert eventually(lambda: status(old["secret"]) == 200)
    new = control.ask("POST", f"/keys/{old['id']}/rotate")
    assert new["secret"] != old["secret"]
    assert eventually(lambda: (status(old["secret"]), status(new["secret"])) == (401, 200), seconds=SECONDS)
    (listed,) = [row for row in control.ask("GET", "/keys")["items"] if row["id"] == new["id"]]
    assert "secret" not in listed
    assert new["secret"].startswith(listed["prefix"])


def test_a_key_stops_when_it_expires(stack: PenstockServer, key: NewKey, status: Callable[..., int]) -> None:
    """The clock that expires it is the gateway's own: no publication is needed."""
    made = key(expires=time.time_ns() // 1000 + 1_500_000)
    assert eventually(lambda: status(made["secret"]) == 200, seconds=1.4), "it works until then"
    assert eventually(lambda: status(made["secret"]) == 401, seconds=SECONDS + 1.5)
    answer = chat(stack.gateway_url, made["secret"], "sim/gpt-4o-mini")
    assert answer.json()["error"]["code"] == "expired_key"
    assert "expired" in answer.json()["error"]["message"]


def test_a_key_cannot_be_made_that_has_expired_already(control: Control) -> None:
    status, problem = control.status("POST", "/keys", {"name": "late", "expires": 1_000_000})
    assert status == 400
    assert problem["field"] == "expires"


@pytest.mark.parametrize(
    ("scopes", "calls", "lists"),
    [(["gateway:call"], 200, 403), (["gateway:models"], 403, 200), (["traces:read"], 403, 403)],
)
def test_a_key_does_what_its_scopes_say_and_nothing_else(
    stack: PenstockServer,
    key: NewKey,
    status: Callable[..., int],
    scopes: list[str],
    calls: int,
    lists: int,
) -> None:
    secret = key(scopes=scopes)["secret"]
    assert eventually(lambda: status(secret) == lists)
    answer = chat(stack.gateway_url, secret, "sim/gpt-4o-mini")
    assert answer.status_code == calls
    if calls == 403:
        assert answer.json()["error"]["code"] == "scope_missing"
        assert "gateway:call" in answer.json()["error"]["message"]


def test_a_key_made_by_a_key_is_held_to_its_creators_scopes(stack: PenstockServer, key: NewKey) -> None:
    """FAILURES S2."""
    narrow = Control(stack.console_url, key(scopes=["keys:write", "gateway:models"])["secret"])
    status, problem = narrow.status("POST", "/keys", {"name": "wider", "scopes": ["traces:read"]})
    assert status == 403
    assert "traces:read" in problem["detail"]
    assert narrow.status("POST", "/keys", {"name": "as narrow", "scopes": ["gateway:models"]})[0] == 201


def test_a_list_of_models_bounds_what_is_called_and_what_is_listed(
    stack: PenstockServer, key: NewKey, status: Callable[..., int]
) -> None:
    secret = key(models=["sim/gpt-4o*", "careful"])["secret"]
    assert eventually(lambda: status(secret) == 200)
    listed = httpx.get(
        f"{stack.gateway_url}/v1/models", headers={"authorization": f"Bearer {secret}"}, trust_env=False
    ).json()["data"]
    assert {model["id"] for model in listed} == {"sim/gpt-4o-mini", "careful", "fast"}
    for allowed in ("sim/gpt-4o-mini", "gpt-4o-mini", "fast", "careful"):
        assert chat(stack.gateway_url, secret, allowed).status_code == 200, allowed
    for forbidden in ("sim/o4-mini", "o4-mini", "sim-anthropic/claude-sonnet-4-5", "sim-gemini/gemini-2.5-flash"):
        answer = chat(stack.gateway_url, secret, forbidden)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "model_not_allowed"), forbidden


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings"])
def test_both_headers_for_a_key_pass_the_same_checks(stack: PenstockServer, key: NewKey, path: str) -> None:
    """FAILURES S40."""
    may_not = key(scopes=["gateway:models"])["secret"]
    messages = [{"role": "user", "content": "Hi"}]
    body = {"model": "sim/o4-mini", "max_tokens": 50, "messages": messages, "input": "Hi"}

    def ask(secret: str) -> list[int]:
        headers: list[dict[str, str]] = [{"authorization": f"Bearer {secret}"}, {"x-api-key": secret}]
        return [
            httpx.post(f"{stack.gateway_url}{path}", json=body, headers=one, trust_env=False).status_code
            for one in headers
        ]

    assert eventually(lambda: ask(may_not) == [403, 403])
    assert ask(stack.admin_key + "x") == [401, 401]
    by_bearer, by_key = ask(stack.admin_key)
    assert by_bearer == by_key
    assert by_bearer not in {401, 403}


def test_another_projects_key_does_not_see_this_projects_calls(stack: PenstockServer, control: Control) -> None:
    """FAILURES S23, S39: known, but not here."""
    mine = chat(stack.gateway_url, stack.admin_key, "sim/gpt-4o-mini", "The word is periwinkle")
    trace_id = mine.headers["x-penstock-trace-id"]
    control.trace(trace_id)
    theirs = control.ask("POST", "/projects", {"name": "elsewhere"})
    made = control.new_key("reader", project="elsewhere", scopes=["traces:read", "gateway:call", "keys:read"])
    reader = Control(stack.console_url, made["secret"])
    assert reader.ask("GET", "/traces")["items"] == []
    assert reader.ask("GET", "/traces", q="periwinkle")["items"] == []
    assert reader.status("GET", f"/traces/{trace_id}")[0] == 404
    assert reader.ask("GET", "/overview")["totals"]["calls"] == 0
    assert reader.ask("GET", "/traces/facets", column="requested_model")["items"] == []
    for project in ("default", control.ask("GET", "/session")["default_project"]):
        assert reader.status("GET", "/traces", project=project)[0] in {403, 404}

    def called() -> httpx.Response | None:
        answer = chat(stack.gateway_url, made["secret"], "sim/gpt-4o-mini", "The word is theirs")
        return answer if answer.is_success else None

    answer = eventually(called)
    assert answer is not None
    assert reader.trace(answer.headers["x-penstock-trace-id"])
    (row,) = reader.ask("GET", "/traces")["items"]
    assert row["key_name"] == "reader"
    assert control.ask("GET", "/traces", q="theirs")["items"] == []
    assert len(control.ask("GET", "/traces", project=theirs["id"])["items"]) == 1, "an admin sees all projects"


@pytest.mark.parametrize("secret", ["psk_unknown", "Bearer", "psk_" + "a" * 5000])
def test_an_unknown_key_is_an_authentication_error_in_both_sdks(stack: PenstockServer, secret: str) -> None:
    with (
        openai.OpenAI(base_url=f"{stack.gateway_url}/v1", api_key=secret, max_retries=0) as client,
        pytest.raises(openai.AuthenticationError) as refused,
    ):
        client.chat.completions.create(model="fast", messages=[{"role": "user", "content": "Hi"}])
    assert refused.value.code == "invalid_key"
    with (
        anthropic.Anthropic(base_url=stack.gateway_url, api_key=secret, max_retries=0) as client,
        pytest.raises(anthropic.AuthenticationError) as denied,
    ):
        client.messages.create(model="fast", max_tokens=9, messages=[{"role": "user", "content": "Hi"}])
    assert denied.value.body["error"]["type"] == "authentication_error"  # type: ignore[index]


def test_without_a_key_nothing_is_called_and_nothing_recorded(stack: PenstockServer, control: Control) -> None:
    for answer in (
        httpx.post(f"{stack.gateway_url}/v1/chat/completions", json={}, trust_env=False),
        httpx.post(f"{stack.gateway_url}/v1/messages", json={}, trust_env=False),
        message(stack.gateway_url, "", "fast"),
    ):
        assert answer.status_code == 401
        assert "Authorization: Bearer" in answer.json()["error"]["message"]
    last = chat(stack.gateway_url, stack.admin_key, "sim/gpt-4o-mini")
    control.trace(last.headers["x-penstock-trace-id"])
    assert control.status("GET", f"/traces/{answer.headers['x-penstock-trace-id']}")[0] == 404


def test_a_keys_last_use_is_shown(stack: PenstockServer, control: Control, key: NewKey) -> None:
    made = key()
    assert made["last_used"] is None

    def used() -> Any:
        chat(stack.gateway_url, made["secret"], "sim/gpt-4o-mini")
        (row,) = [row for row in control.ask("GET", "/keys")["items"] if row["id"] == made["id"]]
        return row["last_used"]

    assert eventually(used, seconds=10)
