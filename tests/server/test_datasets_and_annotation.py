"""Datasets of traces, checks and annotation over the control API."""

import asyncio

import msgspec

QUESTIONS = [{"name": "good", "type": "boolean"}]


async def ended(console, path, admin):
    while True:
        work = (await console.ask("GET", path, key=admin)).json()
        if work["state"] in {"done", "failed"}:
            return work
        await asyncio.sleep(0)


async def test_what_shows_traces_needs_the_permission_to_read_them(console):
    console.dataset(console.made.project)
    key = console.key("datasets:read", "datasets:write", "annotation:write").secret
    asked = [
        ("/api/v1/datasets/new/from-traces", {}),
        ("/api/v1/datasets/theirs/checks", {"coverage": {}}),
        (f"/api/v1/annotation/{console.annotated(console.made.project)}/items", {"traces": {}}),
    ]
    for path, body in asked:
        answer = await console.ask("POST", path, key=key, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
        assert "traces:read" in answer.json()["detail"]


async def test_traces_become_a_dataset_that_is_checked_and_exported(console):
    admin = console.made.secret
    said = b'[{"role":"user","parts":[{"type":"text","content":"Why?"}]}]'

    trace = await console.trace(console.made.project, input=msgspec.Raw(said), started=console.clock.now() - 1_000_000)
    preview = await console.ask("POST", "/api/v1/datasets/from-traces/preview", key=admin, json={})
    assert (preview.json()["matching"], preview.json()["rows"][0]["input"]) == (1, "Why?")
    begun = await console.ask("POST", "/api/v1/datasets/live/from-traces", key=admin, json={"mode": "replace"})
    done = await ended(console, f"/api/v1/datasets/imports/{begun.json()['id']}", admin)
    assert (done["state"], done["rows"], done["looked"]) == ("done", 1, 1), done
    begun = await console.ask("POST", "/api/v1/datasets/live/checks", key=admin, json={"coverage": {"sample": 50}})
    checked = await ended(console, f"/api/v1/datasets/checks/{begun.json()['id']}", admin)
    assert (checked["report"]["rows"], checked["report"]["coverage"]["covered"]) == (1, 1.0), checked
    for form in ("jsonl", "csv", "parquet"):
        answer = await console.ask("GET", f"/api/v1/datasets/live/export?format={form}", key=admin)
        assert answer.status_code == 200
        assert form == "parquet" or trace in answer.text


async def test_a_label_of_a_trace_is_a_score_on_the_disk(console):
    admin, trace = console.made.secret, "a" * 32
    new = {"name": "q", "questions": QUESTIONS, "doubled": 0}
    assert (await console.ask("POST", "/api/v1/annotation", key=admin, json=new)).status_code == 201
    items = {"items": [{"input": "x", "source": {"trace_id": trace}}]}
    assert (await console.ask("POST", "/api/v1/annotation/q/items", key=admin, json=items)).json() == {"added": 1}
    labeller = console.key("annotation:label").secret
    task = (await console.ask("POST", "/api/v1/annotation/q/next", key=labeller)).json()["task"]
    console.services.scores._log.start()
    path = f"/api/v1/annotation/q/items/{task['item']}/label"
    answer = await console.ask("PUT", path, key=labeller, json={"answers": {"good": True}})
    assert answer.json()["answers"] == {"good": True}
    written = b"".join(file.read_bytes() for file in console.home.scores.iterdir() if file.is_file())
    assert trace.encode() in written
    assert b'"source":"person"' in written
    assert (await console.ask("POST", "/api/v1/annotation/q/next", key=labeller)).json() == {"task": None}
    listed = (await console.ask("GET", "/api/v1/annotation?limit=1", key=admin)).json()
    assert (listed["items"][0]["done"], listed["next_cursor"]) == (1, None)
    found = (await console.ask("GET", "/api/v1/annotation/q/items?state=done&limit=1", key=admin)).json()
    assert found["items"][0]["labels"][0]["answers"] == {"good": True}
    assert (await console.ask("GET", "/api/v1/annotation/q/items?limit=0", key=admin)).status_code == 400
    assert trace in (await console.ask("GET", "/api/v1/annotation/q/export", key=admin)).text
