"""Every caller's dialect against every upstream's, without a network."""

import json

import msgspec
import pytest
from anthropic.types import Message as AnthropicMessage
from anthropic.types import RawMessageStreamEvent
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from penstock.core.clock import ManualClock
from penstock.core.errors import InvalidInput, UpstreamError
from penstock.providers.dialects import dialect_of, local_reply, open_exchange
from penstock.providers.sse import SseSplitter
from penstock.wire.usage import Usage

KIND = "chat.completion.chunk"
CREATED = 1_700_000_000
CONVERT = {"responses": "convert"}

OPENAI = {
    "id": "r1",
    "object": "chat.completion",
    "created": 0,
    "model": "served-1",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hello",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}],
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
}
ANTHROPIC = {
    "id": "r1",
    "type": "message",
    "role": "assistant",
    "model": "served-1",
    "content": [
        {"type": "text", "text": "Hello"},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 9, "output_tokens": 3},
}
GEMINI = {
    "responseId": "r1",
    "modelVersion": "served-1",
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [{"text": "Hello"}, {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}}],
            },
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 3, "totalTokenCount": 12},
}
WHOLE = {"openai": OPENAI, "azure": OPENAI, "anthropic": ANTHROPIC, "gemini": GEMINI}


def openai_stream():
    def chunk(delta, finish=None):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {"id": "r1", "object": KIND, "model": "served-1", "created": 1, "choices": [choice]}

    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":'}}
    events = [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hel"}),
        chunk({"content": "lo"}),
        chunk({"tool_calls": [call]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": " 1}"}}]}),
        chunk({}, "tool_calls"),
        {"id": "r1", "object": KIND, "model": "served-1", "choices": [], "usage": OPENAI["usage"]},
    ]
    return b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events) + b"data: [DONE]\n\n"


def anthropic_stream():
    start = {**ANTHROPIC, "content": [], "stop_reason": None, "usage": {"input_tokens": 9, "output_tokens": 1}}
    tool = {"type": "tool_use", "id": "c1", "name": "f", "input": {}}
    events = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": tool},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"a": 1}'}},
        {"type": "content_block_stop", "index": 1},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {"output_tokens": 3},
        },
        {"type": "message_stop"},
    ]
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


STREAMS = {
    "openai": openai_stream(),
    "azure": openai_stream(),
    "anthropic": anthropic_stream(),
    "gemini": b"data: %b\r\n\r\n" % json.dumps(GEMINI).encode(),
}
KINDS = ("openai", "azure", "anthropic", "gemini")


def payloads(data):
    return [(name, json.loads(text)) for name, text in SseSplitter().feed(data) if text != b"[DONE]"]


def chat_text(data):
    body = ChatCompletion.model_validate_json(data)
    (call,) = body.choices[0].message.tool_calls or ()
    return body.choices[0].message.content, call.function.name, call.function.arguments, body.choices[0].finish_reason


def responses_text(data):
    body = Response.model_validate_json(data)
    call = next(item for item in body.output if item.type == "function_call")
    return body.output_text, call.name, call.arguments, "tool_calls"


def messages_text(data):
    body = AnthropicMessage.model_validate_json(data)
    text = next(block.text for block in body.content if block.type == "text")
    call = next(block for block in body.content if block.type == "tool_use")
    assert body.stop_reason == "tool_use"
    return text, call.name, json.dumps(call.input), "tool_calls"


READ = {"chat": chat_text, "responses": responses_text, "messages": messages_text}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", READ)
def test_a_whole_answer_of_any_upstream_reaches_any_caller(operation, kind, call, target):
    exchange = open_exchange(call(operation), target(kind, **CONVERT), clock=ManualClock())
    reply = exchange.reply({}, json.dumps(WHOLE[kind]).encode())
    text, name, arguments, reason = READ[operation](reply.body)
    assert (text, name, json.loads(arguments), reason) == ("Hello", "f", {"a": 1}, "tool_calls")
    assert reply.answer.usage == Usage(input=9, output=3)
    assert reply.answer.served_model == "served-1"
    assert reply.answer.finish_reasons == ["tool_calls"]
    (recorded,) = json.loads(reply.answer.output)
    assert [part["type"] for part in recorded["parts"]] == ["text", "tool_call"]


