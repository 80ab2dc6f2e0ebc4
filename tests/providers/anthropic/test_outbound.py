"""A neutral request as a Messages request."""

import base64
import json

import msgspec
import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from pydantic import TypeAdapter

from penstock.core.errors import InvalidInput
from penstock.providers.anthropic.messages import render_request
from penstock.providers.anthropic.outbound import DEFAULT_MAX_TOKENS
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

SCHEMA = msgspec.Raw(b'{"type": "object", "properties": {"a": {"type": "number"}}, "additionalProperties": false}')


def user(*parts):
    return Message(role="user", parts=list(parts) or [Text(text="hi")])


def ask(*messages, **members):
    return ChatRequest(model="alias", messages=list(messages) or [user()], **members)


@pytest.fixture
def body(make_target):
    """The rendered body, checked against the SDK's own parameter types."""

    def render(request, model="claude-haiku-4-5"):
        rendered = json.loads(render_request(request, make_target(model)).body)
        # Sampling parameters are of API version 2023-06-01; the installed SDK's types no longer have them.
        known = {name: value for name, value in rendered.items() if name not in ("temperature", "top_p", "top_k")}
        TypeAdapter(MessageCreateParamsNonStreaming).validate_python(known | {"stream": False})
        return rendered

    return render


def test_the_request_goes_to_the_provider_with_its_key_and_version(make_target):
    target = make_target(x_team="blue")
    request = render_request(ask(), target)
    assert request.url == "https://api.anthropic.com/v1/messages"
    assert request.headers == {
        "content-type": "application/json",
        "x-api-key": "sk-ant",
        "anthropic-version": "2023-06-01",
        "x-team": "blue",
    }


def test_a_provider_without_a_key_is_sent_none(make_target):
    target = msgspec.structs.replace(make_target(api_version="2026-10-21"), secret=None)
    headers = render_request(ask(), target).headers
    assert "x-api-key" not in headers
    assert headers["anthropic-version"] == "2026-10-21"


def test_a_caller_without_max_tokens_gets_the_documented_number(body):
    assert body(ask()) == {
        "model": "claude-haiku-4-5",
        "max_tokens": DEFAULT_MAX_TOKENS,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
    }


def test_system_messages_are_hoisted_and_neighbours_of_one_role_merged(body):
    rendered = body(
        ask(
            Message(role="system", parts=[Text(text="One.", cache=True)]),
            user(Text(text="a")),
            Message(role="system", parts=[Text(text="Two."), Text(text="")]),
            user(Text(text="b")),
            Message(role="assistant", parts=[Text(text="")]),
            Message(role="assistant", parts=[Text(text="c"), Refusal(text="d"), Refusal(text="")]),
        )
    )
    assert rendered["system"] == [
        {"type": "text", "text": "One.", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "Two."},
    ]
    texts = [(turn["role"], [block["text"] for block in turn["content"]]) for turn in rendered["messages"]]
    assert texts == [("user", ["a", "b"]), ("assistant", ["c", "d"])]


def test_results_of_parallel_calls_stand_first_in_one_user_turn(body):
    rendered = body(
        ask(
            user(),
            Message(
                role="assistant",
                parts=[
                    Reasoning(text="own", signature="c2ln"),
                    Reasoning(redacted="enc"),
                    Reasoning(text="another vendor's", signature="gemini:abc"),
                    Reasoning(text="unsigned"),
                    Reasoning(text="of an unsigned block", signature=""),
                    ToolCall(id="call:1", name="f", arguments='{"x":1.50,"y":"é"}'),
                    ToolCall(id="c2", name="g", arguments=""),
                ],
            ),
            Message(role="tool", parts=[ToolResult(id="call:1", parts=[Text(text="one")])]),
            user(Text(text="hurry")),
            Message(
                role="tool",
                parts=[ToolResult(id="c2", parts=[Image(data="QUJD", media_type="image/PNG")], is_error=True)],
            ),
            Message(role="tool", parts=[ToolResult(id="c3", parts=[])]),
        )
    )
    assistant, results = rendered["messages"][1:]
    assert assistant["content"] == [
        {"type": "thinking", "thinking": "own", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "enc"},
        {"type": "tool_use", "id": "call_1", "name": "f", "input": {"x": 1.5, "y": "é"}},
        {"type": "tool_use", "id": "c2", "name": "g", "input": {}},
    ]
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}}
    assert results["content"] == [
        {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "one"}]},
        {"type": "tool_result", "tool_use_id": "c2", "content": [picture], "is_error": True},
        {"type": "tool_result", "tool_use_id": "c3"},
        {"type": "text", "text": "hurry"},
    ]


def test_tool_arguments_are_embedded_byte_for_byte(make_target):
    """FAILURES G20"""
    arguments = '{"big": 12345678901234567890, "f": 1.0, "e": "\\u00e9"}'
    call = ToolCall(id="c", name="f", arguments=arguments)
    request = render_request(ask(user(), Message(role="assistant", parts=[call])), make_target())
    assert arguments.encode() in request.body


