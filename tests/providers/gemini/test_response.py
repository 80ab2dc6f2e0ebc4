"""Whole answers of `generateContent`."""

import json

import pytest
from google.genai import types

from penstock.core.errors import UpstreamError
from penstock.providers.gemini.generate_content import decode_response
from penstock.providers.gemini.response import decode_count_tokens
from penstock.providers.gemini.signatures import split_tool_call_id
from penstock.providers.gemini.usage import read_usage
from penstock.wire.chat import Choice, Image, Reasoning, Text, ToolCall
from penstock.wire.usage import Usage


def wire(*parts, **members):
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": "STOP", "index": 0}
    answer = {
        "candidates": [candidate | members.pop("candidate", {})],
        "modelVersion": "gemini-x-001",
        "responseId": "resp-1",
        "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 2, "totalTokenCount": 6},
        **members,
    }
    types.GenerateContentResponse.model_validate(answer)
    return json.dumps(answer).encode()


def test_text_thoughts_calls_and_images():
    response = decode_response(
        wire(
            {"text": "Hm.", "thought": True, "thoughtSignature": "dGhv"},
            {"text": "Hello", "thoughtSignature": "dGV4"},
            {"text": ""},
            {"inlineData": {"mimeType": "image/png", "data": "QUJD"}},
            {"inlineData": {"mimeType": "audio/wav", "data": "QUJD"}},
            {"functionCall": {"id": "fc-1", "name": "f", "args": {"x": 1.5}}, "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "g"}},
            {"functionCall": {"name": "g", "args": None}},
        )
    )
    assert (response.id, response.model, response.created) == ("resp-1", "gemini-x-001", 0)
    (choice,) = response.choices
    assert choice.parts[:4] == [
        Reasoning(text="Hm.", signature="gemini:dGhv"),
        Text(text="Hello"),
        Reasoning(signature="gemini:dGV4"),
        Image(data="QUJD", media_type="image/png"),
    ]
    first, second, third = choice.parts[4:]
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert isinstance(third, ToolCall)
    assert (split_tool_call_id(first.id), first.arguments) == (("fc-1", "c2ln"), '{"x": 1.5}')
    assert (second.name, second.arguments, third.arguments) == ("g", "{}", "{}")
    assert second.id.startswith("call_")
    assert second.id != third.id
    assert choice.finish_reason == "tool_calls"


def test_made_ids_are_the_same_each_time():
    body = wire({"functionCall": {"name": "g", "args": {"a": 1}}})
    assert decode_response(body) == decode_response(body)


@pytest.mark.parametrize(
    ("gemini", "neutral"),
    [
        ("STOP", "stop"),
        ("FINISH_REASON_UNSPECIFIED", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("OTHER", "content_filter"),
        (None, None),
    ],
)
def test_finish_reasons(gemini, neutral):
    body = wire({"text": "x"}, candidate={"finishReason": gemini})
    assert decode_response(body).choices[0].finish_reason == neutral


def test_a_reason_of_next_year_is_an_ordinary_stop():
    body = wire({"text": "x"}).replace(b'"STOP"', b'"BRAND_NEW"')
    assert decode_response(body).choices[0].finish_reason == "stop"


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MISSING_THOUGHT_SIGNATURE"])
def test_a_model_that_broke_off_is_no_success(reason):
    body = wire(candidate={"finishReason": reason, "finishMessage": "print(f(" if reason[0] == "M" else None})
    with pytest.raises(UpstreamError, match=reason) as raised:
        decode_response(body)
    assert (raised.value.code, raised.value.retryable) == ("upstream_model_error", True)


def test_a_blocked_prompt_is_an_answer_that_was_filtered():
    response = decode_response(
        b'{"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}}'
    )
    assert response.choices == [Choice(parts=[], finish_reason="content_filter")]
    assert response.usage == Usage(input=4)


def test_an_answer_without_content_is_empty():
    body = wire(candidate={"content": None, "finishReason": "MAX_TOKENS"})
    assert decode_response(body).choices == [Choice(parts=[], finish_reason="length")]


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"candidates": []}', b'{"promptFeedback": {}}', b'{"responseId": "\xff"}']
)
def test_a_body_that_is_no_answer_is_malformed(body):
    with pytest.raises(UpstreamError) as raised:
        decode_response(body)
    assert raised.value.code == "upstream_malformed"


def test_log_probabilities_in_openais_form():
    result = {
        "chosenCandidates": [{"token": "é", "logProbability": -0.1, "tokenId": 1}, {"token": "b"}],
        "topCandidates": [
            {"candidates": [{"token": "é", "logProbability": -0.1}, {"token": "x", "logProbability": -3}]}
        ],
    }
    logprobs = decode_response(wire({"text": "éb"}, candidate={"logprobsResult": result})).choices[0].logprobs
    assert json.loads(bytes(logprobs or b"")) == {
        "content": [
            {
                "token": "é",
                "logprob": -0.1,
                "bytes": [195, 169],
                "top_logprobs": [
                    {"token": "é", "logprob": -0.1, "bytes": [195, 169]},
                    {"token": "x", "logprob": -3.0, "bytes": [120]},
                ],
            },
            {"token": "b", "logprob": 0.0, "bytes": [98], "top_logprobs": []},
        ]
    }


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            {"promptTokenCount": 10, "candidatesTokenCount": 4, "thoughtsTokenCount": 6},
            Usage(input=10, output=4, reasoning=6),
        ),
        ({"promptTokenCount": 100, "cachedContentTokenCount": 80}, Usage(input=20, cache_read=80)),
        ({"promptTokenCount": 10, "toolUsePromptTokenCount": 5}, Usage(input=15)),
        (
            {
                "promptTokenCount": 100,
                "cachedContentTokenCount": 40,
                "toolUsePromptTokenCount": 5,
                "candidatesTokenCount": 60,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 30},
                    {"modality": "AUDIO", "tokenCount": 30},
                    {"modality": "IMAGE", "tokenCount": 30},
                    {"modality": "VIDEO", "tokenCount": 10},
                ],
                "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 20}, {"modality": "TEXT", "tokenCount": 20}],
                "toolUsePromptTokensDetails": [{"modality": "IMAGE", "tokenCount": 5}],
                "candidatesTokensDetails": [
                    {"modality": "AUDIO", "tokenCount": 10},
                    {"modality": "IMAGE", "tokenCount": 20},
                    {"modality": "TEXT", "tokenCount": 30},
                ],
            },
            Usage(
                input=20,
                cache_read=40,
                output=30,
                input_audio=10,
                input_image=35,
                output_audio=10,
                output_image=20,
            ),
        ),
        ({"promptTokenCount": 5, "cachedContentTokenCount": 9}, Usage(cache_read=5)),
        (
            {"promptTokenCount": 5, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 99}]},
            Usage(input_audio=5),
        ),
        ({}, Usage()),
        ({"promptTokenCount": -1}, None),
        ([], None),
    ],
)
def test_usage_falls_into_disjoint_buckets(raw, expected):
    """FAILURES G27"""
    usage = read_usage(json.dumps(raw).encode())
    assert usage == expected


def test_no_usage_is_none():
    assert read_usage(None) is None


def test_a_token_count():
    assert decode_count_tokens(b'{"totalTokens": 31, "promptTokensDetails": []}') == 31
    with pytest.raises(UpstreamError, match="malformed"):
        decode_count_tokens(b'{"totalTokens": "x"}')