def streamed_chat(data):
    events = [ChatCompletionChunk.model_validate(event) for _, event in payloads(data)]
    assert data.endswith(b"data: [DONE]\n\n")
    deltas = [choice.delta for event in events for choice in event.choices]
    functions = [call.function for delta in deltas for call in delta.tool_calls or ()]
    return (
        "".join(delta.content or "" for delta in deltas),
        "".join(function.name or "" for function in functions if function),
        "".join(function.arguments or "" for function in functions if function),
    )


def streamed_responses(data):
    adapter = TypeAdapter(ResponseStreamEvent)
    events = [adapter.validate_python(event) for _, event in payloads(data)]
    return responses_text(events[-1].response.model_dump_json())[:3]


def streamed_messages(data):
    adapter = TypeAdapter(RawMessageStreamEvent)
    events = [adapter.validate_python(event) for name, event in payloads(data) if name != "ping"]
    assert events[-1].type == "message_stop"
    deltas = [event.delta for event in events if event.type == "content_block_delta"]
    starts = [event.content_block for event in events if event.type == "content_block_start"]
    return (
        "".join(delta.text for delta in deltas if delta.type == "text_delta"),
        "".join(block.name for block in starts if block.type == "tool_use"),
        "".join(delta.partial_json for delta in deltas if delta.type == "input_json_delta"),
    )


READ_STREAM = {"chat": streamed_chat, "responses": streamed_responses, "messages": streamed_messages}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", READ)
@pytest.mark.parametrize("size", [7, 100_000])
def test_a_stream_of_any_upstream_reaches_any_caller(operation, kind, size, call, target):
    codec = open_exchange(call(operation, stream=True), target(kind, **CONVERT), clock=ManualClock()).stream()
    data = STREAMS[kind]
    assert not codec.started
    out = b"".join(codec.feed(data[i : i + size]) for i in range(0, len(data), size)) + codec.finish()
    assert codec.done
    assert codec.started
    assert codec.failure is None
    text, name, arguments = READ_STREAM[operation](out)
    assert (text, name, json.loads(arguments)) == ("Hello", "f", {"a": 1})
    answer = codec.answer()
    assert answer.usage == Usage(input=9, output=3)
    assert (answer.served_model, answer.finish_reasons) == ("served-1", ["tool_calls"])
    assert answer.output_characters >= len("Hello")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", READ)
def test_a_cut_stream_of_any_upstream_is_a_failure_for_any_caller(operation, kind, call, target):
    """FAILURES G14"""
    codec = open_exchange(call(operation, stream=True), target(kind, **CONVERT)).stream()
    cut = STREAMS[kind][: STREAMS[kind].index(b"lo")]
    out = codec.feed(cut) + codec.finish()
    assert codec.failure is not None
    assert codec.failure.code == "upstream_cut"
    assert codec.feed(b"data: x\n\n") == codec.finish() == b""
    for end in (b"[DONE]", b"message_stop", b"response.completed"):
        assert end not in out