@pytest.mark.parametrize("arguments", ["not json", "[1]", '"text"', '{"a": ', "null"])
def test_arguments_that_are_no_object_are_refused_naming_the_call(make_target, arguments):
    call = ToolCall(id="call_9", name="lookup", arguments=arguments)
    with pytest.raises(InvalidInput, match=r"'call_9' \(lookup\)") as raised:
        render_request(ask(user(), Message(role="assistant", parts=[Text(text="x"), call])), make_target())
    assert raised.value.field == "messages[1].content[1]"


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (Image(url="https://x/y.png"), {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}),
        (
            Image(url="data:image/jpeg;base64,QUJD"),
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "QUJD"}},
        ),
        (
            File(data="UERG", media_type="application/pdf", name="a.pdf"),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "UERG"},
                "title": "a.pdf",
            },
        ),
        (
            File(data="data:application/pdf;base64,UERG"),
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "UERG"}},
        ),
        (
            File(data=base64.b64encode("naïve".encode()).decode(), media_type="text/csv"),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "naïve"}},
        ),
        (File(url="https://x/y.pdf"), {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}}),
        (File(file_id="file_1"), {"type": "document", "source": {"type": "file", "file_id": "file_1"}}),
    ],
)
def test_images_and_documents(body, part, block):
    assert body(ask(user(part)))["messages"][0]["content"] == [block]


@pytest.mark.parametrize(
    "part",
    [
        Image(url="data:image/png,plain"),
        Image(data="QUJD"),
        Image(),
        File(),
        File(data="QUJD", media_type="video/mp4"),
        File(data="/w==", media_type="text/plain"),
        File(data="*", media_type="text/plain"),
        Audio(data="QUJD", format="wav"),
    ],
)
def test_parts_that_the_api_does_not_take_are_refused_by_place(make_target, part):
    with pytest.raises(InvalidInput) as raised:
        render_request(ask(user(Text(text="x"), part)), make_target())
    assert raised.value.field == "messages[0].content[1]"


def test_tools_carry_their_schema_and_strictness(body):
    tools = [Tool(name="f", description="d", parameters=SCHEMA, strict=True), Tool(name="g", strict=False)]
    rendered = body(ask(tools=tools))
    assert rendered["tools"] == [
        {"name": "f", "description": "d", "input_schema": json.loads(bytes(SCHEMA)), "strict": True},
        {"name": "g", "input_schema": {"type": "object", "properties": {}}},
    ]
    assert "tool_choice" not in rendered


@pytest.mark.parametrize(
    ("choice", "parallel", "wire"),
    [
        (ToolChoice(mode="auto"), None, {"type": "auto"}),
        (ToolChoice(mode="required"), True, {"type": "any"}),
        (ToolChoice(mode="tool", name="f"), False, {"type": "tool", "name": "f", "disable_parallel_tool_use": True}),
        (ToolChoice(mode="none"), False, {"type": "none"}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
    ],
)
def test_tool_choice(body, choice, parallel, wire):
    rendered = body(ask(tools=[Tool(name="f")], tool_choice=choice, parallel_tool_calls=parallel))
    assert rendered["tool_choice"] == wire


def test_a_tool_choice_without_tools_is_left_out(body):
    assert "tool_choice" not in body(ask(tool_choice=ToolChoice(mode="auto")))


def test_a_schema_for_the_answer_goes_to_output_config_beside_the_effort(body):
    wanted = ResponseFormat(kind="json_schema", name="n", schema=SCHEMA, strict=True)
    rendered = body(ask(response_format=wanted, reasoning_effort="low"), "claude-opus-4-8")
    assert rendered["output_config"] == {
        "effort": "low",
        "format": {"type": "json_schema", "schema": json.loads(bytes(SCHEMA))},
    }
    assert "effort" not in body(ask(response_format=wanted))["output_config"]


def test_a_json_object_is_asked_for_in_the_system_prompt(body):
    rendered = body(ask(response_format=ResponseFormat(kind="json_object")))
    assert "JSON object" in rendered["system"][-1]["text"]
    assert "output_config" not in rendered


def test_sampling_stop_user_and_stream(make_target):
    request = ask(
        temperature=0.2,
        top_p=0.9,
        top_k=5,
        stop=["a", "b"],
        user="u",
        stream=True,
        max_tokens=9,
        seed=1,
        metadata={"k": "v"},
    )
    rendered = json.loads(render_request(request, make_target()).body)
    del rendered["messages"]
    assert rendered == {
        "model": "claude-haiku-4-5",
        "max_tokens": 9,
        "temperature": 0.2,
        "top_p": 0.9,
        "top_k": 5,
        "stop_sequences": ["a", "b"],
        "metadata": {"user_id": "u"},
        "stream": True,
    }


def test_a_temperature_over_one_is_the_vendors_default(body):
    assert "temperature" not in body(ask(temperature=1.7, top_p=1.0))


@pytest.mark.parametrize("field", ["temperature", "top_p", "top_k"])
def test_sampling_is_refused_for_an_api_version_that_has_none(make_target, field):
    value = 3 if field == "top_k" else 0.5
    with pytest.raises(InvalidInput, match="2026-10-21") as raised:
        render_request(ask(**{field: value}), make_target(api_version="2026-10-21"))
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 3}, "logprobs"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"presence_penalty": -0.5}, "presence_penalty"),
        ({"response_format": ResponseFormat(kind="json_schema")}, "response_format"),
    ],
)
def test_what_the_api_cannot_do_is_refused_by_name(make_target, members, field):
    with pytest.raises(InvalidInput) as raised:
        render_request(ask(**members), make_target())
    assert raised.value.field == field


