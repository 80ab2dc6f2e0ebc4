"""Callers' bodies, as far as every path reads them."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.providers.dialects import parse_call

USER = [{"role": "user", "content": "Hi"}]


def refused(operation, body):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(InvalidInput) as caught:
        parse_call(operation, data, {})
    return caught.value


def test_a_chat_is_parsed_as_far_as_needed():
    body = {
        "model": "openai/gpt-4o",
        "messages": USER,
        "stream": True,
        "stream_options": {"include_usage": True},
        "user": "u1",
        "metadata": {"session_id": "s1"},
        "unknown": [1],
    }
    call = parse_call("chat", json.dumps(body).encode(), {"openai-beta": "x"})
    assert (call.model, call.stream, call.wants_usage, call.user, call.session) == (
        "openai/gpt-4o",
        True,
        True,
        "u1",
        "s1",
    )
    assert list(call.fields) == list(body)
    assert bytes(call.fields["unknown"]) == b"[1]"
    assert call.headers == {"openai-beta": "x"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "The body is empty"),
        (b"  ", "The body is empty"),
        (b'{"model":"a",}', "at byte 13"),
        (b'{"model":"a"', "at byte 12"),
        (b'{"model":"a"} x', "trailing characters"),
        (b"[1]", "got an array"),
        (b"null", "got null"),
        (b"true", "got a boolean"),
        (b'"x"', "got a string"),
        (b"7", "got a number"),
        (b'{"model":"\xff"}', "not UTF-8: byte 10"),
        (b'{"x":' * 50_000, "nested too deeply"),
    ],
)
def test_a_body_that_is_no_json_object_says_where_and_what(body, words):
    error = refused("chat", body)
    assert words in error.message
    assert error.code == "invalid_json"
    assert error.status == 400


@pytest.mark.parametrize(
    ("operation", "members", "field", "words"),
    [
        ("chat", {"messages": USER}, "model", "expected the name of a model, got nothing"),
        ("chat", {"model": "", "messages": USER}, "model", "got nothing"),
        ("chat", {"model": None, "messages": USER}, "model", "got nothing"),
        ("chat", {"model": 7, "messages": USER}, "model", "expected str, got int"),
        ("chat", {"model": "m"}, "messages", "expected a list of messages, got nothing"),
        ("chat", {"model": "m", "messages": "Hi"}, "messages", "expected array, got str"),
        ("chat", {"model": "m", "messages": []}, "messages", "the list is empty"),
        ("chat", {"model": "m", "messages": ["Hi"]}, "messages[0]", "expected object, got str"),
        ("chat", {"model": "m", "messages": [*USER, {}]}, "messages[1]", "missing required field role"),
        ("chat", {"model": "m", "messages": USER, "stream": "yes"}, "stream", "expected true or false, got a string"),
        ("chat", {"model": "m", "messages": USER, "stream": {}}, "stream", "got an object"),
        ("chat", {"model": "m", "messages": USER, "stream": True, "stream_options": 1}, "stream_options", "object"),
        (
            "chat",
            {"model": "m", "messages": USER, "stream": True, "stream_options": {"include_usage": 1}},
            "include_usage",
            "got a number",
        ),
        ("messages", {"model": "m"}, "messages", "got nothing"),
        ("count_tokens", {"model": "m"}, "messages", "got nothing"),
        ("responses", {"model": "m"}, "input", "expected text or a list, got nothing"),
        ("responses", {"model": "m", "input": {}}, "input", "got an object"),
        ("responses", {"model": "m", "prompt": {"id": "p"}, "input": 1}, "input", "got a number"),
        ("embeddings", {"model": "m"}, "input", "got nothing"),
        ("embeddings", {"model": "m", "input": 3}, "input", "got a number"),
    ],
)
def test_a_wrong_member_is_named(operation, members, field, words):
    error = refused(operation, members)
    assert error.field == field
    assert error.message.startswith(f"{field}: ")
    assert words in error.message


def test_half_of_a_surrogate_pair_is_refused():
    assert refused("embeddings", b'{"model":"m","input":"\\ud83d x"}').status == 400


@pytest.mark.parametrize("operation", ["embeddings", "count_tokens"])
def test_what_is_never_streamed_is_not_though_the_body_says_so(operation):
    call = parse_call(
        operation, json.dumps({"model": "m", "input": "x", "messages": USER, "stream": True}).encode(), {}
    )
    assert not call.stream


def test_usage_is_wanted_only_of_a_stream():
    body = {"model": "m", "messages": USER, "stream_options": {"include_usage": True}}
    assert not parse_call("chat", json.dumps(body).encode(), {}).wants_usage
    assert not parse_call("chat", json.dumps({**body, "stream": True, "stream_options": None}).encode(), {}).wants_usage


@pytest.mark.parametrize("member", ["prompt", "conversation", "previous_response_id"])
def test_a_response_needs_no_input_when_its_text_is_elsewhere(member):
    assert parse_call("responses", json.dumps({"model": "m", member: "x"}).encode(), {}).model == "m"


@pytest.mark.parametrize(
    ("operation", "members", "user", "session"),
    [
        ("chat", {"safety_identifier": "a", "user": "b"}, "a", None),
        ("chat", {"user": 7, "metadata": "odd"}, None, None),
        ("chat", {"user": "x" * 300}, "x" * 256, None),
        ("responses", {"conversation": "conv_1"}, None, "conv_1"),
        ("responses", {"conversation": {"id": "conv_2"}, "user": "u"}, "u", "conv_2"),
        ("responses", {"conversation": 5}, None, None),
        ("messages", {"metadata": {"user_id": "u", "session_id": "s"}}, "u", "s"),
        ("messages", {"metadata": {"user_id": None}, "user": "x"}, None, None),
    ],
)
def test_user_and_session_are_read_where_the_dialect_has_them(operation, members, user, session):
    body = {"model": "m", "messages": USER, "input": "x", **members}
    call = parse_call(operation, json.dumps(body).encode(), {})
    assert (call.user, call.session) == (user, session)


def test_a_body_of_twenty_megabytes_is_parsed():
    """FAILURES G25"""
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "é" * 10_000_000}]}, ensure_ascii=False)
    assert parse_call("chat", body.encode(), {}).model == "m"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["role", "id", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)
MEMBERS = ("model", "messages", "input", "stream", "stream_options", "user", "metadata", "conversation")


@given(
    operation=st.sampled_from(["chat", "responses", "embeddings", "messages", "count_tokens"]),
    body=st.dictionaries(st.sampled_from(MEMBERS), JSON) | JSON,
)
def test_any_json_is_parsed_or_refused_with_invalid_input(operation, body):
    with contextlib.suppress(InvalidInput):
        assert parse_call(operation, json.dumps(body).encode(), {}).model


@given(st.binary(max_size=80))
def test_any_bytes_are_refused_with_invalid_input(body):
    with pytest.raises(InvalidInput):
        parse_call("chat", body, {})
