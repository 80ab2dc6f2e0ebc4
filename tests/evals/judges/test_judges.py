"""Judges that ask a model, against one that answers what it is told to."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput, UpstreamError
from penstock.evals.evaluators.catalog import define, load
from penstock.evals.evaluators.definition import Services
from penstock.evals.evaluators.ports import Reply
from penstock.evals.evaluators.types import Item, Message, Unscored
from penstock.evals.judges.asking import read_verdict


class Model:
    """Answers one after another; an exception is raised."""

    def __init__(self, *answers, cost=10):
        self.answers = list(answers)
        self.asked = []
        self.cost = cost

    async def __call__(self, request):
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Reply(text=answer if isinstance(answer, str) else json.dumps(answer), cost=self.cost)

    @property
    def told(self):
        return self.asked[-1].messages[1]["content"]


GOOD = {"name": "good", "description": "It answers the question."}


def rubric(*criteria, **more):
    return {"type": "rubric", "model": "judge", "criteria": list(criteria) or [GOOD], **more}


def verdict(value, reasoning="because", name="good"):
    return {"criteria": {name: {"reasoning": reasoning, "verdict": value}}}


async def judge(body, model, **item):
    (found,) = await load(body, Services(ask=model)).evaluate(Item(**item))
    return found


async def test_a_rubric_gives_the_verdict_and_keeps_the_reasoning_apart():
    model = Model(verdict(True))
    found = await judge(rubric(), model, output="4", input="2+2?", reference="4", context=["sums"])
    assert (found.value, found.reason, found.cost) == (True, "because", 10)
    (request,) = model.asked
    fields = request.schema["properties"]["criteria"]["properties"]["good"]
    assert list(fields["properties"]) == ["reasoning", "verdict"]
    assert fields["additionalProperties"] is False
    assert request.parameters == {"temperature": 0}
    for text in ("2+2?", "sums", "known to be right", "It answers the question."):
        assert text in model.told
    plain = Model({"criteria": {"good": {"verdict": False}}})
    body = rubric(reasoning=False, reference=False, context=False)
    assert (await judge(body, plain, output="4", reference="5", context=["sums"])).value is False
    assert "known to be right" not in plain.told
    assert "sums" not in plain.told
    assert "reasoning" not in json.dumps(plain.asked[0].schema)


async def test_several_criteria_give_one_judgement_each():
    tone = {"name": "tone", "description": "Kind?", "scale": "1-5"}
    label = {"name": "kind", "description": "Which?", "scale": {"wrong": 0, "partly": 0.5, "right": 1}}
    answer = {"criteria": {"good": {"verdict": True}, "tone": {"verdict": "4"}, "kind": {"verdict": " Partly"}}}
    found = await load(rubric(GOOD, tone, label), Services(ask=Model(answer))).evaluate(Item(output="x"))
    assert [(one.name, one.value) for one in found] == [
        ("rubric.good", True),
        ("rubric.tone", 4.0),
        ("rubric.kind", 0.5),
    ]
    assert [one.cost for one in found] == [10, None, None]
    found = await load(rubric(GOOD, tone), Services(ask=Model(verdict(True)))).evaluate(Item(output="x"))
    assert [one.error is None for one in found] == [True, False]
    found = await load(rubric(GOOD, tone), Services(ask=Model("?"))).evaluate(Item(output="x"))
    assert all(one.error is not None for one in found)


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        ("boolean", "maybe"), ("boolean", 3), ("1-5", 6), ("1-5", "high"), ("1-5", True), ("0-1", 1.5), ("1-10", 0),
        ({"a": 0, "b": 1}, "c"),
    ],
)  # fmt: skip
async def test_a_verdict_off_its_scale_is_unscored(scale, said):
    """FAILURES E1"""
    found = await judge(rubric({**GOOD, "scale": scale}), Model(verdict(said)), output="x")
    assert found.value is None
    assert "verdict" in found.error


@pytest.mark.parametrize(
    "answer",
    [
        "no json", "{", '{"criteria": {"good": {"verdict": NaN}}}', "[]", '{"criteria": {}}', "", '{"criteria": null}',
        TimeoutError(), UpstreamError("The provider failed."), "{" * 500 + "}" * 500,
    ],
)  # fmt: skip
async def test_a_bad_answer_leaves_the_item_unscored_with_its_reason(answer):
    """FAILURES E1"""
    found = await judge(rubric(), Model(answer), output="x")
    assert found.value is None
    assert found.error


class Pair(msgspec.Struct):
    n: float


@pytest.mark.parametrize(
    "text",
    [
        '{"n": 1}', '{"n": "1"}', 'Sure:\n```json\n{"n": 1}\n```\nDone {ok}.', 'I think {"n": 1}', '{"n": 1} as said',
        'first {"n": "draft"}, then {"n": 1}', '{"n": 1, "more": {"x": 2}}',
    ],
)  # fmt: skip
def test_a_verdict_is_found_among_words(text):
    assert read_verdict(text, Pair).n == 1


@given(st.text(max_size=100))
def test_any_text_is_a_verdict_or_unscored(text):
    try:
        said = f"{read_verdict(text, Pair).n:g}"
    except Unscored as error:
        said = error.reason
    assert said


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
async def test_what_is_judged_is_data_whatever_it_says(text):
    """FAILURES E8: it stands between marks as it is, once, and is no template."""
    model = Model(verdict(True))
    await judge(rubric(), model, output=f"{{{{7*7}}}} {text} <<end output>>", input=text or "q")
    system = model.asked[0].messages[0]["content"]
    mark = system.split("where mark is ")[1].split(".")[0]
    assert f"<<output {mark}>>\n{{{{7*7}}}} {text} <<end output>>\n<<end output {mark}>>" in model.told
    assert model.told.count(f"<<end output {mark}>>") == 1


async def test_a_template_of_ones_own_is_checked_when_it_is_loaded():
    model = Model(verdict(True))
    await judge(rubric(template="Only this: {{ output }} {{ conversation }}"), model, output="x",
                messages=[Message(role="user", content="hello")])  # fmt: skip
    assert model.told.startswith("Only this: <<output")
    assert "[user]\nhello" in model.told
    for template, said in (("{{ answer }}", "'answer', which no item has"), ("{{ output", "MiniJinja")):
        with pytest.raises(InvalidInput, match=said) as caught:
            load(rubric(template=template), Services(ask=model))
        assert caught.value.field == "template"
    loop = load(rubric(template="{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}"),
                Services(ask=model))  # fmt: skip
    (found,) = await loop.evaluate(Item(output="x"))
    assert "cannot be rendered" in found.error


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (rubric(GOOD, GOOD), "criteria"),
        ({"type": "rubric", "model": "m", "criteria": []}, "criteria"),
        (rubric({**GOOD, "scale": {"a": 1}}), "criteria[0].scale"),
        (rubric({**GOOD, "name": "has space"}), "name"),
        ({"type": "pairwise", "model": "m", "criterion": " "}, "criterion"),
        ({"type": "instructions", "model": "m", "instructions": []}, "instructions"),
        ({"type": "panel", "judges": [rubric()]}, "judges"),
        ({"type": "panel", "judges": [rubric(), rubric()], "quorum": 3}, "quorum"),
        ({"type": "panel", "judges": [rubric(), {"type": "numeric", "take": 1}]}, "judges[1].take"),
    ],
)
def test_an_error_names_the_parameter(body, field):
    with pytest.raises(InvalidInput) as caught:
        load(body, Services(ask=Model()))
    assert caught.value.field == field


def test_a_judge_needs_somebody_to_ask():
    for body in (
        rubric(),
        {"type": "pairwise", "model": "m", "criterion": "c"},
        {"type": "groundedness", "model": "m"},
    ):
        with pytest.raises(InvalidInput, match="nothing here can be asked"):
            load(body)


def test_the_version_of_a_judge_is_its_definition_its_template_and_its_model():
    """FAILURES E6"""
    digests = {
        define(body)[1]
        for body in (rubric(), rubric(model="other"), rubric(template="{{ output }}"), rubric(reasoning=False))
    }
    assert len(digests) == 4
    one, two = ({"type": "panel", "judges": [rubric(), rubric(model=model)]} for model in ("a", "b"))
    assert define(one)[1] != define(two)[1]
    assert load(rubric(), Services(ask=Model())).paid is True


PAIRWISE = {"type": "pairwise", "model": "judge", "criterion": "Which is clearer?"}


@pytest.mark.parametrize(
    ("first", "second", "value"),
    [
        ("first", "second", 1.0),
        ("second", "first", 0.0),
        ("tie", "tie", 0.5),
        ("first", "first", 0.5),
        ("first", "tie", 0.5),
    ],
)
async def test_two_answers_are_compared_in_both_orders(first, second, value):
    """FAILURES E6"""
    model = Model({"reasoning": "r1", "verdict": first}, {"reasoning": "r2", "verdict": second})
    found = await judge(PAIRWISE, model, output="mine", other="theirs", input="q", context=["c"], reference="r")
    assert found.value == value
    assert found.cost == 20
    assert model.asked[0].messages[1]["content"].index("mine") < model.asked[0].messages[1]["content"].index("theirs")
    assert model.asked[1].messages[1]["content"].index("theirs") < model.asked[1].messages[1]["content"].index("mine")
    assert ("disagree" in found.reason) == (value == 0.5 and first != "tie")
    assert found.raw["comparison"]["length_a"] == 4


async def test_one_order_is_enough_if_that_is_wanted():
    model = Model({"verdict": "second"})
    body = {**PAIRWISE, "both_orders": False, "against": "reference", "reasoning": False, "context": False}
    assert (await judge(body, model, output="mine", reference="gold")).value == 0.0
    assert len(model.asked) == 1
    assert "no other answer" in (await judge(PAIRWISE, Model(), output="x")).error
    half = await judge(PAIRWISE, Model({"verdict": "first"}, TimeoutError()), output="x", other="y")
    assert "in time" in half.error
    assert half.cost == 10


async def test_claims_are_held_against_the_context():
    body = {"type": "groundedness", "model": "judge"}
    claims = [{"claim": "Rome is old.", "supported": True}, {"claim": "Rome is small.", "supported": False}]
    found = await judge(body, Model({"claims": claims}), output="x", context=["Rome"], input="q")
    assert (found.value, found.reason) == (0.5, "Not supported: Rome is small.")
    assert found.raw["claims"][1]["claim"] == "Rome is small."
    assert (await judge(body, Model({"claims": []}), output="x", context=["Rome"])).value == 1.0
    assert "no context" in (await judge(body, Model(), output="x", context=[" "])).error


async def test_instructions_are_counted():
    body = {"type": "instructions", "model": "judge", "instructions": ["Be brief.", "Say please."]}
    entries = [{"followed": True}, {"followed": False}]
    found = await judge(body, Model({"instructions": entries}), output="x", input="q")
    assert (found.value, found.reason) == (0.5, "Not followed: Say please.")
    own = {"type": "instructions", "model": "judge"}
    metadata = {"instructions": ["Be brief."]}
    assert (await judge(own, Model({"instructions": [{"followed": True}]}), metadata=metadata)).value == 1.0
    assert "not of 1" in (await judge(own, Model({"instructions": entries}), metadata=metadata)).error
    assert "no list" in (await judge(own, Model())).error


def panel(*members, **more):
    return {"type": "panel", "judges": list(members), **more}


async def test_a_panel_goes_by_its_majority_and_shows_who_disagrees():
    three = panel(rubric(), rubric(model="b"), rubric(model="c"))
    found = await judge(three, Model(verdict(True), verdict(False), verdict(True)), output="x")
    assert (found.value, found.cost) == (True, 30)
    assert "disagree" in found.reason
    assert found.raw["agreement"] == pytest.approx(2 / 3)
    assert (await judge(three, Model(verdict(True), verdict(True), verdict(True)), output="x")).reason is None
    unclear = await judge(three, Model(verdict(True), verdict(False), "?"), output="x")
    assert "divided" in unclear.error
    alone = await judge(three, Model("?", "?", verdict(True)), output="x")
    assert alone.error.startswith("1 of 3 judges gave a verdict")
    unknown = await judge(three, Model(verdict(True), verdict(True), verdict(True), cost=None), output="x")
    assert unknown.cost is None


@pytest.mark.parametrize(("combine", "expected"), [("mean", 3.0), ("median", 2.0)])
async def test_a_panel_of_numbers_has_a_mean_or_a_median(combine, expected):
    scale = {**GOOD, "scale": "1-10"}
    body = panel(rubric(scale), rubric(scale), rubric(scale), combine=combine)
    assert (await judge(body, Model(verdict(1), verdict(2), verdict(6)), output="x")).value == expected
    even = panel(rubric(scale), rubric(scale), combine=combine)
    assert (await judge(even, Model(verdict(2), verdict(4)), output="x")).value == 3.0
    words = panel({"type": "language"}, {"type": "language"}, combine=combine)
    long = "This is a sentence that is written in English."
    assert "have no" in (await judge(words, Model(), output=long)).error
