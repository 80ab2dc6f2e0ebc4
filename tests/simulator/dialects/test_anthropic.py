import json

import anthropic
import pytest
from jsonschema import Draft202012Validator

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "minLength": 2}, "days": {"type": "integer", "minimum": 1}},
    "required": ["city", "days"],
}
WEATHER = {"name": "get_weather", "description": "Weather", "input_schema": SCHEMA}
TIME = {"name": "get_time", "input_schema": {"type": "object", "properties": {}}}


def user(text):
    return [{"role": "user", "content": text}]


async def raw_events(sim, body, **headers):
    """(event, data) of a stream, as they stand on the wire."""
    _, _, data = await sim.post("/v1/messages", {"stream": True, **body}, **headers)
    frames = [frame.split("\n") for frame in data.decode().strip().split("\n\n")]
    return [(frame[0].removeprefix("event: "), json.loads(frame[1].removeprefix("data: "))) for frame in frames]


async def test_a_message_answers_with_text_and_usage(anthropic_client):
    answer = await anthropic_client.messages.create(
        model="claude-haiku-4-5", max_tokens=500, messages=user("What is a penstock?")
    )
    assert answer.stop_reason == "end_turn"
    assert "penstock" in answer.content[0].text
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0


async def test_a_stream_adds_up_to_the_whole_answer(anthropic_client):
    arguments = {"model": "claude-sonnet-4-6", "max_tokens": 500, "messages": user("Why do rivers bend?")}
    whole = await anthropic_client.messages.create(**arguments)
    async with anthropic_client.messages.stream(**arguments) as stream:
        text = "".join([part async for part in stream.text_stream])
        final = await stream.get_final_message()
    assert text == whole.content[0].text
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert final.usage.input_tokens == whole.usage.input_tokens
    assert final.stop_reason == "end_turn"


async def test_events_come_in_the_documented_order(sim):
    """FAILURES G19"""
    events = await raw_events(
        sim,
        {
            "model": "claude-sonnet-4-6",
            "max_tokens": 400,
            "messages": user("The weather and the time in Rome?"),
            "tools": [WEATHER, TIME],
            "thinking": {"type": "enabled", "budget_tokens": 20},
        },
    )
    assert all(name == data["type"] for name, data in events)
    names = [name for name, _ in events]
    assert names[0] == "message_start"
    assert names[1:3] == ["content_block_start", "ping"]
    assert names[-2:] == ["message_delta", "message_stop"]
    assert names.count("message_start") == names.count("message_delta") == names.count("message_stop") == 1
    opened: list[int] = []
    active = None
    for name, data in events:
        if name == "content_block_start":
            assert active is None
            active = data["index"]
            opened.append(active)
        elif name == "content_block_delta":
            assert data["index"] == active
        elif name == "content_block_stop":
            assert data["index"] == active
            active = None
    assert opened == [0, 1, 2]
    kinds = [data["content_block"]["type"] for name, data in events if name == "content_block_start"]
    assert kinds == ["thinking", "tool_use", "tool_use"]
    deltas = [data["delta"]["type"] for name, data in events if name == "content_block_delta" and data["index"] == 0]
    assert deltas[-1] == "signature_delta"
    assert set(deltas[:-1]) == {"thinking_delta"}


async def test_tools_are_called_with_valid_input(anthropic_client):
    arguments = {
        "model": "claude-sonnet-4-6",
        "max_tokens": 400,
        "messages": user("The weather and the time in Rome?"),
        "tools": [WEATHER, TIME],
    }
    whole = await anthropic_client.messages.create(**arguments)
    assert whole.stop_reason == "tool_use"
    assert [block.name for block in whole.content] == ["get_weather", "get_time"]
    Draft202012Validator(SCHEMA).validate(whole.content[0].input)
    async with anthropic_client.messages.stream(**arguments) as stream:
        final = await stream.get_final_message()
    assert [block.input for block in final.content] == [block.input for block in whole.content]


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"type": "any"}, ["get_weather"]),
        ({"type": "tool", "name": "get_time"}, ["get_time"]),
        ({"type": "none"}, []),
        ({"type": "auto"}, []),
    ],
)
async def test_tool_choice_is_obeyed(anthropic_client, choice, names):
    answer = await anthropic_client.messages.create(
        model="claude-haiku-4-5", max_tokens=300, messages=user("Hello"), tools=[WEATHER, TIME], tool_choice=choice
    )
    assert [block.name for block in answer.content if block.type == "tool_use"] == names


