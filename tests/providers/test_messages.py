"""Neutral messages as OpenTelemetry GenAI messages."""

import base64
import json

from penstock.providers.messages import input_messages, output_messages
from penstock.wire.chat import (
    Audio,
    Choice,
    File,
    Image,
    Message,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)

PNG = base64.b64encode(b"\x89PNG" * 10).decode()


def parts(*given):
    return json.loads(input_messages([Message(role="user", parts=list(given))]))[0]["parts"]


def test_text_stands_as_it_is():
    message = Message(role="system", parts=[Text(text="Grüße")], name="rules")
    assert json.loads(input_messages([message])) == [
        {"role": "system", "parts": [{"type": "text", "content": "Grüße"}], "name": "rules"}
    ]


def test_binary_data_is_told_by_size_and_hash_not_kept():
    recorded = parts(
        Image(data=PNG, media_type="image/png"), Audio(data=PNG, format="wav"), File(data="", media_type=None)
    )
    assert [(part["type"], part["modality"], part["mime_type"], part["size"]) for part in recorded] == [
        ("blob", "image", "image/png", 40),
        ("blob", "audio", "audio/wav", 40),
        ("blob", "file", None, 0),
    ]
    assert PNG not in json.dumps(recorded)
    assert len(recorded[0]["sha256"]) == 64


def test_references_are_kept():
    assert parts(Image(url="https://x/y.png"), File(url="https://x/y.pdf"), File(file_id="f1"), File()) == [
        {"type": "uri", "modality": "image", "mime_type": None, "uri": "https://x/y.png"},
        {"type": "uri", "modality": "file", "mime_type": None, "uri": "https://x/y.pdf"},
        {"type": "file", "modality": "file", "mime_type": None, "file_id": "f1"},
        {"type": "file", "modality": "file", "mime_type": None, "file_id": ""},
    ]


def test_tool_calls_and_their_results_are_told_with_their_ids():
    recorded = input_messages(
        [
            Message(role="assistant", parts=[ToolCall(id="c1", name="f", arguments='{"a": 1.50}')]),
            Message(role="tool", parts=[ToolResult(id="c1", parts=[Text(text="4"), Text(text="2")])]),
            Message(role="tool", parts=[ToolResult(id="c2", parts=[Image(url="u")], is_error=True)]),
        ]
    )
    assert b'"arguments":{"a": 1.50}' in recorded
    assert [message["parts"][0] for message in json.loads(recorded)] == [
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1.5}},
        {"type": "tool_call_response", "id": "c1", "response": "42"},
        {
            "type": "tool_call_response",
            "id": "c2",
            "response": [{"type": "uri", "modality": "image", "mime_type": None, "uri": "u"}],
            "is_error": True,
        },
    ]


def test_arguments_that_are_no_json_are_kept_as_text():
    recorded = parts(ToolCall(id="c", name="f", arguments='{"a": '), ToolCall(id="d", name="f", arguments=""))
    assert [part["arguments"] for part in recorded] == ['{"a": ', {}]


def test_an_answer_tells_its_finish_reason_and_a_cut_one_an_error():
    choices = [
        Choice(parts=[Reasoning(text="Hmm", signature="s"), Text(text="Hi")], finish_reason="stop"),
        Choice(index=1, parts=[Refusal(text="No"), Reasoning(redacted="x")]),
    ]
    assert json.loads(output_messages(choices)) == [
        {
            "role": "assistant",
            "parts": [{"type": "reasoning", "content": "Hmm"}, {"type": "text", "content": "Hi"}],
            "finish_reason": "stop",
        },
        {"role": "assistant", "parts": [{"type": "refusal", "content": "No"}], "finish_reason": "error"},
    ]