@pytest.mark.parametrize("operation", ["chat", "responses"])
def test_a_cut_stream_is_billed_for_what_was_received(operation, call, target):
    """FAILURES G6: Anthropic told the input before it answered; the output is estimated."""
    codec = open_exchange(call(operation, stream=True), target("anthropic")).stream()
    codec.feed(STREAMS["anthropic"][: STREAMS["anthropic"].index(b"event: content_block_stop")])
    codec.finish()
    assert codec.answer().usage == Usage(input=9, output=2, estimated=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", READ)
def test_an_error_of_any_upstream_is_understood(operation, kind, call, target):
    error = open_exchange(call(operation), target(kind, **CONVERT)).error(
        429, {"retry-after": "2"}, b'{"type":"error","error":{"type":"x","code":429,"message":"slow","status":"Y"}}'
    )
    assert (error.message, error.retryable, error.retry_after) == ("slow", True, 2.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", READ)
def test_an_answer_of_any_upstream_that_is_none_is_malformed(operation, kind, call, target):
    """FAILURES G30"""
    with pytest.raises(UpstreamError) as caught:
        open_exchange(call(operation), target(kind, **CONVERT)).reply({}, b"<html>")
    assert caught.value.code == "upstream_malformed"


def test_a_converted_answer_keeps_the_upstreams_time(call, target):
    exchange = open_exchange(call("responses"), target(**CONVERT), clock=ManualClock())
    body = json.loads(exchange.reply({}, json.dumps({**OPENAI, "created": 5}).encode()).body)
    assert body["created_at"] == 5


def test_a_converted_answer_that_tells_no_time_or_model_gets_ours(call, target):
    exchange = open_exchange(call(), target("anthropic"), clock=ManualClock())
    body = json.loads(exchange.reply({}, json.dumps({**ANTHROPIC, "model": ""}).encode()).body)
    assert (body["created"], body["model"]) == (CREATED, "served")


def test_a_stream_that_is_converted_bears_the_time_of_its_start(call, target):
    exchange = open_exchange(call(stream=True), target("anthropic"), clock=ManualClock())
    (_, first), *_ = payloads(exchange.stream().feed(STREAMS["anthropic"]))
    assert first["created"] == CREATED


def test_responses_are_native_or_converted_as_the_provider_says(call, target):
    asked = call("responses")
    assert open_exchange(asked, target()).request.url.endswith("/responses")
    assert open_exchange(asked, target(**CONVERT)).request.url.endswith("/chat/completions")


@pytest.mark.parametrize(
    ("operation", "kind", "members", "field"),
    [
        ("chat", "anthropic", {"n": 2}, "n"),
        ("chat", "anthropic", {"logprobs": True}, "logprobs"),
        ("chat", "gemini", {"logit_bias": {"1": 1}}, "logit_bias"),
        ("messages", "openai", {"top_k": 5}, "top_k"),
        ("responses", "anthropic", {"previous_response_id": "r"}, "previous_response_id"),
        ("embeddings", "anthropic", {}, "model"),
        ("embeddings", "gemini", {"input": [[1, 2]]}, "input"),
        ("count_tokens", "openai", {}, "model"),
    ],
)
def test_what_a_target_cannot_do_is_refused_by_name(operation, kind, members, field, call, target):
    with pytest.raises(InvalidInput) as caught:
        open_exchange(call(operation, **members), target(kind))
    assert caught.value.field == field


@pytest.mark.parametrize("kind", ["openai", "azure"])
def test_tokens_are_counted_here_where_the_upstream_cannot(kind, call, target):
    asked = call("count_tokens", messages=[{"role": "user", "content": "a" * 40}])
    reply = local_reply(asked, target(kind))
    assert reply is not None
    assert json.loads(reply.body) == {"input_tokens": 14}
    assert reply.answer.usage is None


@pytest.mark.parametrize(
    ("operation", "kind"), [("count_tokens", "anthropic"), ("count_tokens", "gemini"), ("chat", "openai")]
)
def test_nothing_is_answered_here_that_an_upstream_can_answer(operation, kind, call, target):
    assert local_reply(call(operation), target(kind)) is None


def test_tokens_are_counted_by_gemini(call, target):
    exchange = open_exchange(call("count_tokens", system="Be"), target("gemini"))
    assert exchange.request.url.endswith("/models/served:countTokens")
    reply = exchange.reply({}, b'{"totalTokens": 31}')
    assert json.loads(reply.body) == {"input_tokens": 31}
    assert exchange.error(500, {}, b"").code == "upstream_error"
    codec = exchange.stream()
    codec.finish()
    assert codec.failure is not None


def test_tokens_are_counted_by_anthropic(call, target):
    exchange = open_exchange(call("count_tokens"), target("anthropic"))
    assert exchange.request.url.endswith("/messages/count_tokens")
    assert exchange.reply({}, b'{"input_tokens": 31}').body == b'{"input_tokens": 31}'


def test_gemini_embeds_for_a_caller_of_openais_dialect(call, target):
    exchange = open_exchange(call("embeddings", input=["a", "b"]), target("gemini"))
    assert exchange.request.url.endswith("/models/served:batchEmbedContents")
    reply = exchange.reply({}, b'{"embeddings":[{"values":[0.5]},{"values":[0.25]}]}')
    body = CreateEmbeddingResponse.model_validate_json(reply.body)
    assert [item.embedding for item in body.data] == [[0.5], [0.25]]
    assert reply.answer.usage is not None
    assert reply.answer.usage.estimated


def test_each_operation_has_its_callers_dialect():
    assert {operation: dialect_of(operation) for operation in ("chat", "responses", "embeddings")} == {
        "chat": "openai",
        "responses": "openai",
        "embeddings": "openai",
    }
    assert dialect_of("messages") == dialect_of("count_tokens") == "anthropic"


def test_a_secret_stands_in_headers_only(call, target):
    """FAILURES G29"""
    for kind in KINDS:
        for operation in READ:
            request = open_exchange(call(operation), target(kind, **CONVERT)).request
            assert "sk-secret" not in request.url
            assert b"sk-secret" not in request.body
            assert any("sk-secret" in value for value in request.headers.values())
            assert msgspec.json.decode(request.body) is not None
