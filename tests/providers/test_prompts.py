"""A rendered prompt in each dialect; every form is one that the converters of the other dialects read."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.providers.dialects import open_exchange
from penstock.providers.inbound import parse_call, require_messages
from penstock.providers.prompts import variables_of, with_prompt, without_variables
from penstock.providers.types import Target
from penstock.wire.prompts import CompiledPrompt, read_prompt
from penstock.wire.snapshot import ProviderEntry
from penstock.wire.templates import Renderer

OPERATIONS = ("chat", "responses", "messages")
IMAGE = "https://example.com/a.png"


def target(kind="openai"):
    provider = ProviderEntry(name="p", kind=kind, base_url="http://127.0.0.1:1/v1", responses="convert")
    return Target(provider=provider, model="m")


def call_of(operation, **fields):
    needed = {"messages": {"max_tokens": 100}}.get(operation, {})
    return parse_call(operation, json.dumps({"model": "r", "variables": {}, **needed, **fields}).encode(), {})


def applied(operation, body, *, of=None, **fields):
    prompt = read_prompt(body)
    rendered = Renderer(CompiledPrompt(name="a", version=1, digest="d", prompt=prompt)).render({})
    made = with_prompt(call_of(operation, **fields), prompt, rendered, of or target())
    assert not made.bare
    return {name: msgspec.json.decode(raw) for name, raw in made.fields.items()}


def test_responses_have_items_of_their_own():
    body = {
        "messages": [
            {"role": "developer", "content": "D"},
            {"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image", "url": IMAGE}]},
            {"role": "assistant", "content": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]},
            {"role": "assistant", "content": "", "tool_calls": [{"id": "c", "name": "f", "arguments": {"x": 1}}]},
            {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "R"}]},
        ],
        "tools": [{"name": "f", "description": "F"}],
        "response_schema": {"schema": {"type": "object"}, "name": "verdict", "strict": False},
    }
    made = applied("responses", body, input="Now", text={"verbosity": "low"})
    assert made["input"] == [
        {"role": "developer", "content": "D"},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "See"},
                {"type": "input_image", "image_url": IMAGE, "detail": "auto"},
            ],
        },
        {"role": "assistant", "content": "A\n\nB"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"x":1}'},
        {"type": "function_call_output", "call_id": "c", "output": "R"},
        {"role": "user", "content": "Now"},
    ]
    assert made["tools"] == [
        {
            "type": "function",
            "name": "f",
            "description": "F",
            "strict": False,
            "parameters": {"type": "object", "properties": {}},
        }
    ]
    form = {"type": "json_schema", "name": "verdict", "schema": {"type": "object"}, "strict": False}
    assert made["text"] == {"verbosity": "low", "format": form}
    own = applied("responses", body, text={"format": {"type": "text"}})
    assert own["text"] == {"format": {"type": "text"}}


@pytest.mark.parametrize(
    ("own", "whole"),
    [
        ({}, "S\n\nT"),
        ({"system": "Mine"}, "S\n\nT\n\nMine"),
        ({"system": None}, "S\n\nT"),
        (
            {"system": [{"type": "text", "text": "Mine"}]},
            [{"type": "text", "text": "S\n\nT"}, {"type": "text", "text": "Mine"}],
        ),
    ],
)
def test_anthropics_system_holds_the_prompts_and_then_the_callers(own, whole):
    body = {
        "messages": [
            {"role": "system", "content": "S"},
            {"role": "user", "content": [{"type": "image", "url": IMAGE}]},
            {"role": "developer", "content": "T"},
        ]
    }
    made = applied("messages", body, messages=[], **own)
    assert made["system"] == whole
    assert made["messages"] == [
        {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": IMAGE}}]}
    ]


def test_without_a_system_of_its_own_a_prompt_leaves_the_callers():
    body = {"messages": [{"role": "user", "content": "x"}], "response_schema": {"schema": {}}}
    made = applied("messages", body, system="Mine", output_config={"effort": "low"})
    assert made["system"] == "Mine"
    assert made["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": {}}}
    assert "output_config" not in applied("messages", body, output_format={"type": "json_schema", "schema": {"a": 1}})


def test_tokens_are_counted_of_the_messages_alone():
    body = {"text": "x", "parameters": {"temperature": 1}, "response_schema": {"schema": {}}, "tools": [{"name": "f"}]}
    made = applied("count_tokens", body)
    assert made.keys() == {"model", "messages", "tools"}


def test_the_models_bound_is_spelled_as_the_server_knows_it():
    provider = ProviderEntry(name="o", kind="openai", base_url="https://api.openai.com/v1")
    body = {"text": "x", "parameters": {"max_output_tokens": 50}}
    assert applied("chat", body, of=Target(provider=provider, model="m"))["max_completion_tokens"] == 50
    assert applied("chat", body)["max_tokens"] == 50
    assert applied("chat", body, max_tokens=9)["max_tokens"] == 9
    assert applied("responses", body, max_output_tokens=900)["max_output_tokens"] == 50


@pytest.mark.parametrize(
    ("operation", "fields", "message"),
    [
        ("chat", {"tools": {}}, "tools: expected a list"),
        ("embeddings", {"input": "x"}, "embeddings have no place"),
    ],
)
def test_what_a_prompt_cannot_be_put_into_is_refused(operation, fields, message):
    with pytest.raises(InvalidInput, match=message):
        applied(operation, {"text": "x", "tools": [{"name": "f"}]}, **fields)


def test_a_tool_that_cannot_be_read_is_the_upstreams_to_judge():
    made = applied("chat", {"text": "x", "tools": [{"name": "f"}]}, tools=[3, {"type": "other"}])
    assert made["tools"] == [{"type": "function", "function": {"name": "f"}}, 3, {"type": "other"}]


def test_a_call_without_messages_is_read_when_variables_come():
    for operation, fields in (("chat", {}), ("chat", {"messages": []}), ("responses", {}), ("messages", {})):
        call = call_of(operation, **fields)
        assert call.bare
        with pytest.raises(InvalidInput):
            require_messages(call)
    assert not call_of("chat", messages=[{"role": "user", "content": "x"}]).bare
    for fields in ({"messages": 3}, {"messages": [{}]}):
        with pytest.raises(InvalidInput):
            call_of("chat", **fields)
    with pytest.raises(InvalidInput):
        call_of("embeddings")


def test_variables_are_an_object_or_nothing():
    assert variables_of(call_of("chat", variables=None)) == {}
    assert variables_of(call_of("chat", variables={"a": 1})) == {"a": 1}
    with pytest.raises(InvalidInput, match="expected an object"):
        variables_of(call_of("chat", variables=[1]))
    call = call_of("chat", messages=[{"role": "user", "content": "x"}])
    assert "variables" not in without_variables(call).fields
    assert without_variables(without_variables(call)) == without_variables(call)


TEXT = st.text(min_size=1, max_size=20).filter(str.strip)
PLAIN = st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": TEXT})
CALLED = st.just(
    [
        {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "name": "f", "arguments": {"a": [1]}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
    ]
)
PARTS = st.just({"role": "user", "content": [{"type": "text", "text": "T"}, {"type": "image", "url": IMAGE}]})
CHATS = st.lists(st.lists(PLAIN | PARTS, min_size=1, max_size=2) | CALLED, min_size=1, max_size=3).map(
    lambda parts: [*(message for part in parts for message in part), {"role": "user", "content": "end"}]
)


@given(messages=CHATS, operation=st.sampled_from(OPERATIONS), kind=st.sampled_from(["openai", "anthropic", "gemini"]))
def test_every_vendor_can_be_sent_every_prompt_from_every_dialect(messages, operation, kind):
    # `{` begins a template; here texts are to be texts.
    plain = json.loads(json.dumps(messages).replace("{{", "((").replace("{%", "(%").replace("{#", "(#"))
    body = {
        "messages": plain,
        "tools": [{"name": "f", "parameters": {"type": "object", "properties": {}}}],
        "response_schema": {"schema": {"type": "object", "properties": {}, "additionalProperties": False}},
        "parameters": {"temperature": 0.5, "max_output_tokens": 64},
    }
    prompt = read_prompt(body)
    rendered = Renderer(CompiledPrompt(name="a", version=1, digest="d", prompt=prompt)).render({})
    made = with_prompt(call_of(operation), prompt, rendered, target(kind))
    sent = open_exchange(made, target(kind)).request.body
    assert b"end" in sent
    assert b'"variables"' not in sent
