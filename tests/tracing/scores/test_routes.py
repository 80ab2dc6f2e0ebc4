"""Scores over the API: judged, found again, replaced, deleted."""

import asyncio

import pytest

from penstock.tracing.scores.types import NewScores

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OTHER = "0af7651916cd43dd8448eb211c80319c"
SPAN = "00f067aa0ba902b7"


async def add(client, *items, status=200):
    response = await client.post("/scores", json={"items": list(items)})
    assert response.status_code == status, response.text
    return response.json()


async def listed(client, **query):
    response = await client.get("/scores", params=query)
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_score_is_found_again_by_everything_it_is_of(client, scores):
    answer = await add(
        client,
        {"name": "helpful", "value": True, "trace_id": TRACE, "span_id": SPAN, "comment": "nice", "source": "person"},
        {"name": "groundedness", "value": 0.25, "trace_id": OTHER, "source": "judge", "metadata": {"model": "x"}},
        {"name": "topic", "value": "billing", "session": "chat-42"},
        {"name": "note", "value": "long " * 100, "type": "text", "session": "chat-42"},
    )
    assert (answer["accepted"], answer["rejected"]) == (4, 0)
    await scores.settle()

    (helpful,) = (await listed(client, trace_id=TRACE.upper()))["items"]
    assert helpful == {
        "id": answer["items"][0]["id"], "name": "helpful", "type": "boolean", "number": 1.0, "label": None,
        "trace_id": TRACE, "span_id": SPAN, "session": None, "source": "person", "author": "key-1",
        "comment": "nice", "created": helpful["created"], "metadata": None,
    }  # fmt: skip
    (judged,) = (await listed(client, name="groundedness"))["items"]
    assert (judged["number"], judged["metadata"], judged["source"]) == (0.25, {"model": "x"}, "judge")
    assert {row["name"] for row in (await listed(client, session="chat-42"))["items"]} == {"topic", "note"}
    assert [row["name"] for row in (await listed(client, trace_id=TRACE, span_id=SPAN))["items"]] == ["helpful"]
    assert [row["name"] for row in (await listed(client, source="judge"))["items"]] == ["groundedness"]


async def test_one_score_needs_no_list(client, scores):
    response = await client.post("/scores", json={"name": "helpful", "value": 3, "trace_id": TRACE})
    assert response.status_code == 200
    assert response.json()["accepted"] == 1
    await scores.settle()
    (row,) = (await listed(client))["items"]
    assert (row["type"], row["number"]) == ("number", 3.0)


