"""What passes between one vendor's decoder and another's encoder."""

import json

import pytest

from penstock.providers.conversion import ConvertedStream
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


class Decoder:
    """Gives the events it was made with, at once."""

    def __init__(self, *events):
        self.done = False
        self.failure = None
        self._events = list(events)

    def feed(self, data, /):
        return self._events

    def finish(self):
        self.done = True
        return []


class Encoder:
    """Writes the names of events."""

    def event(self, event, /):
        return type(event).__name__.encode() + b" "

    def finish(self):
        return b"end"


STARTED = Started(id="r1", model="m1", usage=Usage(input=9, output=1))


@pytest.mark.parametrize(
    ("event", "started"),
    [
        (STARTED, False),
        (TextDelta(text=""), False),
        (TextDelta(text="A"), True),
        (RefusalDelta(text="A"), True),
        (ReasoningDelta(signature="s"), False),
        (ReasoningDelta(text="A"), True),
        (ReasoningDelta(redacted="A"), True),
        (ToolCallStart(index=0, id="c", name="f"), True),
        (Finished(reason="stop"), False),
        (UsageReport(usage=Usage()), False),
    ],
)
def test_only_content_starts_the_answer(event, started):
    """FAILURES G15"""
    stream = ConvertedStream(Decoder(event), Encoder())
    stream.feed(b"x")
    assert stream.started is started


def test_everything_that_passes_is_kept_for_the_record():
    stream = ConvertedStream(
        Decoder(
            STARTED,
            ReasoningDelta(text="Hmm"),
            TextDelta(text="A"),
            RefusalDelta(text="No"),
            ToolCallStart(index=0, id="c", name="f"),
            ToolCallDelta(index=0, arguments='{"a":1}'),
        ),
        Encoder(),
    )
    assert stream.feed(b"x") == b"Started ReasoningDelta TextDelta RefusalDelta ToolCallStart ToolCallDelta "
    answer = stream.answer()
    assert json.loads(answer.output) == [
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "Hmm"},
                {"type": "text", "content": "A"},
                {"type": "refusal", "content": "No"},
                {"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}},
            ],
            "finish_reason": "error",
        }
    ]
    # Reported before the answer began: the input side holds, the rest is counted.
    assert answer.usage == Usage(input=9, output=4, reasoning=1, estimated=True)
    assert stream.finish() == b"end"


def test_the_last_usage_report_replaces_those_before():
    """FAILURES G2"""
    reports = [UsageReport(usage=Usage(input=9, output=count), raw=b"{}") for count in (2, 5)]
    stream = ConvertedStream(Decoder(STARTED, *reports), Encoder())
    stream.feed(b"x")
    assert stream.answer().usage == Usage(input=9, output=5)
    assert stream.answer().usage_raw == b"{}"


def test_an_upstream_that_tells_no_usage_at_its_start_leaves_the_gateway_to_estimate():
    stream = ConvertedStream(Decoder(Started(id="r", model="m"), TextDelta(text="A")), Encoder())
    stream.feed(b"x")
    assert stream.answer().usage is None
