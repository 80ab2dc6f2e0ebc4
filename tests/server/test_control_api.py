"""Projects, keys, links and sessions over HTTP."""

import httpx
import pytest

from penstock import __version__
from penstock.identity.types import PERMISSIONS, ROLE_PERMISSIONS
from penstock.server.auth import csrf_token


def token_of(answer: httpx.Response) -> str:
    return answer.json()["url"].partition("#token=")[2]


async def test_a_key_lives_from_minting_to_revoking(console):
    admin = console.made.secret
    minted = (
        await console.ask(
            "POST",
            "/api/v1/keys",
            key=admin,
            json={"name": "app", "scopes": ["gateway:call"], "models": ["openai/*"], "expires": 1_800_000_000_000_000},
        )
    ).json()
    assert minted["status"] == "active"
    listed = (await console.ask("GET", "/api/v1/keys", key=admin)).json()
    assert listed["next_cursor"] is None
    (found,) = [item for item in listed["items"] if item["id"] == minted["id"]]
    assert found == {name: value for name, value in minted.items() if name != "secret"}

    rotated = (await console.ask("POST", f"/api/v1/keys/{minted['id']}/rotate", key=admin)).json()
    assert rotated["secret"] != minted["secret"]
    assert (await console.ask("GET", "/api/v1/session", key=minted["secret"])).status_code == 401
    assert (await console.ask("GET", "/api/v1/session", key=rotated["secret"])).status_code == 200

    assert (await console.ask("DELETE", f"/api/v1/keys/{minted['id']}", key=admin)).status_code == 204
    answer = await console.ask("GET", "/api/v1/session", key=rotated["secret"])
    assert (answer.status_code, answer.json()["code"]) == (401, "key_revoked")


async def test_an_object_is_found_without_naming_its_project(console):
    theirs = console.key("gateway:call", project=console.project("theirs"))
    wrong = await console.ask("DELETE", f"/api/v1/keys/{theirs.id}?project=default", key=console.made.secret)
    assert wrong.status_code == 404
    assert (await console.ask("DELETE", f"/api/v1/keys/{theirs.id}", key=console.made.secret)).status_code == 204


async def test_projects_are_made_listed_and_chosen_by_name(console):
    made = (await console.ask("POST", "/api/v1/projects", key=console.made.secret, json={"name": "search"})).json()
    assert set(made) == {"id", "name", "created"}
    listed = (await console.ask("GET", "/api/v1/projects", key=console.made.secret)).json()["items"]
    assert [project["name"] for project in listed] == ["default", "search"]
    await console.ask("POST", "/api/v1/keys?project=search", key=console.made.secret, json={"name": "k"})
    for spelling in ("search", made["id"]):
        found = (await console.ask("GET", f"/api/v1/keys?project={spelling}", key=console.made.secret)).json()["items"]
        assert [key["name"] for key in found] == ["k"]


async def test_a_project_that_exists_is_a_conflict(console):
    answer = await console.ask("POST", "/api/v1/projects", key=console.made.secret, json={"name": "default"})
    assert (answer.status_code, answer.json()["code"]) == (409, "project_exists")


async def test_signing_in_sets_a_cookie_that_no_script_reads(console):
    link = await console.ask("POST", "/api/v1/signin-links", key=console.made.secret, json={"role": "admin"})
    assert link.status_code == 201
    assert link.json()["url"].startswith("http://127.0.0.1:4180/signin#token=")
    async with console.client() as client:
        signed_in = await client.post("/api/v1/session", json={"token": token_of(link)})
        cookie = signed_in.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "secure" not in cookie
        session = (await client.get("/api/v1/session")).json()
        assert session == signed_in.json()
        assert session["user"]["name"] == "admin"
        assert (session["key"], session["role"], session["version"]) == (None, "admin", __version__)
        assert session["gateway_url"] == "http://127.0.0.1:4100"
        assert set(session["permissions"]) == PERMISSIONS
        assert session["projects"] == [{"id": console.made.project, "name": "default"}]

        headers = {"x-csrf-token": session["csrf_token"]}
        assert (await client.post("/api/v1/keys", json={"name": "mine"}, headers=headers)).status_code == 201
        signed_out = await client.delete("/api/v1/session", headers=headers)
        assert signed_out.status_code == 204
        assert "max-age=0" in signed_out.headers["set-cookie"].lower()
        assert (await client.get("/api/v1/session")).status_code == 401
    again = await console.ask("GET", "/api/v1/session", session=csrf_token("x"))
    assert again.json()["code"] == "session_ended"


