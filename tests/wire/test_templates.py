"""Rendering: strict about names and types, and blind to what values hold (FAILURES E8, S8, S33)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.wire.prompts import CompiledPrompt, read_prompt
from penstock.wire.templates import RENDERER_BYTES, Renderer, Renderers, check_templates, variables_used

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def renderer(body, **more):
    return Renderer(CompiledPrompt(name="a", version=3, digest="d", prompt=read_prompt(body), **more))


def text(source, variables=None, /, **values):
    declared = variables if variables is not None else {key: {} for key in values}
    return renderer({"text": source, "variables": declared}).render(values).text


def refused(source, variables=None, /, **values):
    with pytest.raises(InvalidInput) as caught:
        text(source, variables, **values)
    return caught.value


@given(st.text())
def test_any_text_in_a_value_comes_out_as_it_went_in(value):
    """FAILURES S8."""
    assert text("<{{ x }}>", x=value) == f"<{value}>"
    chat = renderer({"messages": [{"role": "user", "content": "{{ x }}."}], "variables": {"x": {}}})
    assert [(one.role, one.content) for one in chat.render({"x": value}).messages] == [("user", f"{value}.")]


@given(JSON)
def test_values_are_written_as_json(value):
    rendered = text("{{ x }}", {"x": {"type": "object"}}, x={"v": value})
    assert json.loads(rendered) == {"v": value}


def test_scalars_are_written_plainly():
    kinds = {"t": {"type": "boolean"}, "n": {"default": None}, "f": {"type": "number"}, "l": {"type": "array"}}
    source = '{{ t }} {{ n }}|{{ f }} {{ l }} {{ l|tojson(indent=2) }} {{ "<&>" }}'
    assert text(source, kinds, t=True, f=1.5, l=[1, "<"]) == 'true |1.5 [1,"<"] [\n  1,\n  "<"\n] <&>'


def test_lines_of_blocks_alone_leave_no_empty_lines():
    source = "a\n{% if x %}\n  b\n{% endif %}\nc\n"
    assert text(source, x="1") == "a\n  b\nc\n"


def test_a_missing_variable_is_named_with_its_prompt():
    """FAILURES E8."""
    error = refused("{{ x }}{{ y }}", {"x": {}, "y": {"default": "d"}})
    assert (error.field, error.code) == ("variables.x", "variable_missing")
    assert "a@3 needs the variable 'x'" in error.message


def test_defaults_stand_in_and_do_not_leak_into_the_next_call():
    made = renderer({"text": "{{ x.append(1) or x }}", "variables": {"x": {"type": "array", "default": []}}})
    assert [made.render({}).text for _ in range(2)] == ["[1]", "[1]"]
    mine = [5]
    assert made.render({"x": mine}).text == "[5,1]"
    assert mine == [5]


@pytest.mark.parametrize(
    ("declared", "value", "message"),
    [
        ({}, 3, "expects string, got integer"),
        ({"type": "integer"}, True, "expects integer, got boolean"),
        ({"type": "number"}, float("nan"), "expects number"),
        ({"type": "number"}, None, "expects number, got null"),
        ({"enum": ["a", "b"]}, "c", "expects one of 'a', 'b'"),
        ({"type": "object"}, object(), "got something else"),
    ],
)
def test_a_value_of_another_type_is_refused(declared, value, message):
    error = refused("{{ x }}", {"x": declared}, x=value)
    assert error.code == "variable_invalid"
    assert message in error.message


def test_null_is_given_where_it_is_the_default():
    assert text("{{ x is none }}", {"x": {"default": None}}, x=None) == "true"


def test_a_variable_nobody_declared_is_refused_with_the_nearest():
    error = refused("{{ question }}", {"question": {}}, question="x", qestion="y")
    assert (error.code, error.hint) == ("variable_unknown", "Did you mean 'question'?")
    assert "no variables" in (refused("x", {}, zzz=1).hint or "")


@pytest.mark.parametrize(
    "source",
    [
        "{{ x.y.z }}",
        "{{ x.pop('missing') }}",
        "{{ x.__class__() }}",
        "{{ x.keys }}",
        "{% for i in range(1000000) %}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% for i in range(90000) %}{{ x }}{% endfor %}",
        "{% for i in range(50) %}{{ 'x' * 100000 }}{% endfor %}",
        "{% include 'etc/passwd' %}",
        "{{ 1 / 0 }}",
    ],
)
def test_what_a_template_may_not_do_is_an_error_of_the_prompt(source):
    """FAILURES S33."""
    error = refused(source, {"x": {"type": "object", "default": {"a": 1}}})
    assert error.code == "prompt_not_rendered"
    assert "a@3" in error.message


def test_the_class_of_a_value_is_out_of_reach():
    """FAILURES S33."""
    for source in ("{{ x.__class__ }}", "{{ x['__class__'] }}", "{{ x|attr('__class__') }}", "{{ debug() }}"):
        assert refused(source, {"x": {"default": "v"}}).code == "prompt_not_rendered"


def test_messages_that_come_out_blank_are_left_out():
    body = {
        "messages": [
            {"role": "system", "content": "{% if x %}S{% endif %}"},
            {"role": "user", "content": [{"type": "text", "text": "{{ x }}"}, {"type": "image", "url": " {{ x }} "}]},
            {"role": "user", "content": "U"},
            {"role": "placeholder"},
        ],
        "variables": {"x": {"default": ""}},
    }
    made = renderer(body)
    assert [one.role for one in made.render({}).messages] == ["user", "placeholder"]
    parts = made.render({"x": "u"}).messages[1].content
    assert (parts[0].text, parts[1].url) == ("u", "u")


def test_partials_are_found_by_the_names_of_the_one_that_includes_them():
    made = renderer(
        {"text": "{% include 'p' %}-{% include 'q' %}", "variables": {"x": {}}},
        fragments={"one@1": "[{{ x }}{% include 'q' %}]", "two@1": "two", "three@1": "three"},
        links={"": {"p": "one@1", "q": "two@1"}, "one@1": {"q": "three@1"}},
    )
    assert made.render({"x": "v"}).text == "[vthree]-two"


def test_an_error_within_a_partial_says_so():
    made = renderer(
        {"text": "{% include 'p' %}", "variables": {"x": {"type": "object"}}},
        fragments={"one@1": "a\n{{ x.y }}"},
        links={"": {"p": "one@1"}},
    )
    with pytest.raises(InvalidInput, match="the partial one@1, line 2"):
        made.render({"x": {}})


# --- when it is saved -------------------------------------------------------------------------


def check(body):
    return check_templates(read_prompt(body))


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ("a\n  {{ foo( }}", "line 2, column 11"),
        ("é {{ a", "line 1"),
        ("{% if %}", "line 1"),
        ("{% endfor %}", "line 1"),
    ],
)
def test_a_template_that_cannot_be_read_is_refused_with_line_and_column(source, where):
    with pytest.raises(InvalidInput, match="the template is wrong in") as caught:
        check({"messages": [{"role": "user", "content": "ok"}, {"role": "user", "content": source}]})
    assert caught.value.field == "messages[1].content"
    assert where in caught.value.message


def test_a_variable_that_is_used_has_to_be_declared():
    with pytest.raises(InvalidInput) as caught:
        check({"text": "{{ questoin }}", "variables": {"question": {}}})
    assert (caught.value.code, caught.value.hint) == ("variable_undeclared", "Did you mean 'question'?")
    with pytest.raises(InvalidInput, match="Declare it under variables"):
        check({"text": "{{ x }}"})


def test_an_included_name_has_to_be_a_partial():
    with pytest.raises(InvalidInput, match="no partial") as caught:
        check({"text": "{% include 'tone' %}"})
    assert caught.value.code == "partial_undeclared"


def test_names_that_templates_make_themselves_need_no_declaration():
    source = "{% for one in items %}{{ loop.index }}{{ one }}{% endfor %}{% set y = 1 %}{{ y }}{{ range(2) }}"
    assert check({"text": source, "variables": {"items": {"type": "array"}}}) == []


def test_what_nobody_uses_is_told():
    found = check({"text": "x", "variables": {"a": {}}, "partials": {"p": "other@1"}})
    assert [line.split("'")[1] for line in found] == ["a", "p"]
    used = {"text": "{% include 'p' %}{{ b }}", "variables": {"a": {}, "b": {}}, "partials": {"p": "other@1"}}
    assert check_templates(read_prompt(used), inherited=read_prompt(used).variables) == []


def test_the_variables_of_a_text_are_known_without_a_declaration():
    assert variables_used(read_prompt({"text": "{{ b }}{{ a.c }}{% set d = 1 %}{{ d }}"})) == ["a", "b"]
    with pytest.raises(InvalidInput, match="wrong in line 1"):
        variables_used(read_prompt({"text": "{{ b"}))


def test_a_stored_template_that_cannot_be_read_any_more_is_an_error_that_says_so():
    with pytest.raises(InvalidInput, match="the template is wrong"):
        renderer({"text": "{{ x"})


class Versions:
    """Prompts by number, and how often each was compiled."""

    def __init__(self, renderers, *, size=10):
        self.renderers = renderers
        self.size = size
        self.compiled = []

    def find(self, number):
        def made():
            self.compiled.append(number)
            body = {"text": f"{number}" + "x" * self.size}
            return CompiledPrompt(name="a", version=number, digest="d", prompt=read_prompt(body))

        return self.renderers.find(number, made)


def test_the_least_recently_used_of_many_prompts_are_let_go():
    """FAILURES G9."""
    versions = Versions(Renderers(count=3))
    for number in (1, 2, 3, 1, 4, 1, 2):
        found = versions.find(number)
        assert found.render({}).text == f"{number}xxxxxxxxxx"
        assert len(versions.renderers) <= 3
    assert versions.compiled == [1, 2, 3, 4, 2]


def test_prompts_are_bounded_by_their_bytes_and_a_large_one_still_serves():
    versions = Versions(Renderers(size=4 * RENDERER_BYTES))
    for number in range(20):
        versions.find(number)
        assert versions.renderers.held <= 4 * RENDERER_BYTES
    assert len(versions.renderers) == 3
    versions.size = 10 * RENDERER_BYTES
    held = versions.find(99)
    assert (len(versions.renderers), versions.renderers.held) == (1, held.size)
    versions.size = 10
    versions.find(1)
    assert (len(versions.renderers), versions.renderers.held) == (1, versions.find(1).size)


def test_a_prompt_that_cannot_be_compiled_is_not_kept():
    renderers = Renderers()
    with pytest.raises(InvalidInput):
        renderers.find(
            "a", lambda: CompiledPrompt(name="a", version=1, digest="", prompt=read_prompt({"text": "{{ x"}))
        )
    assert (len(renderers), renderers.held) == (0, 0)
