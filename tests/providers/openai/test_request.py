"""Chat Completions requests, read into the neutral form and written from it."""

import base64
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.providers.openai.render import render_request
from penstock.providers.openai.request import DROPPED, parse_request
from penstock.providers.types import InboundCall, Target
from penstock.wire.chat import (
    Audio,
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
from penstock.wire.snapshot import ProviderEntry

COMPATIBLE = {"base_url": "http://localhost:8000/v1"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
FUNCTION = {"name": "f", "arguments": '{"a": 1.0}'}


def asked(*messages, **members):
    return ChatRequest(model="asked", messages=list(messages) or [user("Hi")], **members)


def user(*parts):
    return Message(role="user", parts=[Text(text=part) if isinstance(part, str) else part for part in parts])


def body(request, target):
    return json.loads(render_request(request, target).body)


def refusal(call, **members):
    with pytest.raises(InvalidInput) as caught:
        parse_request(call(**members))
    return caught.value


def test_every_parameter_has_its_place(call):
    request = parse_request(
        call(
            max_tokens=5,
            max_completion_tokens=7,
            temperature=0.5,
            top_p=0.9,
            top_k=40,
            frequency_penalty=0.1,
            presence_penalty=0.2,
            stop="END",
            seed=3,
            n=2,
            logprobs=True,
            top_logprobs=4,
            parallel_tool_calls=False,
            reasoning_effort="low",
            stream=True,
            user="u",
            modalities=["text"],
            logit_bias={},
        )
    )
    assert request == ChatRequest(
        model="asked",
        messages=[user("Hi")],
        stream=True,
        max_tokens=7,
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        stop=["END"],
        seed=3,
        n=2,
        logprobs=True,
        top_logprobs=4,
        parallel_tool_calls=False,
        reasoning_effort="low",
        user="u",
    )


def test_members_that_change_no_answer_are_dropped(call):
    values = {"metadata": {"a": "b"}, "seed": 1, "store": True}
    members = {name: values.get(name, "x") for name in DROPPED}
    assert parse_request(call(**members)) == asked(seed=1, user="x")


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"logit_bias": {"50256": -100}}, "logit_bias"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "alloy"}}, "audio"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"guided_json": {}}, "guided_json"),
        ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools[0]"),
        ({"tool_choice": "always"}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice"),
        ({"response_format": {"type": "grammar"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, "response_format"),
        ({"temperature": "hot"}, "temperature"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 7}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "c", "type": "custom"}]}]},
            "messages[0].tool_calls[0]",
        ),
    ],
)
def test_what_has_no_neutral_meaning_is_refused_by_name(members, field, call):
    error = refusal(call, **members)
    assert error.field == field
    assert error.message.startswith(field)


def test_a_member_that_is_null_asks_for_nothing(call):
    assert parse_request(call(audio=None, functions=None, tools=None, n=None, stop=None)) == asked()


