"""Evaluators of tool calls, trajectories, conversations, retrieval; functions and adapters."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.catalog import define, load
from penstock.evals.evaluators.definition import Services
from penstock.evals.evaluators.functions import FunctionEvaluator
from penstock.evals.evaluators.ports import Reply
from penstock.evals.evaluators.tools import ToolCalls
from penstock.evals.evaluators.types import Item, Judgement, Message, ToolCall, Unscored


def call(name, **arguments):
    return ToolCall(name=name, arguments=arguments, id=name)


async def judge(body, services=None, **item):
    (found,) = await load(body, services).evaluate(Item(**item))
    return found


SEARCH, BOOK = call("search", city="Rome"), call("book", id=7, seats=2)


@pytest.mark.parametrize(
    ("match", "calls", "right"),
    [
        ("exact", [SEARCH, BOOK], True),
        ("exact", [BOOK, SEARCH], False),
        ("exact", [SEARCH], False),
        ("unordered", [BOOK, SEARCH], True),
        ("unordered", [BOOK, SEARCH, SEARCH], False),
        ("superset", [call("log"), BOOK, SEARCH], True),
        ("superset", [BOOK], False),
        ("subset", [BOOK], True),
        ("subset", [BOOK, call("log")], False),
    ],
)
async def test_calls_are_matched_by_name_arguments_and_order(match, calls, right):
    expected = [
        {"name": "search", "arguments": {"city": "Rome"}},
        {"name": "book", "arguments": {"id": 7, "seats": 2}},
    ]
    found = await judge({"type": "tool_calls", "match": match}, tool_calls=calls, reference={"tool_calls": expected})
    assert found.value is right


async def test_arguments_may_be_more_or_ignored():
    body = {"type": "tool_calls", "expected": [{"name": "book", "arguments": {"id": 7}}]}
    assert (await judge(body, tool_calls=[BOOK])).reason == "Called book, expected book."
    assert (await judge({**body, "arguments": "subset"}, tool_calls=[BOOK])).value is True
    assert (await judge({**body, "arguments": "ignore"}, tool_calls=[call("book")])).value is True
    broken = ToolCall(name="book", arguments='{"id": 7')
    assert (await judge({**body, "arguments": "subset"}, tool_calls=[broken])).value is False
    messages = [Message(role="assistant", tool_calls=[BOOK])]
    assert (await judge({**body, "give": "f1", "arguments": "ignore"}, messages=messages)).value == 1.0
    assert (await judge({"type": "tool_calls"}, reference=3)).error is not None
    assert (await judge({"type": "tool_calls"}, reference=[{"nme": "x"}])).error is not None


@given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.sampled_from("abc"), max_size=6))
def test_calls_match_in_any_order_when_they_are_the_same(first, second):
    expected = [call(name) for name in second]
    judged = ToolCalls(expected=expected, match="unordered").compile()
    item = Item(tool_calls=[call(name) for name in first])
    assert judged(item).value is (sorted(first) == sorted(second))


def path():
    return [
        Message(role="user", content="book a table"),
        Message(role="assistant", tool_calls=[SEARCH]),
        Message(role="tool", content="found", tool_call_id="search"),
        Message(role="assistant", tool_calls=[SEARCH, BOOK]),
        Message(role="assistant", content="done"),
    ]


async def test_a_path_keeps_to_rules():
    fine = {"type": "trajectory", "required": ["search", "book"], "forbidden": ["pay"], "most_steps": 3}
    assert (await judge(fine, messages=path())).value is True
    strict = {
        "type": "trajectory",
        "most_steps": 2,
        "most_calls": 2,
        "repeats": 1,
        "required": ["book", "search"],
        "forbidden": ["book"],
        "answered": True,
    }
    found = await judge(strict, messages=path())
    assert found.value is False
    assert found.reason == (
        "3 steps, at most 2. 3 calls, at most 2. search is called 2 times with the same arguments. book is called. "
        "Not called, or not in this order: search. Without an answer: book."
    )
    assert (await judge(fine)).error is not None
    with pytest.raises(InvalidInput, match="at least one rule"):
        load({"type": "trajectory"})


def talk():
    return [
        Message(role="system", content="be brief"),
        Message(role="user", content="one?"),
        Message(role="assistant", content="1"),
        Message(role="user", content="two?"),
        Message(role="assistant", content="22"),
        Message(role="assistant", content="x"),
    ]


@pytest.mark.parametrize(
    ("combine", "expected"), [("mean", 4 / 3), ("worst", 1.0), ("best", 2.0), ("last", 1.0), ("all", False)]
)
async def test_the_turns_of_a_conversation_are_judged_one_by_one(combine, expected):
    body = {"type": "conversation", "evaluator": {"type": "length"}, "combine": combine}
    assert (await judge(body, messages=talk())).value == pytest.approx(expected)


async def test_turns_that_cannot_be_judged_do_not_count():
    """FAILURES E1"""
    body = {"type": "conversation", "evaluator": {"type": "language"}}
    assert "No turn could be judged" in (await judge(body, messages=talk())).error
    assert "no answer" in (await judge(body)).error
    low = {"type": "conversation", "evaluator": {"type": "length"}, "combine": "worst", "lower_is_better": True}
    assert (await judge(low, messages=talk())).value == 2.0
    with pytest.raises(InvalidInput) as caught:
        load({"type": "conversation", "evaluator": {"type": "numeric", "tolerance": "x"}})
    assert caught.value.field == "evaluator.tolerance"
    with pytest.raises(InvalidInput, match="no conversations"):
        load({"type": "conversation", "evaluator": body})


def test_a_definition_within_another_is_part_of_its_version():
    one = {"type": "conversation", "evaluator": {"type": "length"}}
    two = {"type": "conversation", "evaluator": {"type": "length", "unit": "words"}}
    assert define(one)[1] != define(two)[1]


async def test_rankings_are_measured():
    item = {"metadata": {"retrieved": ["a", "b", "c", "b"], "good": {"b": 2, "c": 1, "z": 0}}, "reference": ["b", "d"]}
    assert (await judge({"type": "retrieval", "measures": ["RR"]}, **item)).value == 0.5
    assert (await judge({"type": "retrieval", "measures": ["R@2"]}, **item)).value == 0.5
    graded = {"type": "retrieval", "measures": ["P@2", "nDCG@3"], "relevant": "good"}
    precise, gain = await load(graded).evaluate(Item(**item))
    assert (precise.name, precise.value) == ("retrieval.P-2", 0.5)
    assert 0 < gain.value < 1
    assert (await judge({"type": "retrieval", "measures": ["RR"]}, reference=["a"])).error is not None
    assert (await judge({"type": "retrieval", "measures": ["RR"]}, metadata={"retrieved": []})).error is not None
    for measures in ([], ["nonsense"], ["__import__('os')"], ["R(x=1)@2"]):
        with pytest.raises(InvalidInput) as caught:
            load({"type": "retrieval", "measures": measures})
        assert caught.value.field.startswith("measures")


async def test_a_function_is_given_what_it_names():
    def longer(output, reference, extra=1):
        return len(output) > len(reference)

    async def both(item):
        return {"length": len(item.output), "empty": not item.output}

    assert await FunctionEvaluator(longer).evaluate(Item(output="ab", reference="a")) == [
        Judgement(name="longer", value=True)
    ]
    found = await FunctionEvaluator(both).evaluate(Item(output="ab"))
    assert [(one.name, one.value) for one in found] == [("both.length", 2.0), ("both.empty", False)]
    own = FunctionEvaluator(lambda: [Judgement(name="mine", value="x")], name="own")
    assert (await own.evaluate(Item()))[0].name == "mine"
    assert FunctionEvaluator(longer).digest == FunctionEvaluator(longer).digest
    assert FunctionEvaluator(longer).digest != FunctionEvaluator(longer, version="2").digest
    with pytest.raises(InvalidInput, match="no part of an item"):
        FunctionEvaluator(lambda answer: True, name="f")


@pytest.mark.parametrize(
    ("given", "said"), [(None, "nothing"), (float("nan"), "finite"), (object(), "no value"), ("x", None), (3, None)]
)
async def test_what_a_function_returns_is_a_value_or_unscored(given, said):
    """FAILURES E1"""
    (found,) = await FunctionEvaluator(lambda: given, name="f").evaluate(Item())
    assert (found.error is None) == (said is None)
    assert said is None or said in found.error


async def test_a_function_that_fails_leaves_its_item_unscored(caplog):
    """FAILURES E1"""

    def fail():
        raise ZeroDivisionError("by zero")

    def skip():
        raise Unscored("not for me")

    with caplog.at_level(logging.ERROR):
        (found,) = await FunctionEvaluator(fail).evaluate(Item())
    assert found.error == "ZeroDivisionError: by zero"
    assert (await FunctionEvaluator(skip).evaluate(Item()))[0].error == "not for me"


async def test_a_scorer_of_autoevals_judges_by_code():
    found = await judge({"type": "autoevals", "scorer": "Levenshtein"}, output="abc", reference="abd")
    assert found.value == pytest.approx(2 / 3)
    for body in ({"scorer": "Nothing"}, {"scorer": "Factuality"}, {"scorer": "Score"}, {"scorer": "a.b"}):
        with pytest.raises(InvalidInput):
            load({"type": "autoevals", **body})


async def test_a_scorer_of_autoevals_asks_through_penstock_only(caplog):
    """FAILURES E4"""
    replies = iter(['{"reasons": "same", "choice": "C"}', '{"choice": "Q"}', "no json"])
    asked = []

    async def ask(request):
        asked.append(request)
        return Reply(text=next(replies), cost=5)

    body = {"type": "autoevals", "scorer": "Factuality", "model": "judge", "name": "fact"}
    found = await judge(body, Services(ask=ask), output="Paris", reference="Paris", input="Capital?")
    assert (found.name, found.value, found.reason, found.cost) == ("fact", 1.0, "same", 5)
    assert asked[0].model == "judge"
    assert "choice" in asked[0].schema["properties"]
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            assert (await judge(body, Services(ask=ask), output="x", reference="y", input="q")).error is not None


async def test_a_scorer_that_compares_embeddings_is_given_penstocks():
    """FAILURES E4"""

    async def embed(texts, *, model):
        assert model
        return [[float(len(text)), 1.0] for text in texts]

    async def ask(request):
        raise AssertionError(request)

    body = {"type": "autoevals", "scorer": "AnswerSimilarity", "model": "small"}
    found = await judge(body, Services(ask=ask, embed=embed), output="Paris", reference="Paris", input="Capital?")
    assert found.error is None
    assert found.value == pytest.approx(1.0)
