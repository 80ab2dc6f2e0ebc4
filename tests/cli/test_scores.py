"""`penstock scores` against canned answers."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

TRACE = "0af7651916cd43dd8448eb211c80319c"


def row(**more):
    return {
        "id": "s1", "name": "helpful", "type": "boolean", "number": 1.0, "label": None, "trace_id": TRACE,
        "span_id": None, "session": None, "source": "user", "author": None, "comment": "so\n\x1b[31mnice",
        "created": 1_700_000_000_000_000, "metadata": None, **more,
    }  # fmt: skip


def test_scores_are_listed_with_what_they_are_of(ask, canned):
    canned.respond(
        {
            "items": [
                row(),
                row(type="number", number=0.25, name="groundedness", session="chat-42", trace_id=None),
                row(type="category", number=None, label="billing"),
            ],
            "next_cursor": None,
        }
    )
    ran = ask("scores", "list", "--trace", TRACE, "--name", "helpful", "--source", "user", "--since", "1h")
    first, second, third = ran.out.splitlines()[1:]
    assert "true" in first
    assert f"trace {TRACE}" in first
    assert "\x1b" not in ran.out
    assert "0.25" in second
    assert "session chat-42" in second
    assert "billing" in third
    asked = parse_qs(urlsplit(canned.asked[0].path).query)
    assert (asked["trace_id"], asked["name"], asked["source"]) == ([TRACE], ["helpful"], ["user"])
    assert int(asked["from"][0]) > 1_700_000_000_000_000


def test_pages_are_followed_up_to_the_limit(ask, canned):
    canned.respond({"items": [row()] * 200, "next_cursor": "c1"})
    canned.respond({"items": [row()] * 50, "next_cursor": "c2"}, to="GET /api/v1/scores?limit=50&cursor=c1")
    ran = ask("scores", "list", "--limit", "250", "--json")
    answer = json.loads(ran.out)
    assert (len(answer["items"]), answer["next_cursor"]) == (250, "c2")
    assert parse_qs(urlsplit(canned.asked[1].path).query)["cursor"] == ["c1"]


@pytest.mark.parametrize(
    ("text", "options", "value"),
    [("true", [], True), ("False", [], False), ("0.8", [], 0.8), ("off topic", [], "off topic"),
     ("5", ["--type", "category"], "5"), ("true", ["--type", "text"], "true")],
)  # fmt: skip
def test_a_value_is_read_as_it_is_meant(ask, canned, text, options, value):
    canned.respond({"accepted": 1, "rejected": 0, "items": [{"id": "s9", "accepted": True}]})
    ran = ask("scores", "add", "helpful", text, "--trace", TRACE, "--comment", "why", *options)
    assert ran.out.strip() == "s9"
    sent = canned.asked[0].body if isinstance(canned.asked[0].body, dict) else json.loads(canned.asked[0].body)
    assert sent["value"] == value
    assert type(sent["value"]) is type(value)
    assert (sent["trace_id"], sent["comment"], sent["source"]) == (TRACE, "why", "person")
    assert "span_id" not in sent


def test_the_answer_to_a_program_is_json(ask, canned):
    canned.respond({"accepted": 1, "rejected": 0, "items": [{"id": "s9", "accepted": True}]})
    ran = ask("scores", "add", "helpful", "1", "--session", "chat-42", "--id", "mine", "--json")
    assert json.loads(ran.out)["accepted"] == 1
