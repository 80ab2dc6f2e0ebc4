"""`penstock prompts` against canned answers; stubs are checked by pyright."""

import json
import subprocess
import sys

import msgspec
import pytest

from penstock.cli.prompt_stubs import stubs
from penstock.wire.prompts import CompiledPrompt, read_prompt

RENDER = "POST /api/v1/prompts/render"
ESTIMATE = "POST /api/v1/prompts/estimate"
PREVIEW = {"text": None, "messages": [{"role": "system", "content": "Be brief."}], "warnings": ["Odd."]}
FIGURES = {
    "input_tokens": 1200, "max_output_tokens": 100, "model": "openai/gpt-4o", "input_cost": 3_000_000,
    "max_cost": None, "reason": "No price.", "missing": ["q"],
}  # fmt: skip


def compiled(name, body):
    return CompiledPrompt(name=name, version=2, digest="d", prompt=read_prompt(body))


ANSWER = compiled(
    "support/answer",
    {
        "messages": [{"role": "user", "content": "{{ question }}{{ tone }}{{ n }}{{ extra }}"}],
        "variables": {
            "question": {},
            "tone": {"enum": ["brief", "kind"], "default": "brief"},
            "n": {"type": "integer", "default": None},
            "extra": {"type": "object", "default": {}},
        },
    },
)
TONE = compiled("house/tone", {"text": "Be {{ class }}.", "variables": {"class": {}}})


def test_a_stored_prompt_is_rendered_with_variables_of_any_type(ask, canned, tmp_path):
    canned.respond(PREVIEW, to=RENDER)
    (tmp_path / "vars.json").write_text('{"a": 1, "b": "file"}')
    ran = ask(
        "prompts", "render", "support/answer", "--version", "staging", "--vars", str(tmp_path / "vars.json"),
        "--var", "b=x=y", "--var", "c:=[1]",
    )  # fmt: skip
    assert (ran.code, ran.out) == (0, "# system\n\nBe brief.\n\n")
    assert "Odd." in ran.err
    assert json.loads(canned.asked[0].body) == {
        "name": "support/answer",
        "version": "staging",
        "variables": {"a": 1, "b": "x=y", "c": [1]},
    }
    assert ask("prompts", "render", "support/answer", "--json").data == PREVIEW


def test_a_file_is_rendered_without_being_stored(ask, canned, tmp_path):
    canned.respond({**PREVIEW, "text": "Hi", "messages": []}, to=RENDER)
    (tmp_path / "a.md").write_text("---\nvariables: {q: {}}\n---\n\nHi {{ q }}\n")
    assert ask("prompts", "render", "--file", str(tmp_path / "a.md")).out == "Hi\n"
    assert json.loads(canned.asked[0].body)["body"] == {"variables": {"q": {}}, "text": "Hi {{ q }}"}


def test_parts_and_tool_calls_are_shown_as_json(ask, canned):
    parts = [{"type": "image", "url": "https://example.com/a.png"}]
    calls = [{"id": "c", "name": "f"}]
    message = {"role": "assistant", "content": parts, "tool_calls": calls}
    canned.respond({**PREVIEW, "messages": [message]}, to=RENDER)
    ran = ask("prompts", "render", "a")
    assert "https://example.com/a.png" in ran.out
    assert '"tool_calls"' in ran.out


def test_an_estimate_shows_tokens_and_money_and_what_it_does_not_know(ask, canned):
    canned.respond(FIGURES, to=ESTIMATE)
    ran = ask("prompts", "estimate", "a", "--model", "openai/gpt-4o")
    assert ran.code == 0
    assert all(text in ran.out for text in ("1,200", "$0.003000", "unknown", "openai/gpt-4o"))
    assert "No price." in ran.err
    assert "Counted as empty: q." in ran.err
    assert json.loads(canned.asked[0].body)["model"] == "openai/gpt-4o"
    assert ask("prompts", "estimate", "a", "--json").data == FIGURES


@pytest.mark.parametrize(
    "arguments",
    [
        ["render"],
        ["render", "a", "--file", "b.md"],
        ["render", "--file", "/nowhere/b.md"],
        ["render", "a", "--var", "x"],
        ["render", "a", "--var", ":=1"],
        ["render", "a", "--var", "x:=["],
        ["render", "a", "--vars", "/nowhere"],
    ],
)
def test_what_cannot_be_meant_is_refused_before_anybody_is_asked(ask, canned, arguments):
    assert ask("prompts", *arguments).code == 2
    assert canned.asked == []


def test_a_file_of_variables_holds_an_object(ask, canned, tmp_path):
    (tmp_path / "vars.json").write_text("[1]")
    ran = ask("prompts", "render", "a", "--vars", str(tmp_path / "vars.json"))
    assert ran.code == 2
    assert "no JSON object" in ran.err


def test_stubs_are_written_of_every_prompt_that_has_the_label(ask, canned, tmp_path):
    pages = "GET /api/v1/artifacts/prompt"
    canned.respond({"items": [{"name": "support/answer"}], "next_cursor": "x"}, to=pages)
    canned.respond({"items": [{"name": "draft"}]}, to=f"{pages}?limit=200&cursor=x")
    canned.respond({"compiled": ANSWER}, to="GET /api/v1/prompts/support")
    canned.respond({"detail": "no", "status": 404}, to="GET /api/v1/prompts/draft", status=404)
    ran = ask("prompts", "stubs", "--out", str(tmp_path / "prompts.py"))
    assert ran.code == 0
    assert "draft has no label production." in ran.err
    assert "1 prompts in" in ran.err
    assert (tmp_path / "prompts.py").read_text() == stubs([ANSWER], label="production")
    assert "class SupportAnswer" in ask("prompts", "stubs").out
    assert ask("prompts", "stubs", "--out", "/nowhere/prompts.py").code == 2


USE = """\
from prompts import prompt

answer = prompt("support/answer", label="staging")
messages = answer.messages([{"role": "user", "content": "x"}], question="Why?", tone="kind", n=3)
text: str = prompt("house/tone").text(**{"class": "kind"})
version: int = answer.version
"""
WRONG = {
    'answer.messages(qestion="x")': "reportCallIssue",
    "answer.messages()": "reportCallIssue",
    "answer.messages(question=3)": "reportArgumentType",
    'answer.messages(question="x", tone="rude")': "reportArgumentType",
    'prompt("support/anwser")': "reportCallIssue",
    "answer.text()": "reportAttributeAccessIssue",
}


def test_a_type_checker_knows_the_variables_of_every_prompt(tmp_path):
    (tmp_path / "prompts.py").write_text(stubs([ANSWER, TONE], label="production"))
    (tmp_path / "use.py").write_text(USE + "".join(f"{line}\n" for line in WRONG))
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict"}))
    ran = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(tmp_path)],
        capture_output=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    found = msgspec.json.decode(ran.stdout)["generalDiagnostics"]
    first = len(USE.splitlines())
    lines = list(WRONG)
    rules = {
        lines[one["range"]["start"]["line"] - first]: one.get("rule") for one in found if one["file"].endswith("use.py")
    }
    assert not [one for one in found if one["file"].endswith("prompts.py")], found
    assert rules.keys() == WRONG.keys()


def test_names_that_would_be_the_same_class_are_told_apart():
    body = {"text": "x"}
    source = stubs([compiled(name, body) for name in ("a/b", "a-b", "1st")], label="production")
    assert all(f"class {name}(" in source for name in ("AB", "AB2", "Prompt1st"))
    compile(source, "prompts.py", "exec")
    compile(stubs([], label="production"), "prompts.py", "exec")
