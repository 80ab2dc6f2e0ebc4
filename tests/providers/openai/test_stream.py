"""Chat streams as neutral events, and neutral events as chat streams."""

import itertools
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk

from penstock.providers.openai.chat import stream_decoder, stream_encoder
from penstock.providers.sse import SseSplitter
from penstock.wire.chat import (
    ChatRequest,
    Finished,
    Message,
    ReasoningDelta,
    RefusalDelta,
    Started,
    Text,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageReport,
)
from penstock.wire.usage import Usage

USAGE = {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29}
REQUEST = ChatRequest(model="m", messages=[Message(role="user", parts=[Text(text="Hi")])])
STARTED = Started(id="chatcmpl-1", model="gpt-4o-mini-2024-07-18")


def decode(data):
    decoder = stream_decoder()
    events = decoder.feed(data)
    return [*events, *decoder.finish()], decoder


def encode(*events, wants_usage=False):
    encoder = stream_encoder(REQUEST, created=7, wants_usage=wants_usage)
    return b"".join(encoder.event(event) for event in events) + encoder.finish()


def chunks(data):
    payloads = [payload for _, payload in SseSplitter().feed(data)]
    assert payloads.pop() == b"[DONE]"
    read = [json.loads(payload) for payload in payloads]
    for one in read:
        ChatCompletionChunk.model_validate(one)
    return read


def deltas(data):
    return [choice["delta"] for one in chunks(data) for choice in one["choices"]]


def tool(index, arguments, **opener):
    name = opener.pop("name", None)
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {**({} if index is None else {"index": index}), **opener, "function": function}


def test_a_stream_is_read_as_events(stream, chunk, usage_chunk):
    events, decoder = decode(
        stream(
            chunk(role="assistant", content=""),
            chunk(reasoning_content="Hmm"),
            chunk(content="Hi"),
            chunk(refusal="No"),
            chunk(finish="stop"),
            usage_chunk,
            "[DONE]",
        )
    )
    assert events[:-1] == [
        STARTED,
        ReasoningDelta(text="Hmm"),
        TextDelta(text="Hi"),
        RefusalDelta(text="No"),
        Finished(reason="stop"),
    ]
    report = events[-1]
    assert isinstance(report, UsageReport)
    assert report.usage == Usage(input=19, output=10)
    assert json.loads(report.raw or b"") == USAGE
    assert decoder.done
    assert decoder.failure is None


def test_parallel_tool_calls_are_told_apart_by_index(stream, chunk):
    """FAILURES G20"""
    events, _ = decode(
        stream(
            chunk(tool_calls=[tool(0, "", id="a", name="f")]),
            chunk(tool_calls=[tool(1, '{"b', id="b", name="g"), tool(0, '{"a": ')]),
            chunk(tool_calls=[tool(1, '":2}'), tool(0, "1.0}")]),
            chunk(finish="tool_calls"),
        )
    )
    assert events == [
        STARTED,
        ToolCallStart(index=0, id="a", name="f"),
        ToolCallStart(index=1, id="b", name="g"),
        ToolCallDelta(index=1, arguments='{"b'),
        ToolCallDelta(index=0, arguments='{"a": '),
        ToolCallDelta(index=1, arguments='":2}'),
        ToolCallDelta(index=0, arguments="1.0}"),
        Finished(reason="tool_calls"),
    ]


@pytest.mark.parametrize(
    "pieces",
    [
        # Every index 0.
        [tool(0, "{}", id="a", name="f"), tool(0, "[", id="b", name="g"), tool(0, "]")],
        # No index at all.
        [tool(None, "{}", id="a", name="f"), tool(None, "[", id="b", name="g"), tool(None, "]")],
        [tool(None, "{}", id="a", name="f"), tool(None, "[", id="b", name="g"), tool(None, "]", id="b", name="g")],
        # The id repeated on every piece.
        [tool(0, "{}", id="a", name="f"), tool(1, "[", id="b", name="g"), tool(1, "]", id="b", name="g")],
    ],
)
def test_servers_that_number_their_calls_oddly_are_understood(pieces, stream, chunk):
    """FAILURES G20"""
    events, _ = decode(stream(*(chunk(tool_calls=[piece]) for piece in pieces), chunk(finish="tool_calls")))
    assert [event for event in events if isinstance(event, ToolCallStart)] == [
        ToolCallStart(index=0, id="a", name="f"),
        ToolCallStart(index=1, id="b", name="g"),
    ]
    assert [(e.index, e.arguments) for e in events if isinstance(e, ToolCallDelta)] == [(0, "{}"), (1, "["), (1, "]")]


