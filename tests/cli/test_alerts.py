"""`penstock alerts`, `slos` and `incidents`, against a console of canned answers."""

import json

import pytest

RULE = {"id": "r1", "spec": {"name": "Errors", "window": 900, "condition": {"kind": "threshold", "value": 0.1}},
        "state": "firing", "firing": 2, "evaluated": 1_767_571_200_000_000, "error": None}  # fmt: skip
STATE = {"name": "Errors", "state": "firing", "since": 1_767_571_200_000_000, "reason": "> 0.1", "silenced_by": "s1",
         "labels": {"alert": "Errors", "severity": "warning", "model": "gpt"}, "value": 0.5}  # fmt: skip
SPEC = {"name": "Answers", "indicator": {"kind": "availability"}, "objective": 0.99, "period": "28d"}
SLO = {"id": "o1", "state": "ok", "spec": SPEC}
STATUS = {"good": 90, "total": 100, "bad": 10, "budget": 1.0, "objective": 0.99, "share": 0.9, "remaining": -9.0,
          "exhausted_at": 1_767_571_200_000_000, "burn_rates": [{"threshold": 14.4, "long": 3600, "short": 300,
          "severity": "critical", "breached": True, "long_rate": 20.0, "short_rate": None}]}  # fmt: skip
INCIDENT = {"id": "i1", "number": 7, "title": "Search is down", "state": "open", "severity": "sev1", "opened": 1,
            "runbook": "https://r.test", "steps": [{"text": "look", "done": 1}, {"text": "mend"}]}  # fmt: skip
SILENCE = {"id": "s1", "state": "active", "matchers": [{"label": "alert", "op": "=~", "value": "E.*"}], "starts": 1,
           "ends": 2, "comment": "x", "created_by": "Ada"}  # fmt: skip
CHANNEL = {"id": "c1", "name": "team", "kind": "webhook", "last_sent": None, "last_error": "no answer",
           "used_by": ["Errors"], "secret": "whsec_x"}  # fmt: skip
TESTED = {"evaluations": 10, "firings": 1, "step": 60, "series": [{"labels": {"alert": "Errors", "model": "gpt"},
          "firings": [{"fired": 1, "resolved": None, "reason": "> 0.1"}]}]}  # fmt: skip
CHANGE = {"at": 1, "name": "Errors", "labels": {"model": "gpt"}, "before": "pending", "after": "firing", "reason": "x"}


def page(*items):
    return {"items": list(items), "next_cursor": None}


@pytest.fixture
def console(canned):
    canned.respond(page(RULE), to="GET /api/v1/alerts")
    canned.respond(RULE, to="GET /api/v1/alerts/r1")
    canned.respond(page(STATE), to="GET /api/v1/alerts/states")
    canned.respond(page(CHANGE), to="GET /api/v1/alerts/history")
    canned.respond(TESTED, to="POST /api/v1/alerts/test")
    canned.respond(RULE, to="POST /api/v1/alerts")
    canned.respond(RULE, to="PUT /api/v1/alerts/r1")
    canned.respond(status=204, to="DELETE /api/v1/")
    canned.respond(page(SILENCE), to="GET /api/v1/silences")
    canned.respond(SILENCE, to="POST /api/v1/silences", status=201)
    canned.respond(page(CHANNEL), to="GET /api/v1/channels")
    canned.respond(CHANNEL, to="POST /api/v1/channels", status=201)
    canned.respond({"sent": True, "error": None}, to="POST /api/v1/channels/c1/test")
    canned.respond(page(SLO), to="GET /api/v1/slos")
    canned.respond(STATUS, to="GET /api/v1/slos/o1/status")
    canned.respond(SLO, to="POST /api/v1/slos")
    canned.respond(page(INCIDENT), to="GET /api/v1/incidents")
    canned.respond(
        {"incident": INCIDENT, "timeline": [{"at": 1, "by": "Ada", "text": "seen"}]}, to="GET /api/v1/incidents/i1"
    )
    canned.respond({"markdown": "# Post-mortem\n", "version": 0}, to="GET /api/v1/incidents/i1/postmortem")
    canned.respond({"markdown": "x", "version": 3}, to="PUT /api/v1/incidents/i1/postmortem")
    canned.respond(INCIDENT, to="POST /api/v1/incidents")
    canned.respond(INCIDENT, to="PATCH /api/v1/incidents")
    canned.respond(INCIDENT, to="PUT /api/v1/incidents")
    return canned


@pytest.mark.parametrize(
    ("command", "words", "code"),
    [
        ("alerts list", ["Errors", "firing", "threshold"], 0),
        ("alerts show Errors", ['"window": 900'], 0),
        ("alerts states", ["model=gpt", "firing (silenced)", "> 0.1"], 0),
        ("alerts states --firing", ["model=gpt"], 1),
        ("alerts history", ["pending → firing"], 0),
        ("alerts silences", ["alert=~E.*", "Ada"], 0),
        ("alerts channels", ["team", "webhook", "no answer"], 0),
        ("slos list", ["Answers", "99 %", "availability"], 0),
        ("slos show Answers", ["90 % of 100 calls", "burning", "14.4"], 1),
        ("incidents list --state open", ["Search is down", "sev1"], 0),
        ("incidents show 7", ["[x] 0: look", "[ ] 1: mend", "seen", "https://r.test"], 0),
        ("incidents postmortem 7", ["# Post-mortem"], 0),
        ("incidents open Broken", ["7"], 0),
        ("alerts silence alert=Errors route!~x.*", ["s1"], 0),
    ],
)
def test_what_is_asked_for_is_shown(ask, console, command, words, code):
    ran = ask(*command.split())
    assert ran.code == code, ran.err
    for word in words:
        assert word in ran.out
    data = ask(*command.split(), "--json")
    assert data.code == code
    assert json.loads(data.out)


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        ("alerts delete Errors", "DELETE /api/v1/alerts/r1"),
        ("alerts unsilence s1", "DELETE /api/v1/silences/s1"),
        ("alerts test-channel team", "POST /api/v1/channels/c1/test"),
        ("slos delete Answers", "DELETE /api/v1/slos/o1"),
        ("incidents update 7 --state resolved", "PATCH /api/v1/incidents/i1"),
        ("incidents update 7 --note seen", "POST /api/v1/incidents/i1/notes"),
        ("incidents update 7 --tick 1", "PUT /api/v1/incidents/i1/steps/1"),
    ],
)
def test_what_is_told_is_done(ask, console, command, asked):
    for arguments in (command.split(), [*command.split(), "--json"]):
        ran = ask(*arguments)
        assert ran.code == 0, ran.err
    assert asked in [f"{one.method} {one.path.partition('?')[0]}" for one in console.asked]


