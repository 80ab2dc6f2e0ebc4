"""`penstock routes`, `penstock limits` and `penstock apply` against canned answers."""

import io
import json
import sys

import pytest

ROUTE = {
    "name": "support",
    "project": None,
    "source": "api",
    "file": None,
    "line": None,
    "etag": "1",
    "version": "00ff",
    "definition": {"variants": {"a": "up/m"}, "strategy": {"fallback": ["a"]}},
    "served": True,
    "problem": None,
    "updated": 1_700_000_000_000_000,
    "updated_by": "ada",
}
FILED = {**ROUTE, "name": "filed", "source": "file", "file": "/etc/penstock.yaml", "line": 7, "project": "p1"}
LIMIT = {**ROUTE, "name": "cap", "definition": {"name": "cap", "on": "key", "match": "ci", "parallel": 1}}
CHANGED = {
    "valid": True,
    "problems": [],
    "differences": [{"change": "changed", "path": "strategy", "before": "a", "after": "b"}],
    "etag": "1",
    "definition": {},
}
SAME = {**CHANGED, "differences": []}
REFUSED = {
    "valid": False,
    "problems": [{"field": "strategy", "message": "no variant is called 'b'.", "hint": "Known: a."}],
    "differences": [],
    "etag": None,
    "definition": None,
}


def page(*rows):
    return {"items": list(rows), "next_cursor": None}


