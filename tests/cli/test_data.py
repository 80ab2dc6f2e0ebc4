"""`penstock data` against canned answers."""

import json
import sys

import pytest

from penstock.cli.commands import data as commands

DELETION = {
    "id": "0190b6e2-7c1f-7a51-89b9-05b95b430bf6",
    "project": "p",
    "what": {"session": "s"},
    "state": "done",
    "requested": 1_700_000_000_000_000,
    "requested_by": "admin",
    "started": 1,
    "finished": 2,
    "total": 3,
    "spans": 1234,
    "scores": 5,
    "lines": 0,
    "verified": True,
    "error": None,
}
DELETIONS = "/api/v1/deletions"
ONE = f"GET {DELETIONS}/{DELETION['id']}"
RETENTION = "/api/v1/retention"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(commands, "POLL_SECONDS", 0)


def test_a_deletion_is_waited_for_and_told(ask, canned):
    canned.respond({**DELETION, "state": "waiting", "verified": None}, to=f"POST {DELETIONS}", status=202)
    canned.respond(DELETION, to=ONE)

    ran = ask("data", "delete", "--session", "s", "--user", "u", "--of-key", "k", "--trace", "a", "--trace", "b", "-y")

    assert ran.code == 0
    assert "1,234 spans, 5 scores" in ran.err
    assert "nothing left" in ran.err
    body = {"traces": ["a", "b"], "session": "s", "user": "u", "key": "k"}
    assert json.loads(canned.asked[0].body) == body
    assert ask("data", "delete", "-q", "status:error", "--yes", "--json").data == DELETION


def test_what_is_left_is_an_answer_of_no(ask, canned):
    canned.respond(DELETION, to=f"POST {DELETIONS}")
    canned.respond({**DELETION, "verified": False}, to=ONE)

    ran = ask("data", "delete", "--session", "s", "--yes")

    assert ran.code == 1
    assert "some left" in ran.err


def test_a_deletion_need_not_be_waited_for(ask, canned):
    canned.respond({**DELETION, "state": "waiting", "verified": None}, to=f"POST {DELETIONS}")

    ran = ask("data", "delete", "--older-than", "90d", "--yes", "--no-wait")

    assert ran.code == 0
    assert "on its way" in ran.err
    assert len(canned.asked) == 1
    assert set(json.loads(canned.asked[0].body)) == {"before"}


def test_nothing_is_deleted_unless_it_is_meant(ask, canned, monkeypatch):
    assert ask("data", "delete", "--yes").code == 2
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    ran = ask("data", "delete", "--session", "s")
    assert ran.code == 2
    assert "--yes" in ran.err
    assert canned.asked == []


def test_at_a_terminal_a_person_is_asked(ask, canned, monkeypatch):
    canned.respond(DELETION, to=f"POST {DELETIONS}")
    canned.respond(DELETION, to=ONE)
    asked = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(commands.typer, "confirm", lambda text, **options: asked.append(text))

    assert ask("data", "delete", "--trace", "a", "--older-than", "1d").code == 0

    assert asked[0].startswith("Delete for good what has traces a, before 2")


def test_progress_is_shown_at_a_terminal(ask, canned, monkeypatch):
    canned.respond(DELETION, to=f"POST {DELETIONS}")
    answers = [{"state": "waiting"}, {"state": "running", "error": "The store is down."}, {"state": "done"}]
    original = canned.answer

    def one_after_the_other(asked):
        if asked.method == "GET":
            canned.respond({**DELETION, **answers.pop(0)}, to=ONE)
        return original(asked)

    canned.answer = one_after_the_other
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    assert ask("data", "delete", "--session", "s", "--yes").code == 0
    assert answers == []


def test_deletions_are_listed(ask, canned):
    failed = {**DELETION, "verified": False, "error": "The store\nis down."}
    canned.respond({"items": [DELETION, failed], "next_cursor": None}, to=f"GET {DELETIONS}")

    ran = ask("data", "deletions")

    assert ran.code == 0
    assert "1,234" in ran.out
    assert "done, some left" in ran.out
    assert ask("data", "deletions", "--json").data["items"][0] == DELETION


POLICY = {"policy": {"default": 30, "kinds": {"tool": 7, "agent": None}, "scores": None}, "updated": None}


def test_retention_is_shown(ask, canned):
    canned.respond(POLICY, to=f"GET {RETENTION}")

    ran = ask("data", "retention")

    assert [line.split() for line in ran.out.splitlines()[1:]] == [
        ["spans", "30", "days"],
        ["spans", "of", "kind", "agent", "ever"],
        ["spans", "of", "kind", "tool", "7", "days"],
        ["scores", "ever"],
    ]
    assert len(canned.asked) == 1


def test_retention_is_changed_where_it_is_said(ask, canned):
    canned.respond(POLICY, to=f"GET {RETENTION}")
    canned.respond(POLICY, to=f"PUT {RETENTION}")

    ran = ask(
        "data", "retention", "--default", "forever", "--kind", "llm=2w", "--kind", "tool=", "--scores", "9d", "--json"
    )

    assert ran.code == 0
    assert json.loads(canned.asked[1].body) == {"default": None, "kinds": {"agent": None, "llm": 14}, "scores": 9}


@pytest.mark.parametrize("days", ["12h", "0d", "soon"])
def test_retention_is_in_whole_days(ask, canned, days):
    canned.respond(POLICY, to=f"GET {RETENTION}")

    assert ask("data", "retention", "--default", days).code == 2
    assert len(canned.asked) == 1


def test_the_disk_is_shown_by_parts(ask, canned):
    found = {"spans_bytes": 12_345_678, "rows_bytes": None, "projects": [{"id": "p1", "spans": 1000}]}
    canned.respond({"disk": found}, to="GET /api/v1/system")

    ran = ask("data", "disk")

    assert ran.out.split() == ["what", "MB", "spans", "12.3"]
    assert "p1: 1,000 spans" in ran.err
    assert ask("data", "disk", "--json").data == found
