"""Responses requests in the neutral form."""

import json

import pytest

from penstock.core.errors import InvalidInput
from penstock.providers.openai.responses.request import DROPPED, parse_request
from penstock.wire.chat import (
    ChatRequest,
    File,
    Image,
    Message,
    Reasoning,
    Refusal,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

SCHEMA = {"type": "object", "properties": {}}


def user(*parts):
    return Message(role="user", parts=[Text(text=part) if isinstance(part, str) else part for part in parts])


def parse(call, **members):
    return parse_request(call("responses", **members))


def test_every_parameter_has_its_place(call):
    request = parse(
        call,
        instructions="Be",
        max_output_tokens=9,
        temperature=0.5,
        top_p=0.9,
        top_logprobs=2,
        parallel_tool_calls=False,
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": {"type": "json_object"}, "verbosity": "low"},
        include=["reasoning.encrypted_content"],
        metadata={"a": "b"},
        user="u",
        stream=True,
        background=False,
    )
    assert {name: json.loads(bytes(raw)) for name, raw in request.extra.items()} == {
        "instructions": "Be",
        "metadata": {"a": "b"},
    }
    request.extra = {}
    assert request == ChatRequest(
        model="asked",
        messages=[Message(role="system", parts=[Text(text="Be")]), user("Hi")],
        stream=True,
        max_tokens=9,
        temperature=0.5,
        top_p=0.9,
        logprobs=True,
        top_logprobs=2,
        parallel_tool_calls=False,
        reasoning_effort="low",
        response_format=ResponseFormat(kind="json_object"),
        user="u",
    )


def test_members_that_change_no_answer_are_dropped(call):
    values = {"metadata": {"a": "b"}, "safety_identifier": "x"}
    request = parse(call, **{name: values.get(name, "x") for name in DROPPED})
    request.extra = {}
    assert request == ChatRequest(model="asked", messages=[user("Hi")], user="x")
    assert parse(call, include=["message.output_text.logprobs"]).logprobs
    assert parse(call, text={"format": {"type": "text"}}).response_format is None
    assert parse(call, text={}, reasoning={}, conversation=None).messages == [user("Hi")]


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"previous_response_id": "resp_0"}, "previous_response_id"),
        ({"conversation": "conv_0"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"background": True}, "background"),
        ({"context_management": []}, "context_management"),
        ({"mystery": 1}, "mystery"),
        ({"include": ["file_search_call.results"]}, "include: 'file_search_call.results'"),
        ({"tools": [{"type": "web_search"}]}, "tools[0]"),
        ({"tools": [{"type": "function"}]}, "tools[0]"),
        ({"tool_choice": {"type": "web_search"}}, "tool_choice"),
        ({"tool_choice": "always"}, "tool_choice"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "text.format"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format"),
        ({"temperature": "hot"}, "temperature"),
        ({"input": [{"role": "wizard", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0]"),
        ({"input": [{"type": "computer_call"}]}, "input[0]"),
        ({"input": [{}]}, "input[0]"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call", "call_id": "f"}]}, "input[0].name"),
        ({"input": [{"type": "function_call_output", "output": "f"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "call_id": "f"}]}, "input[0].output"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"input": [{"role": "user", "content": [{"type": "input_video"}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": 7}]}, "input[0].content"),
    ],
)
def test_what_lives_at_openai_or_is_wrong_is_refused_by_name(members, field, call):
    with pytest.raises(InvalidInput) as caught:
        parse(call, **members)
    assert caught.value.field == field
    assert caught.value.message.startswith(field)


def test_items_of_one_turn_become_one_message(call):
    items = [
        {"role": "developer", "content": "Be"},
        {"role": "user", "content": [{"type": "input_text", "text": "Hi", "prompt_cache_breakpoint": {"mode": "x"}}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}], "content": [{"text": "m"}]},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "A"}, {"type": "refusal", "refusal": "No"}],
        },
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1.0}'},
        {"type": "function_call_output", "call_id": "c1", "output": "4"},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [{"type": "input_text", "text": "5"}, {"type": "input_image", "image_url": "https://x/y"}],
        },
        {"role": "assistant", "content": ""},
    ]
    assert parse(call, input=items).messages == [
        Message(role="system", parts=[Text(text="Be")]),
        user(Text(text="Hi", cache=True)),
        Message(
            role="assistant",
            parts=[
                Reasoning(text="Hmm"),
                Text(text="A"),
                Refusal(text="No"),
                ToolCall(id="c1", name="f", arguments='{"a": 1.0}'),
            ],
        ),
        Message(role="tool", parts=[ToolResult(id="c1", parts=[Text(text="4")])]),
        Message(role="tool", parts=[ToolResult(id="c2", parts=[Text(text="5"), Image(url="https://x/y")])]),
        Message(role="assistant", parts=[]),
    ]


def test_sealed_reasoning_is_opened_only_when_penstock_sealed_it(call):
    sealed = ["penstock.signature:s1", "penstock.redacted:d1", "gAAAA", None]
    items = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}], "encrypted_content": proof}
        for proof in sealed
    ]
    assert parse(call, input=items).messages[0].parts == [
        Reasoning(text="t", signature="s1"),
        Reasoning(redacted="d1"),
        Reasoning(text="t"),
        Reasoning(text="t"),
    ]


def test_images_and_files_are_read(call):
    content = [
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
        {"type": "input_image", "image_url": "https://x/y.png", "detail": "auto"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,BBBB", "filename": "a.pdf"},
        {"type": "input_file", "file_data": "CCCC"},
        {"type": "input_file", "file_url": "https://x/y.pdf"},
        {"type": "input_file", "file_id": "f1"},
    ]
    assert parse(call, input=[{"role": "user", "content": content}]).messages[0].parts == [
        Image(data="AAAA", media_type="image/png", detail="low"),
        Image(url="https://x/y.png", detail="auto"),
        File(data="BBBB", media_type="application/pdf", name="a.pdf"),
        File(data="CCCC"),
        File(url="https://x/y.pdf"),
        File(file_id="f1"),
    ]


def test_tools_and_schemas_are_read(call):
    request = parse(
        call,
        tools=[
            {"type": "function", "name": "f", "parameters": SCHEMA, "strict": True},
            {"type": "function", "name": "g", "description": "d", "parameters": None},
        ],
        tool_choice={"type": "function", "name": "f"},
        text={"format": {"type": "json_schema", "name": "x", "schema": SCHEMA, "strict": True, "description": "d"}},
    )
    assert json.loads(bytes(request.tools[0].parameters or b"")) == SCHEMA
    assert request.tools[1] == Tool(name="g", description="d")
    assert request.tool_choice == ToolChoice(mode="tool", name="f")
    assert request.response_format is not None
    assert (request.response_format.name, request.response_format.strict) == ("x", True)
    assert parse(call, tool_choice="none").tool_choice == ToolChoice(mode="none")
