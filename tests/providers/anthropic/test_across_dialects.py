"""OpenAI callers at Anthropic upstreams, and Anthropic callers at OpenAI upstreams."""

import itertools
import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.clock import ManualClock
from penstock.providers.dialects import open_exchange
from penstock.providers.types import InboundCall, Operation, Target
from penstock.wire.snapshot import ProviderEntry

TOOL = {"name": "f", "input_schema": {"type": "object"}}
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def target(kind):
    return Target(provider=ProviderEntry(name="p", kind=kind, base_url="https://p.test/v1"), model="claude-haiku-4-5")


def call(operation: Operation, **body):
    fields = msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw])
    return InboundCall(operation=operation, fields=fields, model="alias", stream=bool(body.get("stream")))


def from_openai(**members):
    messages = members.pop("messages", [{"role": "user", "content": "hi"}])
    asked = call("chat", model="alias", messages=messages, tools=[FUNCTION], **members)
    return open_exchange(asked, target("anthropic"), clock=ManualClock())


def from_anthropic(**members):
    messages = members.pop("messages", [{"role": "user", "content": "hi"}])
    asked = call("messages", model="alias", max_tokens=100, messages=messages, tools=[TOOL], **members)
    return open_exchange(asked, target("openai"), clock=ManualClock())


def sent(stream):
    """The JSON of every event of a stream."""
    lines = [line[6:] for line in stream.splitlines() if line.startswith(b"data: ")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


texts = st.dictionaries(st.text(max_size=4), st.one_of(st.text(max_size=9), st.integers(), st.floats(allow_nan=False)))


@st.composite
def pieces(draw):
    """Tool arguments as any model may write them, cut anywhere."""
    value = draw(texts)
    text = json.dumps(value, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1])))
    edges = [0, *sorted(draw(st.lists(st.integers(0, len(text)), max_size=4))), len(text)]
    return text, [text[a:b] for a, b in itertools.pairwise(edges)]


@given(case=pieces())
def test_arguments_from_anthropic_reach_an_openai_caller_byte_for_byte(case):
    """FAILURES G20"""
    text, parts = case

    def event(kind, **members):
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()

    stream = b"".join(
        [
            event("message_start", message={"id": "m", "model": "c", "usage": {"input_tokens": 1}}),
            event(
                "content_block_start", index=0, content_block={"type": "tool_use", "id": "t", "name": "f", "input": {}}
            ),
            *(
                event("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": part})
                for part in parts
            ),
            event("content_block_stop", index=0),
            event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 5}),
            event("message_stop"),
        ]
    )
    codec = from_openai(stream=True).stream()
    chunks = sent(codec.feed(stream) + codec.finish())
    assert (codec.done, codec.failure) == (True, None)
    deltas = [one for chunk in chunks for choice in chunk["choices"] for one in choice["delta"].get("tool_calls") or []]
    assert "".join(delta["function"].get("arguments") or "" for delta in deltas) == text
    assert [(delta.get("id"), delta["function"].get("name")) for delta in deltas if delta.get("id")] == [("t", "f")]
    reasons = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"] if choice["finish_reason"]]
    assert reasons == ["tool_calls"]


@given(case=pieces())
def test_arguments_from_openai_reach_an_anthropic_caller_byte_for_byte(case):
    """FAILURES G20"""
    text, parts = case

    def chunk(delta, reason=None):
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "g", "choices": [choice]}
        return f"data: {json.dumps(body)}\n\n".encode()

    opening = {"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": ""}}
    stream = b"".join(
        [
            chunk({"role": "assistant", "content": None}),
            chunk({"tool_calls": [opening]}),
            *(chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]}) for part in parts),
            chunk({}, "tool_calls"),
            b"data: [DONE]\n\n",
        ]
    )
    codec = from_anthropic(stream=True).stream()
    events = sent(codec.feed(stream) + codec.finish())
    assert (codec.done, codec.failure) == (True, None)
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(delta["partial_json"] for delta in deltas) == text
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_a_whole_tool_loop_of_an_openai_caller():
    asked = json.loads(
        from_openai(
            messages=[
                {"role": "system", "content": "s"},
                {"role": "user", "content": "weather?"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
                        {"id": "b", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                    ],
                },
                {"role": "tool", "tool_call_id": "a", "content": "sun"},
                {"role": "tool", "tool_call_id": "b", "content": "rain"},
            ],
        ).request.body
    )
    assert asked["system"] == [{"type": "text", "text": "s"}]
    assert [turn["role"] for turn in asked["messages"]] == ["user", "assistant", "user"]
    assert [block["type"] for block in asked["messages"][1]["content"]] == ["tool_use", "tool_use"]
    assert [block["tool_use_id"] for block in asked["messages"][2]["content"]] == ["a", "b"]


def test_a_whole_tool_loop_of_an_anthropic_caller():
    asked = json.loads(
        from_anthropic(
            system="s",
            messages=[
                {"role": "user", "content": "weather?"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "text": "Looking."},
                        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
                        {"type": "tool_use", "id": "b", "name": "f", "input": {}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "a", "content": "sun"},
                        {"type": "tool_result", "tool_use_id": "b", "content": [{"type": "text", "text": "rain"}]},
                        {"type": "text", "text": "so?"},
                    ],
                },
            ],
        ).request.body
    )
    roles = [message["role"] for message in asked["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "tool", "user"]
    assert [message.get("tool_call_id") for message in asked["messages"][3:5]] == ["a", "b"]
    assert [one["function"]["arguments"] for one in asked["messages"][2]["tool_calls"]] == ['{"x": 1}', "{}"]
