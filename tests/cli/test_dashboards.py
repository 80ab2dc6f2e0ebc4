"""`penstock dashboards` against canned answers."""

import json

import pytest

COST = {
    "id": "d1", "name": "Cost", "preset": "cost", "version": 3, "description": "", "widgets": 9,
    "updated": 1_700_000_000_000_000, "updated_by": "Ada",
}  # fmt: skip
MINE = {**COST, "id": "d2", "name": "Mine", "preset": None, "widgets": 1}
DOCUMENT = {"name": "Mine", "widgets": [{"title": "Calls", "type": "number", "queries": [{}]}]}
WHOLE = {"id": "d2", "preset": None, "version": 4, "document": DOCUMENT}


@pytest.fixture
def listed(canned):
    canned.respond({"items": [COST, MINE], "next_cursor": None}, to="GET /api/v1/dashboards")
    canned.respond(WHOLE, to="GET /api/v1/dashboards/d2")
    return canned


def test_dashboards_are_listed(ask, listed):
    ran = ask("dashboards", "list", "--project", "p")
    assert [line.split() for line in ran.out.splitlines()] == [
        ["name", "widgets", "preset", "changed", "by"],
        ["Cost", "9", "cost", "2023-11-14", "22:13:20Z", "Ada"],
        ["Mine", "1", "-", "2023-11-14", "22:13:20Z", "Ada"],
    ]
    assert ask("dashboards", "list", "--json").data["items"][0]["id"] == "d1"


def test_one_is_printed_as_apply_takes_it(ask, listed):
    assert ask("dashboards", "get", "Mine").data == DOCUMENT
    assert ask("dashboards", "get", "d2", "--json").data == WHOLE
    ran = ask("dashboards", "get", "Yours")
    assert ran.code == 1
    assert "There are Cost, Mine." in ran.err


@pytest.mark.parametrize(
    ("version", "said"), [(3, "The dashboard Mine stays as it is."), (4, "The dashboard Mine is changed.")]
)
def test_one_that_is_there_is_changed(ask, listed, tmp_path, version, said):
    listed.respond({**WHOLE, "version": version}, to="PUT /api/v1/dashboards/d2")
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(DOCUMENT))
    assert ask("dashboards", "apply", str(file)).err.strip() == said
    assert json.loads(listed.asked[-1].body) == DOCUMENT


def test_one_that_is_not_there_is_made_from_yaml_too(ask, listed, tmp_path):
    listed.respond({**WHOLE, "version": 1}, to="POST /api/v1/dashboards", status=201)
    file = tmp_path / "new.yaml"
    file.write_text("name: New\nwidgets: []\n")
    assert ask("dashboards", "apply", str(file), "--json").data["version"] == 1
    assert ask("dashboards", "apply", str(file)).err.strip() == "The dashboard New is made."
    file.write_text("widgets: []\n")
    assert "has no name" in ask("dashboards", "apply", str(file)).err


def test_one_is_reset_and_deleted(ask, listed):
    listed.respond({**WHOLE, "id": "d1"}, to="POST /api/v1/dashboards/d1/reset")
    listed.respond(b"", to="DELETE /api/v1/dashboards/d2", status=204)
    assert "as it was at first" in ask("dashboards", "reset", "cost").err
    assert ask("dashboards", "reset", "cost", "--json").data["id"] == "d1"
    assert ask("dashboards", "delete", "Mine").err.strip() == "The dashboard Mine is deleted."
    assert ask("dashboards", "delete", "Mine", "--json").data == {"id": "d2", "name": "Mine", "deleted": True}