async def test_parallel_calls_can_be_switched_off(anthropic_client):
    answer = await anthropic_client.messages.create(
        model="claude-haiku-4-5",
        max_tokens=300,
        messages=user("The weather and the time?"),
        tools=[WEATHER, TIME],
        tool_choice={"type": "auto", "disable_parallel_tool_use": True},
    )
    assert len(answer.content) == 1


async def test_a_tool_call_that_the_limit_cuts_ends_with_max_tokens(anthropic_client):
    answer = await anthropic_client.messages.create(
        model="claude-haiku-4-5", max_tokens=13, messages=user("The weather?"), tools=[WEATHER]
    )
    assert answer.stop_reason == "max_tokens"
    assert answer.content[0].input == {}


async def test_tool_results_are_answered_with_text(anthropic_client):
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "21 degrees"}]}
    messages = [
        *user("The weather in Paris?"),
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}}],
        },
        {"role": "user", "content": [result]},
    ]
    answer = await anthropic_client.messages.create(
        model="claude-haiku-4-5", max_tokens=300, messages=messages, tools=[WEATHER]
    )
    assert "21 degrees" in answer.content[0].text


async def test_thinking_is_shown_signed_and_counted(anthropic_client):
    arguments = {"model": "claude-sonnet-4-6", "max_tokens": 2000, "messages": user("Hard question")}
    plain = await anthropic_client.messages.create(**arguments)
    answer = await anthropic_client.messages.create(**arguments, thinking={"type": "enabled", "budget_tokens": 1024})
    assert [block.type for block in plain.content] == ["text"]
    assert [block.type for block in answer.content] == ["thinking", "text"]
    assert answer.content[0].thinking
    assert answer.content[0].signature
    adaptive = await anthropic_client.messages.create(
        **arguments, thinking={"type": "adaptive"}, output_config={"effort": "low"}
    )
    assert adaptive.content[0].type == "thinking"
    off = await anthropic_client.messages.create(**arguments, thinking={"type": "disabled"})
    assert [block.type for block in off.content] == ["text"]


async def test_omitted_thinking_leaves_its_signature(anthropic_client):
    arguments = {
        "model": "claude-sonnet-4-6",
        "max_tokens": 2000,
        "messages": user("Hard question"),
        "thinking": {"type": "enabled", "budget_tokens": 1024, "display": "omitted"},
    }
    async with anthropic_client.messages.stream(**arguments) as stream:
        final = await stream.get_final_message()
    assert final.content[0].thinking == ""
    assert final.content[0].signature


async def test_structured_output_is_valid_for_its_schema(anthropic_client):
    answer = await anthropic_client.messages.create(
        model="claude-sonnet-4-6",
        max_tokens=300,
        messages=user("Plan a trip"),
        output_config={"format": {"type": "json_schema", "schema": SCHEMA}},
    )
    Draft202012Validator(SCHEMA).validate(json.loads(answer.content[0].text))


async def test_a_stop_sequence_is_named(anthropic_client):
    arguments = {"model": "claude-haiku-4-5", "max_tokens": 500, "messages": user("Explain valves")}
    text = (await anthropic_client.messages.create(**arguments)).content[0].text
    stop = text.split()[4]
    answer = await anthropic_client.messages.create(**arguments, stop_sequences=["~~", stop])
    assert answer.stop_reason == "stop_sequence"
    assert answer.stop_sequence == stop
    assert answer.content[0].text == text[: text.find(stop)]


async def test_max_tokens_ends_with_exactly_so_many(anthropic_client):
    answer = await anthropic_client.messages.create(
        model="claude-haiku-4-5", max_tokens=5, messages=user("Tell me a story")
    )
    assert answer.stop_reason == "max_tokens"
    assert answer.usage.output_tokens == 5


async def test_marked_prefixes_are_written_to_the_cache_and_then_read(anthropic_client):
    """FAILURES G27"""
    long = {"type": "text", "text": "Be brief and kind. " * 500, "cache_control": {"type": "ephemeral"}}
    arguments = {"model": "claude-sonnet-4-6", "max_tokens": 50, "system": [long]}
    first = await anthropic_client.messages.create(**arguments, messages=user("One"))
    second = await anthropic_client.messages.create(**arguments, messages=user("Two"))
    assert first.usage.cache_read_input_tokens == 0
    assert first.usage.cache_creation_input_tokens > 1024
    assert second.usage.cache_read_input_tokens == first.usage.cache_creation_input_tokens
    assert second.usage.cache_creation_input_tokens == 0
    assert second.usage.input_tokens < 20