@pytest.fixture
def file(tmp_path):
    def file(text, name="some.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return file


def asked(canned):
    return [(one.method, one.path) for one in canned.asked]


# --- routes and limits ------------------------------------------------------------------------


def test_routes_are_listed_with_where_they_stand_and_whether_they_are_live(ask, canned):
    stuck = {**ROUTE, "name": "stuck", "served": False, "problem": "the configuration file has a route of this name."}
    canned.respond(page(ROUTE, FILED, stuck))
    ran = ask("routes", "list", "--project", "default")
    assert asked(canned) == [("GET", "/api/v1/routes?project=default")]
    head, first, second, third = ran.out.splitlines()
    assert head.split() == ["name", "project", "from", "strategy", "state"]
    assert first.split() == ["support", "all", "ada,", "2023-11-14", "22:13:20Z", "fallback", "live"]
    assert second.split() == ["filed", "p1", "penstock.yaml:7", "fallback", "live"]
    assert third.endswith("not in force: the configuration file has a route of this name.")
    assert json.loads(ask("routes", "list", "--json").out)["items"][0] == ROUTE


def test_limits_are_listed_with_what_they_are_on(ask, canned):
    everyone = {**LIMIT, "name": "all", "definition": {"on": "organisation"}, "source": "file"}
    canned.respond(page(LIMIT, everyone))
    lines = ask("limits", "list").out.splitlines()
    assert "key ci" in lines[1]
    assert lines[2].split() == ["all", "all", "the", "file", "organisation", "live"]


def test_a_route_is_shown_as_the_file_would_have_it(ask, canned):
    canned.respond(ROUTE)
    ran = ask("routes", "show", "support", "--everywhere")
    assert asked(canned) == [("GET", "/api/v1/routes/support?everywhere=true")]
    assert ran.out == "variants:\n  a: up/m\nstrategy:\n  fallback:\n  - a\n"
    assert "project: all" in ran.err
    assert json.loads(ask("routes", "show", "support", "--json").out) == ROUTE


def test_a_route_that_is_not_there_is_an_answer(ask, canned):
    canned.respond({"title": "Not Found", "detail": "There is no route x here.", "code": "route_not_found"}, status=404)
    assert ask("routes", "show", "x").code == 1


def test_setting_a_route_shows_what_changes_and_writes_it(ask, canned, file):
    canned.respond(CHANGED, to="POST")
    canned.respond(ROUTE, to="PUT")
    ran = ask("routes", "set", "support", file("strategy: up/m"), "--comment", "why", "--project", "p")
    assert (ran.code, ran.out) == (0, '~ strategy: "a" → "b"\n')
    assert asked(canned) == [
        ("POST", "/api/v1/routes/support/diff?project=p"),
        ("PUT", "/api/v1/routes/support?project=p&comment=why"),
    ]
    assert json.loads(canned.asked[1].body) == {"strategy": "up/m"}
    assert json.loads(ask("routes", "set", "support", file("strategy: up/m"), "--json").out) == ROUTE


def test_a_dry_run_writes_nothing_and_says_by_its_exit_whether_something_would_change(ask, canned, file):
    canned.respond(CHANGED, to="POST")
    assert ask("routes", "set", "support", file("strategy: up/m"), "--dry-run").code == 1
    canned.respond(SAME, to="POST")
    ran = ask("limits", "set", "cap", file('{"on": "key", "parallel": 1}', "l.json"), "--dry-run")
    assert (ran.code, ran.out) == (0, "")
    assert "Nothing changes: the limit cap is as the file says." in ran.err
    assert {method for method, _ in asked(canned)} == {"POST"}
    assert json.loads(ask("limits", "set", "cap", file("on: key"), "--dry-run", "--json").out) == SAME


def test_what_is_refused_is_told_with_every_reason_and_not_written(ask, canned, file):
    canned.respond(REFUSED, to="POST")
    ran = ask("routes", "set", "support", file("strategy: b"))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "strategy: no variant is called 'b'. Known: a.\n"
    assert json.loads(ask("routes", "set", "support", file("strategy: b"), "--json").out) == REFUSED
    assert {method for method, _ in asked(canned)} == {"POST"}


def test_a_definition_may_come_from_standard_input(ask, canned, monkeypatch):
    canned.respond(CHANGED, to="POST")
    canned.respond(ROUTE, to="PUT")
    stdin = io.TextIOWrapper(io.BytesIO(b"strategy: up/m"))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert ask("routes", "set", "support", "-").code == 0
    assert json.loads(canned.asked[1].body) == {"strategy": "up/m"}


@pytest.mark.parametrize("text", ["- a\n", "", "a: [", "text"])
def test_a_file_that_holds_no_mapping_is_refused_before_anything_is_asked(ask, canned, file, text):
    assert ask("routes", "set", "support", file(text)).code == 2
    assert canned.asked == []


def test_a_file_that_cannot_be_read_or_is_too_large_is_refused(ask, file, tmp_path):
    assert "cannot be read" in ask("routes", "set", "r", str(tmp_path / "none.yaml")).err
    assert "larger than 1024 KiB" in ask("routes", "set", "r", file("# " + "x" * 1024 * 1024)).err


def test_a_route_is_deleted(ask, canned):
    canned.respond(b"", status=204)
    ran = ask("routes", "delete", "support", "--comment", "over", "--everywhere")
    assert (ran.code, ran.err) == (0, "The route support is deleted.\n")
    assert asked(canned) == [("DELETE", "/api/v1/routes/support?everywhere=true&comment=over")]
    assert json.loads(ask("limits", "delete", "cap", "--json").out) == {"name": "cap", "deleted": True}


# --- apply ------------------------------------------------------------------------------------

FILE = """\
version: 1
x-note: ignored
routes:
  support: {project: default, strategy: up/m}
  judge: {strategy: up/m}
limits:
  - {name: cap, on: key, parallel: 1}
"""


def test_apply_writes_what_differs_where_the_file_says(ask, canned, file):
    canned.respond(CHANGED, to="POST")
    canned.respond(SAME, to="POST /api/v1/limits/cap/diff")
    canned.respond(ROUTE, to="PUT")
    ran = ask("apply", file(FILE), "--comment", "release")
    assert ran.code == 0
    assert ran.out == '~ routes.support.strategy: "a" → "b"\n~ routes.judge.strategy: "a" → "b"\n'
    assert asked(canned) == [
        ("POST", "/api/v1/routes/support/diff?project=default"),
        ("PUT", "/api/v1/routes/support?project=default&comment=release"),
        ("POST", "/api/v1/routes/judge/diff?everywhere=true"),
        ("PUT", "/api/v1/routes/judge?everywhere=true&comment=release"),
        ("POST", "/api/v1/limits/cap/diff?everywhere=true"),
    ]


def test_applying_again_changes_nothing(ask, canned, file):
    canned.respond(SAME, to="POST")
    ran = ask("apply", file(FILE), "--project", "other")
    assert (ran.code, ran.out) == (0, "")
    assert "Nothing changes: everything is as the file says." in ran.err
    assert [path for _, path in asked(canned)] == [
        "/api/v1/routes/support/diff?project=default",
        "/api/v1/routes/judge/diff?project=other",
        "/api/v1/limits/cap/diff?project=other",
    ]


def test_a_dry_run_of_apply_says_by_its_exit_whether_something_would_change(ask, canned, file):
    canned.respond(CHANGED, to="POST")
    ran = ask("apply", file(FILE), "--dry-run", "--json")
    assert ran.code == 1
    assert [(one["kind"], one["name"]) for one in ran.data["changes"]] == [
        ("route", "support"),
        ("route", "judge"),
        ("limit", "cap"),
    ]
    assert {method for method, _ in asked(canned)} == {"POST"}


def test_what_is_refused_is_tried_again_after_the_rest_and_told_when_it_stays(ask, canned, file):
    canned.respond(CHANGED, to="POST")
    canned.respond(REFUSED, to="POST /api/v1/routes/support/diff")
    canned.respond(ROUTE, to="PUT")
    ran = ask("apply", file(FILE))
    assert ran.code == 1
    assert "routes.support: strategy: no variant is called 'b'. Known: a." in ran.err
    assert [path for method, path in asked(canned) if "support" in path] == [
        "/api/v1/routes/support/diff?project=default"
    ] * 2
    assert [path.partition("?")[0] for method, path in asked(canned) if method == "PUT"] == [
        "/api/v1/routes/judge",
        "/api/v1/limits/cap",
    ]


def test_prune_deletes_what_was_written_here_and_the_file_does_not_name(ask, canned, file):
    canned.respond(SAME, to="POST")
    old, theirs = {**ROUTE, "name": "old"}, {**ROUTE, "name": "theirs", "project": "p1"}
    canned.respond(page(FILED, old, theirs, {**ROUTE, "name": "judge"}), to="GET /api/v1/routes")
    canned.respond(b"", to="DELETE", status=204)
    ran = ask("apply", file(FILE.partition("limits:")[0]), "--prune")
    assert (ran.code, ran.out) == (0, "- routes.old\n")
    assert asked(canned)[-1] == ("DELETE", "/api/v1/routes/old?everywhere=true")
    assert "GET /api/v1/limits" not in [f"{method} {path}" for method, path in asked(canned)]
    dry = ask("apply", file(FILE.partition("limits:")[0]), "--prune", "--dry-run")
    assert (dry.code, dry.out) == (1, "- routes.old\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("providers: {}\nroutes: {}\n", "Only routes and limits can be applied, and the file has: providers."),
        ("routes: []\nlimits: {}\n", "expected routes as a mapping of names, and limits as a list."),
        ("routes: {a: up/m}\n", "expected a mapping for the route a."),
        ("limits: [{on: key}]\n", "expected a limit with a name."),
        ("limits: [a]\n", "expected a limit with a name."),
    ],
)
def test_a_file_that_cannot_be_applied_is_refused_before_anything_is_asked(ask, canned, file, text, message):
    ran = ask("apply", file(text))
    assert (ran.code, canned.asked) == (2, [])
    assert message in ran.err
