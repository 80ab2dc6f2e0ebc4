"""Evaluators of text, numbers, structure, wording and measures."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput, MissingExtra
from penstock.evals.evaluators import similarity
from penstock.evals.evaluators.catalog import TYPES, define, load
from penstock.evals.evaluators.definition import Services
from penstock.evals.evaluators.numeric import answer_of, numbers_in
from penstock.evals.evaluators.types import Item
from penstock.wire.usage import Usage

ANSWERS = Path(__file__).resolve().parents[4] / "shared" / "data" / "gsm8k-answers.jsonl"


async def judge(body, services=None, **item):
    (found,) = await load(body, services).evaluate(Item(**item))
    return found


async def value(body, **item):
    found = await judge(body, **item)
    assert found.error is None
    return found.value


async def error(body, **item):
    found = await judge(body, **item)
    assert found.value is None
    return found.error


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("18", 18), ("$1,234.50", Fraction("1234.5")), ("it is -3", -3), ("−3", -3), ("from 5-3", 3), ("10-12", 12),
        ("3/4", Fraction(3, 4)), ("1 1/2 cups", Fraction(3, 2)), ("½", Fraction(1, 2)), ("50%", 50), ("1.5e3", 1500),
        ("2.5 million", 2_500_000), ("10k", 10_000), ("762 M&Ms", 762), ("5 minutes", 5), ("5 m", 5),
        ("5m", 5), ("5M", 5_000_000),
        ("#### 42 eggs\nbut 7", 42), (r"\boxed{\frac{1}{3}} of 9", Fraction(1, 3)), (r"so \boxed{12}.", 12),
        ("$-5", -5), ("-$5", -5), ("1\u202f000\u00a0000", 1_000_000), (".5", Fraction(1, 2)), ("5.", 5),
        ("1,23", 23), ("4/0", None),
        ("none", None), ("#### none, 7", 7), ("9" * 80, None), ("$18 every day.", 18),
        ("x2", 2), ("3.14.", Fraction("3.14")),
    ],
)  # fmt: skip
def test_the_number_that_an_answer_ends_on_is_read(text, expected):
    found = answer_of(text)
    assert (None if found is None else found.value) == expected


def test_shares_and_decimal_commas_are_read_as_told():
    assert answer_of("50%", shares=True).value == Fraction(1, 2)
    assert answer_of("1.234,5", decimal_comma=True).value == Fraction("1234.5")
    assert answer_of("first 3, then 4", take="first").value == 3
    assert answer_of("#### 3\n4", take="last").value == 4
    assert answer_of("4", take="marked") is None


@given(st.text(max_size=200))
def test_any_text_has_numbers_or_none(text):
    for number in numbers_in(text):
        assert isinstance(number.value, Fraction)


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=3))
def test_a_number_that_is_written_is_the_number_that_is_read(number):
    assert answer_of(f"The answer is {number:,}.").value == Fraction(number)


async def test_a_number_is_right_within_its_tolerance():
    assert await value({"type": "numeric"}, output="about 3.14", reference=3.14) is True
    assert await value({"type": "numeric"}, output="3.141", reference="3.14") is False
    assert await value({"type": "numeric", "tolerance": 0.01}, output="3.141", reference="3.14") is True
    assert await value({"type": "numeric", "relative": 0.1}, output="91", reference=100) is True
    assert await value({"type": "numeric"}, output="no idea", reference=1) is False
    assert await value({"type": "numeric", "form": "written"}, output="57.00", reference="57") is False
    assert await value({"type": "numeric", "form": "written"}, output="57", reference=57.0) is True
    found = await judge({"type": "numeric"}, output="$57.50", reference="57")
    assert (found.reason, found.raw) == ("Found 57.5, expected 57.", "57.5")
    for reference in (None, "none", True, float("nan"), [1]):
        assert "no reference that is a number" in await error({"type": "numeric"}, output="1", reference=reference)


@pytest.mark.skipif(not ANSWERS.exists(), reason="../shared/data is absent")
async def test_the_numeric_evaluator_agrees_with_the_flags_of_gsm8ks_answers(record_property):
    """As `docs/evaluators.md` tells: by digits, as the source compares; by value but for right answers with cents."""
    judges = {form: load({"type": "numeric", "form": form}) for form in ("value", "written")}
    assert judges["value"].digest == load({"type": "numeric"}).digest
    total, by_value, by_digits = 0, [], []
    for line in ANSWERS.read_text().splitlines():
        row = json.loads(line)
        for model, output in row["answers"].items():
            total += 1
            item, flag = Item(output=output, reference=row["gold"]), row["correct"][model]
            found = {form: (await judge.evaluate(item))[0] for form, judge in judges.items()}
            if found["written"].value is not flag:
                by_digits.append((found["written"].raw, row["gold"], flag))
            elif found["value"].value is not flag:
                by_value.append((found["value"].raw, row["gold"], flag))
    record_property("differ", by_digits)
    assert total == 2000
    assert by_digits == [
        ("-15", "15", True),
        ("0.5", "5", True),
        ("0.84", "84", True),
        ("0.333333333333", "3", True),
        ("7", "7", False),
    ]
    # Every other one is the expected number of dollars with its cents, which the source reads without the point.
    assert len(by_value) == 36
    assert all((raw, flag) == (f"{gold}.00", False) for raw, gold, flag in by_value)


async def test_texts_are_compared_after_what_does_not_matter_is_taken_away():
    assert await value({"type": "exact"}, output=" a  b\n", reference="a b") is True
    assert await value({"type": "exact", "normalise": []}, output=" a", reference="a") is False
    loose = {"type": "exact", "normalise": ["case", "punctuation", "articles", "accents", "unicode", "space"]}
    assert await value(loose, output="The CAFÉ!", reference=["bar", "cafe"]) is True
    assert (await judge(loose, output="x", reference="cafe")).reason == "Expected 'cafe'."
    assert "no reference" in await error({"type": "exact"}, output="x", reference={"a": 1})


async def test_texts_are_looked_for():
    body = {"type": "contains", "values": ["Refund", "days"]}
    assert await value(body, output="a refund in 5 days") is True
    assert (await judge(body, output="a refund")).reason == "Missing: days."
    assert await value({**body, "match": "any"}, output="a refund") is True
    assert await value({**body, "match": "any"}, output="nothing") is False
    assert await value({**body, "match": "none"}, output="a refund") is False
    assert await value({"type": "contains"}, output="a b", reference="B") is True


async def test_patterns_are_found_or_compared():
    assert await value({"type": "regex", "pattern": r"\d{3}"}, output="call 123") is True
    assert await value({"type": "regex", "pattern": r"\d{3}", "full": True}, output="call 123") is False
    assert await value({"type": "regex", "pattern": "sorry", "negate": True}, output="sorry") is False
    last = {"type": "regex", "pattern": r"answer: (\w+)", "compare": True}
    assert await value(last, output="answer: a, answer: b", reference="b") is True
    assert await value(last, output="none", reference="b") is False
    assert await value({"type": "regex", "pattern": "b+", "compare": True}, output="abb", reference="bb") is True


async def test_lengths_are_counted_or_bounded():
    assert await value({"type": "length"}, output="abc") == 3.0
    assert await value({"type": "length", "unit": "words"}, output="it's two") == 2.0
    assert await value({"type": "length", "unit": "lines", "most": 1}, output="a\nb") is False
    assert await value({"type": "length", "least": 1}, output="a") is True


async def test_json_is_checked_against_a_schema():
    body = {"type": "json_schema", "schema": {"type": "object", "required": ["a"]}}
    assert await value(body, output='{"a": 1}') is True
    assert (await judge(body, output="{}")).reason == "It does not fit: required at $."
    assert await value(body, output='```json\n{"a": 1}\n```') is False
    assert await value({**body, "fenced": True}, output='```json\n{"a": 1}\n```') is True
    assert await value(body, output="", data={"a": 2}) is True


async def test_fields_are_compared_one_by_one():
    reference = {"name": "Ann", "age": 30, "tags": ["x", {"y": True}], "none": None}
    body = {"type": "fields"}
    assert await value(body, output=json.dumps(reference), reference=reference) == 1.0
    found = await judge(body, output='{"name": "ann", "age": 31, "tags": ["x"]}', reference=json.dumps(reference))
    assert found.value == pytest.approx(0.2)
    assert found.reason == "Differ: age, name, none, tags.1.y."
    near = {"type": "fields", "fields": ["name", "age"], "ignore_case": True, "tolerance": 0.1, "give": "all"}
    assert await value(near, output='{"name": "ann", "age": 31}', reference=reference) is True
    assert await value(near, output="no json", reference=reference) is False
    assert await value({"type": "fields", "fields": ["tags.7"]}, output='{"tags": []}', reference=reference) == 0.0
    assert "no JSON" in await error(body, output="{}", reference="text")
    assert "object or array" in await error(body, output="{}", reference=3)
    assert "no fields" in await error(body, output="{}", reference={})


async def test_wordings_are_compared():
    two = {"output": "the cat sat", "reference": "the cat sat down"}
    assert await value({"type": "edit_distance"}, **two) == pytest.approx(11 / 16)
    assert await value({"type": "edit_distance", "distance": "damerau"}, output="ab", reference="ba") == 0.5
    assert await value({"type": "token_overlap"}, **two) == pytest.approx(0.8)
    assert await value({"type": "token_overlap", "give": "recall"}, **two) == pytest.approx(2 / 3)
    assert await value({"type": "token_overlap", "give": "precision"}, **two) == 1.0
    assert await value({"type": "token_overlap"}, output="", reference="") == 1.0
    assert await value({"type": "token_overlap"}, output="x", reference="y") == 0.0
    assert await value({"type": "rouge"}, **two) == pytest.approx(6 / 7)
    assert await value({"type": "rouge", "variant": "rouge1", "give": "recall"}, **two) == pytest.approx(0.75)
    assert await value({"type": "bleu"}, output="the cat sat on the mat", reference="the cat sat on the mat") == 1.0
    assert 0.6 < await value({"type": "chrf"}, **two) < 0.7


async def test_embeddings_are_asked_for_and_compared():
    async def embed(texts, *, model):
        if "bad" in texts:
            raise InvalidInput("no such model")
        return [[float(text.count("a")), 1.0] if text != "zero" else [0.0, 0.0] for text in texts]

    services, body = Services(embed=embed), {"type": "embedding", "model": "small"}
    assert (await judge(body, services, output="aa", reference=["b", "aa"])).value == pytest.approx(1.0)
    assert "no such model" in (await judge(body, services, output="bad", reference="x")).error
    assert "empty" in (await judge(body, services, output="zero", reference="x")).error
    assert "no reference" in (await judge(body, services, output="x")).error
    assert load(body, services).paid is True


async def test_measures_come_from_the_call():
    item = {"latency": 1_500_000, "ttft": 200_000, "cost": 2_000_000, "usage": Usage(input=5, output=7, reasoning=2)}
    assert await value({"type": "latency"}, **item) == 1.5
    assert await value({"type": "latency", "of": "first_token", "most": 0.3}, **item) is True
    assert await value({"type": "cost"}, **item) == 0.002
    assert await value({"type": "tokens"}, **item) == 9.0
    assert await value({"type": "tokens", "of": "input", "most": 4}, **item) is False
    for body in ({"type": "latency"}, {"type": "cost"}, {"type": "tokens"}):
        assert "known" in await error(body)


async def test_languages_are_told():
    german = "Das ist ein Satz, der auf Deutsch geschrieben ist."
    assert await value({"type": "language"}, output=german) == "de"
    assert await value({"type": "language", "expected": ["de", "nl"]}, output=german) is True
    found = await judge({"type": "language", "expected": "fr"}, output=german)
    assert (found.value, found.reason) == (False, "It is in de, not in fr.")
    same = {"type": "language", "same_as": "input"}
    assert await value(same, output=german, input="Und das hier ist eine Frage auf Deutsch, oder?") is True
    assert "no text" in await error(same, output=german, input={"q": 1})
    assert "too few" in await error({"type": "language"}, output="Ja.")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "exct"}, "e.type"),
        ({"kind": "exact"}, "e.type"),
        ({"type": "numeric", "tolerence": 1}, "e.tolerence"),
        ({"type": "numeric", "tolerance": "x"}, "e.tolerance"),
        ({"type": "numeric", "tolerance": -1}, "e.tolerance"),
        ({"type": "regex", "pattern": "("}, "e.pattern"),
        ({"type": "regex", "pattern": "a" * 5000}, "e.pattern"),
        ({"type": "regex", "pattern": "a", "compare": True, "negate": True}, "e.negate"),
        ({"type": "contains", "values": [""]}, "e.values"),
        ({"type": "length", "least": 5, "most": 1}, "e.least"),
        ({"type": "json_schema", "schema": {"type": 7}}, "e.schema"),
        ({"type": "fields", "fields": []}, "e.fields"),
        ({"type": "latency", "most": -1}, "e.most"),
        ({"type": "language", "expected": "xx"}, "e.expected"),
        ({"type": "language", "expected": "de", "same_as": "input"}, "e.same_as"),
        ({"type": "embedding", "model": "m"}, "e"),
        ({"type": "exact", "name": "no spaces"}, "e.name"),
    ],
)
def test_an_error_names_the_parameter(body, field):
    with pytest.raises(InvalidInput) as caught:
        load(body, field="e")
    assert caught.value.field == field


def test_a_definition_is_known_by_what_it_says_and_not_by_how_it_is_written():
    full, digest = define({"type": "numeric"})
    assert full["tolerance"] == 0.0
    assert define(full) == (full, digest)
    assert define({"tolerance": 0, "type": "numeric", "name": "numeric"})[1] == digest
    assert define({"type": "numeric", "tolerance": 0.1})[1] != digest
    assert load({"type": "numeric"}).digest == digest
    assert load({"type": "numeric", "name": "sum"}).name == "sum"


def test_a_library_that_is_not_installed_is_an_error_that_names_the_extra():
    with pytest.raises(MissingExtra, match=r"penstock\[metrics\]"):
        similarity.optional("no_such_module", package="no-such")


def test_every_type_has_a_name_of_its_own():
    assert len(TYPES) >= 24


def test_every_type_and_parameter_of_a_page_exists_and_every_type_has_its_place():
    page = (Path(__file__).resolve().parents[3] / "docs" / "evaluators.md").read_text()
    assert [name for name in TYPES if f"`{name}`" not in page] == []