def test_messages_of_every_role_and_kind_are_read(call):
    messages = [
        {"role": "developer", "content": "Be"},
        {
            "role": "user",
            "name": "ann",
            "content": [
                {"type": "text", "text": "Look", "cache_control": {"type": "ephemeral"}},
                {"type": "text", "text": "here", "prompt_cache_breakpoint": {"mode": "explicit"}},
                {"type": "image_url", "image_url": {"url": "data:image/PNG;charset=x;base64,AAAA", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
                {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "wav"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,CCCC", "filename": "a.pdf"}},
                {"type": "file", "file": {"file_data": "DDDD"}},
                {"type": "file", "file": {"file_id": "f1"}},
            ],
        },
        {
            "role": "assistant",
            "content": [{"type": "refusal", "refusal": "No"}],
            "refusal": "Nor",
            "reasoning_content": "Hmm",
            "tool_calls": [{"id": "c1", "type": "function", "function": FUNCTION}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "4"}]},
        {"role": "assistant", "content": ""},
    ]
    assert parse_request(call(messages=messages)).messages == [
        Message(role="system", parts=[Text(text="Be")]),
        Message(
            role="user",
            name="ann",
            parts=[
                Text(text="Look", cache=True),
                Text(text="here", cache=True),
                Image(data="AAAA", media_type="image/png", detail="low"),
                Image(url="https://x/y.png"),
                Audio(data="BBBB", format="wav"),
                File(data="CCCC", media_type="application/pdf", name="a.pdf"),
                File(data="DDDD"),
                File(file_id="f1"),
            ],
        ),
        Message(
            role="assistant",
            parts=[
                Reasoning(text="Hmm"),
                Refusal(text="No"),
                Refusal(text="Nor"),
                ToolCall(id="c1", name="f", arguments='{"a": 1.0}'),
            ],
        ),
        Message(role="tool", parts=[ToolResult(id="c1", parts=[Text(text="4")])]),
        Message(role="assistant", parts=[]),
    ]


def test_signed_reasoning_that_the_caller_sends_back_is_read(call):
    message = {
        "role": "assistant",
        "reasoning_content": "Hmm",
        "reasoning_details": [
            {"type": "reasoning.text", "text": "", "signature": "s1"},
            {"type": "reasoning.encrypted", "data": "d1"},
            {"type": "reasoning.text", "text": "own", "signature": "s2"},
        ],
    }
    assert parse_request(call(messages=[message])).messages[0].parts == [
        Reasoning(text="Hmm", signature="s1"),
        Reasoning(redacted="d1"),
        Reasoning(text="own", signature="s2"),
    ]


def test_tools_and_formats_are_read(call):
    request = parse_request(
        call(
            tools=[
                {"type": "function", "function": {"name": "f", "parameters": SCHEMA, "strict": True}},
                {"type": "function", "function": {"name": "g", "description": "d"}},
            ],
            tool_choice={"type": "function", "function": {"name": "f"}},
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}},
        )
    )
    first, second = request.tools
    assert (first.name, first.strict, json.loads(bytes(first.parameters or b""))) == ("f", True, SCHEMA)
    assert second == Tool(name="g", description="d")
    assert request.tool_choice == ToolChoice(mode="tool", name="f")
    assert request.response_format is not None
    assert request.response_format.kind == "json_schema"
    assert json.loads(bytes(request.response_format.schema or b"")) == SCHEMA
    assert parse_request(call(response_format={"type": "json_object"})).response_format == ResponseFormat(
        kind="json_object"
    )
    assert parse_request(call(response_format={"type": "text"})).response_format is None
    assert parse_request(call(tool_choice="required")).tool_choice == ToolChoice(mode="required")


def test_openai_and_compatible_servers_are_spoken_to_in_their_own_words(target):
    request = asked(max_tokens=9, user="u", stop=["a"], n=2, logprobs=True, top_logprobs=1, seed=0, temperature=0)
    common = {
        "model": "served",
        "messages": [{"role": "user", "content": "Hi"}],
        "stop": ["a"],
        "n": 2,
        "logprobs": True,
        "top_logprobs": 1,
        "seed": 0,
        "temperature": 0,
    }
    assert body(request, target()) == {**common, "max_completion_tokens": 9, "safety_identifier": "u"}
    assert body(request, target(**COMPATIBLE)) == {**common, "max_tokens": 9}


def test_top_k_is_refused_where_the_api_has_none(target):
    assert body(asked(top_k=5), target(**COMPATIBLE))["top_k"] == 5
    with pytest.raises(InvalidInput, match="top_k: provider 'up'") as caught:
        render_request(asked(top_k=5), target())
    assert caught.value.field == "top_k"


@pytest.mark.parametrize(
    ("members", "effort"),
    [
        ({"reasoning_effort": "minimal"}, "minimal"),
        ({"reasoning_budget": 1024}, "low"),
        ({"reasoning_budget": 8192}, "medium"),
        ({"reasoning_budget": 8193}, "high"),
    ],
)
def test_a_reasoning_budget_asks_for_an_effort(members, effort, target):
    assert body(asked(**members), target())["reasoning_effort"] == effort