async def test_an_unmarked_prompt_is_not_cached(anthropic_client):
    arguments = {"model": "claude-sonnet-4-6", "max_tokens": 50, "messages": user("Be brief. " * 800)}
    await anthropic_client.messages.create(**arguments)
    again = await anthropic_client.messages.create(**arguments)
    assert again.usage.cache_read_input_tokens == again.usage.cache_creation_input_tokens == 0


async def test_tokens_are_counted_as_the_answer_will_count_them(anthropic_client):
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    messages = [{"role": "user", "content": [image, {"type": "text", "text": "What is this?"}]}]
    counted = await anthropic_client.messages.count_tokens(
        model="claude-haiku-4-5", messages=messages, system="Be brief.", tools=[WEATHER]
    )
    answer = await anthropic_client.messages.create(
        model="claude-haiku-4-5", max_tokens=50, messages=messages, system="Be brief.", tools=[WEATHER]
    )
    assert counted.input_tokens == answer.usage.input_tokens
    assert counted.input_tokens > 1334


async def test_the_prefixed_path_serves_the_same(sim):
    async with anthropic.AsyncAnthropic(base_url=f"{sim.url}/anthropic", api_key="k", max_retries=0) as client:
        answer = await client.messages.create(model="claude-haiku-4-5", max_tokens=50, messages=user("Hi"))
        models = [model.id async for model in client.models.list()]
        one = await client.models.retrieve("claude-haiku-4-5")
    assert answer.content[0].text
    assert {"claude-sonnet-4-6", "claude-haiku-4-5"} <= set(models)
    assert one.id == "claude-haiku-4-5"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (418, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (529, "overloaded_error"),
    ],
)
async def test_ordered_statuses_have_the_vendors_error_type(anthropic_client, status, kind):
    with pytest.raises(anthropic.APIStatusError) as raised:
        await anthropic_client.messages.create(
            model="claude-haiku-4-5",
            max_tokens=5,
            messages=user("Hi"),
            extra_headers={"x-sim-fault": f"status={status};message=Because"},
        )
    assert raised.value.status_code == status
    assert raised.value.body == {"type": "error", "error": {"type": kind, "message": "Because"}}


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": []},
        {"max_tokens": 0},
        {"max_tokens": None},
        {"messages": [{"role": "robot", "content": "x"}]},
        {"tool_choice": {"type": "tool", "name": "nobody"}},
    ],
)
async def test_what_the_vendor_refuses_is_refused_with_400(sim, fields):
    body = {"model": "claude-haiku-4-5", "max_tokens": 5, "messages": user("Hi"), **fields}
    status, _, answer = await sim.post("/v1/messages", body)
    assert status == 400
    assert json.loads(answer)["error"]["type"] == "invalid_request_error"


async def test_an_error_event_after_content_is_raised_by_the_sdk(anthropic_client):
    """FAILURES G15"""
    texts = []

    async def read():
        async with anthropic_client.messages.stream(
            model="claude-haiku-4-5",
            max_tokens=50,
            messages=user("Hi"),
            extra_headers={"x-sim-fault": "error_event=3;message=Midway"},
        ) as stream:
            async for text in stream.text_stream:
                texts.append(text)  # noqa: PERF401 - what came before the error is kept

    with pytest.raises(anthropic.APIStatusError, match="Midway"):
        await read()
    assert len(texts) == 3


@pytest.mark.parametrize(
    ("style", "started", "final"),
    [
        ("own_chunk", True, {"output_tokens"}),
        (
            "cumulative",
            True,
            {"input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"},
        ),
        ("none", False, {"output_tokens"}),
    ],
)
async def test_usage_stands_where_it_was_ordered(sim, style, started, final):
    """FAILURES G2"""
    body = {"model": "claude-haiku-4-5", "max_tokens": 50, "messages": user("Hi")}
    events = await raw_events(sim, body, x_sim_fault=f"usage={style}")
    opening = next(data for name, data in events if name == "message_start")["message"]["usage"]
    deltas = [data["usage"] for name, data in events if name == "message_delta"]
    assert (opening["input_tokens"] > 0) is started
    assert set(deltas[-1]) == final
    assert (deltas[-1]["output_tokens"] > 0) is started
    if style == "cumulative":
        assert deltas[0]["output_tokens"] < deltas[-1]["output_tokens"]
