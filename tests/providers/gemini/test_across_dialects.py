"""OpenAI and Anthropic callers at a Gemini upstream."""

import json

import msgspec

from penstock.core.clock import ManualClock
from penstock.providers.dialects import open_exchange
from penstock.providers.types import InboundCall, Operation
from penstock.wire.usage import Usage

SIGNED = {"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "c2ln+/8="}


def call(operation: Operation, **body):
    fields = msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw])
    return InboundCall(operation=operation, fields=fields, model="alias", stream=bool(body.get("stream")))


def answer(*parts):
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": "STOP", "index": 0}
    return json.dumps({"candidates": [candidate], "responseId": "r", "modelVersion": "g"}).encode()


def test_a_signed_call_comes_back_signed_from_an_openai_caller(make_target):
    target = make_target("gemini-3-flash")
    tools = [{"type": "function", "function": {"name": "f"}}]
    question = {"role": "user", "content": "hi"}
    first = call("chat", model="alias", messages=[question], tools=tools)
    reply = open_exchange(first, target, clock=ManualClock()).reply({}, answer(SIGNED))
    message = json.loads(reply.body)["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "r"}
    second = call("chat", model="alias", messages=[question, message, result], tools=tools)
    contents = json.loads(open_exchange(second, target).request.body)["contents"]
    made = contents[1]["parts"][0]
    assert made["thoughtSignature"] == SIGNED["thoughtSignature"]
    assert (made["functionCall"]["name"], made["functionCall"]["args"]) == ("f", {"x": 1})
    assert contents[2]["parts"][0]["functionResponse"]["id"] == made["functionCall"]["id"]


def test_a_signed_call_comes_back_signed_from_an_anthropic_caller(make_target):
    target = make_target("gemini-3-flash")
    tools = [{"name": "f", "input_schema": {"type": "object"}}]
    question = {"role": "user", "content": "hi"}
    asked = {"model": "alias", "max_tokens": 9, "tools": tools}
    thought = {"text": "Hm.", "thought": True, "thoughtSignature": "dGhv"}
    reply = open_exchange(call("messages", messages=[question], **asked), target).reply({}, answer(thought, SIGNED))
    content = json.loads(reply.body)["content"]
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": content[1]["id"], "content": "r"}]}
    messages = [question, {"role": "assistant", "content": content}, result]
    parts = json.loads(open_exchange(call("messages", messages=messages, **asked), target).request.body)["contents"][1]
    assert [part["thoughtSignature"] for part in parts["parts"]] == ["dGhv", SIGNED["thoughtSignature"]]


def test_geminis_proofs_never_reach_another_vendor(make_target):
    thinking = {"type": "thinking", "thinking": "t", "signature": "gemini:dGhv"}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [thinking, {"type": "text", "text": "x"}]},
    ]
    asked = call("messages", model="alias", max_tokens=9, messages=[*messages, {"role": "user", "content": "go"}])
    target = msgspec.structs.replace(
        make_target("gpt-x"),
        provider=msgspec.structs.replace(make_target().provider, kind="openai", base_url="https://o/v1"),
    )
    assert b"dGhv" not in open_exchange(asked, target).request.body


def test_a_stream_for_an_anthropic_caller(make_target, sse):
    asked = call("messages", model="alias", max_tokens=9, messages=[{"role": "user", "content": "hi"}], stream=True)
    codec = open_exchange(asked, make_target()).stream()
    usage = {"promptTokenCount": 9, "cachedContentTokenCount": 4, "candidatesTokenCount": 2, "thoughtsTokenCount": 3}
    chunk = {
        "candidates": [{"content": {"parts": [{"text": "Hello"}]}, "finishReason": "STOP"}],
        "usageMetadata": usage,
        "responseId": "r",
    }
    out = codec.feed(sse(chunk)) + codec.finish()
    assert (codec.started, codec.done, codec.failure) == (True, True, None)
    ends = [json.loads(line[6:]) for line in out.splitlines() if line.startswith(b"data: ")][-2]
    assert ends["usage"] == {
        "input_tokens": 5,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 4,
        "output_tokens": 5,
        "output_tokens_details": {"thinking_tokens": 3},
    }
    assert codec.answer().usage == Usage(input=5, cache_read=4, output=2, reasoning=3)


def test_counting_for_an_anthropic_caller(make_target):
    asked = call("count_tokens", model="alias", messages=[{"role": "user", "content": "hi"}])
    exchange = open_exchange(asked, make_target())
    assert exchange.request.url.endswith(":countTokens")
    assert json.loads(exchange.reply({}, b'{"totalTokens": 12}').body) == {"input_tokens": 12}