async def test_each_score_is_accepted_or_rejected_by_itself_with_a_reason(client, scores):
    """FAILURES O4."""
    answer = await add(
        client,
        {"name": "helpful", "value": True, "trace_id": TRACE},
        {"name": "bad name!", "value": True, "trace_id": TRACE, "id": "mine"},
        {"name": "helpful", "value": True},
        {"name": "helpful", "value": True, "trace_id": "xyz"},
        {"name": "helpful", "value": True, "span_id": SPAN, "session": "s"},
        {"name": "helpful", "value": "x" * 101, "trace_id": TRACE},
        {"name": "helpful", "value": "yes", "type": "number", "trace_id": TRACE},
        {"name": "helpful", "value": 2, "type": "boolean", "trace_id": TRACE},
        {"name": "helpful", "value": 1, "type": "boolean", "trace_id": TRACE},
        {"name": "helpful", "value": True, "trace_id": TRACE, "comment": "x" * 4001},
        {"name": "helpful", "value": True, "trace_id": TRACE, "id": "a/b"},
        {"name": "helpful", "value": True, "trace_id": TRACE, "created": 2**60},
        {"name": "helpful", "value": True, "trace_id": TRACE, "metadata": {"x": "y" * 9000}},
        {"name": "helpful", "value": "  ", "trace_id": TRACE},
        {"name": "helpful", "value": True, "trace_id": "0" * 32},
        {"name": "helpful", "value": True, "session": " s"},
    )
    outcomes = answer["items"]
    assert [outcome["accepted"] for outcome in outcomes] == [True, *[False] * 7, True, *[False] * 7]
    assert (answer["accepted"], answer["rejected"]) == (2, 14)
    assert outcomes[1]["id"] == "mine"
    assert "bad name!" in outcomes[1]["reason"]
    assert all(outcome["reason"] for outcome in outcomes if not outcome["accepted"])
    await scores.settle()
    assert len((await listed(client))["items"]) == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "helpful", "trace_id": TRACE}, "value"),
        ({"items": []}, "items"),
        ({"items": [{"name": "a", "value": 1, "session": "s"}] * 1001}, "items"),
        ({"items": [{"name": "a", "value": 1, "session": "s"}], "name": "b"}, "items"),
        ({"name": "a b", "value": 1, "session": "s"}, "name"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused_whole(client, body, field):
    response = await client.post("/scores", json=body)
    assert response.status_code == 400
    assert response.json()["field"] == field
    assert response.json()["code"] == "invalid_score"


async def test_the_same_batch_sent_twice_is_stored_once(client, scores):
    """FAILURES O5."""
    item = {"id": "eval-7", "name": "helpful", "value": True, "trace_id": TRACE, "created": 1_600_000_000_000_000}
    await add(client, item)
    await add(client, item, item)
    await scores.settle()
    assert [row["id"] for row in (await listed(client))["items"]] == ["eval-7"]


async def test_a_score_with_the_same_id_replaces_the_older_one(client, scores, clock):
    await add(client, {"id": "one", "name": "helpful", "value": True, "trace_id": TRACE})
    await scores.settle()
    clock.advance(1)
    await add(client, {"id": "one", "name": "helpful", "value": False, "trace_id": TRACE})
    await scores.settle()
    (row,) = (await listed(client))["items"]
    assert row["number"] == 0.0


async def test_pages_follow_one_another_without_gap_or_repeat(client, scores, clock):
    for number in range(7):
        await add(
            client, {"name": "n", "value": number, "session": "s"}, {"name": "n", "value": number, "session": "s"}
        )
        clock.advance(number % 2)
    await scores.settle()
    seen, query = [], {"limit": 3}
    while True:
        page = await listed(client, **query)
        seen += [(row["created"], row["id"]) for row in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert len(seen) == 14
    assert seen == sorted(set(seen), reverse=True)
    middle = seen[7][0]
    assert all(row["created"] >= middle for row in (await listed(client, **{"from": middle}))["items"])
    assert all(row["created"] < middle for row in (await listed(client, to=middle))["items"])


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 201}, {"cursor": "x"}, {"cursor": "zz.a"}, {"cursor": "12.a/b"}, {"trace_id": "12"},
     {"span_id": SPAN}, {"from": 5, "to": 5}, {"source": "nobody"}],
)  # fmt: skip
async def test_a_list_that_cannot_be_is_refused(client, query):
    response = await client.get("/scores", params=query)
    assert response.status_code == 400, response.text


async def test_a_score_is_deleted_and_a_second_time_not_found(client, scores):
    (outcome,) = (await add(client, {"name": "helpful", "value": True, "trace_id": TRACE}))["items"]
    await scores.settle()
    assert (await client.delete(f"/scores/{outcome['id']}")).status_code == 204
    assert (await listed(client))["items"] == []
    response = await client.delete(f"/scores/{outcome['id']}")
    assert (response.status_code, response.json()["code"]) == (404, "score_not_found")


async def test_another_projects_scores_are_neither_seen_nor_deleted(client, scores):
    """FAILURES O13."""
    await scores.service.record("01900000-0000-7000-8000-000000000001", "k", _one("theirs"))
    await scores.settle()
    assert (await listed(client))["items"] == []
    assert (await client.delete("/scores/theirs")).status_code == 404


def _one(score_id):
    return NewScores(id=score_id, name="helpful", value=True, session="s")


async def test_what_was_accepted_is_on_the_disk(client, scores, project):
    await add(client, {"name": "helpful", "value": True, "trace_id": TRACE})
    text = await asyncio.to_thread(scores.log._path.read_text)
    assert '{"record":"score","id":' in text
    assert project in text


async def test_the_author_of_an_end_users_score_is_not_kept(client, scores):
    await add(client, {"name": "helpful", "value": True, "trace_id": TRACE, "source": "user"})
    await scores.settle()
    assert (await listed(client))["items"][0]["author"] is None
