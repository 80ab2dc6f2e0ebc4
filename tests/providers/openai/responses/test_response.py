"""Whole Responses answers, written from the neutral form."""

import json

import msgspec
import pytest
from openai.types.responses import Response

from penstock.providers.openai.responses import encode_response, parse_request
from penstock.wire.chat import (
    ChatResponse,
    Choice,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from penstock.wire.usage import Usage

LOGPROBS = {"content": [{"token": "A", "logprob": -0.5, "bytes": [65], "top_logprobs": []}]}


@pytest.fixture
def write(call):
    def write(*parts, asked=None, usage=None, choices=None, **members):
        choices = [Choice(parts=list(parts), **members)] if choices is None else choices
        answer = ChatResponse(id="1", model="m1", created=5, choices=choices, usage=usage)
        data = encode_response(answer, parse_request(call("responses", **(asked or {}))))
        Response.model_validate_json(data)
        return json.loads(data)

    return write


def test_every_part_becomes_an_item(write):
    written = write(
        Reasoning(text="Hmm", signature="s"),
        Reasoning(redacted="d"),
        Text(text="A"),
        Refusal(text="No"),
        ToolCall(id="c", name="f", arguments='{"a": 1.0}'),
        Text(text="B"),
        finish_reason="tool_calls",
        logprobs=msgspec.Raw(json.dumps(LOGPROBS).encode()),
        usage=Usage(input=3, cache_read=2, output=4, reasoning=1),
    )

    def text(value):
        return {"type": "output_text", "text": value, "annotations": [], "logprobs": LOGPROBS["content"]}

    def message(number, *content):
        return {
            "id": f"msg_1_{number}",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": list(content),
        }

    assert written["output"] == [
        {
            "id": "rs_1_0",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "Hmm"}],
            "encrypted_content": "penstock.signature:s",
        },
        {"id": "rs_1_1", "type": "reasoning", "summary": [], "encrypted_content": "penstock.redacted:d"},
        message(2, text("A"), {"type": "refusal", "refusal": "No"}),
        {
            "id": "fc_1_3",
            "type": "function_call",
            "status": "completed",
            "call_id": "c",
            "name": "f",
            "arguments": '{"a": 1.0}',
        },
        message(4, text("B")),
    ]
    assert (written["id"], written["object"], written["created_at"], written["model"]) == (
        "resp_1",
        "response",
        5,
        "m1",
    )
    assert written["status"] == "completed"
    assert (written["usage"]["input_tokens"], written["usage"]["output_tokens"]) == (5, 5)


@pytest.mark.parametrize(
    ("reason", "status", "incomplete"),
    [
        ("stop", "completed", None),
        (None, "completed", None),
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "incomplete", {"reason": "content_filter"}),
        ("error", "failed", None),
    ],
)
def test_finish_reasons_become_a_status(reason, status, incomplete, write):
    written = write(Text(text="A"), finish_reason=reason)
    assert (written["status"], written["incomplete_details"]) == (status, incomplete)
    assert (written["error"] is not None) == (status == "failed")


def test_the_answer_repeats_what_was_asked(write):
    asked = {
        "instructions": "Be",
        "metadata": {"a": "b"},
        "max_output_tokens": 9,
        "temperature": 0.5,
        "parallel_tool_calls": False,
        "reasoning": {"effort": "low"},
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}],
        "tool_choice": {"type": "function", "name": "f"},
        "text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "object"}}},
    }
    written = write(Text(text="A"), asked=asked)
    assert written["instructions"] == "Be"
    assert written["metadata"] == {"a": "b"}
    assert written["max_output_tokens"] == 9
    assert written["temperature"] == 0.5
    assert written["parallel_tool_calls"] is False
    assert written["reasoning"]["effort"] == "low"
    assert written["tools"][0]["name"] == "f"
    assert written["tool_choice"] == {"type": "function", "name": "f"}
    assert written["text"]["format"]["schema"] == {"type": "object"}


def test_what_was_not_asked_has_the_dialects_default(write):
    written = write(Text(text="A"))
    assert (written["tool_choice"], written["tools"], written["usage"]) == ("auto", [], None)
    assert written["text"] == {"format": {"type": "text"}}
    assert written["parallel_tool_calls"] is True
    assert write(asked={"text": {"format": {"type": "json_object"}}})["text"] == {"format": {"type": "json_object"}}
    assert write(asked={"tool_choice": "required"})["tool_choice"] == "required"


def test_an_answer_without_choices_is_an_empty_one(write):
    assert write(choices=[])["output"] == []


def test_odd_logprobs_are_left_out(write):
    written = write(Text(text="A"), logprobs=msgspec.Raw(b"[]"))
    assert written["output"][0]["content"][0]["logprobs"] == []
