"""`streamGenerateContent?alt=sse` as neutral events."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.providers.gemini.generate_content import stream_decoder
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


def chunk(*parts, reason=None, index=0, usage=None, **members):
    candidate = {"content": {"role": "model", "parts": list(parts)}, "index": index}
    if reason:
        candidate["finishReason"] = reason
    candidate |= members.pop("candidate", {})
    answer = {"candidates": [candidate], "modelVersion": "gemini-x", "responseId": "r1", **members}
    return answer | ({"usageMetadata": usage} if usage else {})


WHOLE = [
    chunk({"text": "Hm.", "thought": True}, usage={"promptTokenCount": 8, "thoughtsTokenCount": 3}),
    chunk({"text": "Hello "}, usage={"promptTokenCount": 8, "thoughtsTokenCount": 3, "candidatesTokenCount": 1}),
    chunk({"text": "☃", "thoughtSignature": "dGV4"}),
    chunk(
        {"functionCall": {"id": "fc-1", "name": "f", "args": {"x": 1.5}}, "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "g", "args": {}}},
    ),
    chunk(
        {"text": ""},
        reason="STOP",
        usage={"promptTokenCount": 8, "thoughtsTokenCount": 3, "candidatesTokenCount": 9, "totalTokenCount": 20},
    ),
]


def read(data, size=None):
    decoder = stream_decoder()
    events = []
    step = size or len(data) or 1
    for start in range(0, len(data), step):
        events += decoder.feed(data[start : start + step])
    events += decoder.finish()
    return decoder, events


def test_a_whole_stream(sse):
    decoder, events = read(sse(*WHOLE))
    second = events[9].id
    assert second.startswith("call_")
    assert events[0] == Started(id="r1", model="gemini-x")
    assert (
        events[2:]
        == [
            ReasoningDelta(text="Hm."),
            UsageReport(usage=Usage(input=8, reasoning=3, output=1), raw=events[3].raw),
            TextDelta(text="Hello "),
            TextDelta(text="☃"),
            ReasoningDelta(signature="gemini:dGV4"),
            ToolCallStart(index=0, id="fc-1--sig-c2ln", name="f"),
            ToolCallDelta(index=0, arguments='{"x": 1.5}'),
            ToolCallStart(index=1, id=second, name="g"),
            ToolCallDelta(index=1, arguments="{}"),
            UsageReport(usage=Usage(input=8, reasoning=3, output=9), raw=events[11].raw),
            Finished(reason="tool_calls"),
        ]
        or events[2:][8].id == second
    )
    assert json.loads(events[-2].raw)["totalTokenCount"] == 20
    assert (decoder.done, decoder.failure) == (True, None)


@given(size=st.integers(1, 300))
def test_any_split_gives_the_same_events(sse, size):
    data = sse(*WHOLE)
    decoder, events = read(data, size)
    assert events == read(data)[1]
    assert decoder.done


def test_candidates_finish_one_by_one(sse):
    """FAILURES G24"""
    decoder = stream_decoder()
    decoder.feed(sse(chunk({"text": "a"}), chunk({"text": "b"}, index=1)))
    assert decoder.feed(sse(chunk(reason="STOP"))) == [Finished(reason="stop")]
    assert not decoder.done
    assert decoder.feed(sse(chunk({"text": "c"}, index=1, reason="MAX_TOKENS"))) == [
        TextDelta(text="c", choice=1),
        Finished(reason="length", choice=1),
    ]
    assert decoder.done
    assert decoder.feed(sse(chunk(reason="STOP"))) == []
    assert decoder.done


def test_log_probabilities_ride_on_the_text(sse):
    result = {"logprobsResult": {"chosenCandidates": [{"token": "a", "logProbability": -1}]}}
    _, events = read(sse(chunk({"text": "a"}, candidate=result), chunk(reason="STOP", candidate=result)))
    texts = [event for event in events if isinstance(event, TextDelta)]
    assert [event.text for event in texts] == ["a", ""]
    assert all(json.loads(bytes(event.logprobs))["content"][0]["token"] == "a" for event in texts)


def test_a_blocked_prompt_ends_the_stream_as_filtered(sse):
    decoder, events = read(sse({"promptFeedback": {"blockReason": "SAFETY"}, "responseId": "r", "modelVersion": "g"}))
    assert events == [Started(id="r", model="g"), Finished(reason="content_filter")]
    assert (decoder.done, decoder.failure) == (True, None)


def test_a_stream_without_a_finish_reason_was_cut(sse):
    """FAILURES G14"""
    decoder, events = read(sse(*WHOLE[:2]))
    assert isinstance(events[-1], TextDelta)
    assert decoder.failure is not None
    assert decoder.failure.code == "upstream_cut"


def test_a_stream_cut_inside_an_event_is_cut_and_not_malformed(sse):
    """FAILURES G14"""
    decoder, _ = read(sse(*WHOLE)[:-40])
    assert decoder.failure is not None
    assert decoder.failure.code == "upstream_cut"


def test_a_last_event_without_its_blank_line_counts(sse):
    decoder, events = read(sse(*WHOLE).rstrip())
    assert events[-1] == Finished(reason="tool_calls")
    assert decoder.failure is None


def test_what_follows_the_end_does_no_harm(sse):
    decoder, _ = read(sse(*WHOLE) + b"data: [DO")
    assert decoder.failure is None


@pytest.mark.parametrize(
    ("error", "status", "retryable"),
    [
        ({"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}, 503, True),
        ({"message": "Overloaded", "status": "RESOURCE_EXHAUSTED"}, 429, True),
        ({"message": "Overloaded"}, 500, True),
    ],
)
def test_an_error_inside_the_stream_is_a_failure(sse, error, status, retryable):
    """FAILURES G15"""
    decoder, events = read(sse(WHOLE[1], {"error": error}, WHOLE[-1]))
    assert isinstance(events[-1], TextDelta)
    failure = decoder.failure
    assert failure is not None
    assert (failure.upstream_status, failure.retryable, failure.message) == (status, retryable, "Overloaded")
    assert decoder.feed(sse(WHOLE[-1])) == []


def test_an_error_of_another_shape_is_malformed(sse):
    decoder, _ = read(sse({"error": "text"}))
    assert decoder.failure is not None
    assert decoder.failure.code == "upstream_malformed"


def test_a_model_that_broke_off_is_a_failure_after_what_it_said(sse):
    decoder, events = read(sse(WHOLE[1], chunk({"text": "x"}, reason="MALFORMED_FUNCTION_CALL")))
    assert events[-1] == TextDelta(text="x")
    assert decoder.failure is not None
    assert decoder.failure.code == "upstream_model_error"


def test_broken_json_ends_the_stream(sse):
    """FAILURES G30"""
    decoder, events = read(sse(WHOLE[1]) + b'data: {"candidates": [\r\n\r\n' + sse(WHOLE[-1]))
    assert isinstance(events[-1], TextDelta)
    assert decoder.failure is not None
    assert decoder.failure.code == "upstream_malformed"


def test_comments_blanks_and_odd_events_are_passed_over(sse):
    """FAILURES G30"""
    odd = b": ping\r\n\r\n\r\nevent: x\r\n\r\n" + sse({"candidates": "none today"}, {"candidates": [{"content": None}]})
    decoder, events = read(odd + sse(*WHOLE, {"usageMetadata": {"promptTokenCount": "x"}}))
    assert events[-1] == Finished(reason="tool_calls")
    assert decoder.failure is None


def test_an_oversized_event_is_a_failure():
    decoder = stream_decoder()
    decoder.feed(b"data: " + b"x" * (9 * 1024 * 1024))
    assert decoder.failure is not None
    assert decoder.failure.code == "upstream_event_too_large"
    assert decoder.finish() == []
