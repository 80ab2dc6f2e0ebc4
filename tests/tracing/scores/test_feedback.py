"""What end users send by tokens: without a key, from a browser, about one trace and nothing else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import PermissionDenied
from penstock.tracing.scores.tokens import LENGTH, feedback_token, read_token
from penstock.tracing.scores.types import Feedback
from penstock.wire.snapshot import FeedbackSettings

SALT = bytes(range(32))
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PAGE = {"origin": "https://app.example"}


async def token(client, **body):
    response = await client.post(f"/traces/{TRACE}/feedback-token", json=body)
    assert response.status_code == 201, response.text
    return response.json()["token"]


async def give(client, status=204, headers=None, **body):
    response = await client.post("/feedback", json=body, headers=headers)
    assert response.status_code == status, response.text
    return response.json() if status != 204 else None


async def rows(client, scores):
    await scores.settle()
    return (await client.get("/scores", params={"trace_id": TRACE})).json()["items"]


async def test_feedback_by_a_token_is_a_score_of_the_end_user(client, scores):
    await give(client, token=await token(client), name="thumb", value=True, comment="Danke!")
    (row,) = await rows(client, scores)
    assert (row["name"], row["type"], row["number"], row["comment"]) == ("thumb", "boolean", 1.0, "Danke!")
    assert (row["source"], row["author"], row["trace_id"], row["span_id"]) == ("user", None, TRACE, None)


async def test_a_second_judgement_with_the_same_token_and_name_replaces_the_first(client, scores, clock):
    given = await token(client)
    await give(client, token=given, value=True)
    clock.advance(1)
    await give(client, token=given, value=False)
    await give(client, token=given, name="stars", value=4)
    found = {row["name"]: row["number"] for row in await rows(client, scores)}
    assert found == {"feedback": 0.0, "stars": 4.0}
    clock.advance(1)
    await give(client, token=await token(client), value=True)
    assert len(await rows(client, scores)) == 3


async def test_a_token_ends(client, scores, clock):
    given = await token(client, expires_in=60)
    clock.advance(59)
    await give(client, token=given, value=True)
    clock.advance(1)
    refused = await give(client, 403, token=given, value=True)
    assert refused["code"] == "feedback_token_expired"


async def test_a_token_that_was_not_made_here_is_refused(client, project):
    genuine = await token(client)
    forged = [
        "", "x", "A" * LENGTH, genuine[:-1], genuine + "A", genuine[:-1] + "é",
        genuine[:-1] + ("A" if genuine[-1] != "A" else "B"),
        ("A" if genuine[0] != "A" else "B") + genuine[1:],
        feedback_token(b"another salt", project=project, trace_id=TRACE, expires=2**31),
    ]  # fmt: skip
    for text in forged:
        refused = await give(client, 403, token=text, value=True)
        assert refused["code"] == "feedback_token_invalid"
        assert TRACE not in json.dumps(refused)


async def test_a_token_of_one_project_says_nothing_of_another(client, scores):
    other = "01900000-0000-7000-8000-000000000009"
    theirs = feedback_token(SALT, project=other, trace_id=TRACE, expires=2**31)
    await give(client, token=theirs, value=True)
    assert await rows(client, scores) == []


@given(position=st.integers(0, LENGTH - 1), bit=st.integers(0, 5))
def test_no_bit_of_a_token_can_be_changed(position, bit):
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    genuine = feedback_token(SALT, project="01900000-0000-7000-8000-000000000009", trace_id=TRACE, expires=1000)
    changed = alphabet[alphabet.index(genuine[position]) ^ (1 << bit)]
    text = genuine[:position] + changed + genuine[position + 1 :]
    # In the last character too, some of whose bits belong to no byte.
    assert read_token(SALT, text) is None


@given(text=st.text(max_size=100))
def test_no_text_is_a_token_by_chance(text):
    assert read_token(SALT, text) is None


def test_without_a_salt_there_is_no_token():
    with pytest.raises(ValueError, match="salt"):
        feedback_token(b"", project="01900000-0000-7000-8000-000000000009", trace_id=TRACE, expires=1000)
    assert read_token(b"", "A" * LENGTH) is None


async def test_too_much_of_one_token_has_to_wait_and_another_token_does_not(client, scores, clock, settings):
    settings.now = FeedbackSettings(per_minute=2)
    first, second = await token(client), await token(client, expires_in=5000)
    await give(client, token=first, value=1)
    await give(client, token=first, value=2)
    response = await client.post("/feedback", json={"token": first, "value": 3})
    assert response.status_code == 429
    assert 1 <= int(response.headers["retry-after"]) <= 60
    await give(client, token=second, value=1)
    clock.advance(60)
    await give(client, token=first, value=3)


@pytest.mark.parametrize(
    "body",
    [{"value": "x" * 101}, {"value": ""}, {"name": "a b", "value": 1}, {"value": 1, "comment": "x" * 2001},
     {"value": [1]}, {}, {"value": "\ud800"}],
)  # fmt: skip
async def test_feedback_that_does_not_fit_is_refused(client, body):
    sent = json.dumps({"token": await token(client), **body})
    response = await client.post("/feedback", content=sent)
    assert response.status_code == 400, response.text


async def test_a_large_body_is_refused_before_it_is_read(client):
    response = await client.post("/feedback", content=b'{"token":"' + b"x" * 20_000 + b'"}')
    assert response.status_code == 413


async def test_a_token_is_of_a_trace_and_for_a_time(client):
    assert (await client.post("/traces/12/feedback-token", json={})).status_code == 400
    for seconds in (0, -5, 10**9):
        response = await client.post(f"/traces/{TRACE}/feedback-token", json={"expires_in": seconds})
        assert (response.status_code, response.json()["field"]) == (400, "expires_in")


async def test_a_page_of_an_allowed_origin_may_send_and_read_the_answer(client):
    given = await token(client)
    asked = await client.options("/feedback", headers={**PAGE, "access-control-request-method": "POST"})
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == "https://app.example"
    assert asked.headers["access-control-allow-methods"] == "POST"
    assert asked.headers["access-control-allow-headers"] == "content-type"
    # What `navigator.sendBeacon` and a plain `fetch` send: text, for which a browser does not ask first.
    sent = await client.post(
        "/feedback", content=json.dumps({"token": given, "value": True}), headers={**PAGE, "content-type": "text/plain"}
    )
    assert sent.status_code == 204
    assert sent.headers["access-control-allow-origin"] == "https://app.example"
    assert sent.headers["cross-origin-resource-policy"] == "cross-origin"
    refused = await client.post("/feedback", json={"token": "x", "value": True}, headers=PAGE)
    assert refused.status_code == 403
    assert refused.headers["access-control-allow-origin"] == "https://app.example"


async def test_a_page_of_another_origin_may_not(client, scores):
    given = await token(client)
    page = {"origin": "https://evil.example"}
    asked = await client.options("/feedback", headers=page)
    assert "access-control-allow-origin" not in asked.headers
    refused = await give(client, 403, headers=page, token=given, value=True)
    assert refused["code"] == "origin_not_allowed"
    assert await rows(client, scores) == []


async def test_any_page_may_where_the_configuration_says_so(client, settings):
    settings.now = FeedbackSettings(origins=("*",))
    await give(client, headers={"origin": "https://anywhere.example"}, token=await token(client), value=True)


async def test_the_use_of_tokens_is_counted_within_bounds(scores, monkeypatch, clock):
    monkeypatch.setattr("penstock.tracing.scores.service.MAX_COUNTED", 3)
    for number in range(10):
        scores.service._count_use(bytes([number]))
    assert len(scores.service._uses) == 3


async def test_an_unreadable_token_costs_no_memory(scores):
    with pytest.raises(PermissionDenied):
        await scores.service.give_feedback(Feedback(token="x", value=True))
    assert not scores.service._uses
