"""What holds for every span, whichever convention it follows."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otlp_harness import NOW, SPAN, TRACE, map_one, price, request, span
from penstock.tracing.otlp.body import PROTOBUF
from penstock.tracing.otlp.decode import decode
from penstock.tracing.otlp.mapping import messages, shape
from penstock.tracing.otlp.mapping import span as mapping
from penstock.tracing.otlp.mapping.span import SpanMapper
from penstock.tracing.otlp.mapping.values import json_of
from penstock.tracing.otlp.types import Refused
from penstock.wire.span import Span, decode_span, encode_span


def value(raw: msgspec.Raw | None):
    return None if raw is None else msgspec.json.decode(raw)


def refusal(**fields) -> str:
    mapper = SpanMapper("p1", now=NOW, pricing=price, hide=str)
    ((origin, received),) = decode(request(span(**fields)).SerializeToString(), PROTOBUF)
    mapped = mapper.map(origin, received)
    assert isinstance(mapped, Refused)
    return mapped.reason


def test_a_plain_span_is_kept_as_it_is():
    record = map_one(
        {"http.request.method": "GET", "http.response.status_code": 404, "server.port": 443},
        name="GET /orders",
        kind=3,
        parent_id="00f067aa0ba902b7",
        links=[(TRACE, SPAN, {"why": "batch"})],
        trace_state="vendor=1",
        dropped=3,
    )
    assert (record.kind, record.name, record.http_status, record.cost, record.call) == (
        "span",
        "GET /orders",
        404,
        0,
        False,
    )
    assert (record.trace_id, record.span_id, record.parent_id) == (TRACE, SPAN, "00f067aa0ba902b7")
    assert (record.key, record.covered, record.project) == (None, False, "p1")
    assert value(record.attributes) == {
        "http.request.method": "GET",
        "http.response.status_code": 404,
        "server.port": 443,
        "otel.kind": "client",
        "otel.links": [{"trace_id": TRACE, "span_id": SPAN, "attributes": {"why": "batch"}}],
        "otel.trace_state": "vendor=1",
        "otel.left_out": 3,
    }


@given(start=st.integers(1_000, NOW * 1000), length=st.integers(0, 10**12))
def test_times_are_rounded_down_so_that_a_retry_is_equal_and_neighbours_touch(start, length):
    """FAILURES O11"""
    record = map_one(start=start, end=start + length)
    assert record.started == start // 1000
    assert record.started + record.duration == (start + length) // 1000


def test_a_span_that_ends_before_it_starts_lasted_no_time():
    assert map_one(end=1).duration == 0
    assert map_one(end=0).duration == 0


def test_an_error_has_its_type_and_its_message():
    exception = ("exception", NOW * 1000, {"exception.type": "ValueError", "exception.message": "no gate"})
    record = map_one(status=(2, ""), events=[exception])
    assert (record.status, record.error_type, record.error_message) == ("error", "ValueError", "no gate")
    assert value(record.attributes)["otel.events"][0]["name"] == "exception"
    record = map_one({"error.type": "timeout"}, status=(2, "took too long"), events=[exception])
    assert (record.error_type, record.error_message) == ("timeout", "took too long")
    assert map_one(status=(2, "")).error_type == "error"
    # An exception that was caught is no error.
    assert map_one(status=(1, ""), events=[exception]).status == "ok"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trace_id": "00" * 16}, "trace id"),
        ({"trace_id": "ab" * 8}, "trace id"),
        ({"span_id": "00" * 8}, "span id"),
        ({"span_id": "ab" * 4}, "span id"),
        ({"parent_id": "ab" * 4}, "parent's span id"),
        ({"parent_id": SPAN}, "its own parent"),
        ({"start": 0}, "no start time"),
        ({"start": (NOW + 2 * 86_400_000_000) * 1000}, "a day ahead"),
    ],
)
def test_a_span_that_cannot_be_kept_is_refused_with_the_reason(fields, reason):
    """FAILURES O4"""
    assert reason in refusal(**fields)


def test_a_parent_of_zeros_is_none():
    assert map_one(parent_id="00" * 8).parent_id is None


def test_a_span_without_a_name_has_that_of_its_kind():
    assert map_one({"openinference.span.kind": "TOOL"}, name="").name == "tool"
    assert len(map_one(name="x" * 10_000).name) == 500


def test_credentials_that_instrumentations_record_are_hidden():
    record = map_one(
        {
            "http.request.header.authorization": ["Bearer psk_secret"],
            "http.request.header.x_api_key": ["psk_secret"],
            "http.response.header.set-cookie": ["session=secret"],
            "http.request.header.accept": ["text/html"],
            "llm.headers": "{'authorization': 'psk_secret'}",
            "url.full": "https://me:secret@example.com/v1?key=secret&page=2&access_token=secret",
            "http.target": "/v1?api_key=secret",
        }
    )
    rest = value(record.attributes)
    assert b"secret" not in bytes(record.attributes or b"")
    assert rest["http.request.header.accept"] == ["text/html"]
    assert rest["url.full"] == "https://[hidden]@example.com/v1?key=[hidden]&page=2&access_token=[hidden]"


def test_what_the_details_of_an_event_bring_is_hidden_and_read_like_what_stands_on_the_span():
    details = {
        "http.request.header.authorization": ["Bearer psk_secret"],
        "user.id": "a person",
        "penstock.tag.env": "prod",
        "gen_ai.usage.input_tokens": 7,
    }
    events = [("gen_ai.client.inference.operation.details", NOW * 1000, details)]
    record = map_one({"gen_ai.operation.name": "chat"}, events=events)
    assert b"secret" not in bytes(record.attributes or b"")
    assert b"a person" not in bytes(record.attributes or b"")
    assert (record.user, record.tags, record.usage_input) == ("hash of a person", {"env": "prod"}, 7)


def test_more_shapes_of_spans_than_are_remembered_are_read_all_the_same():
    told = [
        {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 3, f"llm.usage.kind_{number}": 1}
        for number in (*range(2 * shape.MOST), 0)
    ]
    data = request(*map(span, told)).SerializeToString()
    mapper = SpanMapper("p1", now=NOW, pricing=price, hide=str)
    for given_names, (origin, received) in zip(told, decode(data, PROTOBUF), strict=True):
        record = mapper.map(origin, received)
        assert isinstance(record, Span)
        assert value(record.usage_raw).keys() == given_names.keys() - {"gen_ai.operation.name"}


def test_long_messages_are_cut_until_they_fit(monkeypatch):
    monkeypatch.setattr(messages, "MAX_CONTENT", 20_000)
    asked = [{"role": "user", "parts": [{"type": "text", "content": "x" * 15_000}]} for _ in range(3)]
    record = map_one({"gen_ai.operation.name": "chat", "gen_ai.input.messages": asked})
    assert record.input is not None
    assert len(bytes(record.input)) <= 20_000
    assert "more characters were cut" in value(record.input)[0]["parts"][0]["content"]
    many = [{"role": "user", "parts": [{"type": "text", "content": "x" * 1000}]} for _ in range(300)]
    record = map_one({"gen_ai.operation.name": "chat", "gen_ai.input.messages": many})
    assert value(record.input)[0]["parts"][0]["content"].startswith("300 messages of")


def test_attributes_that_do_not_fit_are_named_with_their_size(monkeypatch):
    monkeypatch.setattr(mapping, "MAX_ATTRIBUTES", 10_000)
    record = map_one({"small": "x", "large": "x" * 20_000})
    assert value(record.attributes) == {"small": "x", "otel.not_recorded": {"large": 20_002}}
    record = map_one({f"a{number:04}": "x" * 100 for number in range(300)})
    assert len(bytes(record.attributes or b"")) <= 10_000


def test_values_that_were_cut_are_counted(monkeypatch):
    monkeypatch.setattr("penstock.tracing.otlp.decode.MAX_TEXT", 5)
    assert value(map_one({"a": "123456"}).attributes)["otel.cut"] == 1


def test_json_that_is_nested_without_end_stays_the_text_it_is():
    deep = "[" * 5000 + "]" * 5000
    assert json_of(deep) == deep
    assert json_of("[" * 20 + "]" * 20) != "[" * 20 + "]" * 20
    assert json_of('[{"a": [[]]}]' + " " * 10) == [{"a": [[]]}]
    wide = json.dumps([[number] for number in range(100)])
    assert json_of(wide) == [[number] for number in range(100)]
    record = map_one({"gen_ai.operation.name": "chat", "gen_ai.input.messages": deep})
    assert value(record.input)[0]["parts"][0]["content"] == deep


NAMES = st.sampled_from(
    [
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.input.messages",
        "gen_ai.prompt.0.role",
        "gen_ai.prompt.0.content",
        "gen_ai.completion.0.tool_calls.0.name",
        "gen_ai.response.finish_reasons",
        "events",
        "metadata",
        "gen_ai.usage.input_tokens",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.name",
        "openinference.span.kind",
        "input.value",
        "output.value",
        "input.mime_type",
        "llm.input_messages.0.message.role",
        "llm.input_messages.0.message.content",
        "llm.input_messages.0.message.contents.0.message_content.type",
        "llm.output_messages.0.message.tool_calls.0.tool_call.id",
        "llm.token_count.prompt",
        "llm.invocation_parameters",
        "llm.tools.0.tool.json_schema",
        "tag.tags",
        "session.id",
        "user.id",
        "embedding.embeddings.0.embedding.vector",
        "retrieval.documents.0.document.metadata",
        "traceloop.span.kind",
        "llm.request.type",
        "traceloop.entity.input",
        "traceloop.association.properties.user_id",
        "url.full",
        "http.response.status_code",
        "db.system",
        "pydantic_ai.all_messages",
        "final_result",
        "gen_ai.system_instructions",
        "gen_ai.response.time_to_first_chunk",
    ]
)
WORDS = st.sampled_from(
    [
        "LLM",
        "TOOL",
        "EMBEDDING",
        "RETRIEVER",
        "chat",
        "execute_tool",
        "invoke_agent",
        "[]",
        "{}",
        '[{"role": "user"}]',
        '{"content": [1]}',
        '[{"type": "text"}]',
        '[{"parts": [{"type": "image"}]}]',
        "application/json",
        "tool",
        "workflow",
        "",
        "null",
        "\x00",
        "\ud7ff",
    ]
)
MEMBERS = st.sampled_from(["role", "content", "type", "parts", "a"])
ANYTHING = st.recursive(
    WORDS | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.floats() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(attributes=st.dictionaries(NAMES, ANYTHING, max_size=12))
def test_whatever_attributes_come_a_span_is_kept_and_can_be_read_again(attributes):
    """FAILURES O4"""
    record = map_one(attributes)
    line = encode_span(record)
    assert b"\n" not in line
    assert encode_span(decode_span(line)) == line
    for raw in (record.input, record.output):
        for message in value(raw) or []:
            assert set(message) <= {"role", "parts", "finish_reason", "name"}
            assert all(isinstance(part["type"], str) for part in message["parts"])
    assert record.usage_input >= 0
