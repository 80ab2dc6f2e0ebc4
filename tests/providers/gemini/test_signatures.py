"""Thought signatures on their way through other dialects."""

import base64
import re

from hypothesis import given
from hypothesis import strategies as st

from penstock.providers.gemini.signatures import mark_signature, split_tool_call_id, tool_call_id, unmark_signature


@given(given_id=st.one_of(st.none(), st.from_regex(r"[a-z0-9_]{1,20}", fullmatch=True)), raw=st.binary(min_size=1))
def test_a_signature_survives_the_journey_in_a_tool_calls_id(given_id, raw):
    signature = base64.b64encode(raw).decode()
    seen = tool_call_id(given_id, signature, seed="s")
    assert re.fullmatch(r"[A-Za-z0-9_-]+", seen)
    name, back = split_tool_call_id(seen)
    assert back == signature
    assert name == (given_id or tool_call_id(None, None, seed="s"))


def test_an_id_without_a_signature_is_left_alone():
    assert tool_call_id("fc-1", None, seed="s") == "fc-1"
    assert split_tool_call_id("toolu_1") == ("toolu_1", None)


def test_made_ids_are_the_same_for_the_same_call_and_differ_otherwise():
    first = tool_call_id(None, None, seed="resp/0/0/f/{}")
    assert first == tool_call_id(None, None, seed="resp/0/0/f/{}")
    assert first != tool_call_id(None, None, seed="resp/0/1/f/{}")


def test_signatures_of_other_vendors_are_not_taken_for_geminis():
    assert unmark_signature(mark_signature("c2ln")) == "c2ln"
    assert unmark_signature("c2ln") is None
    assert unmark_signature(None) is None
    assert mark_signature("") is None