def test_a_call_without_an_id_gets_one_and_one_whose_name_comes_late_waits_for_it(stream, chunk):
    events, _ = decode(
        stream(
            chunk(tool_calls=[tool(0, '{"a')]),
            chunk(tool_calls=[tool(0, '":1}', name="f")]),
            chunk(tool_calls=[{"index": 1, "id": "b"}]),
            chunk(tool_calls=[tool(None, {"c": 1})]),
            chunk(finish="tool_calls"),
        )
    )
    assert events[1:] == [
        ToolCallStart(index=0, id="call_chatcmpl-1_0_0", name="f"),
        ToolCallDelta(index=0, arguments='{"a":1}'),
        ToolCallStart(index=1, id="b", name=""),
        ToolCallDelta(index=1, arguments='{"c":1}'),
        Finished(reason="tool_calls"),
    ]


def test_a_piece_without_index_or_id_opens_the_first_call(stream, chunk):
    events, _ = decode(stream(chunk(tool_calls=[tool(None, "{}", name="f")]), chunk(finish="tool_calls")))
    assert events[1:3] == [
        ToolCallStart(index=0, id="call_chatcmpl-1_0_0", name="f"),
        ToolCallDelta(index=0, arguments="{}"),
    ]


def test_usage_is_reported_wherever_it_stands(stream, chunk):
    """FAILURES G2"""
    events, _ = decode(
        stream(
            {**chunk(content="Hi"), "x_groq": {"usage": {"prompt_tokens": 1, "completion_tokens": 1}}},
            chunk(finish="stop", usage=USAGE),
            chunk(usage={}),
        )
    )
    assert [event.usage for event in events if isinstance(event, UsageReport)] == [
        Usage(input=1, output=1),
        Usage(input=19, output=10),
    ]


def test_a_stream_of_two_choices_is_done_when_both_are(stream, chunk):
    decoder = stream_decoder()
    decoder.feed(stream(chunk(content="A"), chunk(content="B", index=1), chunk(finish="stop"), chunk(finish="stop")))
    assert not decoder.done
    decoder.feed(stream(chunk(finish="stop", index=1)))
    assert decoder.done


def test_a_stream_without_an_end_has_failed(stream, chunk):
    """FAILURES G14"""
    for tail in (b"", b'data: {"cut'):
        events, decoder = decode(stream(chunk(content="Hi")) + tail)
        assert events == [STARTED, TextDelta(text="Hi")]
        assert decoder.failure is not None
        assert decoder.failure.code == "upstream_cut"
        assert decoder.finish() == []


def test_a_last_event_without_its_blank_line_counts(stream, chunk):
    events, decoder = decode(stream(chunk(content="Hi")) + stream(chunk(finish="stop")).rstrip())
    assert decoder.failure is None
    assert events[-1] == Finished(reason="stop")
    _, decoder = decode(stream(chunk(content="Hi")) + b"data: [DONE]")
    assert decoder.done


@pytest.mark.parametrize(
    ("line", "code"),
    [("{broken", "upstream_malformed"), ('{"error":{"message":"boom"}}', "upstream_stream_error")],
)
def test_what_precedes_a_failure_is_still_given(line, code, stream, chunk):
    """FAILURES G15, G30"""
    decoder = stream_decoder()
    events = decoder.feed(stream(chunk(content="Hi"), line, chunk(content="late")))
    assert events == [STARTED, TextDelta(text="Hi")]
    assert decoder.failure is not None
    assert decoder.failure.code == code
    assert decoder.feed(stream(chunk(content="late"))) == []


def test_an_event_over_the_size_limit_is_a_failure():
    decoder = stream_decoder()
    decoder.feed(b"data: " + b"x" * (9 * 1024 * 1024))
    assert decoder.failure is not None
    assert decoder.failure.code == "upstream_event_too_large"


