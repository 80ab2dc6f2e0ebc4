"""Whole answers, both ways."""

import json

import msgspec
import pytest
from anthropic.types import Message as SdkMessage

from penstock.core.errors import UpstreamError
from penstock.providers.anthropic.messages import decode_response, encode_response
from penstock.providers.anthropic.usage import merge_usage, read_usage
from penstock.wire.chat import ChatRequest, ChatResponse, Choice, Image, Reasoning, Refusal, Text, ToolCall
from penstock.wire.usage import Usage

REQUEST = ChatRequest(model="m", messages=[])


def wire(**members):
    return json.dumps(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-x",
            "content": [{"type": "text", "text": "hi"}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 3, "output_tokens": 5},
            **members,
        }
    ).encode()


def respond(*parts, **members):
    return ChatResponse(id="msg_1", model="m", created=1, choices=[Choice(parts=list(parts), **members)])


def encode(response):
    encoded = encode_response(response, REQUEST)
    SdkMessage.model_validate_json(encoded, strict=True)
    return json.loads(encoded)


def test_every_block_that_has_a_neutral_form_is_read():
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "enc"},
        {"type": "text", "text": "hi", "citations": None},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
    ]
    response = decode_response(wire(content=content, stop_reason="tool_use"))
    assert response.choices == [
        Choice(
            parts=[
                Reasoning(text="hm", signature="c2ln"),
                Reasoning(redacted="enc"),
                Text(text="hi"),
                ToolCall(id="t", name="f", arguments='{"a": 1}'),
            ],
            finish_reason="tool_calls",
        )
    ]
    assert (response.id, response.model, response.created) == ("msg_1", "claude-x", 0)
    assert response.usage == Usage(input=3, output=5)
    assert response.usage_raw == b'{"input_tokens": 3, "output_tokens": 5}'


@pytest.mark.parametrize(
    ("anthropic", "neutral"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("a_word_of_next_year", "stop"),
        (None, "stop"),
    ],
)
def test_stop_reasons_are_read(anthropic, neutral):
    assert decode_response(wire(stop_reason=anthropic)).choices[0].finish_reason == neutral


def test_the_stop_sequence_that_was_met_survives_both_ways():
    response = decode_response(wire(stop_reason="stop_sequence", stop_sequence="END"))
    assert response.choices[0].stop_sequence == "END"
    encoded = encode(response)
    assert (encoded["stop_reason"], encoded["stop_sequence"]) == ("stop_sequence", "END")


@pytest.mark.parametrize(
    ("neutral", "anthropic"),
    [
        ("stop", "end_turn"),
        (None, "end_turn"),
        ("length", "max_tokens"),
        ("tool_calls", "tool_use"),
        ("content_filter", "refusal"),
        ("error", "max_tokens"),
    ],
)
def test_stop_reasons_are_written(neutral, anthropic):
    assert encode(respond(Text(text="x"), finish_reason=neutral))["stop_reason"] == anthropic


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"id": "x"}', b'{"id": "\xff"}', b"[" * 10_000])
def test_a_body_that_is_no_message_is_malformed(body):
    with pytest.raises(UpstreamError) as raised:
        decode_response(body)
    assert raised.value.code == "upstream_malformed"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"input_tokens": 10, "output_tokens": 4}, Usage(input=10, output=4)),
        (
            {
                "input_tokens": 10,
                "cache_creation_input_tokens": 20,
                "cache_read_input_tokens": 30,
                "output_tokens": 50,
                "output_tokens_details": {"thinking_tokens": 45},
            },
            Usage(input=10, cache_write=20, cache_read=30, output=5, reasoning=45),
        ),
        ({"input_tokens": None, "cache_read_input_tokens": None, "output_tokens": 1}, Usage(output=1)),
        ({"output_tokens": 3, "output_tokens_details": {"thinking_tokens": 9}}, Usage(reasoning=3)),
        ({"output_tokens": 3, "output_tokens_details": None}, Usage(output=3)),
        ({"input_tokens": -5}, None),
        ({"input_tokens": "many"}, None),
        ([], None),
    ],
)
def test_usage_falls_into_disjoint_buckets(raw, expected):
    """FAILURES G27"""
    assert read_usage(json.dumps(raw).encode()) == expected


def test_an_answer_without_a_readable_usage_is_still_an_answer():
    assert decode_response(wire(usage={"input_tokens": "x"})).usage is None
    assert decode_response(wire(usage=None)).usage_raw is None


def test_a_later_report_replaces_and_never_adds():
    """FAILURES G2"""
    earlier = b'{"input_tokens":25,"output_tokens":1,"service_tier":"standard"}'
    assert merge_usage(None, earlier) == earlier
    assert merge_usage(earlier, b'{"input_tokens":"x"}') == earlier
    assert merge_usage(earlier, None) == earlier
    merged = merge_usage(earlier, b'{"input_tokens":0,"output_tokens":9,"cache_read_input_tokens":null,"new":0}')
    assert json.loads(merged or b"") == {
        "input_tokens": 25,
        "output_tokens": 9,
        "service_tier": "standard",
        "cache_read_input_tokens": None,
        "new": 0,
    }


def test_a_whole_answer_is_written_as_the_sdk_reads_it():
    response = respond(
        Reasoning(text="hm", signature="c2ln"),
        Reasoning(text="unsigned"),
        Reasoning(redacted="enc"),
        Text(text="hi"),
        Image(data="QUJD", media_type="image/png"),
        ToolCall(id="t", name="f", arguments=' {"a":1.50} '),
        ToolCall(id="t2", name="g", arguments=""),
        finish_reason="tool_calls",
    )
    response.usage = Usage(input=1, cache_read=2, cache_write=3, output=4, reasoning=5, input_image=6, output_audio=7)
    encoded = encode(response)
    assert encoded["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "thinking", "thinking": "unsigned", "signature": ""},
        {"type": "redacted_thinking", "data": "enc"},
        {"type": "text", "text": "hi"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1.5}},
        {"type": "tool_use", "id": "t2", "name": "g", "input": {}},
    ]
    assert encoded["usage"] == {
        "input_tokens": 7,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 2,
        "output_tokens": 16,
        "output_tokens_details": {"thinking_tokens": 5},
    }


def test_a_refusal_is_told_by_the_stop_reason():
    encoded = encode(respond(Refusal(text="No."), finish_reason="stop"))
    assert (encoded["content"], encoded["stop_reason"]) == ([{"type": "text", "text": "No."}], "refusal")


def test_arguments_that_are_no_object_fail_the_answer():
    with pytest.raises(UpstreamError, match=r"'t' \(f\)") as raised:
        encode_response(respond(ToolCall(id="t", name="f", arguments='{"a"'), finish_reason="tool_calls"), REQUEST)
    assert raised.value.code == "upstream_malformed"


def test_arguments_cut_by_the_token_limit_are_left_empty():
    encoded = encode(respond(ToolCall(id="t", name="f", arguments='{"a"'), finish_reason="length"))
    assert (encoded["content"][0]["input"], encoded["stop_reason"]) == ({}, "max_tokens")


def test_an_answer_without_choices_is_empty():
    response = msgspec.structs.replace(respond(), choices=[])
    assert encode(response)["content"] == []
