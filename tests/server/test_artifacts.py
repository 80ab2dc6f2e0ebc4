"""Artifacts over the whole console: the guard, keys that promote, and what a gateway is given."""

import asyncio

import pytest


async def test_a_kind_that_does_not_exist_is_no_address(console):
    answer = await console.ask("GET", "/api/v1/artifacts/poem", key=console.made.secret)
    assert (answer.status_code, answer.json()["code"]) == (404, "kind_not_found")


@pytest.mark.parametrize("kind", ["prompt", "model", "dataset", "evaluator"])
async def test_each_kind_has_permissions_of_its_own(console, kind):
    """FAILURES S1, S23"""
    key = console.key(f"{kind}s:read").secret
    for other in ("prompt", "model", "dataset", "evaluator"):
        answer = await console.ask("GET", f"/api/v1/artifacts/{other}", key=key)
        assert answer.status_code == (200 if other == kind else 403)
    refused = await console.ask("POST", f"/api/v1/artifacts/{kind}", key=key, json={"name": "x"})
    assert (refused.status_code, f"{kind}s:write" in refused.json()["detail"]) == (403, True)


async def test_a_key_for_one_label_is_minted_only_by_who_may_move_it(console):
    """FAILURES S2, S3"""
    body = {"name": "release", "scopes": ["prompts:read", "prompts:promote:staging"]}
    editor = console.session("editor")
    refused = await console.ask("POST", "/api/v1/keys", session=editor, json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_exceeds_creator")
    minted = await console.ask("POST", "/api/v1/keys", session=console.session("admin"), json=body)
    assert minted.status_code == 201
    await asyncio.to_thread(console.artifact, console.made.project)
    address, key = "/api/v1/artifacts/prompt/theirs/labels", minted.json()["secret"]
    await console.ask(
        "PUT", "/api/v1/protected-labels/prompt", key=console.made.secret, json={"labels": ["production", "staging"]}
    )
    moved = await console.ask("PUT", f"{address}/staging", key=key, json={"version": "1"})
    assert (moved.status_code, moved.json()["protected"]) == (200, True)
    for label in ("production", "x"):
        assert (await console.ask("PUT", f"{address}/{label}", key=key, json={"version": "1"})).status_code == 403


@pytest.mark.parametrize(
    "scope", ["prompts:promote:", "prompts:promote:A", "prompts:write:x", "poems:promote:x", "promote:x"]
)
async def test_what_is_no_permission_of_a_label_is_no_scope(console, scope):
    body = {"name": "x", "scopes": [scope]}
    answer = await console.ask("POST", "/api/v1/keys", key=console.made.secret, json=body)
    assert (answer.status_code, answer.json()["field"]) == (400, "scopes")


async def test_a_name_with_folders_is_written_with_colons(console):
    address = "/api/v1/artifacts/model/a:b/versions"
    body = {"body": {"target": "x/y"}}
    saved = await console.ask("POST", f"{address}?create=true", key=console.made.secret, json=body)
    assert (saved.status_code, saved.json()["name"], saved.json()["outcome"]) == (200, "a/b", "created")
    assert (await console.ask("GET", f"{address}/latest", key=console.made.secret)).json()["body"] == {"target": "x/y"}


async def test_a_body_over_a_megabyte_is_taken_and_one_over_ten_is_not(console):
    address = "/api/v1/artifacts/evaluator/large/versions?create=true"
    for size, status in ((2, 200), (11, 413)):
        body = {"body": {"text": "x" * size * 1024 * 1024}}
        answer = await console.ask("POST", address, key=console.made.secret, json=body)
        assert answer.status_code == status
