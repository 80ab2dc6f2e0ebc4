"""An Anthropic caller at an Anthropic upstream."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import UpstreamError
from penstock.providers.anthropic.passthrough import MessagesExchange, MessagesStreamCodec
from penstock.wire.usage import Usage

HELLO = [{"role": "user", "content": "hi"}]


def test_only_the_model_changes_and_every_other_byte_goes_by(make_call, make_target):
    call = make_call({"model": "alias", "max_tokens": 5, "messages": HELLO, "new_member": {"a": 1.50}})
    request = MessagesExchange(call, make_target("claude-x")).request
    assert request.url == "https://api.anthropic.com/v1/messages"
    assert b'"new_member":{"a": 1.5}' in request.body
    sent = json.loads(request.body)
    assert list(sent) == ["model", "max_tokens", "messages", "new_member"]
    assert sent["model"] == "claude-x"


@pytest.mark.parametrize(
    ("caller", "provider", "sent"),
    [
        ({}, None, "2023-06-01"),
        ({}, "2025-01-01", "2025-01-01"),
        ({"anthropic_version": "2026-10-21"}, "2025-01-01", "2026-10-21"),
    ],
)
def test_the_callers_version_comes_before_the_providers(make_call, make_target, caller, provider, sent):
    call = make_call({"model": "a", "messages": HELLO}, **caller)
    headers = MessagesExchange(call, make_target(api_version=provider)).request.headers
    assert headers["anthropic-version"] == sent


def test_the_callers_beta_is_passed_on_and_nothing_else_of_the_callers(make_call, make_target):
    call = make_call({"model": "a", "messages": HELLO}, anthropic_beta="b1,b2", anthropic_workspace_id="w", x_other="o")
    headers = MessagesExchange(call, make_target(X_Team="blue")).request.headers
    assert headers == {
        "content-type": "application/json",
        "x-api-key": "sk-ant",
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "b1,b2",
        "x-team": "blue",
    }


def test_a_header_of_the_provider_wins_over_the_callers(make_call, make_target):
    call = make_call({"model": "a", "messages": HELLO}, anthropic_beta="b1")
    headers = MessagesExchange(call, make_target(anthropic_beta="forced")).request.headers
    assert headers["anthropic-beta"] == "forced"


def exchange(make_call, make_target, operation="messages"):
    return MessagesExchange(make_call({"model": "a", "messages": HELLO}, operation=operation), make_target())


def test_a_whole_answer_goes_by_as_it_came_and_is_read(make_call, make_target):
    usage = {"input_tokens": 3, "cache_read_input_tokens": 2, "output_tokens": 5}
    body = json.dumps(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-x-1",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "text", "text": "hello"},
                {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
                {"type": "redacted_thinking", "data": "enc"},
                {"type": "something_new", "x": 1},
            ],
            "stop_reason": "tool_use",
            "usage": usage,
        }
    ).encode()
    reply = exchange(make_call, make_target).reply({}, body)
    assert reply.body is body
    answer = reply.answer
    assert answer.usage == Usage(input=3, cache_read=2, output=5)
    assert json.loads(answer.usage_raw or b"") == usage
    assert (answer.served_model, answer.response_id, answer.finish_reasons) == ("claude-x-1", "msg_1", ["tool_calls"])
    assert answer.output_characters == len("hm") + len("hello") + len('{"a": 1}')
    assert json.loads(answer.output) == [
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "hm"},
                {"type": "text", "content": "hello"},
                {"type": "tool_call", "id": "t", "name": "f", "arguments": {"a": 1}},
            ],
            "finish_reason": "tool_calls",
        }
    ]


def test_a_body_that_is_no_message_is_malformed(make_call, make_target):
    with pytest.raises(UpstreamError, match="malformed"):
        exchange(make_call, make_target).reply({}, b"<html>")


def test_counting_tokens_passes_through_and_costs_nothing(make_call, make_target):
    counting = exchange(make_call, make_target, "count_tokens")
    assert counting.request.url == "https://api.anthropic.com/v1/messages/count_tokens"
    reply = counting.reply({}, b'{"input_tokens": 14}')
    assert reply.body == b'{"input_tokens": 14}'
    assert reply.answer.usage == Usage()
    assert reply.answer.usage_raw == b'{"input_tokens": 14}'
    with pytest.raises(UpstreamError, match="malformed"):
        counting.reply({}, b"{}")


def test_an_error_of_the_upstream_keeps_its_message(make_call, make_target):
    body = b'{"type":"error","error":{"type":"rate_limit_error","message":"Slow down"},"request_id":"r"}'
    error = exchange(make_call, make_target).error(429, {"retry-after": "7"}, body)
    assert (error.message, error.upstream_status, error.retry_after, error.retryable) == ("Slow down", 429, 7.0, True)


def read(data, size):
    codec = MessagesStreamCodec()
    out = b"".join([codec.feed(data[start : start + size]) for start in range(0, len(data), size)]) + codec.finish()
    return codec, out


@given(size=st.integers(1, 500))
def test_a_stream_goes_by_byte_for_byte_however_it_is_split(sse, answer_events, size):
    data = sse(*answer_events)
    codec, out = read(data, size)
    assert out == data
    assert (codec.started, codec.done, codec.failure) == (True, True, None)
    answer = codec.answer()
    assert answer.usage == Usage(input=25, cache_write=7, cache_read=11, output=30, reasoning=12)
    assert json.loads(answer.usage_raw or b"")["output_tokens"] == 42
    assert (answer.response_id, answer.served_model) == ("msg_1", "claude-haiku-4-5-20251001")
    assert answer.finish_reasons == ["tool_calls"]
    assert [part.get("content") or part["arguments"] for part in json.loads(answer.output)[0]["parts"]] == [
        "Let me see.",
        "Looking — it ☃ up.",
        {"city": "Lima", "days": 1.5},
    ]
    assert answer.output_characters == 11 + 18 + len('{"city": "Lima", "days": 1.50}')


def test_half_an_event_is_held_back(sse, answer_events):
    data = sse(*answer_events)
    codec = MessagesStreamCodec()
    assert codec.feed(data[:30]) == b""
    first = sse(answer_events[0])
    assert codec.feed(data[30 : len(first) + 9]) == first


@pytest.mark.parametrize(
    ("block", "at_opening"),
    [
        ({"type": "text", "text": ""}, False),
        ({"type": "thinking", "thinking": "", "signature": ""}, False),
        ({"type": "tool_use", "id": "t", "name": "f", "input": {}}, True),
        ({"type": "redacted_thinking", "data": "enc"}, True),
        ({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}, True),
    ],
)
def test_content_has_started_with_its_first_event_and_not_with_lifecycle_events(sse, answer_events, block, at_opening):
    """FAILURES G15"""
    codec = MessagesStreamCodec()
    codec.feed(sse(answer_events[0], {"type": "ping"}))
    assert not codec.started
    codec.feed(sse({"type": "content_block_start", "index": 0, "content_block": block}))
    assert codec.started is at_opening
    codec.feed(sse({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}}))
    assert codec.started


def test_a_cut_stream_is_a_failure_billed_for_what_was_received(sse, answer_events):
    """FAILURES G6, G14"""
    codec, out = read(sse(*answer_events[:10]) + b"event: content_block_st", 64)
    assert out == sse(*answer_events[:10])
    assert codec.failure is not None
    assert codec.failure.code == "upstream_cut"
    answer = codec.answer()
    # 11 characters of reasoning and 18 of text, of which two are not ASCII.
    assert answer.usage == Usage(input=25, cache_write=7, cache_read=11, output=5, reasoning=3, estimated=True)
    assert answer.finish_reasons == []
    assert json.loads(answer.output)[0]["finish_reason"] == "error"


def test_a_stream_cut_before_any_event_has_no_usage(sse):
    codec, out = read(b": hello\n\n", 4)
    assert out == b": hello\n\n"
    assert codec.failure is not None
    answer = codec.answer()
    assert (answer.usage, answer.output) == (None, b"[]")


def test_a_message_delta_with_a_stop_reason_is_end_enough(sse, answer_events):
    codec, out = read(sse(*answer_events[:-1]), 1000)
    assert (codec.done, codec.failure) == (True, None)
    assert out == sse(*answer_events[:-1])


def test_a_last_event_without_its_blank_line_is_given_one(sse, answer_events):
    data = sse(*answer_events)
    codec, out = read(data[:-1], 1000)
    assert (out, codec.failure) == (data, None)


def test_what_follows_the_end_is_passed_on_unread(sse, answer_events):
    data = sse(*answer_events) + b"data: [DONE]\n\ndata: tail"
    codec, out = read(data, 1000)
    assert (out, codec.failure) == (data + b"\n\n", None)


def test_an_error_event_ends_the_stream_before_it(sse, answer_events):
    """FAILURES G15"""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    codec = MessagesStreamCodec()
    assert codec.feed(sse(*answer_events[:5], error, {"type": "message_stop"})) == sse(*answer_events[:5])
    assert codec.failure is not None
    assert (codec.failure.upstream_status, codec.failure.retryable) == (529, True)
    assert codec.feed(sse({"type": "message_stop"})) == b""
    assert codec.finish() == b""
    assert codec.failure.code == "upstream_error"


def test_broken_json_ends_the_stream_before_it(sse, answer_events):
    """FAILURES G30"""
    codec = MessagesStreamCodec()
    start = sse(*answer_events[:5])
    assert codec.feed(start + b'event: content_block_delta\ndata: {"type": "conte\n\n') == start
    assert codec.failure is not None
    assert codec.failure.code == "upstream_malformed"


def test_an_oversized_event_ends_the_stream(sse, answer_events):
    codec = MessagesStreamCodec()
    codec.feed(sse(answer_events[0]))
    assert codec.feed(b"data: " + b"x" * (9 * 1024 * 1024)) == b""
    assert codec.failure is not None
    assert codec.failure.code == "upstream_event_too_large"


def test_comments_and_unknown_events_pass_through(sse, answer_events):
    """FAILURES G30"""
    odd = b": keep-alive\n\n" + sse({"type": "brand_new", "delta": "text"}, {"type": "content_block_delta"})
    stray = {"type": "content_block_delta", "index": 77, "delta": {"type": "text_delta", "text": "stray"}}
    data = odd + sse(answer_events[0], stray, *answer_events[1:])
    codec, out = read(data, 1000)
    assert (out, codec.failure) == (data, None)


def test_half_a_surrogate_pair_does_not_end_the_stream(sse, answer_events):
    data = sse(*answer_events).replace(b"\\u2603", b"\\ud83d")
    codec, out = read(data, 1000)
    assert (out, codec.failure) == (data, None)


def test_whole_input_in_the_opening_and_blocks_of_server_tools_are_recorded_or_passed_over(sse, answer_events):
    def block(index, **members):
        return {"type": "content_block_start", "index": index, "content_block": members}

    data = sse(
        answer_events[0],
        block(0, type="tool_use", id="t", name="f", input={"at": "once"}),
        block(1, type="redacted_thinking", data="enc"),
        block(2, type="web_search_tool_result", tool_use_id="s", content=[]),
        {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": {}}},
        {"type": "message_delta", "delta": {"stop_reason": None}},
        {"type": "message_delta"},
        *answer_events[-2:],
    )
    codec, out = read(data, 1000)
    assert (out, codec.failure) == (data, None)
    assert [part["arguments"] for part in json.loads(codec.answer().output)[0]["parts"]] == [{"at": "once"}]


def test_an_odd_usage_report_leaves_the_tokens_to_be_estimated(sse, answer_events):
    start = {"type": "message_start", "message": {"id": "m", "model": "c", "usage": {"input_tokens": "three"}}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": [1]}
    codec, _ = read(sse(start, end), 1000)
    assert (codec.failure, codec.answer().usage) == (None, None)
