"""What the record keeps of a request."""

import json

import pytest

from penstock.providers.dialects import parse_call, record_input, request_attributes

TEXT = [{"type": "text", "content": "Hi"}]


def recorded(call):
    return json.loads(record_input(call))


def test_a_plain_chat_is_recorded(call):
    messages = [{"role": "developer", "content": "Be é"}, {"role": "user", "content": "Hi"}]
    assert recorded(call(messages=messages)) == [
        {"role": "system", "parts": [{"type": "text", "content": "Be é"}]},
        {"role": "user", "parts": TEXT},
    ]


def test_a_chat_with_tools_and_images_is_recorded(call):
    messages = [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "4"},
    ]
    types = [[part["type"] for part in message["parts"]] for message in recorded(call(messages=messages))]
    assert types == [["blob"], ["tool_call"], ["tool_call_response"]]


def test_the_system_prompt_of_each_dialect_is_recorded(call):
    expected = [{"role": "system", "parts": [{"type": "text", "content": "Be"}]}, {"role": "user", "parts": TEXT}]
    assert recorded(call("messages", system="Be")) == expected
    assert recorded(call("messages", system=[{"type": "text", "text": "Be"}])) == expected
    assert recorded(call("count_tokens", system="Be")) == expected
    assert recorded(call("responses", instructions="Be")) == expected
    assert recorded(call("messages")) == expected[1:]


def test_a_responses_call_is_recorded(call):
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "4"},
    ]
    assert [message["role"] for message in recorded(call("responses", input=items))] == ["user", "assistant", "tool"]


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("chat", {"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}),
        ("messages", {"messages": [{"role": "user", "content": [{"type": "server_tool_use"}]}]}),
        ("responses", {"input": [{"type": "computer_call"}]}),
    ],
)
def test_what_cannot_be_read_as_messages_is_recorded_as_it_came(operation, members, call):
    (message,) = recorded(call(operation, **members))
    (part,) = message["parts"]
    assert part["type"] == "raw"
    assert part["content"] == members


def test_members_that_conversion_refuses_do_not_stand_in_the_records_way(call):
    asked = call("messages", mcp_servers=[{"name": "x"}], messages=[{"role": "user", "content": TEXT_BLOCKS}])
    assert recorded(asked) == [{"role": "user", "parts": TEXT}]
    asked = call("responses", previous_response_id="r", tools=[{"type": "web_search"}])
    assert recorded(asked) == [{"role": "user", "parts": TEXT}]


TEXT_BLOCKS = [{"type": "text", "text": "Hi"}]


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("Hi", TEXT),
        (["Hi", "Ho"], [*TEXT, {"type": "text", "content": "Ho"}]),
        ([1, 2], [{"type": "tokens", "content": [1, 2]}]),
    ],
)
def test_embedding_inputs_are_recorded(value, parts, call):
    assert recorded(call("embeddings", input=value)) == [{"role": "user", "parts": parts}]


def test_request_parameters_have_opentelemetrys_names(call):
    asked = call(
        temperature=0.5,
        top_p=1,
        max_completion_tokens=7,
        n=2,
        seed=3,
        stop="END",
        frequency_penalty=0,
        tools=[{"type": "function"}] * 2,
        reasoning_effort="low",
        response_format={"type": "json_object"},
        user="secret",
    )
    assert request_attributes(asked) == {
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 1,
        "gen_ai.request.max_tokens": 7,
        "gen_ai.request.choice.count": 2,
        "gen_ai.request.seed": 3,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.request.frequency_penalty": 0,
        "penstock.request.tools": 2,
        "penstock.request.reasoning_effort": "low",
        "penstock.request.response_format": {"type": "json_object"},
    }


def test_parameters_that_are_null_odd_or_huge_are_left_out(call):
    asked = call(temperature=None, tools="odd", response_format={"schema": "x" * 5000}, stop=["a", "b"])
    assert request_attributes(asked) == {"gen_ai.request.stop_sequences": ["a", "b"]}


def test_many_large_tools_are_still_counted(call):
    assert request_attributes(call(tools=[{"x": "y" * 3000}] * 3)) == {"penstock.request.tools": 3}


def test_a_body_printed_over_several_lines_is_recorded_without_its_whitespace():
    body = b'{"model":"m","messages":[{"role":"user",\n"content":"Hi"}]}'
    assert record_input(parse_call("chat", body, {})) == b'[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]'
