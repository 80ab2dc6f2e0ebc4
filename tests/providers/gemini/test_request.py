"""A neutral request as `generateContent`."""

import json

import msgspec
import pytest
from google.genai import types
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from penstock.core.errors import InvalidInput
from penstock.providers.gemini.generate_content import render_request
from penstock.providers.gemini.request import render_count_tokens, resource_name
from penstock.providers.gemini.signatures import UNSIGNED, tool_call_id
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

SCHEMA = msgspec.Raw(b'{"type": "object", "properties": {"a": {"type": "number"}}, "$defs": {}}')


class SdkRequest(BaseModel):
    """The members of a request, each of the SDK's own type; none besides."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)
    contents: list[types.Content]
    system_instruction: types.Content | None = None
    tools: list[types.Tool] | None = None
    tool_config: types.ToolConfig | None = None
    generation_config: types.GenerationConfig | None = None


@pytest.fixture
def body(make_target):
    """The rendered body, checked against the SDK's types."""

    def render(request, model="gemini-2.5-flash"):
        rendered = render_request(request, make_target(model)).body
        SdkRequest.model_validate_json(rendered)
        return json.loads(rendered)

    return render


def user(*parts):
    return Message(role="user", parts=list(parts) or [Text(text="hi")])


def ask(*messages, **members):
    return ChatRequest(model="alias", messages=list(messages) or [user()], **members)


def test_the_key_is_in_a_header_and_never_in_the_address(make_target):
    request = render_request(ask(), make_target(X_Team="blue"))
    assert request.url == "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent"
    assert request.headers == {"content-type": "application/json", "x-goog-api-key": "AIza", "x-team": "blue"}
    keyless = msgspec.structs.replace(make_target(), secret=None)
    assert "x-goog-api-key" not in render_request(ask(), keyless).headers


def test_a_stream_has_a_method_of_its_own(make_target):
    url = render_request(ask(stream=True), make_target()).url
    assert url.endswith("/models/gemini-2.5-flash:streamGenerateContent?alt=sse")


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gemini-x", "models/gemini-x"),
        ("models/gemini-x", "models/gemini-x"),
        ("tunedModels/mine", "tunedModels/mine"),
        ("x:generateContent?key=1", "models/x%3AgenerateContent%3Fkey%3D1"),
        ("../../other", "models/..%2F..%2Fother"),
        ("models/../x#", "models/..%2Fx%23"),
    ],
)
def test_a_models_name_cannot_leave_its_place_in_the_address(model, name):
    assert resource_name(model) == name


