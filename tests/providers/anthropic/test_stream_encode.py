"""Neutral events as an Anthropic event stream, read back by the vendor's own SDK."""

import itertools
import json

import anthropic
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.providers.anthropic.messages import stream_decoder, stream_encoder
from penstock.wire.chat import (
    ChatRequest,
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

REQUEST = ChatRequest(model="m", messages=[])
STARTED = Started(id="msg_1", model="gpt-x")


def encode(*events):
    encoder = stream_encoder(REQUEST, created=1, wants_usage=False)
    return b"".join([encoder.event(event) for event in events]) + encoder.finish()


def names(stream):
    return [line[7:].decode() for line in stream.splitlines() if line.startswith(b"event: ")]


def wire(stream):
    return [json.loads(line[6:]) for line in stream.splitlines() if line.startswith(b"data: ")]


def accumulate(stream):
    """The final message, as `client.messages.stream` puts it together."""
    answer = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=stream)
    transport = httpx2.MockTransport(lambda _: answer)
    with (
        anthropic.Anthropic(api_key="k", base_url="http://x", http_client=httpx2.Client(transport=transport)) as client,
        client.messages.stream(
            model="claude-haiku-4-5", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
        ) as events,
    ):
        return events.get_final_message()


def assert_well_formed(stream):
    """The vendor's order: blocks numbered from 0, each opened once, closed before the next, deltas inside."""
    order = wire(stream)
    assert names(stream) == [event["type"] for event in order]
    assert order[0]["type"] == "message_start"
    assert [event["type"] for event in order[-2:]] == ["message_delta", "message_stop"]
    open_block, following = None, 0
    for event in order[1:-2]:
        if event["type"] == "content_block_start":
            assert open_block is None
            assert event["index"] == following
            open_block, following = following, following + 1
        else:
            assert event["type"] in ("content_block_delta", "content_block_stop")
            assert event["index"] == open_block
            if event["type"] == "content_block_stop":
                open_block = None
    assert open_block is None


def test_a_plain_answer_has_the_vendors_order():
    """FAILURES G19"""
    usage = Usage(input=10, cache_read=4, output=2)
    stream = encode(
        STARTED, TextDelta(text="Hel"), TextDelta(text="lo"), Finished(reason="stop"), UsageReport(usage=usage)
    )
    assert names(stream) == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    message = accumulate(stream)
    assert (message.id, message.model, message.stop_reason) == ("msg_1", "gpt-x", "end_turn")
    assert message.content[0].text == "Hello"
    assert (message.usage.input_tokens, message.usage.cache_read_input_tokens, message.usage.output_tokens) == (
        10,
        4,
        2,
    )


def test_thinking_text_and_tools_in_turn():
    """FAILURES G19"""
    stream = encode(
        Started(id="m", model="x", usage=Usage(input=5)),
        ReasoningDelta(text="Let "),
        ReasoningDelta(text="me."),
        ReasoningDelta(signature="c2ln"),
        ReasoningDelta(text="More."),
        ReasoningDelta(redacted="enc"),
        ReasoningDelta(),
        TextDelta(text=""),
        TextDelta(text="So:"),
        ToolCallStart(index=0, id="a", name="f"),
        ToolCallDelta(index=0, arguments='{"x"'),
        ToolCallDelta(index=0, arguments=": 1}"),
        Finished(reason="tool_calls"),
    )
    assert_well_formed(stream)
    message = accumulate(stream)
    assert [block.type for block in message.content] == [
        "thinking",
        "thinking",
        "redacted_thinking",
        "text",
        "tool_use",
    ]
    assert (message.content[0].thinking, message.content[0].signature) == ("Let me.", "c2ln")
    assert (message.content[1].thinking, message.content[1].signature) == ("More.", "")
    assert message.content[4].input == {"x": 1}
    assert (message.stop_reason, message.usage.input_tokens) == ("tool_use", 5)


def test_interleaved_calls_become_blocks_in_sequence():
    """FAILURES G20"""
    stream = encode(
        STARTED,
        ToolCallStart(index=0, id="a", name="f"),
        ToolCallStart(index=1, id="b", name="g"),
        ToolCallDelta(index=1, arguments='{"y":'),
        ToolCallDelta(index=0, arguments='{"x":'),
        TextDelta(text="meanwhile"),
        ToolCallDelta(index=1, arguments="2}"),
        ToolCallDelta(index=0, arguments="1}"),
        ToolCallStart(index=2, id="c", name="h"),
        Finished(reason="tool_calls"),
    )
    assert_well_formed(stream)
    message = accumulate(stream)
    assert [(block.type, getattr(block, "input", None)) for block in message.content] == [
        ("tool_use", {"x": 1}),
        ("tool_use", {"y": 2}),
        ("text", None),
        ("tool_use", {}),
    ]


def test_the_first_call_streams_while_others_wait():
    encoder = stream_encoder(REQUEST, created=1, wants_usage=False)
    encoder.event(STARTED)
    encoder.event(ToolCallStart(index=0, id="a", name="f"))
    assert encoder.event(ToolCallDelta(index=0, arguments='{"x":'))
    assert encoder.event(ToolCallStart(index=1, id="b", name="g")) == b""
    assert encoder.event(ToolCallDelta(index=1, arguments="{}")) == b""
    flushed = encoder.event(ToolCallDelta(index=0, arguments="1}"))
    assert names(flushed) == ["content_block_delta", "content_block_stop", "content_block_start", "content_block_delta"]


