"""What a prompt may hold, and how it is named."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.wire.prompts import (
    CompiledPrompt,
    compiled_key,
    document_of,
    has_value,
    parse_prompt_ref,
    read_prompt,
)

USER = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a", (None, "a", "production")),
        ("support/answer@staging", (None, "support/answer", "staging")),
        ("a@7", (None, "a", "7")),
        ("team:a.b@latest", ("team", "a.b", "latest")),
        ("a@sha256:01234567", (None, "a", "sha256:01234567")),
        (f"a@{'0a' * 32}", (None, "a", "0a" * 32)),
        ("a@deadbeefcafe", (None, "a", "deadbeefcafe")),
    ],
)
def test_a_reference_says_project_name_and_version(text, said):
    known = parse_prompt_ref(text)
    assert (known.project, known.name, known.selector) == said
    assert parse_prompt_ref(str(known)) == known


def test_only_a_word_is_a_label():
    assert parse_prompt_ref("a@7")._replace(name="")[1:3] == (None, 7)
    assert parse_prompt_ref("a@sha256:01234567").label is None
    assert parse_prompt_ref("a@deadbeefcafe").label == "deadbeefcafe"


@pytest.mark.parametrize("text", ["", "@x", "a@", "A", "a b", ":a", "a@b c", "a@0", "a@99999999999", "a@X", "../a"])
def test_what_is_no_reference_is_refused(text):
    with pytest.raises(InvalidInput, match="expected a prompt like"):
        parse_prompt_ref(text)


@given(st.text())
def test_any_text_is_a_reference_or_refused(text):
    with contextlib.suppress(InvalidInput):
        assert parse_prompt_ref(text).name


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], None),
        ({}, "messages"),
        ({"text": "x", "messages": [USER]}, "messages"),
        ({"text": "  "}, "text"),
        ({"messages": [{"role": "boss", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "placeholder", "content": "x"}]}, "messages[0]"),
        ({"messages": [{"role": "placeholder"}, {"role": "placeholder"}]}, "messages"),
        ({"messages": [{**USER, "tool_calls": [{"id": "1", "name": "f"}]}]}, "messages[0].tool_calls"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{**USER, "tool_call_id": "1"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "system", "content": [{"type": "image", "url": "x"}]}]}, "messages[0].content[0]"),
        ({"text": "x", "variables": {"a b": {}}}, "variables.a b"),
        ({"text": "x", "variables": {"loop": {}}}, "variables.loop"),
        ({"text": "x", "variables": {"a": {"type": "text"}}}, "variables[...].type"),
        ({"text": "x", "variables": {"a": {"type": "integer", "default": "x"}}}, "variables.a.default"),
        ({"text": "x", "variables": {"a": {"enum": ["x"], "default": "y"}}}, "variables.a.default"),
        ({"text": "x", "variables": {"a": {"enum": [1]}}}, "variables.a.enum"),
        ({"text": "x", "variables": {"a": {"enum": []}}}, "variables.a.enum"),
        ({"text": "x", "variables": {f"v{n}": {} for n in range(201)}}, "variables"),
        ({"text": "x", "partials": {"p": "other"}}, "partials.p"),
        ({"text": "x", "partials": {"p": "other@production"}}, "partials.p"),
        ({"text": "x", "partials": {"p": "team:other@3"}}, "partials.p"),
        ({"text": "x", "partials": {"p q": "other@3"}}, "partials.p q"),
        ({"text": "x", "tools": [{"name": "a b"}]}, "tools[0].name"),
        ({"text": "x", "tools": [{"name": "a"}, {"name": "a"}]}, "tools[1].name"),
        ({"text": "x", "response_schema": {"schema": {}, "name": "a b"}}, "response_schema.name"),
        ({"text": "x", "parameters": {"temperature": -1}}, "parameters.temperature"),
        ({"text": "x", "parameters": {"top_p": 0}}, "parameters.top_p"),
        ({"text": "x", "parameters": {"max_output_tokens": 0}}, "parameters.max_output_tokens"),
        ({"text": "x", "modle": "x"}, None),
        ({"text": "x" * 2_000_000}, "messages"),
    ],
)
def test_a_body_that_is_no_prompt_is_refused_at_its_place(body, field):
    with pytest.raises(InvalidInput) as caught:
        read_prompt(body)
    assert caught.value.code in {"prompt_invalid", "prompt_reference_invalid"}
    assert caught.value.field == field


def test_the_same_prompt_is_written_in_one_way():
    body = {
        "messages": [{"role": "user", "content": "Hi", "tool_calls": []}, {"role": "placeholder", "content": ""}],
        "variables": {"a": {"type": "string", "default": None}, "b": {}},
        "parameters": {"temperature": 0.5, "seed": None},
        "tools": [{"name": "f", "strict": None}],
    }
    assert document_of(read_prompt(body)) == {
        "messages": [{"role": "user", "content": "Hi"}, {"role": "placeholder"}],
        "variables": {"a": {"default": None}, "b": {}},
        "parameters": {"temperature": 0.5},
        "tools": [{"name": "f"}],
    }
    assert read_prompt(document_of(read_prompt(body))) == read_prompt(body)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("string", ["", "x"], [1, None, ["x"]]),
        ("integer", [0, -3, 10**30], [1.0, True, "1"]),
        ("number", [0, 1.5], [True, "1", None]),
        ("boolean", [True, False], [0, 1, "true"]),
        ("array", [[], [1]], [{}, "x"]),
        ("object", [{}, {"a": 1}], [[], "x"]),
    ],
)
def test_values_have_the_types_of_json(kind, good, bad):
    assert all(has_value(kind, value) for value in good)
    assert not any(has_value(kind, value) for value in bad)


def test_a_compiled_prompt_is_another_when_only_a_partial_is_another():
    one = CompiledPrompt(name="a", version=1, digest="d", prompt=read_prompt({"text": "x"}), fragments={"p@1": "x"})
    assert compiled_key(one) == compiled_key(msgspec.json.decode(msgspec.json.encode(one), type=CompiledPrompt))
    assert compiled_key(one) != compiled_key(msgspec.structs.replace(one, fragments={"p@1": "y"}))