def test_roles_and_turns(body):
    rendered = body(
        ask(
            Message(role="system", parts=[Text(text="One."), Text(text="")]),
            user(Text(text="a")),
            user(Text(text="b"), Text(text="")),
            Message(role="system", parts=[Text(text="Two.")]),
            Message(role="assistant", parts=[Text(text="c"), Refusal(text="d"), Refusal(text="")]),
            Message(role="assistant", parts=[Text(text="")]),
        )
    )
    assert rendered == {
        "contents": [
            {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
            {"role": "model", "parts": [{"text": "c"}, {"text": "d"}]},
        ],
        "systemInstruction": {"parts": [{"text": "One."}, {"text": "Two."}]},
    }


def test_a_tool_loop_keeps_ids_names_and_signatures(body):
    """Parallel calls: their results stand together in one turn, apart from what the user says next."""
    signed = tool_call_id("fc-1", "c2ln+/8=", seed="")
    rendered = body(
        ask(
            user(),
            Message(
                role="assistant",
                parts=[
                    Reasoning(text="seen", signature="gemini:dGhv"),
                    Reasoning(signature="gemini:dGV4"),
                    Reasoning(text="of another vendor", signature="c2ln"),
                    Reasoning(text="unsigned"),
                    ToolCall(id=signed, name="f", arguments='{"x":1.50}'),
                    ToolCall(id="call_2", name="g", arguments=""),
                ],
            ),
            Message(role="tool", parts=[ToolResult(id=signed, parts=[Text(text='{"ok": true}')])]),
            Message(
                role="tool",
                parts=[
                    ToolResult(
                        id="call_2",
                        parts=[Text(text="boom"), Image(data="QUJD", media_type="image/png")],
                        is_error=True,
                    )
                ],
            ),
            user(Text(text="and?")),
        )
    )
    model, results, after = rendered["contents"][1:]
    assert model["parts"] == [
        {"text": "seen", "thoughtSignature": "dGhv", "thought": True},
        {"text": "", "thoughtSignature": "dGV4"},
        {"functionCall": {"id": "fc-1", "name": "f", "args": {"x": 1.5}}, "thoughtSignature": "c2ln+/8="},
        {"functionCall": {"id": "call_2", "name": "g", "args": {}}},
    ]
    assert results == {
        "role": "user",
        "parts": [
            {"functionResponse": {"id": "fc-1", "name": "f", "response": {"output": {"ok": True}}}},
            {
                "functionResponse": {
                    "id": "call_2",
                    "name": "g",
                    "response": {"error": "boom"},
                    "parts": [{"inlineData": {"mimeType": "image/png", "data": "QUJD"}}],
                }
            },
        ],
    }
    assert after == {"role": "user", "parts": [{"text": "and?"}]}


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("gemini-3-pro-preview", UNSIGNED),
        ("gemini-flash-latest", UNSIGNED),
        ("gemini-2.5-pro", None),
        ("gemma-3", None),
    ],
)
def test_calls_made_elsewhere_carry_googles_placeholder_where_signatures_are_demanded(body, model, sent):
    calls = [ToolCall(id="a", name="f", arguments="{}"), ToolCall(id="b", name="f", arguments="{}")]
    rendered = body(ask(user(), Message(role="assistant", parts=[Text(text="x"), *calls])), model)
    parts = rendered["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in parts] == [None, sent, None]


def test_a_turn_of_text_alone_gets_no_placeholder(body):
    rendered = body(ask(user(), Message(role="assistant", parts=[Text(text="x")])), "gemini-3-pro")
    assert rendered["contents"][1]["parts"] == [{"text": "x"}]


@pytest.mark.parametrize(
    ("text", "output"),
    [("", ""), ("plain", "plain"), ("[1, 2]", [1, 2]), ('{"a": ', '{"a": '), ("12", "12")],
)
def test_results_keep_their_structure(body, text, output):
    call = Message(role="assistant", parts=[ToolCall(id="c", name="f", arguments="{}")])
    result = Message(role="tool", parts=[ToolResult(id="c", parts=[Text(text=text)])])
    rendered = body(ask(user(), call, result))
    assert rendered["contents"][2]["parts"][0]["functionResponse"]["response"] == {"output": output}


def test_a_result_without_its_call_is_refused(make_target):
    with pytest.raises(InvalidInput, match="'c9'") as raised:
        render_request(ask(Message(role="tool", parts=[ToolResult(id="c9", parts=[])])), make_target())
    assert raised.value.field == "messages[0].content[0]"


@pytest.mark.parametrize("arguments", ["not json", "[1]", "null"])
def test_arguments_that_are_no_object_are_refused_naming_the_call(make_target, arguments):
    call = ToolCall(id="c1", name="lookup", arguments=arguments)
    with pytest.raises(InvalidInput, match=r"'c1' \(lookup\)"):
        render_request(ask(user(), Message(role="assistant", parts=[call])), make_target())


@pytest.mark.parametrize(
    ("part", "rendered"),
    [
        (Image(data="QUJD", media_type="image/png"), {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}),
        (Image(url="data:image/jpeg;base64,QUJD"), {"inlineData": {"mimeType": "image/jpeg", "data": "QUJD"}}),
        (
            Image(url="https://x/y.png?z=1"),
            {"fileData": {"fileUri": "https://x/y.png?z=1", "mimeType": "image/png"}},
        ),
        (Image(url="https://x/y"), {"fileData": {"fileUri": "https://x/y"}}),
        (Audio(data="QUJD", format="wav"), {"inlineData": {"mimeType": "audio/wav", "data": "QUJD"}}),
        (File(data="QUJD"), {"inlineData": {"mimeType": "application/pdf", "data": "QUJD"}}),
        (File(data="QUJD", name="a.csv"), {"inlineData": {"mimeType": "text/csv", "data": "QUJD"}}),
        (
            File(data="data:application/pdf;base64,QUJD"),
            {"inlineData": {"mimeType": "application/pdf", "data": "QUJD"}},
        ),
        (
            File(url="https://x/y.pdf"),
            {"fileData": {"fileUri": "https://x/y.pdf", "mimeType": "application/pdf"}},
        ),
    ],
)
def test_media(body, part, rendered):
    assert body(ask(user(part)))["contents"][0]["parts"] == [rendered]


@pytest.mark.parametrize(
    "part", [Image(), Image(data="QUJD"), Image(url="data:image/png,x"), File(), File(file_id="f")]
)
def test_media_that_cannot_be_sent_are_refused_by_place(make_target, part):
    with pytest.raises(InvalidInput) as raised:
        render_request(ask(user(Text(text="x"), part)), make_target())
    assert raised.value.field == "messages[0].content[1]"


@pytest.mark.parametrize(
    ("choice", "strict", "config"),
    [
        (None, None, None),
        (None, True, {"mode": "VALIDATED"}),
        (ToolChoice(mode="auto"), None, {"mode": "AUTO"}),
        (ToolChoice(mode="none"), True, {"mode": "NONE"}),
        (ToolChoice(mode="required"), True, {"mode": "ANY"}),
        (ToolChoice(mode="tool", name="f"), None, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    ],
)
def test_tools(body, choice, strict, config):
    tools = [Tool(name="f", description="d", parameters=SCHEMA, strict=strict), Tool(name="g")]
    rendered = body(ask(tools=tools, tool_choice=choice))
    declarations = rendered["tools"][0]["functionDeclarations"]
    assert declarations == [
        {"name": "f", "description": "d", "parametersJsonSchema": json.loads(bytes(SCHEMA))},
        {"name": "g"},
    ]
    assert rendered.get("toolConfig", {}).get("functionCallingConfig") == config


def test_generation_parameters(body):
    request = ask(
        temperature=0.5,
        top_p=0.9,
        top_k=7,
        max_tokens=99,
        stop=["a"],
        seed=3,
        n=2,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        logprobs=True,
        top_logprobs=4,
        response_format=ResponseFormat(kind="json_schema", schema=SCHEMA),
        user="u",
        metadata={"k": "v"},
        parallel_tool_calls=False,
    )
    assert body(request)["generationConfig"] == {
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 7,
        "maxOutputTokens": 99,
        "stopSequences": ["a"],
        "seed": 3,
        "candidateCount": 2,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "responseLogprobs": True,
        "logprobs": 4,
        "responseMimeType": "application/json",
        "responseJsonSchema": json.loads(bytes(SCHEMA)),
    }


def test_any_json_object(body):
    rendered = body(ask(response_format=ResponseFormat(kind="json_object")))
    assert rendered["generationConfig"] == {"responseMimeType": "application/json"}


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"response_format": ResponseFormat(kind="json_schema")}, "response_format"),
        ({"tools": [Tool(name="f")], "parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"messages": [Message(role="system", parts=[Text(text="x")])]}, "messages"),
    ],
)
def test_what_the_api_cannot_do_is_refused_by_name(make_target, members, field):
    with pytest.raises(InvalidInput) as raised:
        render_request(msgspec.structs.replace(ask(), **members), make_target())
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("model", "effort", "config"),
    [
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128}),
        ("gemini-2.5-flash", "minimal", {"thinkingBudget": 1024, "includeThoughts": True}),
        ("gemini-2.5-flash", "medium", {"thinkingBudget": 8192, "includeThoughts": True}),
        ("gemini-2.5-pro", "xhigh", {"thinkingBudget": 24576, "includeThoughts": True}),
        ("gemini-3-flash-preview", "none", {"thinkingLevel": "MINIMAL"}),
        ("gemini-3.1-pro", "none", {"thinkingLevel": "LOW"}),
        ("gemini-3.1-pro", "minimal", {"thinkingLevel": "LOW", "includeThoughts": True}),
        ("gemini-3.8-flash", "xhigh", {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ("gemini-2.0-flash", "high", None),
        ("gemma-3-27b", "high", None),
        ("gemini-3-flash", None, None),
    ],
)
def test_effort_in_the_words_of_each_generation(body, model, effort, config):
    rendered = body(ask(reasoning_effort=effort), model)
    assert rendered.get("generationConfig", {}).get("thinkingConfig") == config


