import json

import openai
import pytest
from jsonschema import Draft202012Validator

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}
TIME = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}


def user(text):
    return [{"role": "user", "content": text}]


async def test_a_chat_answers_with_text_and_usage_that_adds_up(openai_client):
    answer = await openai_client.chat.completions.create(model="gpt-4o-mini", messages=user("What is a penstock?"))
    assert answer.choices[0].finish_reason == "stop"
    assert "penstock" in answer.choices[0].message.content
    assert answer.model == "gpt-4o-mini"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.completion_tokens > 0


async def test_a_stream_says_the_same_as_the_whole_answer(openai_client):
    messages = user("Why do rivers bend?")
    whole = await openai_client.chat.completions.create(model="gpt-4o", messages=messages)
    stream = await openai_client.chat.completions.create(
        model="gpt-4o", messages=messages, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]


async def test_a_stream_has_no_usage_unless_it_was_asked_for(openai_client):
    stream = await openai_client.chat.completions.create(model="gpt-4o", messages=user("Hi"), stream=True)
    assert all([chunk.usage is None and chunk.choices async for chunk in stream])


async def test_tools_that_the_question_names_are_called_in_parallel_with_valid_arguments(openai_client):
    answer = await openai_client.chat.completions.create(
        model="gpt-4o", messages=user("What are the weather and the time in Paris?"), tools=[WEATHER, TIME]
    )
    calls = answer.choices[0].message.tool_calls
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.content is None
    assert [call.function.name for call in calls] == ["get_weather", "get_time"]
    assert len({call.id for call in calls}) == 2
    arguments = json.loads(calls[0].function.arguments)
    Draft202012Validator(WEATHER["function"]["parameters"]).validate(arguments)
    assert arguments["city"] == "Paris"


async def test_streamed_tool_calls_carry_id_and_name_once_and_their_own_index(openai_client):
    """FAILURES G20"""
    async with openai_client.chat.completions.stream(
        model="gpt-4o", messages=user("Both the weather and the time, please"), tools=[WEATHER, TIME]
    ) as stream:
        deltas = [
            call
            async for event in stream
            if event.type == "chunk" and event.chunk.choices
            for call in event.chunk.choices[0].delta.tool_calls or ()
        ]
        final = await stream.get_final_completion()
    assert [(call.index, call.function.name) for call in deltas if call.id] == [(0, "get_weather"), (1, "get_time")]
    for number, call in enumerate(final.choices[0].message.tool_calls):
        pieces = "".join(delta.function.arguments for delta in deltas if delta.index == number)
        assert pieces == call.function.arguments
        json.loads(pieces)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("required", ["get_weather"]),
        ("none", []),
        ("auto", []),
        ({"type": "function", "function": {"name": "get_time"}}, ["get_time"]),
    ],
)
async def test_tool_choice_is_obeyed(openai_client, choice, expected):
    answer = await openai_client.chat.completions.create(
        model="gpt-4o", messages=user("Hello"), tools=[WEATHER, TIME], tool_choice=choice
    )
    assert [call.function.name for call in answer.choices[0].message.tool_calls or ()] == expected


async def test_without_parallel_calls_one_tool_is_called(openai_client):
    answer = await openai_client.chat.completions.create(
        model="gpt-4o", messages=user("The weather and the time?"), tools=[WEATHER, TIME], parallel_tool_calls=False
    )
    assert len(answer.choices[0].message.tool_calls) == 1


async def test_a_lone_tool_is_called_twice_when_both_are_asked_for(openai_client):
    answer = await openai_client.chat.completions.create(
        model="gpt-4o", messages=user("The weather in both Paris and Rome?"), tools=[WEATHER]
    )
    calls = answer.choices[0].message.tool_calls
    assert [json.loads(call.function.arguments)["city"] for call in calls] == ["Paris", "Rome"]


async def test_tool_results_are_answered_with_text(openai_client):
    first = await openai_client.chat.completions.create(
        model="gpt-4o", messages=user("The weather in Paris?"), tools=[WEATHER]
    )
    call = first.choices[0].message.tool_calls[0]
    messages = [
        *user("The weather in Paris?"),
        first.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"},
    ]
    second = await openai_client.chat.completions.create(model="gpt-4o", messages=messages, tools=[WEATHER])
    assert second.choices[0].finish_reason == "stop"
    assert "21 degrees" in second.choices[0].message.content


