"""Responses event streams, written from neutral events."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from penstock.providers.dialects import parse_call
from penstock.providers.openai.responses import parse_request, stream_encoder
from penstock.providers.sse import SseSplitter
from penstock.wire.chat import (
    Finished,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageReport,
)
from penstock.wire.usage import Usage

REQUEST = parse_request(parse_call("responses", b'{"model":"m","input":"Hi"}', {}))
EVENT = TypeAdapter(ResponseStreamEvent)
STARTED = Started(id="1", model="m1")


def write(*events):
    encoder = stream_encoder(REQUEST, created=7, wants_usage=False)
    data = b"".join(encoder.event(event) for event in (STARTED, *events)) + encoder.finish()
    found = [(name, json.loads(payload)) for name, payload in SseSplitter().feed(data)]
    for number, (name, event) in enumerate(found):
        assert event["type"] == name
        assert event["sequence_number"] == number
        EVENT.validate_python(event)
    return [event for _, event in found]


def names(events):
    return [event["type"].removeprefix("response.") for event in events]


def assembled(events):
    """The output as a client puts it together from the items that were done."""
    done = {event["output_index"]: event["item"] for event in events if event["type"] == "response.output_item.done"}
    return [done[index] for index in sorted(done)]


def test_text_has_the_whole_sequence_of_events():
    events = write(
        TextDelta(text="Hel"),
        TextDelta(text="lo"),
        Finished(reason="stop"),
        UsageReport(usage=Usage(input=3, output=2)),
    )
    assert names(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event["delta"] for event in events[4:6]] == ["Hel", "lo"]
    assert events[6]["text"] == "Hello"
    assert events[0]["response"]["status"] == "in_progress"
    assert events[0]["response"]["output"] == []
    final = Response.model_validate(events[-1]["response"])
    assert final.output_text == "Hello"
    assert (final.id, final.model, final.status) == ("resp_1", "m1", "completed")
    assert final.usage is not None
    assert final.usage.total_tokens == 5
    assert events[-1]["response"]["output"] == assembled(events)


def test_reasoning_and_calls_are_items_of_their_own():
    events = write(
        ReasoningDelta(text="Hm"),
        ReasoningDelta(text="m", signature="s"),
        TextDelta(text="A"),
        ToolCallStart(index=0, id="c0", name="f"),
        ToolCallStart(index=1, id="c1", name="g"),
        ToolCallDelta(index=1, arguments="[]"),
        ToolCallDelta(index=0, arguments='{"a": 1.0}'),
        Finished(reason="tool_calls"),
    )
    assert names(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    output = events[-1]["response"]["output"]
    assert output == assembled(events)
    assert [item["type"] for item in output] == ["reasoning", "message", "function_call", "function_call"]
    assert output[0]["summary"] == [{"type": "summary_text", "text": "Hmm"}]
    assert output[0]["encrypted_content"] == "penstock.signature:s"
    assert [(item["call_id"], item["name"], item["arguments"]) for item in output[2:]] == [
        ("c0", "f", '{"a": 1.0}'),
        ("c1", "g", "[]"),
    ]


def test_redacted_reasoning_is_an_item_by_itself():
    events = write(
        ReasoningDelta(redacted="d"), ReasoningDelta(text="t"), RefusalDelta(text="No"), Finished(reason="stop")
    )
    output = assembled(events)
    assert [item.get("encrypted_content") for item in output] == ["penstock.redacted:d", None, None]
    assert output[0]["summary"] == []
    assert output[2]["content"] == [{"type": "refusal", "refusal": "No"}]


def test_text_and_refusal_are_parts_of_one_message():
    events = write(TextDelta(text="A"), RefusalDelta(text="N"), RefusalDelta(text="o"), TextDelta(text="B"))
    (item,) = assembled(events)
    assert [part.get("text", part.get("refusal")) for part in item["content"]] == ["A", "No", "B"]
    added = [event["content_index"] for event in events if event["type"] == "response.content_part.added"]
    assert added == [0, 1, 2]


def test_text_after_a_call_is_a_new_message():
    events = write(TextDelta(text="A"), ToolCallStart(index=0, id="c", name="f"), TextDelta(text="B"))
    assert [item["type"] for item in assembled(events)] == ["message", "function_call", "message"]


@pytest.mark.parametrize(
    ("reason", "last", "status"),
    [
        ("length", "incomplete", "incomplete"),
        ("content_filter", "incomplete", "incomplete"),
        ("error", "failed", "completed"),
    ],
)
def test_the_last_event_says_how_it_ended(reason, last, status):
    events = write(TextDelta(text="A"), Finished(reason=reason))
    assert names(events)[-1] == last
    assert events[-1]["response"]["status"] == last
    assert assembled(events)[0]["status"] == status


def test_other_choices_are_passed_over():
    assert names(write(TextDelta(text="A", choice=1), Finished(reason="stop", choice=1))) == [
        "created",
        "in_progress",
        "completed",
    ]


def test_logprobs_go_with_their_text():
    logprobs = [{"token": "A", "logprob": -0.5, "bytes": [65], "top_logprobs": []}]
    raw = msgspec.Raw(json.dumps({"content": logprobs}).encode())
    events = write(TextDelta(text="A", logprobs=raw), Finished(reason="stop"))
    delta = next(event for event in events if event["type"] == "response.output_text.delta")
    assert delta["logprobs"] == logprobs
    assert events[-1]["response"]["output"][0]["content"][0]["logprobs"] == logprobs


pieces = st.text(min_size=1, max_size=5)
bodies = st.one_of(
    st.builds(TextDelta, text=pieces), st.builds(ReasoningDelta, text=pieces), st.builds(RefusalDelta, text=pieces)
)


@given(body=st.lists(bodies, max_size=10), calls=st.lists(st.lists(pieces, max_size=3), max_size=3))
def test_every_stream_is_well_formed_and_loses_nothing(body, calls):
    """FAILURES G20: arguments byte for byte."""
    starts = [ToolCallStart(index=i, id=f"c{i}", name="f") for i in range(len(calls))]
    # All calls open before any goes on, as upstreams may interleave them.
    deltas = [ToolCallDelta(index=i, arguments=piece) for i, some in enumerate(calls) for piece in some]
    events = write(*body, *starts, *deltas, Finished(reason="stop"))
    output = assembled(events)
    assert output == events[-1]["response"]["output"]
    assert [item["arguments"] for item in output if item["type"] == "function_call"] == ["".join(c) for c in calls]
    said = "".join(event.text for event in body if isinstance(event, TextDelta))
    assert Response.model_validate(events[-1]["response"]).output_text == said
    opened = [event["output_index"] for event in events if event["type"] == "response.output_item.added"]
    assert opened == list(range(len(output)))
