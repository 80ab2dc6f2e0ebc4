import ipaddress
import re
import uuid
from datetime import date, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from penstock.core.errors import InvalidInput
from penstock.simulator.patterns import sample_pattern
from penstock.simulator.schemas import sample_schema


def sample(schema, seed=0, nouns=()):
    return sample_schema(schema, Random(seed), nouns=nouns)


def bounds(low, high):
    return st.tuples(low, high).map(sorted)


numbers = st.one_of(
    st.builds(
        lambda pair: {"type": "integer", "minimum": pair[0], "maximum": pair[1]},
        bounds(st.integers(-50, 50), st.integers(-50, 50)),
    ),
    st.builds(lambda low: {"type": "integer", "exclusiveMinimum": low}, st.integers(-50, 50)),
    st.builds(lambda high: {"type": "integer", "exclusiveMaximum": high}, st.integers(-50, 50)),
    st.builds(lambda step: {"type": "integer", "multipleOf": step, "minimum": 3}, st.integers(1, 9)),
    st.builds(lambda low: {"type": "number", "minimum": low, "exclusiveMaximum": low + 0.5}, st.integers(-5, 5)),
    st.just({"type": "number"}),
    st.just({"type": "number", "maximum": -500}),
)
strings = st.one_of(
    st.builds(
        lambda pair: {"type": "string", "minLength": pair[0], "maxLength": pair[1]},
        bounds(st.integers(0, 40), st.integers(0, 40)),
    ),
    st.builds(
        lambda form: {"type": "string", "format": form},
        st.sampled_from(
            ["date", "date-time", "email", "uuid", "ipv4", "ipv6", "time", "uri", "hostname", "duration", "odd"]
        ),
    ),
    st.builds(
        lambda options: {"enum": options},
        st.lists(st.one_of(st.text(), st.integers(), st.none()), min_size=1, max_size=4),
    ),
    st.builds(lambda value: {"const": value}, st.one_of(st.text(), st.booleans())),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.just({"type": ["string", "null"]}),
    st.just({}),
)


def containers(inner):
    names = st.text("abc", min_size=1, max_size=3)
    return st.one_of(
        st.builds(
            lambda properties, share: {
                "type": "object",
                "properties": properties,
                "required": sorted(properties)[:share],
                "additionalProperties": False,
            },
            st.dictionaries(names, inner, max_size=4),
            st.integers(0, 4),
        ),
        st.builds(lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 3)),
        st.builds(lambda first, rest: {"type": "array", "prefixItems": [first, rest], "items": False}, inner, inner),
        st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(
            lambda properties: {"properties": properties, "minProperties": 2}, st.dictionaries(names, inner, max_size=1)
        ),
    )


schemas = st.recursive(numbers | strings, containers, max_leaves=8)


@given(schemas, st.integers(0, 1000))
def test_a_sampled_value_is_valid_for_its_schema(schema, seed):
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(sample(schema, seed))


def test_the_same_dice_give_the_same_value():
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}}}
    assert sample(schema, 3) == sample(schema, 3)


@pytest.mark.parametrize(
    ("form", "read"),
    [
        ("uuid", uuid.UUID),
        ("date", date.fromisoformat),
        ("date-time", datetime.fromisoformat),
        ("ipv4", ipaddress.IPv4Address),
        ("ipv6", ipaddress.IPv6Address),
    ],
)
def test_formats_are_kept(form, read):
    for seed in range(20):
        assert read(sample({"type": "string", "format": form}, seed))


def test_free_strings_take_the_nouns_of_the_question_first():
    schema = {"type": "array", "items": {"type": "string"}, "minItems": 3}
    assert sample(schema, nouns=["Paris", "Rome"])[:2] == ["Paris", "Rome"]


def test_references_are_followed_and_recursion_ends():
    schema = {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "value": {"type": "integer"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                    "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                },
                "required": ["value", "next"],
                "additionalProperties": False,
            }
        },
    }
    for seed in range(5):
        Draft202012Validator(schema).validate(sample(schema, seed))


