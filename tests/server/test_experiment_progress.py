"""An experiment's progress over the API."""

import json

import pytest

WHERE = "/api/v1/experiments"
SPEC = {"name": "x", "dataset": "x.jsonl", "variants": [{"name": "a", "model": "m"}]}


@pytest.fixture
async def made(console) -> str:
    answer = await console.ask("POST", WHERE, key=console.made.secret, json={"spec": SPEC})
    return answer.json()["id"]


async def test_what_does_not_run_is_told_once_and_then_there_is_nothing_new(console, made):
    answer = await console.ask("GET", f"{WHERE}/{made}/progress", key=console.made.secret)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"
    _, event, rest = answer.text.split("\n\n")
    name, mark, data = event.split("\n")
    assert (name, rest) == ("event: end", "")
    assert json.loads(data.removeprefix("data: "))["counts"]["total"] == 0
    again = await console.ask(
        "GET",
        f"{WHERE}/{made}/progress",
        key=console.made.secret,
        headers={"last-event-id": mark.removeprefix("id: ")},
    )
    # A browser that is answered so does not come back.
    assert (again.status_code, again.text) == (204, "")


async def test_progress_is_for_who_may_read_experiments(console, made):
    weak = console.key("traces:read").secret
    assert (await console.ask("GET", f"{WHERE}/{made}/progress", key=weak)).status_code == 403
    assert (await console.ask("GET", f"{WHERE}/none/progress", key=console.made.secret)).status_code == 404
