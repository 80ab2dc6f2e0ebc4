"""`penstock datasets` against canned answers."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

PREVIEW = {
    "upload": "u1",
    "mapping": {"input": "question", "reference": "answer", "metadata": ["lang"]},
    "rows": [{"input": {"q": "why?"}, "reference": "because"}, {"input": "x" * 300}],
}
DONE = {"id": "i1", "state": "done", "rows": 1200, "version": 3, "outcome": "created"}
CHECKED = {
    "version": 2,
    "rows": 3,
    "characters": {"p50": 5, "p95": 9, "max": 12},
    "findings": [{"level": "warning", "message": "1 row is odd.", "examples": ["a"]}],
    "coverage": {
        "covered": 0.5,
        "compared": 10,
        "clusters": [{"share": 1.0, "covered": 0.5, "rows": 3, "terms": ["refund", "card"]}],
    },
}


def body(canned, at=-1):
    return json.loads(canned.asked[at].body)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"question": "why?"}\n')
    return path


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr("penstock.cli.datasets.POLL_SECONDS", 0)


def test_a_file_is_sent_mapped_and_followed_until_it_is_a_version(ask, canned, file):
    canned.respond(PREVIEW, to="POST /api/v1/datasets/uploads")
    canned.respond({"id": "i1", "state": "running", "rows": 5}, to="POST /api/v1/datasets/a%3Ab/import")
    canned.respond(DONE, to="GET /api/v1/datasets/imports/i1")
    ran = ask("datasets", "import", "a/b", str(file), "-m", "first", "--append")
    assert (ran.code, ran.out) == (0, "a/b is version 3, 1,200 rows\n")
    sent = canned.asked[0]
    assert sent.body == b'{"question": "why?"}\n'
    assert parse_qs(urlsplit(sent.path).query) == {"name": ["rows.jsonl"]}
    assert body(canned, 1) == {
        "upload": "u1",
        "mapping": PREVIEW["mapping"],
        "mode": "append",
        "terms": {"message": "first", "resplit": False},
    }


def test_a_mapping_is_looked_at_before_anything_is_saved(ask, canned, file):
    canned.respond(PREVIEW, to="POST /api/v1/datasets/uploads")
    canned.respond(b"", to="DELETE /api/v1/datasets/uploads/u1")
    ran = ask("datasets", "import", "a", str(file), "--dry-run", "--map", "input=q,r", "--map", "reference=")
    assert body(canned, 1) == {"mapping": {"input": ["q", "r"], "metadata": ["lang"]}}
    assert ran.out.splitlines()[0] == "mapping: input=q,r, metadata=lang"
    assert "because" in ran.out
    assert canned.asked[-1].method == "DELETE"
    assert ask("datasets", "import", "a", str(file), "--dry-run", "--json").data["upload"] == "u1"
    assert ask("datasets", "import", "a", str(file), "--map", "input").code == 2


def test_an_import_that_failed_says_where(ask, canned, file):
    canned.respond(PREVIEW, to="POST /api/v1/datasets/uploads")
    failed = {"id": "i1", "state": "failed", "error": "It is empty.", "field": "rows[3].input"}
    canned.respond(failed, to="POST /api/v1/datasets/a/import")
    ran = ask("datasets", "import", "a", str(file))
    assert (ran.code, ran.err) == (2, "penstock: It is empty. (rows[3].input)\n")
    assert ask("datasets", "import", "a", "no-such-file.csv").code == 2


def test_traces_become_rows(ask, canned):
    canned.respond(DONE | {"looked": 9, "outcome": "unchanged"}, to="POST /api/v1/datasets/a/from-traces")
    ran = ask(
        "datasets", "from-traces", "a", "route:x", "score.helpful:false", "--sample", "stratified", "--by", "tags.t",
        "--size", "50", "--reference", "score:fix", "--question", "--metadata", "route", "--unmasked", "--json",
    )  # fmt: skip
    assert ran.data["version"] == 3
    assert body(canned) == {
        "q": "route:x score.helpful:false",
        "from": None,
        "of": "calls",
        "sample": {"how": "stratified", "size": 50, "by": "tags.t", "seed": 0},
        "input": "question",
        "reference": "score:fix",
        "metadata": ["route"],
        "mask": False,
        "mode": "append",
        "terms": {"message": ""},
    }
    assert ask("datasets", "from-traces", "a").out == "a unchanged, still version 3, 1,200 rows\n"
    canned.respond({"matching": 4711, "rows": PREVIEW["rows"]}, to="POST /api/v1/datasets/from-traces/preview")
    assert ask("datasets", "from-traces", "a", "--dry-run").out.startswith("4,711 fit\n")
    assert ask("datasets", "from-traces", "a", "--dry-run", "--json").data["matching"] == 4711


def test_rows_are_listed_over_pages_and_exported(ask, canned, tmp_path):
    row = {"id": "r", "input": "why?", "split": "test"}
    canned.respond({"items": [row], "next_cursor": "1"}, to="GET /api/v1/datasets/a/rows")
    ran = ask("datasets", "rows", "a", "--limit", "2", "--split", "test", "--version", "3", "--q", "late refund")
    assert ran.out.splitlines()[1:] == ["r   test   -          why?"] * 2
    query = parse_qs(urlsplit(canned.asked[1].path).query)
    assert (query["cursor"], query["q"]) == (["1"], ["late refund"])
    assert ask("datasets", "rows", "a", "--limit", "1", "--json").data["next_cursor"] == "1"
    canned.respond({"items": [], "next_cursor": None}, to="GET /api/v1/datasets/a/rows")
    assert ask("datasets", "rows", "a").out == ""
    canned.respond(b"{}\n", to="GET /api/v1/datasets/a/export")
    assert ask("datasets", "export", "a", "-o", str(tmp_path / "x"), "--quiet").err == ""
    assert (tmp_path / "x").read_bytes() == b"{}\n"


def test_rows_are_divided(ask, canned):
    canned.respond({}, to="PUT /api/v1/datasets/a/splits")
    canned.respond({"items": [{"split": "train", "rows": 8}, {"split": None, "rows": 2}]}, to="GET /api/v1/datasets/a")
    ran = ask("datasets", "split", "a", "train=80", "test=20", "--resplit")
    assert body(canned, 0) == {
        "shares": {"train": 80.0, "test": 20.0},
        "salt": None,
        "terms": {"message": "", "resplit": True},
    }
    assert ran.out.splitlines()[1:] == ["train     8", "-         2"]
    assert ask("datasets", "split", "a", "--json").data["items"][0]["rows"] == 8
    for wrong in ("train", "train=x"):
        assert ask("datasets", "split", "a", wrong).code == 2


def test_versions_are_compared_row_by_row(ask, canned):
    changes = [{"id": "x", "change": "added"}, {"id": "y", "change": "changed"}]
    found = {"added": 1, "removed": 0, "changed": 1, "changes": changes, "splits_changed": True}
    canned.respond(found, to="GET /api/v1/datasets/a/diff")
    out = ask("datasets", "diff", "a", "1", "2").out.splitlines()
    assert out == ["1 added, 0 removed, 1 changed", "+ x", "~ y", "rows are divided anew"]
    assert ask("datasets", "diff", "a", "--json").data["added"] == 1


def test_a_check_shows_what_it_found_and_fails_where_it_must(ask, canned):
    canned.respond({"id": "c", "state": "done", "report": CHECKED}, to="POST /api/v1/datasets/a/checks")
    ran = ask("datasets", "check", "a", "route:x")
    assert ran.code == 0
    assert body(canned) == {"version": "latest", "similar": 0.8, "coverage": {"q": "route:x", "from": None}}
    assert ran.out.splitlines() == [
        "version 2: 3 rows, inputs of 5 characters (p95 9, longest 12)",
        "warning  1 row is odd.",
        "         a",
        "50% of 10 recorded questions have a row like them",
        "traffic  covered  rows  about",
        "   100%      50%     3  refund, card",
    ]
    assert ask("datasets", "check", "a", "--strict").code == 1
    assert body(canned)["coverage"] is None
    problem = {**CHECKED, "findings": [{"level": "problem", "message": "Bad.", "examples": []}], "coverage": None}
    canned.respond({"id": "c", "state": "done", "report": problem}, to="POST /api/v1/datasets/a/checks")
    assert ask("datasets", "check", "a").code == 1
    assert ask("datasets", "check", "a", "--json").data["version"] == 2