async def test_structured_output_is_valid_for_its_schema(openai_client):
    schema = {
        "type": "object",
        "properties": {
            "steps": {"type": "array", "items": {"type": "string"}, "minItems": 2},
            "answer": {"type": "integer", "minimum": 5, "maximum": 9},
        },
        "required": ["steps", "answer"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "result", "schema": schema, "strict": True}}
    answer = await openai_client.chat.completions.create(model="gpt-4o", messages=user("2+5?"), response_format=form)
    Draft202012Validator(schema).validate(json.loads(answer.choices[0].message.content))
    loose = await openai_client.chat.completions.create(
        model="gpt-4o", messages=user("JSON please"), response_format={"type": "json_object"}
    )
    assert isinstance(json.loads(loose.choices[0].message.content), dict)


async def test_n_gives_so_many_different_choices(openai_client):
    arguments = {"model": "gpt-4o", "messages": user("Tell me a story"), "n": 3}
    answer = await openai_client.chat.completions.create(**arguments)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in answer.choices}) == 3
    stream = await openai_client.chat.completions.create(**arguments, stream=True)
    texts = ["", "", ""]
    async for chunk in stream:
        texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert texts == [choice.message.content for choice in answer.choices]


@pytest.mark.parametrize("streamed", [False, True])
async def test_logprobs_stand_for_every_token(openai_client, streamed):
    arguments = {"model": "gpt-4o", "messages": user("Hi"), "logprobs": True, "top_logprobs": 3, "max_tokens": 6}
    answer = await openai_client.chat.completions.create(**arguments, stream=streamed)
    if streamed:
        choices = [chunk.choices[0] async for chunk in answer]
        text = "".join(choice.delta.content or "" for choice in choices)
        entries = [entry for choice in choices if choice.logprobs for entry in choice.logprobs.content]
    else:
        text = answer.choices[0].message.content
        entries = answer.choices[0].logprobs.content
    assert "".join(entry.token for entry in entries) == text
    for entry in entries:
        assert entry.logprob <= 0
        assert len(entry.top_logprobs) == 3
        assert entry.top_logprobs[0].token == entry.token
        assert bytes(entry.bytes).decode() == entry.token


async def test_max_tokens_ends_with_length_and_exactly_so_many_tokens(openai_client):
    answer = await openai_client.chat.completions.create(
        model="gpt-4o", messages=user("Tell me a story"), max_completion_tokens=7
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 7


async def test_max_tokens_within_a_tool_call_cuts_its_arguments(openai_client):
    answer = await openai_client.chat.completions.create(
        model="gpt-4o", messages=user("The weather?"), tools=[WEATHER], max_tokens=14
    )
    assert answer.choices[0].finish_reason == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.choices[0].message.tool_calls[0].function.arguments)


async def test_a_stop_sequence_ends_the_text_before_it(openai_client):
    whole = await openai_client.chat.completions.create(model="gpt-4o", messages=user("Explain valves"))
    text = whole.choices[0].message.content
    stop = text.split()[4]
    answer = await openai_client.chat.completions.create(model="gpt-4o", messages=user("Explain valves"), stop=stop)
    assert answer.choices[0].message.content == text[: text.find(stop)]
    assert answer.choices[0].finish_reason == "stop"


async def test_the_same_seed_gives_the_same_text_and_another_seed_another(openai_client):
    async def text(seed):
        answer = await openai_client.chat.completions.create(
            model="gpt-4o", messages=user("Tell me a story"), seed=seed
        )
        return answer.choices[0].message.content

    assert await text(1) == await text(1)
    assert await text(1) != await text(2)


