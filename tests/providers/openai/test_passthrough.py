"""Requests that are forwarded, and whole answers that come back unchanged."""

import json

import msgspec
import pytest

from penstock.core.errors import UpstreamError
from penstock.providers.dialects import open_exchange, parse_call
from penstock.wire.usage import Usage

COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hi",
                "reasoning_content": "Hmm",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1.0}'}},
                    {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "x"}},
                ],
            },
            "finish_reason": "tool_calls",
        },
        {"index": 1, "message": {"role": "assistant", "content": None, "refusal": "No"}, "finish_reason": "stop"},
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
}


def test_only_the_model_is_changed_and_unknown_members_pass(target):
    body = b'{"zeta": [1.50, 1e2],\n "model":"a", "messages":[{"role":"user","content":"\\u00e9"}], "new": {"x" :1}}'
    request = open_exchange(parse_call("chat", body, {}), target()).request
    assert request.body == (
        b'{"zeta":[1.50, 1e2],"model":"served","messages":[{"role":"user","content":"\\u00e9"}],"new":{"x" :1}}'
    )
    assert request.url == "https://api.openai.com/v1/chat/completions"
    assert request.method == "POST"


@pytest.mark.parametrize(
    ("members", "options"),
    [
        ({}, {"include_usage": True}),
        ({"stream_options": None}, {"include_usage": True}),
        ({"stream_options": {"include_usage": False}}, {"include_usage": True}),
        (
            {"stream_options": {"include_obfuscation": False}},
            {"include_obfuscation": False, "include_usage": True},
        ),
        ({"stream_options": {"include_usage": True}}, {"include_usage": True}),
    ],
)
def test_a_stream_is_always_asked_for_its_usage(members, options, call, target):
    """FAILURES G1"""
    request = open_exchange(call(stream=True, **members), target()).request
    assert json.loads(request.body)["stream_options"] == options


def test_what_is_not_streamed_or_must_not_be_asked_is_not(call, target):
    assert "stream_options" not in json.loads(open_exchange(call(), target()).request.body)
    mistral = target(base_url="https://api.mistral.ai/v1")
    assert "stream_options" not in json.loads(open_exchange(call(stream=True), mistral).request.body)


@pytest.mark.parametrize(("n", "expected"), [(2, False), (1, True), (None, True), (0, True), ("x", True)])
def test_the_relay_waits_for_as_many_choices_as_were_asked_for(n, expected, call, target, stream, chunk):
    relay = open_exchange(call(stream=True, n=n), target()).stream()
    relay.feed(stream(chunk(content="a"), chunk(finish="stop")))
    assert relay.done is expected


def test_a_whole_answer_goes_by_unchanged_and_is_read_for_the_record(call, target):
    body = json.dumps(COMPLETION, indent=1).encode()
    reply = open_exchange(call(), target()).reply({}, body)
    assert reply.body == body
    assert reply.content_type == "application/json"
    answer = reply.answer
    assert answer.usage == Usage(input=9, output=3)
    assert answer.finish_reasons == ["tool_calls", "stop"]
    assert answer.served_model == "gpt-4o-mini-2024-07-18"
    assert answer.response_id == "chatcmpl-1"
    assert answer.output_characters == len('HiHmm{"a": 1.0}No')
    first, second = json.loads(answer.output)
    assert first["parts"] == [
        {"type": "reasoning", "content": "Hmm"},
        {"type": "text", "content": "Hi"},
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1.0}},
        {"type": "tool_call", "id": "c2", "name": "", "arguments": {}},
    ]
    assert second == {
        "role": "assistant",
        "parts": [{"type": "refusal", "content": "No"}],
        "finish_reason": "stop",
    }


def test_choices_without_an_index_are_told_apart(call, target):
    body = json.dumps({"choices": [{"index": None, "message": {"content": text}} for text in "ab"]}).encode()
    answer = open_exchange(call(), target()).reply({}, body).answer
    assert [message["parts"][0]["content"] for message in json.loads(answer.output)] == ["a", "b"]
    assert answer.usage is None


@pytest.mark.parametrize("operation", ["chat", "responses", "embeddings"])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<html>", "upstream_malformed"),
        (b"", "upstream_malformed"),
        (b"[]", "upstream_malformed"),
        (b"{}", "upstream_malformed"),
        (b"[" * 100_000, "upstream_malformed"),
        (b'{"choices":3,"output":3,"data":3}', "upstream_malformed"),
        (b'{"error":{"message":"boom"}}', "upstream_stream_error"),
    ],
)
def test_an_answer_that_is_none_is_an_error(operation, body, code, call, target):
    """FAILURES G30"""
    with pytest.raises(UpstreamError) as caught:
        open_exchange(call(operation), target()).reply({}, body)
    assert caught.value.code == code


@pytest.mark.parametrize("operation", ["chat", "responses", "embeddings"])
def test_a_non_2xx_answer_is_an_error_with_the_upstreams_words(operation, call, target):
    error = open_exchange(call(operation), target()).error(
        429, {"retry-after": "3"}, b'{"error":{"message":"Slow down","type":"requests"}}'
    )
    assert (error.message, error.code, error.retry_after, error.retryable) == (
        "Slow down",
        "upstream_rate_limited",
        3.0,
        True,
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":"plain"}', "plain"),
        (b'{"object":"error","message":"vllm"}', "vllm"),
        (b'{"detail":[{"loc":["body"],"msg":"field required"},{"msg":"and more"}]}', "field required; and more"),
        (b'{"detail":"Not Found"}', "Not Found"),
        (b"<html>", "The upstream answered with HTTP status 400 and no error message."),
        (b'{"error":{"code":7}}', "The upstream answered with HTTP status 400 and no error message."),
        (b"[" * 500 + b"]" * 500, "The upstream answered with HTTP status 400 and no error message."),
    ],
)
def test_error_objects_of_every_kind_of_server_are_understood(body, message, call, target):
    assert open_exchange(call(), target()).error(400, {}, body).message == message


def test_embeddings_go_by_unchanged(call, target):
    asked = call("embeddings", input=["a", "b"], dimensions=8)
    exchange = open_exchange(asked, target("azure"))
    assert exchange.request.url.endswith("/openai/deployments/served/embeddings?api-version=2024-10-21")
    assert json.loads(exchange.request.body) == {"model": "served", "input": ["a", "b"], "dimensions": 8}
    body = json.dumps(
        {"object": "list", "data": [], "model": "text-embedding-3-small", "usage": {"prompt_tokens": 2}}
    ).encode()
    reply = exchange.reply({}, body)
    assert reply.body == body
    assert reply.answer.usage == Usage(input=2)
    assert reply.answer.served_model == "text-embedding-3-small"
    assert reply.answer.output == b"[]"


def test_a_stream_that_nobody_asked_for_is_still_judged(call, target, stream):
    codec = open_exchange(call("embeddings"), target()).stream()
    codec.feed(stream("[DONE]"))
    assert codec.done


def test_responses_go_by_unchanged(call, target):
    asked = call("responses", tools=[{"type": "web_search"}], previous_response_id="resp_0", stream=True)
    request = open_exchange(asked, target()).request
    assert request.url == "https://api.openai.com/v1/responses"
    assert json.loads(request.body) == {
        "model": "served",
        "input": "Hi",
        "tools": [{"type": "web_search"}],
        "previous_response_id": "resp_0",
        "stream": True,
    }


def test_the_callers_own_call_is_not_altered(call, target):
    asked = call(stream=True)
    before = dict(asked.fields)
    open_exchange(asked, target())
    assert asked.fields == before
    assert msgspec.json.decode(asked.fields["model"]) == "asked"
