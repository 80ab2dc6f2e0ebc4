import json

import pytest
from jsonschema import Draft202012Validator

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = {"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": True}
TIME = {"type": "function", "name": "get_time", "parameters": {"type": "object", "properties": {}}, "strict": False}


async def test_a_response_answers_with_text_and_usage(openai_client):
    answer = await openai_client.responses.create(
        model="gpt-4o-mini", input="What is a penstock?", instructions="Brief"
    )
    assert answer.status == "completed"
    assert "penstock" in answer.output_text
    assert answer.instructions == "Brief"
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


async def test_a_stream_ends_with_the_response_that_it_spelled_out(openai_client):
    arguments = {
        "model": "o4-mini",
        "input": "The weather and the time in Rome?",
        "tools": [WEATHER, TIME],
        "reasoning": {"effort": "low", "summary": "auto"},
    }
    stream = await openai_client.responses.create(**arguments, stream=True)
    events = [event async for event in stream]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert kinds[:3] == ["response.created", "response.in_progress", "response.output_item.added"]
    assert kinds[-1] == "response.completed"
    final = events[-1].response
    assert [item.type for item in final.output] == ["reasoning", "function_call", "function_call"]
    done = [event.item for event in events if event.type == "response.output_item.done"]
    assert done == final.output
    summary = "".join(event.delta for event in events if event.type == "response.reasoning_summary_text.delta")
    assert summary == final.output[0].summary[0].text
    for index, item in enumerate(final.output[1:], start=1):
        arguments = "".join(
            event.delta
            for event in events
            if event.type == "response.function_call_arguments.delta" and event.output_index == index
        )
        assert arguments == item.arguments
    Draft202012Validator(SCHEMA).validate(json.loads(final.output[1].arguments))


async def test_streamed_text_is_framed_by_its_item_and_part(openai_client):
    stream = await openai_client.responses.create(model="gpt-4o", input="Hi", stream=True)
    events = [event async for event in stream]
    kinds = list(dict.fromkeys(event.type.removeprefix("response.") for event in events))
    assert kinds == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == events[-1].response.output_text


async def test_the_sdks_own_accumulator_agrees(openai_client):
    async with openai_client.responses.stream(model="gpt-4o", input="Explain valves") as stream:
        final = await stream.get_final_response()
    assert final.output_text


async def test_a_limit_ends_with_incomplete(openai_client):
    answer = await openai_client.responses.create(model="gpt-4o", input="A story", max_output_tokens=5)
    assert answer.status == "incomplete"
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert answer.usage.output_tokens == 5
    stream = await openai_client.responses.create(model="gpt-4o", input="A story", max_output_tokens=5, stream=True)
    assert [event async for event in stream][-1].type == "response.incomplete"


async def test_a_content_filter_ends_with_incomplete(openai_client):
    answer = await openai_client.responses.create(
        model="gpt-4o", input="A story", extra_headers={"x-sim-fault": "finish=content_filter"}
    )
    assert answer.incomplete_details.reason == "content_filter"


async def test_structured_output_is_valid_for_its_schema(openai_client):
    form = {"type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True}
    answer = await openai_client.responses.create(model="gpt-4o", input="Where?", text={"format": form})
    Draft202012Validator(SCHEMA).validate(json.loads(answer.output_text))
    loose = await openai_client.responses.create(
        model="gpt-4o", input="JSON?", text={"format": {"type": "json_object"}}
    )
    assert isinstance(json.loads(loose.output_text), dict)
    plain = await openai_client.responses.create(model="gpt-4o", input="Text?", text={"format": {"type": "text"}})
    assert plain.output_text


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("required", ["get_weather"]),
        ("none", []),
        ("auto", []),
        ({"type": "function", "name": "get_time"}, ["get_time"]),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "get_time"}]},
            ["get_time"],
        ),
    ],
)
async def test_tool_choice_is_obeyed(openai_client, choice, names):
    answer = await openai_client.responses.create(
        model="gpt-4o", input="Hello", tools=[WEATHER, TIME], tool_choice=choice
    )
    assert [item.name for item in answer.output if item.type == "function_call"] == names


async def test_tool_outputs_are_answered_with_text(openai_client):
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "The weather in Paris?"}]},
        {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city":"Paris"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "21 degrees"},
    ]
    answer = await openai_client.responses.create(model="gpt-4o", input=items, tools=[WEATHER])
    assert "21 degrees" in answer.output_text


async def test_images_are_counted(openai_client):
    async def tokens(*parts):
        content = [{"type": "input_text", "text": "What?"}, *parts]
        answer = await openai_client.responses.create(model="gpt-4o", input=[{"role": "user", "content": content}])
        return answer.usage.input_tokens

    image = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}
    assert await tokens(image) == await tokens() + 85


async def test_logprobs_come_when_included(openai_client):
    answer = await openai_client.responses.create(
        model="gpt-4o", input="Hi", include=["message.output_text.logprobs"], top_logprobs=2
    )
    part = answer.output[0].content[0]
    assert "".join(entry.token for entry in part.logprobs) == part.text
    assert all(len(entry.top_logprobs) == 2 for entry in part.logprobs)


async def test_reasoning_without_a_summary_is_counted_but_not_shown(openai_client):
    answer = await openai_client.responses.create(model="o4-mini", input="Hard question")
    assert answer.output[0].type == "reasoning"
    assert answer.output[0].summary == []
    assert answer.usage.output_tokens_details.reasoning_tokens > 0


async def test_usage_can_be_withheld(openai_client):
    """FAILURES G1"""
    stream = await openai_client.responses.create(
        model="gpt-4o", input="Hi", stream=True, extra_headers={"x-sim-fault": "usage=none"}
    )
    assert [event async for event in stream][-1].response.usage is None


async def test_an_error_event_after_content_reaches_the_sdk(openai_client):
    """FAILURES G15"""
    stream = await openai_client.responses.create(
        model="gpt-4o", input="Hi", stream=True, extra_headers={"x-sim-fault": "error_event=1;message=Midway"}
    )
    events = [event async for event in stream]
    assert (events[-1].type, events[-1].message) == ("error", "Midway")
    assert [event.type for event in events].count("response.output_text.delta") == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"input": 5},
        {"model": None},
        {"reasoning": {"effort": "huge"}},
        {"tool_choice": {"type": "function", "name": "nobody"}},
    ],
)
async def test_what_the_vendor_refuses_is_refused_with_400(sim, fields):
    status, _, body = await sim.post("/v1/responses", {"model": "gpt-4o", "input": "Hi", **fields})
    assert status == 400
    assert json.loads(body)["error"]["type"] == "invalid_request_error"
