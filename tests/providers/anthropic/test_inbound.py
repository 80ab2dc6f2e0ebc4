"""A caller's Messages request in the neutral form."""

import msgspec
import pytest

from penstock.core.errors import InvalidInput
from penstock.providers.anthropic.messages import parse_request
from penstock.wire.chat import File, Image, Message, Reasoning, Text, ToolCall, ToolChoice, ToolResult

HELLO = [{"role": "user", "content": "hi"}]


def body(**members):
    return {"model": "m", "max_tokens": 100, "messages": HELLO, **members}


def test_a_plain_request_keeps_every_parameter(make_call):
    request = parse_request(
        make_call(
            body(
                stream=True,
                system="Be brief.",
                temperature=0.5,
                top_p=0.9,
                top_k=40,
                stop_sequences=["END"],
                metadata={"user_id": "u1"},
            )
        )
    )
    assert request.messages == [
        Message(role="system", parts=[Text(text="Be brief.")]),
        Message(role="user", parts=[Text(text="hi")]),
    ]
    assert (request.max_tokens, request.temperature, request.top_p, request.top_k) == (100, 0.5, 0.9, 40)
    assert (request.stop, request.user, request.stream) == (["END"], "u1", True)


def test_system_blocks_keep_their_cache_breakpoints(make_call):
    system = [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "b"}]
    request = parse_request(make_call(body(system=system)))
    assert request.messages[0].parts == [Text(text="a", cache=True), Text(text="b")]


def test_a_system_message_stays_where_it_stood(make_call):
    messages = [*HELLO, {"role": "system", "content": "From now on in verse."}, {"role": "user", "content": "go"}]
    roles = [message.role for message in parse_request(make_call(body(messages=messages))).messages]
    assert roles == ["user", "system", "user"]


def test_tool_results_become_messages_of_their_own(make_call):
    messages = [
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "enc"},
                {"type": "text", "text": "Looking."},
                {"type": "tool_use", "id": "t1", "name": "f", "input": {"x": 1}},
                {"type": "tool_use", "id": "t2", "name": "g", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "one"},
                {
                    "type": "tool_result",
                    "tool_use_id": "t2",
                    "is_error": True,
                    "content": [
                        {"type": "text", "text": "two"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}},
                    ],
                },
                {"type": "tool_result", "tool_use_id": "t3"},
                {"type": "text", "text": "and now?"},
                {"type": "text", "text": "well?"},
            ],
        },
    ]
    parsed = parse_request(make_call(body(messages=messages))).messages
    assert [message.role for message in parsed] == ["assistant", "tool", "tool", "tool", "user"]
    assert parsed[0].parts == [
        Reasoning(text="hm", signature="c2ln"),
        Reasoning(redacted="enc"),
        Text(text="Looking."),
        ToolCall(id="t1", name="f", arguments='{"x": 1}'),
        ToolCall(id="t2", name="g", arguments="{}"),
    ]
    assert parsed[1].parts == [ToolResult(id="t1", parts=[Text(text="one")])]
    assert parsed[2].parts == [
        ToolResult(id="t2", parts=[Text(text="two"), Image(data="QUJD", media_type="image/png")], is_error=True)
    ]
    assert parsed[3].parts == [ToolResult(id="t3", parts=[])]
    assert parsed[4].parts == [Text(text="and now?"), Text(text="well?")]


def test_documents_and_search_results_keep_what_the_model_reads(make_call):
    content = [
        {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
        {
            "type": "document",
            "title": "T",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "UQ=="},
        },
        {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}},
        {"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
        {"type": "document", "source": {"type": "content", "content": "plain"}, "citations": {"enabled": False}},
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "block"}]}},
        {"type": "search_result", "source": "https://s", "title": "S", "content": [{"type": "text", "text": "found"}]},
    ]
    parts = parse_request(make_call(body(messages=[{"role": "user", "content": content}]))).messages[0].parts
    assert parts == [
        Image(url="https://x/y.png"),
        File(data="UQ==", media_type="application/pdf", name="T"),
        File(url="https://x/y.pdf"),
        Text(text="T\nwords"),
        Text(text="plain"),
        Text(text="block"),
        Text(text="S\nhttps://s\nfound"),
    ]


