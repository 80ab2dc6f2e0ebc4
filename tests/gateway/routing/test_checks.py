"""The checks of a cascade."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.gateway.routing.checks import MAX_JUDGED, compile_check, first_problem, judge_prompt, read_verdict
from penstock.wire.routing import JsonSchemaCheck, LogprobCheck, RegexCheck, ValidJsonCheck


def chat(*series, kind="content"):
    choices = [{"logprobs": {kind: [{"token": "x", "logprob": value} for value in values]}} for values in series]
    return msgspec.json.encode({"choices": choices})


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (chat([-0.1, -0.3]), None),
        (chat([-0.1], kind="refusal"), None),
        (chat([-0.1, -0.9]), "mean log-probability -0.500 is below -0.25"),
        (chat([-0.1], [-0.4]), "mean log-probability -0.400 is below -0.25"),
        (chat([-0.1], []), "no log-probabilities"),
        (chat([*[-0.001] * 999, -9999.0]), None),
        (b'{"choices":[{"logprobs":{"token_logprobs":[null,-0.1]}}]}', None),
        (b'{"output":[{"type":"reasoning"},{"content":[{"text":"a","logprobs":[{"logprob":-0.2}]}]}]}', None),
        (b'{"output":[{"content":[{"text":"a"}]}]}', "no log-probabilities"),
        (b'{"choices":[{"message":{}}]}', "no log-probabilities"),
        (b'{"choices":[{"logprobs":null}]}', "no log-probabilities"),
        (b'{"content":[{"type":"text","text":"anthropic has none"}]}', "no log-probabilities"),
        (b"\xff", "no log-probabilities"),
    ],
)
def test_an_answer_must_be_as_sure_as_asked(body, problem):
    assert compile_check(LogprobCheck(at_least=-0.25)).problem("text", body) == problem


def test_a_pattern_must_be_there_or_must_not():
    assert compile_check(RegexCheck(pattern="(?i)order \\d+")).problem("Order 12", b"") is None
    assert compile_check(RegexCheck(pattern="order")).problem("none", b"") == "the pattern was not found"
    assert compile_check(RegexCheck(pattern="sorry", negate=True)).problem("fine", b"") is None
    assert compile_check(RegexCheck(pattern="sorry", negate=True)).problem("sorry!", b"") == "the pattern was found"
    assert compile_check(RegexCheck(pattern="a")).problem("\ud800a", b"") is None


@pytest.mark.parametrize(
    "text", ["{}", ' [1, "a"]\n', "```json\n{}\n```", "```\n[]```", "```{}```", " ```JSON  \r\n{}\r\n```\n", "1"]
)
def test_json_may_stand_in_a_fence(text):
    assert compile_check(ValidJsonCheck()).problem(text, b"") is None


@pytest.mark.parametrize(
    "text", ["", "```", "``````", "{", "NaN", "Here: {}", "```json\n{}", "```a b\n{}\n```", "[" * 5000, '"\ud800"']
)
def test_what_is_no_json_fails(text):
    assert compile_check(ValidJsonCheck()).problem(text, b"") == "not valid JSON"
    assert compile_check(JsonSchemaCheck(schema={})).problem(text, b"") == "not valid JSON"


def test_json_must_fit_its_schema():
    check = compile_check(JsonSchemaCheck(schema={"properties": {"n": {"type": "integer"}}, "required": ["n"]}))
    assert check.problem('```json\n{"n": 1}\n```', b"") is None
    assert check.problem('{"n": "1"}', b"") == "does not fit the schema: type at $.n"


def test_a_check_that_cannot_be_made_ready_is_refused():
    with pytest.raises(InvalidInput):
        compile_check(RegexCheck(pattern="("))
    with pytest.raises(InvalidInput):
        compile_check(JsonSchemaCheck(schema={"type": 5}))


def test_every_choice_must_pass_every_check():
    """FAILURES G24."""
    checks = [compile_check(ValidJsonCheck()), compile_check(RegexCheck(pattern="a"))]
    assert first_problem(checks, ['"a"', '["a"]'], b"") is None
    assert first_problem(checks, ['"a"', "a"], b"") == "not valid JSON"
    assert first_problem(checks, ['"a"', '"b"'], b"") == "the pattern was not found"
    assert first_problem(checks, [], b"") == "the answer has no text"


@given(st.text(max_size=60), st.text(max_size=60))
def test_nothing_that_is_judged_can_close_its_own_fence(request_text, answer):
    system, user = judge_prompt(request_text, answer, "Good?")
    assert (system["role"], user["role"]) == ("system", "user")
    mark = user["content"][len("<request ") :].partition(">")[0]
    assert mark in system["content"]
    assert mark not in request_text + answer
    assert user["content"].count(f"</answer {mark}>") == 1
    assert f"<request {mark}>\n{request_text}\n</request {mark}>" in user["content"]
    assert f"<answer {mark}>\n{answer}\n</answer {mark}>" in user["content"]


def test_a_fence_copied_from_another_judgement_does_not_fit():
    first = judge_prompt("r", "a", "q")[1]["content"]
    second = judge_prompt("r", first, "q")[1]["content"]
    assert first[:40] != second[:40]


def test_a_judge_is_shown_the_ends_of_what_is_long():
    content = judge_prompt("r", "b" + "x" * 2 * MAX_JUDGED + "e", "q")[1]["content"]
    assert len(content) < MAX_JUDGED + 500
    assert f"[… {MAX_JUDGED + 2} characters left out …]" in content
    assert "\nbxx" in content
    assert "xxe\n" in content


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("yes", True),
        (" **No.** ", False),
        ("YES!", True),
        ("It is short, but correct.\n\nYes", True),
        ("Verdict: **no**", False),
        ("The final answer is wrong.\nFinal answer: no.\nbye", False),
        ("verdict: yes\nverdict: no\nhm", None),
        ("yes and no", None),
        ("I cannot tell", None),
        ("", None),
        ("nothing", None),
        ("the yes-man", None),
    ],
)
def test_a_verdict_is_yes_or_no_or_cannot_be_told(text, verdict):
    assert read_verdict(text) is verdict


@given(st.text())
def test_whatever_a_judge_says_can_be_read(text):
    assert read_verdict(text) in {True, False, None}
