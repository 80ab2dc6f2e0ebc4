"""`penstock export` against canned answers."""

from urllib.parse import parse_qs, urlsplit

import pytest

from penstock.cli.downloads import shown_progress


def asked_for(canned):
    return parse_qs(urlsplit(canned.asked[-1].path).query)


def test_a_file_is_written_under_its_name_once_it_is_whole(ask, canned, tmp_path):
    canned.respond(b'{"a":1}\n{"a":2}\n')
    file = tmp_path / "spans.jsonl"
    ran = ask(
        "export", "spans", "status:error", "latency>2s", "-o", str(file), "--columns", "cost,tags.env", "--since", "1h"
    )
    assert (ran.code, ran.out) == (0, "")
    assert file.read_bytes() == b'{"a":1}\n{"a":2}\n'
    assert ran.err == f"{file}: 2 lines, 0.0 MB\n"
    query = asked_for(canned)
    assert query["q"] == ["status:error latency>2s"]
    assert (query["format"], query["columns"]) == (["jsonl"], ["cost,tags.env"])
    assert "from" in query
    assert canned.asked[-1].path.startswith("/api/v1/exports/spans?")


def test_without_a_name_it_goes_to_the_standard_output(ask, canned):
    canned.respond(b"id,name\r\n")
    ran = ask("export", "scores", "--format", "csv", "--name", "helpful")
    assert (ran.code, ran.out, ran.err) == (0, "id,name\r\n", "")
    assert asked_for(canned)["name"] == ["helpful"]


def test_calls_are_exported_as_they_are_listed(ask, canned):
    canned.respond(b'{"a":1}\n')
    assert ask("export", "traces", "status:error", "--since", "1h").out == '{"a":1}\n'
    assert canned.asked[-1].path.startswith("/api/v1/exports/traces?")
    assert asked_for(canned)["q"] == ["status:error"]


def test_a_file_that_breaks_off_leaves_nothing_behind(ask, canned, tmp_path):
    canned.respond(b"x" * 100, claim=200)
    file = tmp_path / "spans.csv"
    file.write_text("before")
    ran = ask("export", "spans", "--format", "csv", "-o", str(file))
    assert ran.code == 2
    assert "stopped answering" in ran.err
    assert file.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["spans.csv"]


def test_what_the_console_refuses_is_said_and_nothing_written(ask, canned, tmp_path):
    canned.respond({"detail": "There is no field 'x', at character 1.", "code": "invalid_query"}, status=400)
    ran = ask("export", "spans", "x:y", "-o", str(tmp_path / "f"))
    assert ran.code == 2
    assert "at character 1" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_told(ask, canned, tmp_path):
    canned.respond(b"x\n")
    ran = ask("export", "spans", "-o", str(tmp_path / "no" / "f"))
    assert ran.code == 2
    assert "cannot be written" in ran.err


@pytest.mark.parametrize(("shown", "said"), [(True, "\r\x1b[K2 lines\r\x1b[K"), (False, "")])
def test_progress_is_one_line_that_goes_away(capsys, shown, said):
    with shown_progress(shown=shown) as show:
        show("2 lines")
    assert capsys.readouterr().err == said
