"""Stored secrets over HTTP: written, never read."""

import pytest

VALUE = "sk-proj-0123456789abcdefghij"
SECRETS = "/api/v1/secrets"


async def test_a_secret_is_set_listed_and_deleted_and_its_value_is_in_no_answer(console, caplog):
    caplog.set_level("DEBUG")
    admin = console.made.secret
    body = {"name": "openai", "value": VALUE, "origins": ["https://api.openai.com/v1"]}
    answers = [
        await console.ask("POST", SECRETS, key=admin, json=body),
        await console.ask("GET", SECRETS, key=admin),
        await console.ask("POST", f"{SECRETS}/rotate", key=admin),
        await console.ask("POST", SECRETS, key=admin, json={**body, "origins": ["nowhere"]}),
        await console.ask("POST", SECRETS, key=admin, json={**body, "name": "a b"}),
        await console.ask("POST", SECRETS, key=admin, json={**body, "more": VALUE}),
        await console.ask("POST", SECRETS, key=admin, json={**body, "value": [VALUE]}),
        await console.ask("POST", SECRETS, key=admin, json={**body, "value": f"{VALUE}\n{VALUE}"}),
        await console.ask("DELETE", f"{SECRETS}/openai", key=admin),
        await console.ask("DELETE", f"{SECRETS}/openai", key=admin),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 400, 400, 400, 400, 400, 204, 404]
    shown = answers[0].json()
    assert set(shown) == {
        "name", "origins", "created", "created_by", "updated", "updated_by", "master_key", "used_by",
    }  # fmt: skip
    assert answers[1].json() == {"items": [shown], "next_cursor": None}
    assert answers[2].json()["resealed"] == 1
    assert VALUE not in "".join(answer.text for answer in answers) + caplog.text


@pytest.mark.parametrize("role", ["viewer", "editor"])
async def test_only_an_admin_sees_or_sets_secrets(console, role):
    session = console.session(role)
    for method, path in (("GET", SECRETS), ("POST", SECRETS), ("POST", f"{SECRETS}/rotate")):
        answer = await console.ask(method, path, session=session, json={"name": "x", "value": VALUE})
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert (await console.ask("GET", SECRETS, session=console.session("admin"))).status_code == 200
