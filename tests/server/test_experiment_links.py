"""Experiments over the API: evaluators of the registry, lineage, calibrations."""

import asyncio

import pytest

from penstock.identity.types import PERMISSIONS

LABELS = [{"judge": n % 2 == 0, "people": n % 2 == 0} for n in range(120)]


@pytest.fixture
async def judged(console):
    await asyncio.to_thread(console.evaluator, console.made.project)
    return console


def spec(**more) -> dict:
    variants = [{"name": "a", "model": "m", "prompt": "theirs@1"}]
    return {"spec": {"name": "x", "dataset": "x.jsonl", "variants": variants, **more}}


async def test_a_reference_is_kept_as_the_version_that_it_meant(judged):
    """FAILURES E6"""
    await asyncio.to_thread(judged.prompt, judged.made.project)
    secret = judged.made.secret
    body = spec(evaluators=[{"ref": "theirs@latest"}], gate=["rubric >= 50%"])
    answer = await judged.ask("POST", "/api/v1/experiments", key=secret, json=body)
    assert answer.status_code == 201, answer.text
    (entry,) = answer.json()["spec"]["evaluators"]
    assert (entry["ref"], entry["definition"]["type"]) == ("theirs@1", "rubric")
    # What stands beside a reference is looked up again, whatever was sent.
    forged = spec(evaluators=[{"ref": "theirs@1", "definition": {"type": "exact"}}])
    answer = await judged.ask("POST", "/api/v1/experiments", key=secret, json=forged)
    assert answer.json()["spec"]["evaluators"][0]["definition"]["type"] == "rubric"
    lineage = await judged.ask("GET", "/api/v1/artifacts/evaluator/theirs/lineage?version=1", key=secret)
    told = {edge["to"] for edge in lineage.json()["edges"] if edge["relation"] == "evaluated_on"}
    assert f"experiment:{answer.json()['id']}" in told
    lineage = await judged.ask("GET", "/api/v1/artifacts/prompt/theirs/lineage?version=1", key=secret)
    assert f"experiment:{answer.json()['id']}" in {edge["to"] for edge in lineage.json()["edges"]}


@pytest.mark.parametrize(
    ("entry", "status", "said"),
    [
        ({"ref": "theirs@7"}, 404, "version"),
        ({"ref": "nobody"}, 404, "nobody"),
        ({"ref": "theirs", "name": "other"}, 400, "name"),
    ],
)
async def test_a_reference_that_means_nothing_is_refused(judged, entry, status, said):
    answer = await judged.ask("POST", "/api/v1/experiments", key=judged.made.secret, json=spec(evaluators=[entry]))
    assert (answer.status_code, said in answer.text) == (status, True)


async def test_who_may_not_read_evaluators_may_not_use_them(judged):
    key = judged.key(*(PERMISSIONS - {"evaluators:read"})).secret
    answer = await judged.ask("POST", "/api/v1/experiments", key=key, json=spec(evaluators=[{"ref": "theirs"}]))
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


async def test_a_judge_of_the_registry_is_calibrated_and_its_reports_are_listed(judged):
    secret, address = judged.made.secret, "/api/v1/evaluators/theirs/calibrations"
    assert (await judged.ask("GET", address, key=secret)).json() == {"items": [], "next_cursor": None}
    made = await judged.ask("POST", address, key=secret, json={"labels": LABELS})
    assert made.status_code == 201, made.text
    assert (made.json()["version"], made.json()["report"]["calibrated"]) == (1, True)
    few = await judged.ask("POST", address, key=secret, json={"labels": LABELS[:3]})
    page = (await judged.ask("GET", f"{address}?limit=1", key=secret)).json()
    assert (page["items"][0]["id"], page["items"][0]["report"]["calibrated"]) == (few.json()["id"], False)
    rest = (await judged.ask("GET", f"{address}?cursor={page['next_cursor']}", key=secret)).json()
    assert [one["id"] for one in rest["items"]] == [made.json()["id"]]
    scored = {"scores": "x", "experiment": "0190b6e2-7c1f-7a51-89b9-05b95b430bf6"}
    assert (await judged.ask("POST", address, key=secret, json=scored)).status_code == 404