async def test_a_used_link_is_refused(console):
    link = console.identity.new_signin_link()
    assert (await console.ask("POST", "/api/v1/session", json={"token": link.token})).status_code == 200
    answer = await console.ask("POST", "/api/v1/session", json={"token": link.token})
    assert (answer.status_code, answer.json()["code"]) == (401, "link_invalid")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("body", [{"token": None}, {"token": ""}, {}, {"token": "x", "role": "admin"}, [], "x", None])
async def test_a_null_or_empty_token_signs_nobody_in(console, body):
    """FAILURES S38"""
    answer = await console.ask("POST", "/api/v1/session", json=body)
    assert answer.status_code in {400, 401}
    assert "set-cookie" not in answer.headers


async def test_a_viewer_reads_and_does_not_write(console):
    session = console.session("viewer")
    assert (await console.ask("GET", "/api/v1/keys", session=session)).status_code == 200
    for path, body in [("/api/v1/keys", {"name": "x"}), ("/api/v1/projects", {"name": "x"})]:
        assert (await console.ask("POST", path, session=session, json=body)).status_code == 403
    described = (await console.ask("GET", "/api/v1/session", session=session)).json()
    assert (described["role"], set(described["permissions"])) == ("viewer", ROLE_PERMISSIONS["viewer"])


async def test_a_session_is_described_for_the_project_that_is_asked_about(console):
    console.project("other")
    console.session("editor", "Ada")
    session = console.session("viewer", "Ada", project="other")
    described = {
        name: (await console.ask("GET", f"/api/v1/session?project={name}", session=session)).json()["role"]
        for name in ("default", "other")
    }
    assert described == {"default": "editor", "other": "viewer"}


async def test_a_key_is_described_as_a_key(console):
    described = (await console.ask("GET", "/api/v1/session", key=console.made.secret)).json()
    assert (described["user"], described["role"], described["csrf_token"]) == (None, None, None)
    assert described["key"] == {"id": console.made.key, "name": "admin"}


async def test_signing_out_with_a_key_changes_nothing(console):
    assert (await console.ask("DELETE", "/api/v1/session", key=console.made.secret)).status_code == 204
    assert (await console.ask("GET", "/api/v1/session", key=console.made.secret)).status_code == 200


async def test_a_key_needs_no_csrf_header_even_beside_a_cookie(console):
    headers = {"authorization": f"Bearer {console.made.secret}", "cookie": f"penstock_session={console.session()}"}
    assert (await console.ask("POST", "/api/v1/keys", headers=headers, json={"name": "x"})).status_code == 201


async def test_a_bad_key_is_not_helped_by_a_good_cookie(console):
    headers = {"x-api-key": "psk_wrong", "cookie": f"penstock_session={console.session()}"}
    assert (await console.ask("GET", "/api/v1/keys", headers=headers)).status_code == 401


async def test_two_different_keys_in_one_request_are_refused(console):
    """FAILURES S40"""
    weak = console.key("keys:read").secret
    headers = {"authorization": f"Bearer {weak}", "x-api-key": console.made.secret}
    answer = await console.ask("GET", "/api/v1/projects", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "key_ambiguous")
    same = {"authorization": f"bearer {weak}", "x-api-key": weak}
    assert (await console.ask("GET", "/api/v1/keys", headers=same)).status_code == 200