def test_all_of_is_all_of_them_at_once():
    schema = {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer", "minimum": 3}}, "required": ["a"]},
            {"properties": {"a": {"maximum": 3, "minimum": 1}, "b": {"enum": ["x", "y"]}}, "required": ["b"]},
            {"properties": {"b": {"enum": ["y", "z"]}}},
        ]
    }
    assert sample(schema) == {"a": 3, "b": "y"}


def test_geminis_spelling_is_understood():
    schema = {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}, "b": {"type": "INTEGER"}}}
    value = sample(schema)
    assert isinstance(value["a"], str)
    assert isinstance(value["b"], int)


def test_unique_items_are_unique():
    schema = {"type": "array", "items": {"enum": [1, 2, 3]}, "minItems": 3, "uniqueItems": True}
    assert sorted(sample(schema)) == [1, 2, 3]


def test_implied_types_are_seen():
    assert sample({"minimum": 3, "maximum": 3}) == 3.0
    assert sample({"minLength": 1000}).count("") > 1000
    assert sample({"items": {"const": 1}, "minItems": 1})[0] == 1
    assert "a" in sample({"required": ["a"]})


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "colour"}, "colour"),
        ({"$ref": "#/$defs/gone"}, "gone"),
        ({"$ref": "https://example.com/schema"}, "within the schema"),
        ({"$ref": "#"}, "without end"),
        ({"type": "integer", "minimum": 5, "maximum": 4}, "no number"),
        ({"type": "number", "minimum": 5, "maximum": 4}, "no number"),
        ({"type": "array", "items": {"const": 1}, "minItems": 2, "uniqueItems": True}, "2 items"),
        ({"type": "object", "required": ["a"], "additionalProperties": False}, "'a'"),
        ({"type": "object", "properties": {"a": 5}}, "is an object"),
        (
            {
                "$ref": "#/$defs/a",
                "$defs": {"a": {"type": "object", "properties": {"x": {"$ref": "#/$defs/a"}}, "required": ["x"]}},
            },
            "never ends",
        ),
        ({"type": "string", "pattern": "("}, "no regular expression"),
        ({"type": "string", "pattern": "a(?=b)"}, "look-around"),
        ({"type": "string", "pattern": "^a{5}$", "maxLength": 2}, "right length"),
        ({"type": "string", "pattern": "[^ -~]"}, "printable"),
    ],
)
def test_a_schema_that_cannot_be_met_is_refused_with_its_reason(schema, words):
    with pytest.raises(InvalidInput, match=re.escape(words)):
        sample(schema)


async def test_such_a_schema_is_answered_with_400(sim):
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "colour"}}}
    assert b"colour" in await sim.chat(response_format=form)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[A-Z]{2}\d{4}$",
        r"^\d{3}-\d{3,4}$",
        r"^(red|green|blue)$",
        r"^[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}$",
        r"[^abc\s]+",
        r"^(?:\+1)? ?\(\d{3}\) ?x*$",
        r"^(?P<year>\d{4})/(?P<rest>.*)$",
        r"\u0041\x42\.\n\t",
        r"^\D\W\S\w\s?$",
        r"^a+?b*$",
        r"[\d\-\]x]{3}",
        r"^[]a]$",
        r"\bword\b",
        r"[a-]",
        r"^a{,2}$",
    ],
)
def test_a_sampled_string_matches_its_pattern(pattern):
    for seed in range(30):
        assert re.search(pattern, sample_pattern(pattern, Random(seed)))


def test_a_pattern_is_met_within_the_lengths():
    for seed in range(20):
        text = sample_pattern("^[a-z]+$", Random(seed), least=25, most=30)
        assert 25 <= len(text) <= 30
    assert len(sample_pattern("x", Random(0), least=9)) == 9


@pytest.mark.filterwarnings("ignore:Possible:FutureWarning")
@given(st.text(st.sampled_from("ab01[]()|*+?{},^$\\.-dwsx"), max_size=12), st.integers(0, 99))
def test_any_pattern_is_matched_or_refused(pattern, seed):
    try:
        text = sample_pattern(pattern, Random(seed))
    except InvalidInput:
        return
    assert re.search(pattern, text)