async def test_images_are_counted(openai_client):
    def message(detail):
        image = {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": detail}
        return [
            {"role": "user", "content": [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": image}]}
        ]

    async def tokens(messages):
        answer = await openai_client.chat.completions.create(model="gpt-4o", messages=messages)
        return answer.usage.prompt_tokens

    plain = await tokens(user("What?"))
    assert await tokens(message("low")) == plain + 85
    assert await tokens(message("high")) == plain + 765


async def test_reasoning_is_shown_and_counted_when_asked_for(openai_client):
    answer = await openai_client.chat.completions.create(
        model="gpt-4o", messages=user("Hard question"), reasoning_effort="low"
    )
    reasoning = answer.usage.completion_tokens_details.reasoning_tokens
    assert 0 < reasoning <= 32
    assert answer.choices[0].message.reasoning_content
    assert answer.usage.completion_tokens > reasoning
    stream = await openai_client.chat.completions.create(
        model="gpt-4o", messages=user("Hard question"), reasoning_effort="low", stream=True
    )
    shown = "".join([getattr(chunk.choices[0].delta, "reasoning_content", None) or "" async for chunk in stream])
    assert shown == answer.choices[0].message.reasoning_content


async def test_a_reasoning_model_thinks_unasked_and_does_not_show_it(openai_client):
    answer = await openai_client.chat.completions.create(model="o4-mini", messages=user("Hard question"))
    assert answer.usage.completion_tokens_details.reasoning_tokens > 0
    assert not hasattr(answer.choices[0].message, "reasoning_content")


async def test_reasoning_may_use_up_the_whole_limit(openai_client):
    answer = await openai_client.chat.completions.create(
        model="o4-mini", messages=user("Hard question"), max_completion_tokens=3
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].message.content == ""
    assert answer.usage.completion_tokens_details.reasoning_tokens == 3


async def test_a_prompt_that_came_before_is_read_from_the_cache(openai_client):
    """FAILURES G27"""
    messages = [{"role": "system", "content": "Be brief. " * 600}, *user("Hi")]
    first = await openai_client.chat.completions.create(model="gpt-4o", messages=messages)
    second = await openai_client.chat.completions.create(model="gpt-4o", messages=messages)
    other = await openai_client.chat.completions.create(model="gpt-4o-mini", messages=messages)
    assert first.usage.prompt_tokens_details.cached_tokens == 0
    assert other.usage.prompt_tokens_details.cached_tokens == 0
    cached = second.usage.prompt_tokens_details.cached_tokens
    assert 1024 <= cached <= second.usage.prompt_tokens
    assert cached % 128 == 0
    assert second.usage.prompt_tokens == first.usage.prompt_tokens


async def test_azure_paths_serve_the_same_after_a_chunk_of_content_filter_results(sim):
    async with openai.AsyncAzureOpenAI(azure_endpoint=sim.url, api_key="k", api_version="2024-10-21") as client:
        answer = await client.chat.completions.create(model="gpt-4o", messages=user("Hi"))
        assert answer.model == "gpt-4o"
        chunks = [
            chunk async for chunk in await client.chat.completions.create(model="x", messages=user("Hi"), stream=True)
        ]
        vectors = await client.embeddings.create(model="text-embedding-3-small", input="Hi")
    assert chunks[0].choices == []
    assert chunks[0].prompt_filter_results[0]["prompt_index"] == 0
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[1:])
    assert len(vectors.data) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (503, openai.InternalServerError),
    ],
)
async def test_ordered_statuses_become_the_errors_of_the_sdk(openai_client, status, error):
    with pytest.raises(error) as raised:
        await openai_client.chat.completions.create(
            model="gpt-4o", messages=user("Hi"), extra_headers={"x-sim-fault": f"status={status};retry_after=2"}
        )
    assert raised.value.status_code == status
    assert raised.value.response.headers["retry-after"] == "2"
    assert raised.value.body["type"]


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": []},
        {"messages": "x"},
        {"messages": user("x"), "n": 0},
        {"messages": user("x"), "reasoning_effort": "huge"},
        {"messages": user("x"), "tool_choice": "sometimes"},
        {"messages": user("x"), "tool_choice": {"type": "function", "function": {"name": "nobody"}}},
        {"messages": user("x"), "response_format": {"type": "json_schema"}},
        {"messages": user("x"), "model": ""},
        {"messages": [{"role": "nobody", "content": "x"}]},
    ],
)
async def test_what_the_vendor_refuses_is_refused_with_400(sim, fields):
    status, _, body = await sim.post("/v1/chat/completions", {"model": "gpt-4o", **fields})
    assert status == 400
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


async def test_a_body_that_is_no_json_is_refused_with_400(sim):
    status, _, body = await sim.post("/v1/chat/completions", b"{nope")
    assert status == 400
    assert "message" in json.loads(body)["error"]


async def test_models_are_listed_and_found(openai_client):
    listed = [model.id async for model in openai_client.models.list()]
    assert {"gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash"} <= set(listed)
    assert (await openai_client.models.retrieve("gpt-4o")).id == "gpt-4o"
    with pytest.raises(openai.NotFoundError):
        await openai_client.models.retrieve("gpt-0")