def test_a_file_is_applied_by_name(ask, console, tmp_path):
    file = tmp_path / "alerts.yaml"
    file.write_text("alerts: [{name: Errors, window: 900, condition: {kind: threshold, value: 0.1}}]")
    ran = ask("alerts", "apply", str(file), "--dry-run")
    assert (ran.code, "Nothing changes" in ran.err) == (0, True)
    file.write_text("alerts: [{name: Errors, window: 600}, {name: New, condition: {kind: absence}}]")
    ran = ask("alerts", "apply", str(file), "--dry-run")
    assert (ran.code, ran.out.split()) == (1, ["~", "Errors", "+", "New"])
    assert {one.method for one in console.asked} == {"GET"}
    ran = ask("alerts", "apply", str(file), "--json")
    assert json.loads(ran.out) == [{"name": "Errors", "outcome": "update"}, {"name": "New", "outcome": "create"}]
    assert [one.method for one in console.asked if one.method != "GET"] == ["PUT", "POST"]


def test_objectives_are_applied_as_alerts_are(ask, console, tmp_path):
    file = tmp_path / "slos.yaml"
    file.write_text("{name: New, objective: 0.9, indicator: {kind: availability}}")
    assert ask("slos", "apply", str(file), "--dry-run").code == 1
    assert ask("slos", "apply", str(file)).out == "+ New\n"


@pytest.mark.parametrize("text", ["alerts: []", "alerts: [{window: 1}]", "x: 1"])
def test_a_file_without_rules_is_refused(ask, console, tmp_path, text):
    file = tmp_path / "alerts.yaml"
    file.write_text(text)
    assert ask("alerts", "apply", str(file)).code == 2


def test_a_rule_is_tried_before_it_is_written(ask, console, tmp_path):
    file = tmp_path / "alerts.yaml"
    file.write_text("{name: Errors, condition: {kind: threshold, value: 0.1}}")
    ran = ask("alerts", "test", str(file), "--days", "3")
    assert (ran.code, "1 times in 3 days" in ran.err, "model=gpt" in ran.out) == (0, True, True)
    assert json.loads(ask("alerts", "test", str(file), "--json").out)[0]["name"] == "Errors"


def test_a_channel_is_added_with_its_address_from_standard_input(ask, console, monkeypatch):
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "https://hooks.test/x ")
    ran = ask("alerts", "add-channel", "team")
    assert (ran.out, "whsec_x" in ran.err) == ("c1\n", True)
    assert json.loads(console.asked[-1].body) == {"name": "team", "url": "https://hooks.test/x"}
    assert json.loads(ask("alerts", "add-channel", "team", "--json").out)["id"] == "c1"


def test_a_channel_that_cannot_be_told_is_the_answer_no(ask, console):
    console.respond({"sent": False, "error": "no answer"}, to="POST /api/v1/channels/c1/test")
    ran = ask("alerts", "test-channel", "team")
    assert (ran.code, "no answer" in ran.err) == (1, True)


def test_the_default_rules_are_ready_to_apply(ask, tmp_path):
    ran = ask("alerts", "defaults", "--channel", "team", "--score", "helpful")
    rules = json.loads(ran.out)["alerts"]
    assert {"Errors", "Silence", "Quality"} <= {rule["name"] for rule in rules}
    assert all(rule["channels"] == ["team"] for rule in rules)


@pytest.mark.parametrize(
    "command",
    [
        "alerts show Nothing",
        "slos show Nothing",
        "incidents show 8",
        "alerts test-channel x",
        "alerts silence nonsense",
    ],
)
def test_what_is_not_there_is_told(ask, console, command):
    ran = ask(*command.split())
    assert ran.code == 2
    assert ran.err


def test_a_post_mortem_is_saved_in_the_place_of_what_was_read(ask, console, tmp_path):
    text = tmp_path / "text.md"
    text.write_text("# Why é")
    ran = ask("incidents", "postmortem", "7", "--save", str(text), "--expect", "2")
    assert (ran.code, "version 3" in ran.err) == (0, True)
    sent = console.asked[-1]
    assert (json.loads(sent.body), sent.headers["if-match"]) == ({"markdown": "# Why é"}, '"2"')
    assert ask("incidents", "postmortem", "7", "--draft").code == 0
    assert console.asked[-1].path.endswith("version=0")


def test_a_text_that_cannot_be_read_is_not_saved(ask, console, tmp_path):
    (tmp_path / "text.md").write_bytes(b"\xff")
    for path in ("text.md", "missing.md"):
        assert ask("incidents", "postmortem", "7", "--save", path).code == 2
    assert ask("incidents", "postmortem", "7", "--save", "text.md", "--draft").code == 2
    assert not [asked for asked in console.asked if asked.method == "PUT"]