def test_a_stream_is_asked_for_its_usage(target):
    """FAILURES G1"""
    streamed = body(asked(stream=True), target())
    assert (streamed["stream"], streamed["stream_options"]) == (True, {"include_usage": True})
    assert "stream_options" not in body(asked(stream=True), target(base_url="https://api.mistral.ai/v1"))


def test_tools_and_formats_are_written(target):
    schema = msgspec.Raw(json.dumps(SCHEMA).encode())
    written = body(
        asked(
            tools=[Tool(name="f", description="d", parameters=schema, strict=True), Tool(name="g")],
            tool_choice=ToolChoice(mode="tool", name="f"),
            parallel_tool_calls=False,
            response_format=ResponseFormat(kind="json_schema", description="d", schema=schema, strict=True),
        ),
        target(),
    )
    assert written["tools"] == [
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True}},
        {"type": "function", "function": {"name": "g", "parameters": {"type": "object", "properties": {}}}},
    ]
    assert written["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    assert written["parallel_tool_calls"] is False
    assert written["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "description": "d", "schema": SCHEMA, "strict": True},
    }
    plain = body(
        asked(
            tools=[Tool(name="g")],
            tool_choice=ToolChoice(mode="required"),
            response_format=ResponseFormat(kind="json_object"),
        ),
        target(),
    )
    assert (plain["tool_choice"], plain["response_format"]) == ("required", {"type": "json_object"})


def test_images_audio_and_documents_are_written(target):
    text = base64.b64encode("Grüße".encode()).decode()
    written = body(
        asked(
            user(
                "Look",
                Image(data="AAAA", media_type="image/png", detail="low"),
                Image(url="https://x/y.png"),
                Audio(data="BBBB", format="wav"),
                File(data="CCCC", media_type="application/pdf", name="a.pdf"),
                File(file_id="f1"),
                File(data=text, media_type="text/plain"),
            )
        ),
        target(),
    )
    assert written["messages"][0]["content"] == [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "wav"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,CCCC"}},
        {"type": "file", "file": {"file_id": "f1"}},
        {"type": "text", "text": "Grüße"},
    ]


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (File(url="https://x/y.pdf"), "not by URL"),
        (File(data="!!", media_type="text/plain"), "UTF-8 text in base64"),
        (ToolCall(id="c", name="f", arguments="{}"), "cannot stand in this message"),
    ],
)
def test_parts_that_the_dialect_cannot_carry_are_refused_with_their_place(part, words, target):
    with pytest.raises(InvalidInput, match=words) as caught:
        render_request(asked(user("x"), user("y", part)), target())
    assert caught.value.field == "messages[1].content[1]"


def test_an_assistants_turn_is_written(target):
    turn = Message(
        role="assistant",
        name="bot",
        parts=[
            Reasoning(text="Hmm", signature="s"),
            Text(text="A"),
            Text(text="B"),
            ToolCall(id="c", name="f", arguments='{"a": 1.0}'),
            Refusal(text="No"),
        ],
    )
    expected = {
        "role": "assistant",
        "name": "bot",
        "content": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}],
        "refusal": "No",
        "tool_calls": [{"id": "c", "type": "function", "function": FUNCTION}],
    }
    assert body(asked(turn), target())["messages"] == [expected]
    assert body(asked(turn), target(**COMPATIBLE))["messages"] == [{**expected, "reasoning_content": "Hmm"}]


@pytest.mark.parametrize(
    ("parts", "content"),
    [
        ([], ""),
        ([Text(text="A")], "A"),
        ([ToolCall(id="c", name="f", arguments="")], None),
        ([Refusal(text="x")], None),
        ([Reasoning(text="x")], ""),
    ],
)
def test_an_assistants_turn_always_has_content_or_a_call(parts, content, target):
    written = body(asked(Message(role="assistant", parts=parts)), target())["messages"][0]
    assert written["content"] == content
    assert "reasoning_content" not in written


