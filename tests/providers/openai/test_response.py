"""Whole Chat Completions answers, read and written."""

import json

import msgspec
import pytest
from openai.types.chat import ChatCompletion

from penstock.core.errors import UpstreamError
from penstock.providers.openai.finish import finish_reason
from penstock.providers.openai.response import decode_response, encode_response
from penstock.wire.chat import (
    ChatRequest,
    ChatResponse,
    Choice,
    Message,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from penstock.wire.usage import Usage

REQUEST = ChatRequest(model="m", messages=[Message(role="user", parts=[Text(text="Hi")])])
LOGPROBS = {"content": [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}], "refusal": None}


def response(*parts, **members):
    return ChatResponse(id="r1", model="m1", created=5, choices=[Choice(parts=list(parts), **members)])


def encode(answer):
    written = encode_response(answer, REQUEST)
    ChatCompletion.model_validate_json(written)
    return json.loads(written)


def test_an_answer_is_written_as_the_sdk_reads_it():
    answer = response(
        Reasoning(text="Hmm", signature="s"),
        Reasoning(redacted="x"),
        Text(text="Hi"),
        ToolCall(id="c", name="f", arguments='{"a": 1.0}'),
        finish_reason="tool_calls",
        logprobs=msgspec.Raw(json.dumps(LOGPROBS).encode()),
    )
    answer.usage = Usage(input=3, cache_read=2, output=4, reasoning=1)
    written = encode(answer)
    assert written["choices"] == [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hi",
                "refusal": None,
                "reasoning_content": "Hmm",
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "Hmm", "signature": "s"},
                    {"type": "reasoning.encrypted", "data": "x"},
                ],
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1.0}'}}],
            },
            "logprobs": LOGPROBS,
            "finish_reason": "tool_calls",
        }
    ]
    assert (written["id"], written["object"], written["created"], written["model"]) == (
        "r1",
        "chat.completion",
        5,
        "m1",
    )
    assert written["usage"]["prompt_tokens"] == 5
    assert written["usage"]["completion_tokens"] == 5


@pytest.mark.parametrize(
    ("parts", "content", "refusal"),
    [
        ([], "", None),
        ([Refusal(text="No")], None, "No"),
        ([ToolCall(id="c", name="f", arguments="{}")], None, None),
        ([Text(text="a"), Text(text="b")], "ab", None),
    ],
)
def test_content_is_null_only_where_something_stands_for_it(parts, content, refusal):
    message = encode(response(*parts))["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == (content, refusal)


def test_an_answer_is_read():
    body = {
        "id": "r1",
        "created": 5.0,
        "model": "m1",
        "choices": [
            {
                "index": None,
                "message": {
                    "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "H"}]}, "odd"],
                    "reasoning": "mm",
                    "refusal": "No",
                    "tool_calls": [
                        {"id": "c", "function": {"name": "f", "arguments": {"a": 1}}},
                        {"function": {"name": "g", "arguments": '{"b": 1.0}'}},
                        {"id": "d"},
                    ],
                },
                "finish_reason": "function_call",
                "logprobs": LOGPROBS,
            },
            {"index": 1, "message": {"content": "Hi"}},
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1},
    }
    read = decode_response(json.dumps(body).encode())
    assert (read.id, read.model, read.created, read.usage) == ("r1", "m1", 5, Usage(input=3, output=1))
    first, second = read.choices
    assert first.parts == [
        Reasoning(text="Hmm"),
        Refusal(text="No"),
        ToolCall(id="c", name="f", arguments='{"a":1}'),
        ToolCall(id="call_r1_0_1", name="g", arguments='{"b": 1.0}'),
    ]
    assert first.finish_reason == "tool_calls"
    assert json.loads(bytes(first.logprobs or b"")) == LOGPROBS
    assert second == Choice(index=1, parts=[Text(text="Hi")], finish_reason="stop")


def test_an_answer_that_is_written_is_read_back():
    answer = response(
        Reasoning(text="Hmm"),
        Text(text="Hi"),
        ToolCall(id="c", name="f", arguments='{"a": 1.0}'),
        finish_reason="tool_calls",
    )
    answer.usage = Usage(input=1, output=2)
    read = decode_response(encode_response(answer, REQUEST))
    read.usage_raw = None
    assert read == answer


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"choices":[]}', b'{"choices":[3]}', b"\xff"])
def test_an_answer_that_is_none_is_malformed(body):
    """FAILURES G30"""
    with pytest.raises(UpstreamError) as caught:
        decode_response(body)
    assert caught.value.code == "upstream_malformed"


def test_an_error_that_came_with_status_200_is_an_error():
    with pytest.raises(UpstreamError, match="boom") as caught:
        decode_response(b'{"error":{"message":"boom","code":429},"choices":[]}')
    assert caught.value.upstream_status == 429


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        (None, None),
        ("", None),
        ("stop", "stop"),
        ("STOP", "stop"),
        ("eos", "stop"),
        ("function_call", "tool_calls"),
        ("model_length", "length"),
        ("content_filter", "content_filter"),
        ("error", "error"),
    ],
)
def test_finish_reasons_of_compatible_servers_are_understood(word, reason):
    assert finish_reason(word) == reason