def test_events_of_another_shape_are_passed_over(stream, chunk):
    """FAILURES G30"""
    data = stream('{"choices":"odd"}', "{}", chunk(content="Hi"), {"choices": [{"index": None}]}, chunk(finish="stop"))
    events, decoder = decode(data)
    assert events == [STARTED, TextDelta(text="Hi"), Finished(reason="stop")]
    assert decoder.failure is None


def test_events_are_written_as_the_sdk_reads_them():
    data = encode(
        Started(id="r1", model="m1"),
        ReasoningDelta(text="Hmm"),
        ReasoningDelta(signature="s"),
        ReasoningDelta(redacted="x"),
        TextDelta(text="Hi"),
        RefusalDelta(text="No"),
        ToolCallStart(index=0, id="a", name="f"),
        ToolCallDelta(index=0, arguments='{"a": 1.0}'),
        Finished(reason="tool_calls"),
    )
    assert deltas(data) == [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "Hmm"},
        {"reasoning_details": [{"type": "reasoning.text", "text": "", "signature": "s"}]},
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]},
        {"content": "Hi"},
        {"refusal": "No"},
        {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a": 1.0}'}}]},
        {},
    ]
    last = chunks(data)[-1]
    assert last["choices"][0]["finish_reason"] == "tool_calls"
    assert (last["id"], last["model"], last["created"]) == ("r1", "m1", 7)
    assert "usage" not in last


def test_usage_is_told_when_the_caller_asked_for_it():
    """FAILURES G1"""
    events = [
        Started(id="r1", model="m1", usage=Usage(input=1)),
        TextDelta(text="Hi"),
        Finished(reason="stop"),
        UsageReport(usage=Usage(input=3, output=2)),
    ]
    told = chunks(encode(*events, wants_usage=True))
    assert [one["usage"] for one in told[:-1]] == [None, None, None]
    assert told[-1]["choices"] == []
    assert told[-1]["usage"]["total_tokens"] == 5
    assert chunks(encode(*events[:-1], wants_usage=True))[-1]["usage"]["total_tokens"] == 1
    assert all("usage" not in one for one in chunks(encode(*events)))
    assert all(one["choices"] for one in chunks(encode(Started(id="r", model="m"), wants_usage=True)))


def test_every_choice_begins_with_its_role_and_keeps_its_logprobs():
    logprobs = {"content": [{"token": "A", "logprob": -0.5, "bytes": [65], "top_logprobs": []}], "refusal": None}
    data = encode(
        Started(id="r1", model="m1"),
        TextDelta(text="A", choice=1, logprobs=msgspec.Raw(json.dumps(logprobs).encode())),
        Finished(reason="length", choice=1),
    )
    choices = [one["choices"][0] for one in chunks(data)]
    assert [choice["index"] for choice in choices] == [0, 1, 1, 1]
    assert choices[1]["delta"]["role"] == "assistant"
    assert choices[2]["logprobs"] == logprobs
    assert choices[3]["finish_reason"] == "length"


texts = st.text(min_size=1, max_size=6)
bodies = st.one_of(
    st.builds(TextDelta, text=texts, choice=st.integers(0, 2)),
    st.builds(ReasoningDelta, text=texts),
    st.builds(RefusalDelta, text=texts),
)


@given(body=st.lists(bodies, max_size=8), arguments=st.lists(texts, max_size=5), cuts=st.lists(st.integers(0, 4000)))
def test_what_is_written_is_read_back_however_it_is_split(body, arguments, cuts):
    """FAILURES G20: arguments byte for byte."""
    used = sorted({event.choice for event in body} | {0})
    events = [
        Started(id="r1", model="m1"),
        *body,
        *([ToolCallStart(index=0, id="a", name="f")] if arguments else []),
        *(ToolCallDelta(index=0, arguments=piece) for piece in arguments),
        *(Finished(reason="stop", choice=choice) for choice in used),
    ]
    data = encode(*events)
    decoder = stream_decoder()
    edges = [0, *sorted(cut % len(data) for cut in cuts), len(data)]
    read = [event for a, b in itertools.pairwise(edges) for event in decoder.feed(data[a:b])]
    assert [*read, *decoder.finish()] == events
    assert decoder.done


@given(data=st.lists(st.binary(max_size=60)))
def test_a_decoder_never_raises_for_what_an_upstream_may_send(data):
    decoder = stream_decoder()
    for piece in data:
        decoder.feed(piece)
    decoder.finish()
    assert decoder.done or decoder.failure is not None
