"""Which calls are the same call (FAILURES G23)."""

import json

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from penstock.gateway.reuse.fingerprint import (
    IGNORED,
    cache_key,
    fingerprint,
    same_bytes,
    served_by_route,
    served_by_targets,
)
from penstock.providers.dialects import parse_call

ROUTE = served_by_route("answers", "v1")
BODIES = {
    "chat": {"model": "answers", "messages": [{"role": "user", "content": "Hi"}]},
    "messages": {"model": "answers", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]},
    "responses": {"model": "answers", "input": "Hi"},
    "embeddings": {"model": "answers", "input": ["Hi"]},
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.floats(allow_nan=False, allow_infinity=False),
        TEXT,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)


def call(operation="chat", body=None, headers=None, **members):
    data = body if isinstance(body, bytes) else json.dumps({**BODIES[operation], **(body or {}), **members}).encode()
    return parse_call(operation, data, headers or {})


def of(inbound, *, project="p", serves=ROUTE, **more):
    return fingerprint(inbound, project=project, serves=serves, **more)


def shuffled(value, order):
    """The same JSON with its members in another order."""
    if isinstance(value, dict):
        names = list(value)
        order.shuffle(names)
        return {name: shuffled(value[name], order) for name in names}
    return [shuffled(item, order) for item in value] if isinstance(value, list) else value


def plain(value):
    """What a value means: the same for numbers that are equal, different for a boolean and a number."""
    if isinstance(value, dict):
        return ("object", frozenset((name, plain(item)) for name, item in value.items()))
    if isinstance(value, list):
        return ("array", tuple(plain(item) for item in value))
    return ("boolean" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "other", value)


@given(
    value=VALUES, order=st.randoms(use_true_random=False), indent=st.sampled_from([None, 0, 3]), ascii_=st.booleans()
)
def test_order_white_space_and_escapes_do_not_matter(value, order, indent, ascii_):
    body = {**BODIES["chat"], "custom": value}
    other = json.dumps(shuffled(body, order), indent=indent, ensure_ascii=ascii_).encode()
    assert of(call(body=other)) == of(call(body=body))


@given(one=VALUES, other=VALUES)
def test_any_difference_of_meaning_is_a_difference(one, other):
    same = of(call(custom=one)) == of(call(custom=other))
    assert same == (plain(one) == plain(other))


@given(name=TEXT, value=VALUES)
def test_a_member_that_nobody_knows_counts(name, value):
    assume(name not in IGNORED | BODIES["chat"].keys())
    assert of(call(**{name: value})) != of(call())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0"),
        ("1", "1e0"),
        ("100", "1E2"),
        ("0.7", "0.70"),
        ("0.7", "7e-1"),
        ("0", "-0.0"),
        ("0", "0.0e5"),
        ("-1.5", "-15e-1"),
        ("1e400", "10e399"),
        ("12345678901234567890123", "12345678901234567890123.0"),
    ],
)
def test_numbers_count_as_they_mean(one, other):
    first, second = (call(body=b'{"model":"m","messages":[{"role":"user"}],"x":%b}' % v.encode()) for v in (one, other))
    assert of(first) == of(second)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", '"1"'),
        ("0.7", '"7e-1"'),
        ("0.1", "0.10000000000000000000000000001"),
        ("12345678901234567890123", "12345678901234567890124"),
        ("1", "true"),
        ("1", "-1"),
        ("1.5", "-1.5"),
        ("null", "0"),
        ("1e99999999999999999999", "1e99999999999999999998"),
        ("[1,2]", "[2,1]"),
        ("[[1],2]", "[1,[2]]"),
    ],
)
def test_values_that_differ_count_as_different(one, other):
    first, second = (call(body=b'{"model":"m","messages":[{"role":"user"}],"x":%b}' % v.encode()) for v in (one, other))
    assert of(first) != of(second)


@pytest.mark.parametrize("name", sorted(IGNORED - {"store", "model", "stream", "stream_options"}))
def test_what_alters_no_answer_is_left_out(name):
    value = {"a": "b"} if name == "metadata" else "x"
    for operation in ("chat", "responses"):
        assert of(call(operation, **{name: value})) == of(call(operation))


def test_a_stream_and_a_whole_answer_are_the_same_call():
    streamed = call(stream=True, stream_options={"include_usage": True})
    assert of(streamed) == of(call())


def test_storing_counts_where_an_answer_can_be_continued():
    assert of(call(store=True)) == of(call(store=False))
    assert of(call("responses", store=True)) != of(call("responses", store=False))


def test_projects_routes_versions_variants_and_dialects_are_kept_apart():
    inbound = call()
    told = [
        of(inbound),
        of(inbound, project="q"),
        of(inbound, serves=served_by_route("answers", "v2")),
        of(inbound, serves=served_by_route("other", "v1")),
        of(inbound, serves=served_by_route("answers", "v1", variants=["a"])),
        of(inbound, serves=served_by_route("answers", "v1", variants=["b"])),
        of(inbound, serves=served_by_targets("answers", ["up/m"])),
        of(inbound, serves=served_by_targets("answers", ["up/m", "down/m"])),
        of(call("messages", max_tokens=9)),
        of(call("responses")),
        of(call("embeddings")),
    ]
    assert len(set(told)) == len(told)
    assert all(len(digest) == 32 for digest in told)


def test_the_name_that_was_called_does_not_count_beside_what_serves_it():
    assert of(call(model="answers")) == of(call(model="alias"))


def test_a_scope_keeps_keys_and_users_apart():
    """FAILURES G23"""
    inbound = call()
    told = [
        of(inbound),
        of(inbound, scope="key", owner="k1"),
        of(inbound, scope="key", owner="k2"),
        of(inbound, scope="user", owner="k1"),
    ]
    assert len(set(told)) == len(told)
    assert of(inbound, owner="k1") == of(inbound), "who calls does not count in a project's cache"


def test_vendor_headers_that_alter_an_answer_count_and_others_do_not():
    beta = {"anthropic-beta": "context-1m"}
    assert of(call("messages", headers=beta)) != of(call("messages"))
    assert of(call("messages", headers=beta)) != of(call("messages", headers={"anthropic-version": "context-1m"}))
    assert of(call("messages", headers={"openai-organization": "org"})) == of(call("messages"))


def test_what_cannot_be_read_here_stands_for_itself():
    """A value nested as deeply as the reader allows may be too deep from here."""

    def deep(inner, **more):
        inbound = call()
        value = msgspec.Raw(b"[" * 5000 + inner + b"]" * 5000)
        return msgspec.structs.replace(inbound, fields={"x": value, **inbound.fields, **more})

    first = of(deep(b"1"))
    assert first == of(deep(b"1", stream=msgspec.Raw(b"true")))
    assert len({first, of(deep(b"2")), of(deep(b"1", y=msgspec.Raw(b"1"))), of(call())}) == 4


def test_only_calls_that_are_given_the_same_bytes_share_a_stream():
    assert same_bytes(call(stream=True)) == same_bytes(call(stream=True, user="x"))
    assert same_bytes(call(stream=True)) != same_bytes(call())
    assert same_bytes(call(stream=True)) != same_bytes(call(stream=True, stream_options={"include_usage": True}))
    assert same_bytes(call("responses", metadata={"a": "1"})) != same_bytes(call("responses", metadata={"a": "2"}))
    assert same_bytes(call("responses", user="a")) != same_bytes(call("responses"))


def test_a_key_begins_with_its_project():
    assert cache_key("p", "ff", generation=3) == "p/3-ff"
