import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput, NotFound
from penstock.registry.artifacts.files import canonical, from_yaml, to_yaml
from penstock.registry.artifacts.kinds import JsonKind, Kinds, ModelKind, default_kinds
from penstock.server.artifact_kinds import artifact_kinds


def test_a_model_keeps_what_was_said_and_no_defaults():
    assert ModelKind().check({"target": "a/b", "parameters": {}}) == {"target": "a/b"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"target": "gpt"}, "body.target"),
        ({"target": 1}, "body.target"),
        ({"target": "a/b", "parameter": {}}, "body"),
        ({"target": "a/b", "links": ["https://x", "javascript:x"]}, "body.links[1]"),
        ({"target": "a/b", "parameters": []}, "body.parameters"),
        ("x", "body"),
    ],
)
def test_a_model_that_does_not_fit_names_the_field(body, field):
    with pytest.raises(InvalidInput) as caught:
        ModelKind().check(body)
    assert caught.value.field == field


@pytest.mark.parametrize("body", [None, True, 1, 1.5, "x", []])
def test_a_body_is_an_object(body):
    with pytest.raises(InvalidInput):
        JsonKind("evaluator").check(body)


def test_the_searched_text_holds_every_text_and_no_field_name():
    body = {"a": "one", "b": [{"c": "two"}, 3, None], "d": {"e": "three"}}
    assert JsonKind("evaluator").text(body).split() == ["one", "two", "three"]


def test_a_kind_without_permissions_is_none():
    with pytest.raises(ValueError, match="poems:read"):
        Kinds([JsonKind("poem")])
    with pytest.raises(NotFound, match="Kinds are") as caught:
        Kinds(default_kinds()).get("poem")
    assert "poem" in caught.value.message


def test_the_installation_has_each_kind_once():
    assert set(Kinds([*default_kinds(), *artifact_kinds()])) == {"prompt", "model", "dataset", "evaluator"}


@pytest.mark.parametrize("text", ["a: [", "a: !!python/object:os.system x", "- : -\n  - a: b: c", "? {a: b}\n: c"])
def test_what_is_no_yaml_or_no_json_is_refused(text):
    """FAILURES S19, S29"""
    with pytest.raises(InvalidInput):
        from_yaml(text)


def test_json_and_yamls_own_flow_style_are_read():
    assert from_yaml('{"a": [1, 2.5]}') == from_yaml("{a: [1, 2.5]}") == {"a": [1, 2.5]}


def test_a_large_body_is_written_as_json():
    body = {"rows": ["x" * 100] * 5_000}
    assert to_yaml(body).startswith("{")
    assert from_yaml(to_yaml(body)) == body


TEXT = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(
    ["yes", "1e3", "~", "a: b", "- x", " x\n y ", "\t\n", "#", "%"]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=15,
)


@given(VALUES)
def test_every_json_value_comes_back_from_its_file(value):
    assert canonical(from_yaml(to_yaml(value))) == canonical(value)
