"""The headers between applications and the gateway."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.wire import headers

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_tags = st.dictionaries(_text.filter(bool), _text, max_size=8)


@given(_tags)
def test_tags_come_back_as_they_were_sent(tags):
    text = headers.encode_tags(tags)
    assert text.isascii()
    assert "\r" not in text
    assert "\n" not in text
    assert headers.decode_tags(text) == tags


@given(st.text(max_size=200))
def test_any_header_value_gives_tags_or_a_clear_error(text):
    try:
        tags = headers.decode_tags(text)
    except InvalidInput as error:
        tags = {error.code: ""}
    assert all(tags)
    assert "invalid_input" not in tags


def test_the_last_of_a_repeated_tag_wins():
    assert headers.decode_tags("a=1&a=2") == {"a": "2"}


def test_a_blank_header_is_no_tags():
    assert headers.decode_tags("  ") == {}
    assert headers.encode_tags({}) == ""


@pytest.mark.parametrize(
    "tags",
    [
        {str(number): "x" for number in range(headers.MAX_TAGS + 1)},
        {"": "x"},
        {"k" * (headers.MAX_TAG_KEY + 1): "x"},
        {"k": "v" * (headers.MAX_TAG_VALUE + 1)},
        {"k": "\ud800"},
        {str(number): "€" * headers.MAX_TAG_VALUE for number in range(headers.MAX_TAGS)},
    ],
    ids=["too many", "no name", "long name", "long value", "lone surrogate", "long when encoded"],
)
def test_tags_that_do_not_fit_are_refused(tags):
    with pytest.raises(InvalidInput):
        headers.encode_tags(tags)


@pytest.mark.parametrize("text", ["novalue", "a=%ff", "=x", "a=1&b", "a=" + "v" * headers.MAX_TAGS_HEADER])
def test_a_tags_header_that_is_not_url_encoded_pairs_is_refused(text):
    with pytest.raises(InvalidInput):
        headers.decode_tags(text)


@pytest.mark.parametrize("value", ["", "x" * 201, "a\nb", "a\r\nx-evil: 1", " a", "a ", "Jürgen", "a\x00"])
def test_an_id_that_cannot_stand_in_a_header_is_refused(value):
    with pytest.raises(InvalidInput) as caught:
        headers.check_id(value, name="user")
    assert caught.value.field == "user"
    assert "user" in str(caught.value)


def test_an_id_of_visible_ascii_is_kept():
    assert headers.check_id("user 42 <a@b.example>", name="user") == "user 42 <a@b.example>"