@pytest.mark.parametrize(
    ("model", "budget", "config"),
    [
        ("gemini-2.5-flash", 0, {"thinkingBudget": 0}),
        ("gemini-2.5-flash", 90_000, {"thinkingBudget": 24_576, "includeThoughts": True}),
        ("gemini-2.5-pro", 90_000, {"thinkingBudget": 32_768, "includeThoughts": True}),
        ("gemini-3-flash", 0, {"thinkingLevel": "MINIMAL"}),
        ("gemini-3-flash", 5000, {"thinkingLevel": "MEDIUM", "includeThoughts": True}),
        ("gemini-3-flash", 90_000, {"thinkingLevel": "HIGH", "includeThoughts": True}),
    ],
)
def test_a_budget_of_reasoning(body, model, budget, config):
    assert body(ask(reasoning_budget=budget), model)["generationConfig"]["thinkingConfig"] == config


def test_counting_sends_the_same_conversation(make_target):
    request = ask(Message(role="system", parts=[Text(text="s")]), user(), tools=[Tool(name="f")], temperature=0.5)
    counting = render_count_tokens(request, make_target())
    assert counting.url.endswith("/models/gemini-2.5-flash:countTokens")
    assert json.loads(counting.body) == {
        "generateContentRequest": {
            "model": "models/gemini-2.5-flash",
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
            "systemInstruction": {"parts": [{"text": "s"}]},
            "tools": [{"functionDeclarations": [{"name": "f"}]}],
        }
    }
