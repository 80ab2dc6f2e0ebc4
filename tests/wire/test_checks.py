"""Patterns and schemas of a route's checks."""

import time

import pytest

from penstock.core.errors import InvalidInput
from penstock.wire.checks import MAX_PATTERN, compile_pattern, compile_schema


def test_a_pattern_finds_its_match_anywhere():
    pattern = compile_pattern(r"\sé+\b|^É$")
    assert pattern.search("a é") is None  # RE2's \\b knows ASCII words only
    assert pattern.search("a éa") is not None
    assert pattern.search("É") is not None


def test_a_pattern_that_would_explode_elsewhere_takes_linear_time():
    before = time.process_time()
    assert compile_pattern(r"(a+)+$").search("a" * 100_000 + "b") is None
    assert time.process_time() - before < 1


@pytest.mark.parametrize(
    "text", ["(", "(?=a)", r"(a)\1", "(((a{1,1000}){1,1000}){1,1000})", "x" * (MAX_PATTERN + 1), "\ud800"]
)
def test_what_is_no_pattern_of_re2_is_refused(text):
    with pytest.raises(InvalidInput):
        compile_pattern(text)


def test_a_schema_says_what_does_not_fit_and_where_without_quoting_it():
    schema = compile_schema({"type": "object", "properties": {"a": {"items": {"type": "integer"}}}, "required": ["a"]})
    assert schema.problem({"a": [1, 2**70]}) is None
    assert schema.problem({"a": [1, "secret"]}) == "type at $.a[1]"
    assert schema.problem({}) == "required at $"
    assert compile_schema(True).problem("anything") is None
    assert compile_schema({"$ref": "#/$defs/a", "$defs": {"a": {"const": 1}}}).problem(2) == "const at $"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "strin"}, "strin"),
        ({"pattern": "(?=a)b"}, "regex"),
        ({"$ref": "#/nope"}, "nope"),
        ({"$ref": "http://127.0.0.1:1/x"}, "another document"),
        ({"$ref": "file:///etc/passwd"}, "another document"),
        (5, "boolean"),
        (object(), "JSON Schema"),
    ],
)
def test_what_is_no_schema_or_looks_outside_is_refused(schema, words):
    with pytest.raises(InvalidInput, match=words):
        compile_schema(schema)