def test_a_call_that_is_whole_makes_room_for_the_next_at_once():
    encoder = stream_encoder(REQUEST, created=1, wants_usage=False)
    for event in (STARTED, ToolCallStart(index=0, id="a", name="f"), ToolCallDelta(index=0, arguments="{}")):
        encoder.event(event)
    assert names(encoder.event(ToolCallStart(index=1, id="b", name="g"))) == [
        "content_block_stop",
        "content_block_start",
    ]
    assert encoder.event(ToolCallDelta(index=0, arguments=" ")) == b""


@pytest.mark.parametrize(
    ("finished", "reason", "sequence"),
    [
        (Finished(reason="stop"), "end_turn", None),
        (Finished(reason="stop", stop_sequence="END"), "stop_sequence", "END"),
        (Finished(reason="length"), "max_tokens", None),
        (Finished(reason="content_filter"), "refusal", None),
        (Finished(reason="stop", choice=1), "end_turn", None),
    ],
)
def test_stop_reasons(finished, reason, sequence):
    message = accumulate(encode(STARTED, TextDelta(text="x"), finished))
    assert (message.stop_reason, message.stop_sequence) == (reason, sequence)


def test_a_refusal_is_text_with_its_stop_reason():
    message = accumulate(encode(STARTED, RefusalDelta(text="No."), Finished(reason="stop")))
    assert (message.content[0].text, message.stop_reason) == ("No.", "refusal")


def test_other_choices_are_not_written():
    stream = encode(
        STARTED,
        TextDelta(text="one"),
        TextDelta(text="two", choice=1),
        ReasoningDelta(text="two", choice=1),
        ToolCallStart(index=0, id="a", name="f", choice=1),
        ToolCallDelta(index=0, arguments="{}", choice=1),
    )
    assert [block.to_dict() for block in accumulate(stream).content] == [{"type": "text", "text": "one"}]


def test_a_message_starts_once_and_first():
    """FAILURES G19"""
    stream = encode(TextDelta(text="early"), STARTED, TextDelta(text=" late"), STARTED)
    assert_well_formed(stream)
    message = accumulate(stream)
    assert (message.model, message.content[0].text) == ("m", "early late")


def test_an_empty_stream_is_an_empty_message():
    stream = encode()
    assert_well_formed(stream)
    assert accumulate(stream).content == []


def test_arguments_for_a_call_that_never_began_are_dropped():
    assert accumulate(encode(STARTED, ToolCallDelta(index=3, arguments="{}"))).content == []


arguments_text = st.dictionaries(
    st.text(max_size=5), st.one_of(st.text(max_size=8), st.integers(), st.booleans(), st.none()), max_size=3
).map(lambda value: json.dumps(value, ensure_ascii=False, indent=1))


@st.composite
def interleaved(draw):
    """Calls, each opened in order, with their pieces mixed in any way that keeps each call's own order."""
    texts = draw(st.lists(arguments_text, min_size=1, max_size=4))
    pieces = []
    for index, text in enumerate(texts):
        cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
        edges = [0, *cuts, len(text)]
        pieces.append([ToolCallDelta(index=index, arguments=text[a:b]) for a, b in itertools.pairwise(edges)])
    events, opened = [], 0
    while opened < len(texts) or any(pieces):
        ready = [index for index in range(opened) if pieces[index]]
        if opened < len(texts):
            ready.append(opened)
        index = draw(st.sampled_from(ready))
        if index == opened:
            events.append(ToolCallStart(index=index, id=f"id{index}", name=f"f{index}"))
            opened += 1
        else:
            events.append(pieces[index].pop(0))
    return texts, events


@given(case=interleaved())
def test_arguments_arrive_byte_for_byte_however_calls_interleave(case):
    """FAILURES G20"""
    texts, events = case
    stream = encode(STARTED, *events, Finished(reason="tool_calls"))
    assert_well_formed(stream)
    received = {}
    decoder = stream_decoder()
    for event in decoder.feed(stream):
        if isinstance(event, ToolCallStart):
            received[event.id] = ""
            assert event.name == f"f{event.index}"
        elif isinstance(event, ToolCallDelta):
            received[f"id{event.index}"] += event.arguments
    assert received == {f"id{index}": text for index, text in enumerate(texts)}
    assert decoder.done


@given(
    st.lists(
        st.one_of(
            st.builds(TextDelta, text=st.text(min_size=1)),
            st.builds(ReasoningDelta, text=st.text(min_size=1)),
            st.builds(ReasoningDelta, signature=st.text("abc", min_size=1)),
            st.builds(ReasoningDelta, redacted=st.text("abc", min_size=1)),
        ),
        max_size=12,
    )
)
def test_what_is_written_is_read_back(events):
    stream = encode(STARTED, *events, Finished(reason="stop"))
    assert_well_formed(stream)
    read = [event for event in stream_decoder().feed(stream) if not isinstance(event, Started | UsageReport | Finished)]
    assert read == events
