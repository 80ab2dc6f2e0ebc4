"""Judges held against labels over the API, and the lists of evaluators."""

import asyncio

import msgspec
import pytest

from penstock.core.errors import InvalidInput
from penstock.evals.experiments.calibration_runs import DatasetLabels, QueueLabels
from penstock.identity.types import PERMISSIONS
from penstock.registry.artifacts.types import Draft, Ref
from penstock.server.calibration_links import Labels

RUBRIC = {"type": "rubric", "model": "m", "criteria": [{"name": "good", "description": "x", "scale": "boolean"}]}


@pytest.fixture
async def judged(console):
    await asyncio.to_thread(console.judged, console.made.project)
    return console


def labels_of(console) -> Labels:
    return Labels(console.services.evaluation.annotation, console.services.evaluation.datasets)


async def test_versions_of_a_judge_stand_apart(judged):
    """FAILURES E6"""
    secret, address = judged.made.secret, "/api/v1/evaluators"
    (one,) = (await judged.ask("GET", f"{address}?judges=true", key=secret)).json()["items"]
    assert [m["state"] for m in one["versions"][0]["metrics"]] == ["uncalibrated"]
    labels = [{"judge": n % 2 == 0, "people": n % 2 == 0} for n in range(120)] + [{"judge": True, "people": False}]
    made = (await judged.ask("POST", f"{address}/theirs/calibrations", key=secret, json={"labels": labels})).json()
    body = msgspec.json.decode(msgspec.json.encode({**RUBRIC, "model": "another"}))
    admin = judged.identity.access.by_key(secret)
    ref = Ref(judged.made.project, "evaluator", "theirs")
    await asyncio.to_thread(judged.services.artifacts.versions.save, admin, ref, Draft(body=body))
    (one,) = (await judged.ask("GET", address, key=secret)).json()["items"]
    found = {version["version"]: version["metrics"][0]["state"] for version in one["versions"]}
    assert found == {2: "outdated", 1: "calibrated"}
    whole = (await judged.ask("GET", f"{address}/theirs/calibrations/{made['id']}", key=secret)).json()
    assert (whole["disagreed"], whole["disagreements"][0]["judge"], whole["source"]) == (1, True, {})
    assert whole["report"]["raw"]["n"] == 121


async def test_types_are_listed_for_whoever_reads_experiments(judged):
    key = judged.key("experiments:read").secret
    items = (await judged.ask("GET", "/api/v1/evaluators/types", key=key)).json()["items"]
    assert {"exact", "rubric"} <= {one["type"] for one in items}


async def test_a_run_needs_labels_from_one_place_and_the_right_to_read_them(judged):
    address = "/api/v1/evaluators/theirs/calibration-runs"
    refused = await judged.ask("POST", address, key=judged.made.secret, json={})
    assert refused.status_code == 400
    body = {"queue": {"queue": "judged", "question": "good"}}
    key = judged.key(*(PERMISSIONS - {"annotation:read"})).secret
    assert (await judged.ask("POST", address, key=key, json=body)).status_code == 403


async def test_labels_of_a_queue_are_what_people_agree_on(judged):
    project = judged.made.project
    (one,) = labels_of(judged).queue(project, QueueLabels(queue="judged", question="good"))
    assert (one.people, one.item.output, one.place.queue) == (True, "y", "judged")
    with pytest.raises(InvalidInput, match="no question"):
        labels_of(judged).queue(project, QueueLabels(queue="judged", question="other"))


async def test_a_field_that_is_no_field_of_a_row_is_refused(judged):
    with pytest.raises(InvalidInput, match=r"metadata\.label"):
        labels_of(judged).dataset(judged.made.project, DatasetLabels(dataset="x", label="input"))
