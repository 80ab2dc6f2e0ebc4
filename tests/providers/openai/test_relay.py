"""The pass-through of a chat stream."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.providers.openai.relay import DONE, ChatRelay
from penstock.wire.usage import Usage

USAGE = {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29}


def output(relay):
    return json.loads(relay.answer().output)


def test_a_stream_goes_by_byte_for_byte(stream, chunk, usage_chunk):
    data = (
        b": ping\n\n"
        + stream(chunk(role="assistant", content=""), chunk(content="Hel"), chunk(content="lo"), chunk(finish="stop"))
        + stream(usage_chunk, "[DONE]")
    )
    relay = ChatRelay(wants_usage=True)
    assert relay.feed(data) + relay.finish() == data
    assert relay.done
    assert relay.failure is None
    answer = relay.answer()
    assert answer.usage == Usage(input=19, output=10)
    assert json.loads(answer.usage_raw or b"") == USAGE
    assert answer.served_model == "gpt-4o-mini-2024-07-18"
    assert answer.response_id == "chatcmpl-1"
    assert answer.finish_reasons == ["stop"]
    assert answer.output_characters == 5
    assert output(relay) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello"}], "finish_reason": "stop"}
    ]


def test_the_usage_chunk_that_only_penstock_asked_for_is_stripped(stream, chunk, usage_chunk):
    """FAILURES G1"""
    before, after = stream(chunk(content="Hi"), chunk(finish="stop")), stream("[DONE]")
    relay = ChatRelay(wants_usage=False)
    assert relay.feed(before + stream(usage_chunk) + after) + relay.finish() == before + after
    assert relay.answer().usage == Usage(input=19, output=10)


def test_a_chunk_without_choices_that_carries_no_usage_is_passed_on(stream, chunk):
    """Azure opens with `prompt_filter_results` on a chunk of no choices."""
    first = {"id": "", "choices": [], "model": "", "prompt_filter_results": [], "usage": None}
    data = stream(first, chunk(content="Hi"), chunk(finish="stop"), "[DONE]")
    relay = ChatRelay(wants_usage=False)
    assert relay.feed(data) == data
    assert relay.answer().usage is None


@pytest.mark.parametrize("place", ["own_chunk", "on_choices", "after_finish", "cumulative", "x_groq"])
def test_usage_is_taken_wherever_it_stands(place, stream, chunk, usage_chunk):
    """FAILURES G2"""
    less = {"prompt_tokens": 19, "completion_tokens": 4, "total_tokens": 23}
    streams = {
        "own_chunk": [chunk(content="Hi"), chunk(finish="stop"), usage_chunk],
        "on_choices": [chunk(content="Hi"), chunk(finish="stop", usage=USAGE)],
        "after_finish": [chunk(content="Hi"), chunk(finish="stop"), chunk(usage=USAGE)],
        "cumulative": [chunk(content="H", usage=less), chunk(content="i", usage=USAGE), chunk(finish="stop")],
        "x_groq": [
            {**chunk(content="Hi"), "x_groq": {"id": "req_1"}},
            {**chunk(finish="stop"), "x_groq": {"id": "req_1", "usage": {**USAGE, "queue_time": 0.1}}},
        ],
    }
    relay = ChatRelay(wants_usage=False)
    relay.feed(stream(*streams[place], "[DONE]"))
    assert relay.answer().usage == Usage(input=19, output=10)


def test_a_stream_that_reports_no_usage_leaves_the_gateway_to_estimate(stream, chunk):
    """FAILURES G1"""
    relay = ChatRelay(wants_usage=False)
    relay.feed(stream(chunk(content="Hi", usage={}), chunk(finish="stop"), "[DONE]"))
    assert relay.answer().usage is None


def test_lifecycle_chunks_do_not_start_the_answer(stream, chunk):
    """FAILURES G15"""
    relay = ChatRelay(wants_usage=False)
    relay.feed(stream(chunk(role="assistant", content="", refusal=None)))
    assert not relay.started
    relay.feed(stream(chunk(content="H")))
    assert relay.started


@pytest.mark.parametrize(
    ("delta", "part"),
    [
        ({"reasoning_content": "Hmm"}, {"type": "reasoning", "content": "Hmm"}),
        ({"reasoning": "Hmm"}, {"type": "reasoning", "content": "Hmm"}),
        ({"refusal": "No"}, {"type": "refusal", "content": "No"}),
        ({"content": [{"type": "text", "text": "Hi"}]}, {"type": "text", "content": "Hi"}),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hmm"}]}]},
            {"type": "reasoning", "content": "Hmm"},
        ),
        (
            {
                "tool_calls": [
                    {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                ]
            },
            {"type": "tool_call", "id": "c1", "name": "f", "arguments": {}},
        ),
    ],
)
def test_every_kind_of_content_starts_the_answer_and_is_recorded(delta, part, stream, chunk):
    relay = ChatRelay(wants_usage=False)
    relay.feed(stream(chunk(**delta)))
    assert relay.started
    assert output(relay)[0]["parts"] == [part]


def test_parallel_tool_calls_are_recorded_with_their_arguments_byte_for_byte(stream, chunk):
    """FAILURES G20"""
    relay = ChatRelay(wants_usage=False)
    opener = [{"index": i, "id": f"c{i}", "function": {"name": f"f{i}", "arguments": ""}} for i in (0, 1)]
    pieces = ['{"a": ', '{"b":', "1.0}", "2}"]
    more = [{"index": i % 2, "function": {"arguments": piece}} for i, piece in enumerate(pieces)]
    relay.feed(stream(chunk(tool_calls=opener), *(chunk(tool_calls=[one]) for one in more), chunk(finish="tool_calls")))
    assert b'"arguments":{"a": 1.0}' in relay.answer().output
    assert [part["name"] for part in output(relay)[0]["parts"]] == ["f0", "f1"]
    assert relay.answer().finish_reasons == ["tool_calls"]


def test_a_stream_without_an_end_has_failed(stream, chunk):
    """FAILURES G14"""
    relay = ChatRelay(wants_usage=False)
    data = stream(chunk(content="Hel"), chunk(content="lo"))
    assert relay.feed(data) == data
    assert relay.finish() == b""
    assert relay.failure is not None
    assert relay.failure.code == "upstream_cut"
    assert not relay.done
    assert output(relay)[0]["finish_reason"] == "error"


def test_a_line_cut_in_its_middle_is_a_cut_not_a_malformed_stream(stream, chunk):
    """FAILURES G14"""
    relay = ChatRelay(wants_usage=False)
    whole = stream(chunk(content="Hello"))
    assert relay.feed(whole + stream(chunk(content="more"))[:-40]) == whole
    assert relay.finish() == b""
    assert relay.failure is not None
    assert relay.failure.code == "upstream_cut"


@pytest.mark.parametrize("tail", [b"", b"data: [DONE]", b"data: [DONE]\n", b'data: {"cut', b": bye"])
def test_a_finish_reason_is_an_end_and_the_caller_always_gets_its_marker(tail, stream, chunk):
    data = stream(chunk(content="Hi"), chunk(finish="stop"))
    relay = ChatRelay(wants_usage=False)
    out = relay.feed(data + tail) + relay.finish()
    assert relay.failure is None
    assert out.startswith(data)
    assert out.endswith(DONE)
    assert out.count(DONE) == 1


def test_a_stream_of_two_choices_is_done_when_both_have_finished(stream, chunk):
    relay = ChatRelay(wants_usage=False, choices=2)
    relay.feed(stream(chunk(content="A"), chunk(content="B", index=1), chunk(finish="stop")))
    assert not relay.done
    relay.feed(stream(chunk(finish="length", index=1)))
    assert relay.done
    assert relay.answer().finish_reasons == ["stop", "length"]


def test_fewer_choices_than_asked_for_are_an_end_when_all_have_finished(stream, chunk):
    relay = ChatRelay(wants_usage=False, choices=2)
    relay.feed(stream(chunk(content="A"), chunk(finish="stop")))
    assert relay.finish() == DONE
    assert relay.failure is None


@pytest.mark.parametrize(
    ("event", "retryable", "status"),
    [
        ('data: {"error":{"message":"boom","type":"server_error","code":null}}', True, None),
        ('data: {"error":{"message":"boom","code":429}}', True, 429),
        ('data: {"error":{"message":"boom","code":400}}', False, 400),
        ('data: {"error":{"message":"boom","code":"context_length_exceeded"}}', False, None),
        ('data: {"error":"boom"}', True, None),
        ('event: error\ndata: {"message":"boom","status":503}', True, 503),
        ('data: {"object":"error","message":"boom","code":500}', True, 500),
        ('data: {"choices":[],"x_groq":{"error":"boom"}}', True, None),
        ('data: {"id":"x","error":{"message":"boom"},"choices":[{"index":0,"delta":{"content":"x"}}]}', True, None),
    ],
)
def test_an_error_inside_the_stream_is_a_failure(event, retryable, status, stream, chunk):
    """FAILURES G15"""
    relay = ChatRelay(wants_usage=False)
    before = stream(chunk(content="Hi"))
    assert relay.feed(before + event.encode() + b"\n\n" + stream("[DONE]")) == before
    assert relay.failure is not None
    assert relay.failure.message == "boom"
    assert (relay.failure.retryable, relay.failure.upstream_status) == (retryable, status)
    assert relay.feed(stream(chunk(content="late"))) == b""
    assert relay.finish() == b""
    assert relay.answer().output_characters == 2


def test_a_refused_key_is_not_quoted_inside_a_stream_either(stream):
    """FAILURES S12"""
    relay = ChatRelay(wants_usage=False)
    relay.feed(stream({"error": {"message": "bad key sk-123", "code": 401}}))
    assert relay.failure is not None
    assert relay.failure.code == "upstream_auth_failed"
    assert "sk-123" not in str(relay.failure)
    assert relay.failure.body == b""


@pytest.mark.parametrize("line", ["{broken", "[1,", '{"choices": NaN}', "x", "[" * 100_000])
def test_broken_json_ends_the_stream_with_a_typed_failure(line, stream, chunk):
    """FAILURES G30"""
    relay = ChatRelay(wants_usage=False)
    before = stream(chunk(content="Hi"))
    assert relay.feed(before + stream(line, chunk(content="late"))) == before
    assert relay.failure is not None
    assert relay.failure.code == "upstream_malformed"


@pytest.mark.parametrize(
    "frame",
    [": ping\n\n", "\n\n", "event: ping\n\n", "id: 3\nretry: 10\n\n", 'data: {"choices":"odd"}\n\n', "data: {}\n\n"],
)
def test_comments_blanks_and_unknown_events_are_passed_over(frame, stream, chunk):
    """FAILURES G30"""
    relay = ChatRelay(wants_usage=False)
    data = stream(chunk(content="Hi")) + frame.encode() + stream(chunk(finish="stop"), "[DONE]")
    assert relay.feed(data) == data
    assert relay.failure is None


def test_half_of_a_surrogate_pair_is_no_malformed_stream(stream, chunk):
    data = b'data: {"choices":[{"index":0,"delta":{"content":"a\\ud83d"}}]}\n\n'
    relay = ChatRelay(wants_usage=False)
    assert relay.feed(data) == data
    assert relay.failure is None
    assert output(relay)[0]["parts"][0]["content"] == "a?"


def test_an_event_over_the_size_limit_is_a_failure(stream, chunk):
    relay = ChatRelay(wants_usage=False)
    before = stream(chunk(content="Hi"))
    assert relay.feed(before + b"data: " + b"x" * (9 * 1024 * 1024)) == before
    assert relay.failure is not None
    assert relay.failure.code == "upstream_event_too_large"


def test_an_error_in_a_last_line_without_its_end_is_still_that_error(stream, chunk):
    relay = ChatRelay(wants_usage=False)
    relay.feed(stream(chunk(content="Hi")) + b'data: {"error":{"message":"boom"}}')
    assert relay.finish() == b""
    assert relay.failure is not None
    assert relay.failure.message == "boom"


@given(cuts=st.lists(st.integers(0, 5000), max_size=12))
def test_any_split_of_a_stream_gives_the_same_bytes_and_the_same_answer(cuts, stream, chunk, usage_chunk):
    call = [{"index": 0, "id": "c", "function": {"name": "f", "arguments": '{"é": '}}]
    data = b"\xef\xbb\xbf" + stream(
        chunk(role="assistant", content=""),
        chunk(content="Grüße 🙂"),
        chunk(tool_calls=call),
        chunk(finish="tool_calls"),
        usage_chunk,
        "[DONE]",
    ).replace(b"\n\n", b"\r\n\r\n", 1)
    whole = ChatRelay(wants_usage=False)
    expected = whole.feed(data) + whole.finish()
    edges = [0, *sorted(cut % len(data) for cut in cuts), len(data)]
    relay = ChatRelay(wants_usage=False)
    out = b"".join(relay.feed(data[a:b]) for a, b in itertools.pairwise(edges)) + relay.finish()
    assert out == expected
    assert relay.answer() == whole.answer()
    assert relay.done


@given(data=st.lists(st.binary(max_size=60)))
def test_a_relay_never_raises_for_what_an_upstream_may_send(data):
    relay = ChatRelay(wants_usage=False)
    for piece in data:
        relay.feed(piece)
    relay.finish()
    relay.answer()
    assert relay.done or relay.failure is not None