async def test_another_scheme_than_bearer_is_named(console):
    answer = await console.ask("GET", "/api/v1/keys", headers={"authorization": "Basic YTpi"})
    assert answer.json()["code"] == "key_invalid"
    assert "Bearer" in answer.json()["detail"]


async def test_a_role_that_changes_signs_the_person_out(console):
    """FAILURES S6"""
    session = console.session("editor", "Ada")
    console.identity.new_signin_link(role="viewer", name="Ada")
    answer = await console.ask("GET", "/api/v1/keys", session=session)
    assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")


async def test_a_key_only_invites_within_its_own_powers(console):
    """FAILURES S2, S3"""
    weak = console.key("users:write", "keys:read").secret
    answer = await console.ask("POST", "/api/v1/signin-links", key=weak, json={"role": "admin"})
    assert (answer.status_code, answer.json()["code"]) == (403, "role_exceeds_creator")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/v1/keys", {"name": 5}, "name"),
        ("/api/v1/keys", {"name": "x", "scopes": ["trace:read"]}, "scopes"),
        ("/api/v1/keys", {"name": "x", "models": [7]}, "models[0]"),
        ("/api/v1/keys", {"name": "x", "expires": "tomorrow"}, "expires"),
        ("/api/v1/projects", {"name": "a b"}, "name"),
        ("/api/v1/signin-links", {"role": "root"}, "role"),
        ("/api/v1/keys?project=", {"name": "x"}, "project"),
        ("/api/v1/keys?project=a&project=b", {"name": "x"}, "project"),
    ],
)
async def test_bad_input_is_answered_with_the_field_that_is_wrong(console, path, body, field):
    answer = await console.ask("POST", path, key=console.made.secret, json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["field"], problem["code"]) == (field, "invalid_input")
    assert len(problem["detail"]) > 10


async def test_an_unknown_field_is_refused_not_ignored(console):
    """FAILURES S2: nothing is granted by a field that nobody reads."""
    for extra in ({"all_projects": True}, {"created_by": "x"}, {"__proto__": {}}):
        answer = await console.ask("POST", "/api/v1/keys", key=console.made.secret, json={"name": "x", **extra})
        assert answer.status_code == 400
        assert "unknown field" in answer.json()["detail"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null"])
async def test_malformed_json_is_a_clear_400(console, body):
    answer = await console.ask("POST", "/api/v1/keys", key=console.made.secret, content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")


async def test_a_body_over_the_limit_is_refused_however_it_is_sent(console):
    async def pieces():
        for _ in range(40):
            yield b" " * 64 * 1024

    for body in (b" " * (1024 * 1024 + 1), pieces()):
        answer = await console.ask("POST", "/api/v1/keys", key=console.made.secret, content=body)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_models_and_configuration_are_served_under_the_guard(console):
    models = (await console.ask("GET", "/api/v1/models", key=console.made.secret)).json()
    assert set(models) == {"providers", "aliases"}
    config = (await console.ask("GET", "/api/v1/config", key=console.made.secret)).json()
    assert config["snapshot_version"] >= 1


async def test_a_call_that_was_ingested_is_listed_with_the_name_of_its_key(console):
    trace = await console.trace(console.made.project)
    listed = (await console.ask("GET", "/api/v1/traces?from=0", key=console.made.secret)).json()["items"]
    assert [(row["trace_id"], row["key_name"]) for row in listed] == [(trace, "admin")]
    shown = (await console.ask("GET", f"/api/v1/traces/{trace}", key=console.made.secret)).json()
    assert shown["trace_id"] == trace
    assert (await console.ask("GET", "/api/v1/system", key=console.made.secret)).json()["version"] == __version__
    assert (await console.ask("GET", "/api/v1/overview", key=console.made.secret)).status_code == 200
