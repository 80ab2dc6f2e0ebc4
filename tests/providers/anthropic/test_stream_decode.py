"""An Anthropic event stream as neutral events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.providers.anthropic.messages import stream_decoder
from penstock.wire.chat import (
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageReport,
)
from penstock.wire.usage import Usage

START = {"type": "message_start", "message": {"id": "m", "model": "c", "usage": {"input_tokens": 3}}}
STOP = {"type": "message_stop"}
END = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}


def read(data, size=None):
    decoder = stream_decoder()
    events = []
    for start in range(0, len(data), size or len(data) or 1):
        events += decoder.feed(data[start : start + (size or len(data))])
    events += decoder.finish()
    return decoder, events


def test_a_whole_stream(sse, answer_events):
    decoder, events = read(sse(*answer_events))
    assert events == [
        Started(
            id="msg_1",
            model="claude-haiku-4-5-20251001",
            usage=Usage(input=25, cache_write=7, cache_read=11, output=1),
        ),
        ReasoningDelta(text="Let me "),
        ReasoningDelta(text="see."),
        ReasoningDelta(signature="c2ln"),
        TextDelta(text="Looking — "),
        TextDelta(text="it ☃ up."),
        ToolCallStart(index=0, id="toolu_1", name="weather"),
        ToolCallDelta(index=0, arguments='{"city": "Li'),
        ToolCallDelta(index=0, arguments='ma", "days": 1.50}'),
        UsageReport(
            usage=Usage(input=25, cache_write=7, cache_read=11, output=30, reasoning=12),
            raw=events[-2].raw,
        ),
        Finished(reason="tool_calls"),
    ]
    assert b'"input_tokens":25' in events[-2].raw
    assert (decoder.done, decoder.failure) == (True, None)


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@given(size=st.integers(1, 400))
def test_any_split_gives_the_same_events(sse, answer_events, newline, size):
    data = sse(*answer_events)
    decoder, events = read(data.replace(b"\n", newline), size)
    assert events == read(data)[1]
    assert decoder.done


def test_parallel_calls_are_numbered_by_opening_and_server_tools_passed_over(sse):
    def block(index, **members):
        return {"type": "content_block_start", "index": index, "content_block": members}

    def delta(index, text):
        return {
            "type": "content_block_delta",
            "index": index,
            "delta": {"type": "input_json_delta", "partial_json": text},
        }

    _, events = read(
        sse(
            START,
            block(0, type="server_tool_use", id="s", name="web_search", input={}),
            delta(0, '{"query":"x"}'),
            block(1, type="tool_use", id="a", name="f", input={}),
            delta(1, "{}"),
            block(2, type="tool_use", id="b", name="g", input={"given": "at once"}),
            {"type": "content_block_delta", "index": 1, "delta": {"type": "citations_delta", "citation": {}}},
            END,
            STOP,
        )
    )
    assert events[1:5] == [
        ToolCallStart(index=0, id="a", name="f"),
        ToolCallDelta(index=0, arguments="{}"),
        ToolCallStart(index=1, id="b", name="g"),
        ToolCallDelta(index=1, arguments='{"given": "at once"}'),
    ]


def test_content_in_the_opening_of_a_block_is_read(sse):
    def block(**members):
        return {"type": "content_block_start", "index": 0, "content_block": members}

    _, events = read(
        sse(
            START,
            block(type="text", text="at once"),
            block(type="thinking", thinking="t", signature="s"),
            block(type="redacted_thinking", data="enc"),
            block(type="container_upload"),
            END,
        )
    )
    assert events[1:4] == [
        TextDelta(text="at once"),
        ReasoningDelta(text="t", signature="s"),
        ReasoningDelta(redacted="enc"),
    ]


def test_a_stream_that_ends_without_a_reason_has_stopped(sse):
    decoder, events = read(sse(START, STOP))
    assert events[-1] == Finished(reason="stop")
    assert decoder.failure is None


def test_a_second_message_start_only_counts_for_its_usage(sse):
    """FAILURES G19"""
    again = {"type": "message_start", "message": {"id": "n", "model": "c", "usage": {"input_tokens": 9}}}
    _, events = read(sse(START, again, END, STOP))
    assert [type(event) for event in events] == [Started, UsageReport, Finished]
    assert events[1].usage == Usage(input=9, output=2)


def test_empty_openings_and_pieces_are_no_events(sse):
    opening = {"type": "thinking", "thinking": "", "signature": ""}
    stray = {"type": "input_json_delta", "partial_json": "{}"}
    _, events = read(
        sse(
            START,
            {"type": "content_block_start", "index": 0, "content_block": opening},
            {"type": "content_block_start", "index": 1},
            {"type": "content_block_delta", "index": 9, "delta": stray},
            {"type": "message_delta", "delta": {"stop_reason": None}},
            {"type": "message_delta"},
            END,
        )
    )
    assert {type(event) for event in events} == {Started, UsageReport, Finished}


def test_nothing_after_the_end_is_looked_at(sse):
    decoder, events = read(sse(START, END, STOP) + b"data: [DONE]\n\n")
    assert decoder.failure is None
    assert events[-1] == Finished(reason="stop")


def test_a_cut_stream_is_a_failure(sse, answer_events):
    """FAILURES G14"""
    decoder, events = read(sse(*answer_events[:-2]))
    assert isinstance(events[-1], ToolCallDelta)
    assert decoder.failure is not None
    assert decoder.failure.code == "upstream_cut"


def test_a_stream_cut_inside_an_event_is_cut_and_not_malformed(sse, answer_events):
    """FAILURES G14"""
    decoder, _ = read(sse(*answer_events)[:-200])
    assert decoder.failure is not None
    assert decoder.failure.code == "upstream_cut"


def test_a_last_event_without_its_blank_line_counts(sse):
    decoder, events = read(sse(START, END).rstrip(b"\n"))
    assert events[-1] == Finished(reason="stop")
    assert decoder.failure is None


@pytest.mark.parametrize(
    ("kind", "status", "retryable"),
    [
        ("overloaded_error", 529, True),
        ("rate_limit_error", 429, True),
        ("api_error", 500, True),
        ("timeout_error", 504, True),
        ("invalid_request_error", 400, False),
        ("a_new_error", 500, True),
    ],
)
def test_an_error_event_is_a_failure_of_its_status(sse, kind, status, retryable):
    """FAILURES G15"""
    decoder, events = read(sse(START, {"type": "error", "error": {"type": kind, "message": "Overloaded"}}, STOP))
    assert len(events) == 1
    failure = decoder.failure
    assert failure is not None
    assert (failure.upstream_status, failure.retryable, failure.message) == (status, retryable, "Overloaded")
    assert decoder.feed(sse(STOP)) == []


def test_an_error_event_without_an_error_is_malformed(sse):
    decoder, _ = read(sse({"type": "error"}))
    assert decoder.failure is not None
    assert decoder.failure.code == "upstream_malformed"


def test_broken_json_ends_the_stream(sse):
    """FAILURES G30"""
    decoder, events = read(sse(START) + b'data: {"type": "content_bl\n\n' + sse(END, STOP))
    assert len(events) == 1
    assert decoder.failure is not None
    assert decoder.failure.code == "upstream_malformed"


def test_comments_blanks_and_unknown_events_are_passed_over(sse):
    """FAILURES G30"""
    odd = b": keep-alive\n\n\n\nevent: nothing\n\n" + sse({"type": "brand_new", "delta": [1]}, {"type": "ping"})
    decoder, events = read(odd + sse(START, END, STOP))
    assert [type(event) for event in events] == [Started, UsageReport, Finished]
    assert decoder.failure is None


def test_an_odd_usage_report_is_passed_over(sse):
    decoder, events = read(sse(START, {**END, "usage": {"output_tokens": "two"}}, STOP))
    assert events[1] == UsageReport(usage=Usage(input=3), raw=b'{"input_tokens": 3}')
    assert decoder.failure is None


def test_an_oversized_event_is_a_failure():
    decoder = stream_decoder()
    decoder.feed(b"data: " + b"x" * (9 * 1024 * 1024))
    assert decoder.failure is not None
    assert decoder.failure.code == "upstream_event_too_large"
    assert decoder.finish() == []