@pytest.mark.parametrize(
    ("choice", "expected", "parallel"),
    [
        ({"type": "auto"}, ToolChoice(mode="auto"), None),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice(mode="required"), False),
        ({"type": "tool", "name": "f", "disable_parallel_tool_use": False}, ToolChoice(mode="tool", name="f"), True),
        ({"type": "none"}, ToolChoice(mode="none"), None),
    ],
)
def test_tool_choice_and_parallel_use(make_call, choice, expected, parallel):
    tools = [{"name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": True}]
    request = parse_request(make_call(body(tools=tools, tool_choice=choice)))
    assert (request.tool_choice, request.parallel_tool_calls) == (expected, parallel)
    assert (request.tools[0].name, request.tools[0].description, request.tools[0].strict) == ("f", "d", True)
    assert bytes(request.tools[0].parameters or b"") == b'{"type": "object"}'


@pytest.mark.parametrize(
    ("members", "effort", "budget"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, None, 2000),
        ({"thinking": {"type": "disabled"}}, "none", None),
        ({"thinking": {"type": "between_tools"}}, "none", None),
        ({"thinking": {"type": "adaptive"}}, None, None),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "xhigh", None),
        ({"output_config": {"effort": "low"}}, "low", None),
        ({}, None, None),
    ],
)
def test_thinking_and_effort(make_call, members, effort, budget):
    request = parse_request(make_call(body(**members)))
    assert (request.reasoning_effort, request.reasoning_budget) == (effort, budget)


@pytest.mark.parametrize("where", ["output_config", "output_format"])
def test_structured_output_in_both_spellings(make_call, where):
    form = {"type": "json_schema", "schema": {"type": "object"}}
    members = {"output_config": {"format": form}} if where == "output_config" else {"output_format": form}
    wanted = parse_request(make_call(body(**members))).response_format
    assert wanted is not None
    assert (wanted.kind, wanted.strict, bytes(wanted.schema or b"")) == ("json_schema", True, b'{"type": "object"}')


def test_counting_tokens_needs_no_max_tokens(make_call):
    request = parse_request(make_call({"model": "m", "messages": HELLO}, operation="count_tokens"))
    assert request.max_tokens is None


def user(*blocks):
    return {"messages": [{"role": "user", "content": list(blocks)}]}


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 3}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "robot", "content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "system", "content": [{"type": "image"}]}]}, "messages[0].content[0]"),
        ({"system": [{"type": "image"}]}, "system[0]"),
        (user({"type": "text"}), "messages[0].content[0].text"),
        (user({"type": "server_tool_use"}), "messages[0].content[0]"),
        (user({"type": "image", "source": {"type": "file", "file_id": "f"}}), "messages[0].content[0].source"),
        (user({"type": "image", "source": {"type": "base64"}}), "messages[0].content[0].source"),
        (user({"type": "image"}), "messages[0].content[0].source"),
        (user({"type": "document", "source": {"type": "file", "file_id": "f"}}), "messages[0].content[0].source"),
        (user({"type": "document", "source": {"type": "?"}}), "messages[0].content[0].source"),
        (
            user({"type": "document", "source": {"type": "url", "url": "u"}, "citations": {"enabled": True}}),
            "messages[0].content[0].citations",
        ),
        (user({"type": "search_result", "title": "x"}), "messages[0].content[0]"),
        (user({"type": "tool_use", "id": "i", "name": "n", "input": "text"}), "messages[0].content[0].input"),
        (user({"type": "tool_use", "name": "n", "input": {}}), "messages[0].content[0].id"),
        (
            user({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "tool_reference"}]}),
            "messages[0].content[0].content[0]",
        ),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
        ({"tool_choice": {"type": "maybe"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"output_config": {"effort": "enormous"}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format"),
        ({"output_format": {"type": "json_schema"}}, "output_format"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        (
            user({"type": "document", "source": {"type": "url", "url": "u"}, "citations": [1]}),
            "messages[0].content[0].citations",
        ),
        ({"mcp_servers": [{"url": "x"}]}, "mcp_servers"),
        ({"container": "c"}, "container"),
    ],
)
def test_what_cannot_be_converted_is_refused_by_name(make_call, members, field):
    with pytest.raises(InvalidInput) as raised:
        parse_request(make_call(body(**members)))
    assert raised.value.field == field
    assert field.split(".")[0].split("[")[0] in raised.value.message


def test_empty_lists_of_refused_members_and_billing_members_are_passed_over(make_call):
    members = {"mcp_servers": [], "container": None, "service_tier": "auto", "context_management": {"edits": []}}
    assert parse_request(make_call(body(**members))).messages


def test_broken_utf8_in_tool_input_is_refused(make_call):
    call = make_call(body())
    raw = b'[{"role":"assistant","content":[{"type":"tool_use","id":"i","name":"n","input":{"a":"\xff"}}]}]'
    call.fields["messages"] = msgspec.Raw(raw)
    with pytest.raises(InvalidInput) as raised:
        parse_request(call)
    assert raised.value.field is not None
    assert raised.value.field.startswith("messages")
