"""Both encodings of OTLP say the same, and nothing that comes in breaks the decoder."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otlp_harness import NOW, SPAN, TRACE, as_json, request, span
from penstock.core.errors import InvalidInput, PenstockError, TooLarge
from penstock.tracing.otlp import decode as decoding
from penstock.tracing.otlp.body import JSON, PROTOBUF, UnsupportedMedia, encoding_of, unpack
from penstock.tracing.otlp.decode import decode

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(attributes=st.dictionaries(st.text(max_size=10), VALUES, max_size=5))
def test_protobuf_and_json_are_read_alike(attributes):
    made = request(
        span(attributes, parent_id="00f067aa0ba902b7", status=(2, "broke"), trace_state="a=1", dropped=2, kind=3,
             events=[("e", NOW * 1000 + 999, {"k": 1})], links=[(TRACE, SPAN, {"why": "x"})]),
        scope=("lib", "1"), scope_attributes={"a": 1},
    )  # fmt: skip
    ((origin, one),) = decode(made.SerializeToString(), PROTOBUF)
    ((told, other),) = decode(as_json(made), JSON)
    assert (origin, one) == (told, other)
    assert one.attributes == attributes
    assert (one.trace_id, one.span_id, one.parent_id, one.kind) == (TRACE, SPAN, "00f067aa0ba902b7", 3)
    assert (one.status, one.message, one.trace_state, one.left_out) == (2, "broke", "a=1", 2)
    assert (one.events[0].time, one.links[0].attributes) == (NOW, {"why": "x"})


def read_json(value: object):
    return list(decode(json.dumps(value).encode(), JSON))


def one_span(**fields):
    return {"resourceSpans": [{"scopeSpans": [{"spans": [fields]}]}]}


def test_json_may_say_numbers_and_kinds_as_text():
    ((_, one),) = read_json(
        one_span(
            traceId=TRACE.upper(),
            spanId=SPAN,
            kind="SPAN_KIND_CLIENT",
            startTimeUnixNano=str(NOW * 1000),
            endTimeUnixNano=NOW * 1000,
            status={"code": "STATUS_CODE_ERROR"},
            attributes=[
                {"key": "i", "value": {"intValue": "7"}},
                {"key": "d", "value": {"doubleValue": "0.5"}},
                {"key": "b", "value": {"bytesValue": "AAAA"}},
                {"key": "n"},
                {"key": "e", "value": {}},
                {"key": "wide", "value": {"intValue": "9" * 30}},
                {"key": "word", "value": {"intValue": "seven"}},
            ],
        )
    )
    assert (one.trace_id, one.kind, one.status, one.start, one.end) == (TRACE, 3, 2, NOW * 1000, NOW * 1000)
    assert one.attributes == {"i": 7, "d": 0.5, "b": "AAAA", "n": None, "e": None, "wide": "9" * 30, "word": "seven"}


def test_a_time_that_is_none_is_no_time():
    for wrong in ("", "-1", "soon", "9" * 30, -5):
        ((_, one),) = read_json(one_span(startTimeUnixNano=wrong))
        assert one.start == 0


def test_bytes_are_base64_in_both():
    ((_, one),) = decode(request(span({"b": b"\0\1"})).SerializeToString(), PROTOBUF)
    assert one.attributes == {"b": "AAE="}


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"resourceSpans": 7}', b"\xff", b"[" * 100_000])
def test_json_that_is_no_request_is_refused(data):
    with pytest.raises(InvalidInput) as caught:
        decode(data, JSON)
    assert caught.value.code == "malformed_otlp"


@pytest.mark.parametrize("data", [b"\xff", b"xxxx", b'{"resourceSpans": []}', b"\x0a\xff"])
def test_protobuf_that_is_no_request_is_refused_even_where_it_reads_as_an_empty_one(data):
    """FAILURES O4"""
    with pytest.raises(InvalidInput) as caught:
        decode(data, PROTOBUF)
    assert caught.value.code == "malformed_otlp"


@given(data=st.binary(max_size=300), encoding=st.sampled_from([PROTOBUF, JSON]))
def test_any_bytes_are_a_request_or_refused(data, encoding):
    try:
        list(decode(data, encoding))
    except PenstockError as error:
        assert error.status == 400  # noqa: PT017 - either is right


def test_an_empty_request_has_no_spans():
    assert list(decode(b"", PROTOBUF)) == []
    assert list(decode(b"{}", JSON)) == []


def test_too_many_spans_are_refused_before_they_are_read(monkeypatch):
    monkeypatch.setattr(decoding, "MAX_SPANS", 2)
    made = request(span(), span(), span())
    for data, encoding in ((made.SerializeToString(), PROTOBUF), (as_json(made), JSON)):
        with pytest.raises(TooLarge):
            decode(data, encoding)


def test_long_values_are_cut_with_a_mark_and_counted(monkeypatch):
    monkeypatch.setattr(decoding, "MAX_TEXT", 5)
    made = request(span({"a": "123456789", "l": ["123456"], "b": b"123456"}, status=(2, "1234567")))
    for data, encoding in ((made.SerializeToString(), PROTOBUF), (as_json(made), JSON)):
        ((_, one),) = decode(data, encoding)
        assert one.attributes["a"] == "12345… [4 more characters were cut]"
        assert one.cut == 4


def test_what_is_more_or_deeper_than_allowed_is_left_out_and_counted(monkeypatch):
    monkeypatch.setattr(decoding, "MAX_ATTRIBUTES", 2)
    monkeypatch.setattr(decoding, "MAX_EVENTS", 1)
    monkeypatch.setattr(decoding, "MAX_DEPTH", 2)
    deep = {"a": {"b": {"c": [1]}}}
    event = ("e", 0, {})
    made = request(
        span({"deep": deep, "list": [1, 2, 3], "more": 1}, events=[event] * 3, links=[(TRACE, SPAN, {})] * 2)
    )
    for data, encoding in ((made.SerializeToString(), PROTOBUF), (as_json(made), JSON)):
        ((_, one),) = decode(data, encoding)
        assert one.attributes == {"deep": {"a": {"b": None}}, "list": [1, 2]}
        assert (len(one.events), len(one.links)) == (1, 1)
        assert one.left_out == 1 + 1 + 1 + 2 + 1


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("application/x-protobuf", PROTOBUF),
        ("application/protobuf", PROTOBUF),
        ("application/json; charset=utf-8", JSON),
        ("Application/JSON", JSON),
    ],
)
def test_the_encoding_is_what_the_header_says(header, expected):
    assert encoding_of(header) == expected


@pytest.mark.parametrize("header", [None, "", "text/plain", "application/grpc"])
def test_other_media_are_refused(header):
    with pytest.raises(UnsupportedMedia):
        encoding_of(header)


def test_a_body_is_unpacked():
    assert unpack(b"plain", None, limit=1) == b"plain"
    assert unpack(b"plain", "identity", limit=1) == b"plain"
    data = gzip.compress(b"a" * 3_000_000)
    assert unpack(data, "gzip", limit=3_000_000) == b"a" * 3_000_000
    assert unpack(data + gzip.compress(b"b"), "GZIP", limit=4_000_000)[-2:] == b"ab"


def test_a_bomb_is_met_before_it_has_gone_off():
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < 100_000
    with pytest.raises(TooLarge):
        unpack(bomb, "gzip", limit=1_000_000)


@pytest.mark.parametrize(
    "data",
    [b"no gzip", gzip.compress(b"cut off" * 1000, mtime=0)[:30], gzip.compress(b"x", mtime=0)[:-4]],
    ids=["no gzip", "cut in its middle", "without its end"],
)
def test_what_is_no_whole_gzip_is_refused(data):
    with pytest.raises(InvalidInput):
        unpack(data, "gzip", limit=1_000_000)


def test_other_packings_are_refused():
    with pytest.raises(UnsupportedMedia):
        unpack(b"", "br", limit=1)
