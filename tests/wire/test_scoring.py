"""What a score may hold."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.wire.scoring import (
    MAX_CATEGORY,
    MAX_TEXT,
    check_comment,
    check_name,
    check_score_id,
    check_target,
    read_value,
)

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@given(value=st.booleans() | st.integers() | st.floats() | st.text())
def test_a_value_is_read_or_refused_and_what_is_read_can_be_stored(value):
    try:
        read = read_value(value, None)
    except InvalidInput:
        return
    assert (read.number is None) == (read.type == "category")
    assert (read.label is None) == (read.type != "category")
    assert read.number is None or math.isfinite(read.number)
    if read.label is not None:
        read.label.encode()
        assert 0 < len(read.label) <= MAX_CATEGORY


@pytest.mark.parametrize(
    ("value", "type_", "found"),
    [(True, None, ("boolean", 1.0, None)), (0, "boolean", ("boolean", 0.0, None)), (3, None, ("number", 3.0, None)),
     (0.5, "number", ("number", 0.5, None)), ("a", None, ("category", None, "a")),
     ("a b", "text", ("text", None, "a b"))],
)  # fmt: skip
def test_a_value_says_its_type_or_is_told_it(value, type_, found):
    assert read_value(value, type_) == found


@pytest.mark.parametrize(
    ("value", "type_"),
    [(True, "number"), (1, "category"), ("x", "number"), ("x", "boolean"), (0.5, "boolean"), (math.inf, None),
     (10**400, None), ("", None), (" ", "text"), ("x" * (MAX_TEXT + 1), "text"), ("\ud800", "text")],
)  # fmt: skip
def test_a_value_that_does_not_fit_its_type_is_refused(value, type_):
    with pytest.raises(InvalidInput):
        read_value(value, type_)


@pytest.mark.parametrize(
    "target",
    [(None, None, None), (TRACE[:-1], None, None), (TRACE.upper(), None, None), ("0" * 32, None, None),
     (None, SPAN, "s"), (TRACE, "0" * 16, None), (TRACE, SPAN + "0", None), (TRACE, None, "é"),
     (TRACE + "\n", None, None)],
)  # fmt: skip
def test_a_target_that_is_none_is_refused(target):
    with pytest.raises(InvalidInput):
        check_target(*target)


def test_what_fits_passes():
    for target in ((TRACE, None, None), (TRACE, SPAN, None), (None, None, "chat-42"), (TRACE, SPAN, "chat-42")):
        check_target(*target)
    assert check_name("answer.grounded_v2-x") == "answer.grounded_v2-x"
    assert check_score_id("eval:7~a") == "eval:7~a"
    check_comment(None)
    check_comment("ö" * 4000)


@pytest.mark.parametrize("name", ["", ".a", "a b", "ä", "a" * 65, "a\n"])
def test_a_name_that_could_not_be_asked_for_is_refused(name):
    with pytest.raises(InvalidInput):
        check_name(name)


@pytest.mark.parametrize("score_id", ["", "a/b", "a b", "é", "a" * 129])
def test_an_id_that_cannot_stand_in_an_address_is_refused(score_id):
    with pytest.raises(InvalidInput):
        check_score_id(score_id)


@pytest.mark.parametrize("comment", ["x" * 4001, "\udc00"])
def test_a_comment_that_cannot_be_stored_is_refused(comment):
    with pytest.raises(InvalidInput):
        check_comment(comment)