def test_results_of_tools_are_messages_and_their_images_wait_until_all_are_told(target):
    results = [
        Message(
            role="tool",
            parts=[ToolResult(id="c1", parts=[Text(text="see"), Image(url="https://x/1.png")])],
        ),
        Message(role="tool", parts=[ToolResult(id="c2", parts=[Text(text="no")], is_error=True)]),
    ]
    image = [
        {"type": "text", "text": "Returned by the tool call c1:"},
        {"type": "image_url", "image_url": {"url": "https://x/1.png"}},
    ]
    told = [
        {"role": "tool", "tool_call_id": "c1", "content": "see"},
        {"role": "tool", "tool_call_id": "c2", "content": "Error: no"},
        {"role": "user", "content": image},
    ]
    assert body(asked(*results), target())["messages"] == told
    assert body(asked(*results, user("And?")), target())["messages"] == [*told, {"role": "user", "content": "And?"}]


def test_results_within_a_users_turn_come_before_what_the_user_says(target):
    turn = user(ToolResult(id="c1", parts=[Text(text="4")]), "Thanks")
    assert body(asked(turn), target())["messages"] == [
        {"role": "tool", "tool_call_id": "c1", "content": "4"},
        {"role": "user", "content": "Thanks"},
    ]


def test_an_empty_message_is_written_as_empty_text(target):
    assert body(asked(Message(role="user", parts=[], name="ann")), target())["messages"] == [
        {"role": "user", "content": "", "name": "ann"}
    ]


words = st.text(min_size=1, max_size=8)
json_texts = st.sampled_from(["{}", '{"a": 1.0}', '{"a":\n"é"}', "", '{"cut'])
texts = words.map(lambda text: {"type": "text", "text": text})
images = st.builds(
    lambda data, detail: {
        "type": "image_url",
        "image_url": {"url": f"data:image/png;base64,{data}", **({"detail": detail} if detail else {})},
    },
    st.sampled_from(["AAAA", "BBBB"]),
    st.sampled_from(["low", None]),
)
calls = st.builds(
    lambda name, arguments, number: {
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    },
    words,
    json_texts,
    st.integers(0, 99),
)
conversations = st.lists(
    st.one_of(
        st.builds(lambda text: {"role": "system", "content": text}, words),
        st.builds(lambda text: {"role": "user", "content": text}, words),
        st.builds(lambda parts: {"role": "user", "content": parts}, st.lists(texts | images, min_size=2, max_size=4)),
        st.builds(lambda text: {"role": "assistant", "content": text}, words),
        st.builds(
            lambda text, tool_calls: {"role": "assistant", "content": text, "tool_calls": tool_calls},
            words | st.none(),
            st.lists(calls, min_size=1, max_size=3),
        ),
        st.builds(lambda text: {"role": "tool", "tool_call_id": "call_1", "content": text}, words),
    ),
    min_size=1,
    max_size=6,
)
parameters = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 2),
        "max_completion_tokens": st.integers(1, 10_000),
        "stop": st.lists(words, min_size=1, max_size=3),
        "seed": st.integers(0, 2**31),
        "n": st.integers(2, 4),
        "reasoning_effort": st.sampled_from(["minimal", "low", "medium", "high"]),
        "response_format": st.sampled_from(
            [
                {"type": "json_object"},
                {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}},
            ]
        ),
    },
)


@given(messages=conversations, members=parameters)
def test_a_request_that_goes_through_the_neutral_form_keeps_its_meaning(messages, members):
    """FAILURES G20: arguments come out byte for byte."""
    fields = msgspec.json.decode(json.dumps({"messages": messages, **members}), type=dict[str, msgspec.Raw])
    request = parse_request(InboundCall(operation="chat", fields=fields, model="m"))
    provider = ProviderEntry(name="up", kind="openai", base_url="https://api.openai.com/v1")
    written = json.loads(render_request(request, Target(provider=provider, model="m")).body)
    assert written == {"model": "m", "messages": messages, **members}