def test_a_conversation_of_system_messages_alone_is_refused(make_target):
    with pytest.raises(InvalidInput) as raised:
        render_request(ask(Message(role="system", parts=[Text(text="x")])), make_target())
    assert raised.value.field == "messages"


MANUAL, ADAPTIVE = "claude-sonnet-4-5-20250929", "claude-opus-4-8"


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        (MANUAL, "minimal", {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        (MANUAL, "high", {"thinking": {"type": "enabled", "budget_tokens": 16384}}),
        (MANUAL, "none", {}),
        ("claude-3-7-sonnet-latest", "low", {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        ("claude-opus-4-20250514", "low", {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        ("kimi-k2", "medium", {"thinking": {"type": "enabled", "budget_tokens": 8192}}),
        ("claude-sonnet-4-6", "xhigh", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}),
        (ADAPTIVE, "xhigh", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}),
        (ADAPTIVE, "minimal", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
        (ADAPTIVE, "none", {}),
        ("us.anthropic.claude-opus-5-v1:0", "none", {"thinking": {"type": "disabled"}}),
        ("claude-opus-5-5", "none", {"output_config": {"effort": "low"}}),
        ("claude-mythos-preview", "none", {"output_config": {"effort": "low"}}),
    ],
)
def test_effort_in_the_words_of_each_generation(body, model, effort, expected):
    rendered = body(ask(reasoning_effort=effort), model)
    assert {name: rendered[name] for name in ("thinking", "output_config") if name in rendered} == expected


def test_a_budget_leaves_room_for_the_answer(body):
    assert body(ask(reasoning_effort="xhigh"), MANUAL)["max_tokens"] == DEFAULT_MAX_TOKENS + 32768
    assert body(ask(reasoning_effort="high", max_tokens=4000), MANUAL)["thinking"]["budget_tokens"] == 2000
    assert "thinking" not in body(ask(reasoning_effort="high", max_tokens=1500), MANUAL)


def test_a_budget_that_the_caller_named_stays_below_max_tokens(body):
    assert body(ask(reasoning_budget=3000, max_tokens=4000), MANUAL)["thinking"]["budget_tokens"] == 3000
    assert body(ask(reasoning_budget=9000, max_tokens=4000), MANUAL)["thinking"]["budget_tokens"] == 3999


@pytest.mark.parametrize(("budget", "effort"), [(1024, "low"), (8000, "medium"), (10_000, "high"), (90_000, "xhigh")])
def test_a_budget_becomes_an_effort_where_models_take_no_budget(body, budget, effort):
    assert body(ask(reasoning_budget=budget), ADAPTIVE)["output_config"] == {"effort": effort}


@pytest.mark.parametrize("model", [MANUAL, ADAPTIVE])
def test_thinking_is_left_out_beside_a_forced_tool(body, model):
    forced = ask(reasoning_effort="high", tools=[Tool(name="f")], tool_choice=ToolChoice(mode="required"))
    assert "thinking" not in body(forced, model)


@pytest.mark.parametrize(
    ("reasoning", "thinks"),
    [([], False), ([Reasoning(text="t")], False), ([Reasoning(text="t", signature="s")], True)],
)
def test_a_tool_loop_needs_its_signed_reasoning_to_go_on_thinking(body, reasoning, thinks):
    calls = Message(role="assistant", parts=[*reasoning, ToolCall(id="c", name="f", arguments="{}")])
    results = Message(role="tool", parts=[ToolResult(id="c", parts=[Text(text="r")])])
    request = ask(user(), calls, results, reasoning_effort="medium", tools=[Tool(name="f")])
    assert ("thinking" in body(request, MANUAL)) is thinks


def test_a_lone_tool_result_does_not_stop_thinking(body):
    results = Message(role="tool", parts=[ToolResult(id="c", parts=[Text(text="r")])])
    assert "thinking" in body(ask(results, reasoning_effort="medium"), MANUAL)
