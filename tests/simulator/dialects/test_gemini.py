import json

import pytest
from google.genai import errors, types
from jsonschema import Draft202012Validator

# The vendor's SDK subclasses aiohttp's session, which aiohttp discourages.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [
    types.Tool(
        function_declarations=[
            types.FunctionDeclaration(name="get_weather", parameters_json_schema=SCHEMA),
            types.FunctionDeclaration(
                name="get_time",
                parameters=types.Schema(type="OBJECT", properties={"zone": types.Schema(type="STRING")}),
            ),
        ]
    )
]


async def test_content_is_generated_with_usage_that_adds_up(gemini_client):
    answer = await gemini_client.aio.models.generate_content(model="gemini-2.5-flash", contents="What is a penstock?")
    assert "penstock" in answer.text
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    usage = answer.usage_metadata
    assert usage.total_token_count == usage.prompt_token_count + usage.candidates_token_count
    assert answer.model_version == "gemini-2.5-flash"


async def test_a_stream_adds_up_and_its_usage_is_cumulative(gemini_client):
    """FAILURES G2"""
    whole = await gemini_client.aio.models.generate_content(model="gemini-2.5-flash", contents="Why do rivers bend?")
    stream = await gemini_client.aio.models.generate_content_stream(
        model="gemini-2.5-flash", contents="Why do rivers bend?"
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    counts = [chunk.usage_metadata.candidates_token_count for chunk in chunks]
    assert counts == sorted(counts)
    assert chunks[-1].usage_metadata == whole.usage_metadata
    assert [chunk.candidates[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP


async def test_functions_are_called_with_valid_arguments(gemini_client):
    config = types.GenerateContentConfig(
        tools=TOOLS, automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
    )
    arguments = {"model": "gemini-2.5-pro", "contents": "The weather and the time in Paris?", "config": config}
    answer = await gemini_client.aio.models.generate_content(**arguments)
    calls = answer.function_calls
    assert [call.name for call in calls] == ["get_weather", "get_time"]
    Draft202012Validator(SCHEMA).validate(calls[0].args)
    assert isinstance(calls[1].args["zone"], str)
    stream = await gemini_client.aio.models.generate_content_stream(**arguments)
    streamed = [call for chunk in [chunk async for chunk in stream] for call in chunk.function_calls or ()]
    assert [(call.name, call.args) for call in streamed] == [(call.name, call.args) for call in calls]


@pytest.mark.parametrize(
    ("mode", "allowed", "names"),
    [("ANY", None, ["get_weather"]), ("ANY", ["get_time"], ["get_time"]), ("NONE", None, []), ("AUTO", None, [])],
)
async def test_the_calling_mode_is_obeyed(gemini_client, mode, allowed, names):
    config = types.GenerateContentConfig(
        tools=TOOLS,
        tool_config=types.ToolConfig(
            function_calling_config=types.FunctionCallingConfig(mode=mode, allowed_function_names=allowed)
        ),
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    answer = await gemini_client.aio.models.generate_content(model="gemini-2.5-flash", contents="Hello", config=config)
    assert [call.name for call in answer.function_calls or ()] == names


async def test_function_responses_are_answered_with_text(gemini_client):
    contents = [
        types.Content(role="user", parts=[types.Part(text="The weather in Paris?")]),
        types.Content(
            role="model",
            parts=[types.Part(function_call=types.FunctionCall(name="get_weather", args={"city": "Paris"}))],
        ),
        types.Content(
            role="user",
            parts=[
                types.Part(function_response=types.FunctionResponse(name="get_weather", response={"t": "21 degrees"}))
            ],
        ),
    ]
    answer = await gemini_client.aio.models.generate_content(model="gemini-2.5-flash", contents=contents)
    assert "21 degrees" in answer.text


@pytest.mark.parametrize("field", ["response_json_schema", "response_schema"])
async def test_structured_output_is_valid_for_its_schema(gemini_client, field):
    config = types.GenerateContentConfig(response_mime_type="application/json", **{field: SCHEMA})
    answer = await gemini_client.aio.models.generate_content(model="gemini-2.5-flash", contents="Where?", config=config)
    Draft202012Validator(SCHEMA).validate(json.loads(answer.text))


async def test_json_without_a_schema_is_an_object(gemini_client):
    config = types.GenerateContentConfig(response_mime_type="application/json")
    answer = await gemini_client.aio.models.generate_content(model="gemini-2.5-flash", contents="Where?", config=config)
    assert isinstance(json.loads(answer.text), dict)


@pytest.mark.parametrize("thinking", [{"thinking_budget": 20}, {"thinking_level": "LOW"}, {"thinking_budget": -1}])
async def test_thoughts_are_shown_and_counted_beside_the_answer(gemini_client, thinking):
    """FAILURES G27"""
    config = types.GenerateContentConfig(
        thinking_config=types.ThinkingConfig(include_thoughts=True, **thinking), max_output_tokens=500
    )
    arguments = {"model": "gemini-2.5-flash", "contents": "Hard question", "config": config}
    answer = await gemini_client.aio.models.generate_content(**arguments)
    usage = answer.usage_metadata
    assert answer.candidates[0].content.parts[0].thought
    assert usage.thoughts_token_count > 0
    total = usage.prompt_token_count + usage.candidates_token_count + usage.thoughts_token_count
    assert usage.total_token_count == total
    stream = await gemini_client.aio.models.generate_content_stream(**arguments)
    chunks = [chunk async for chunk in stream]
    assert chunks[0].candidates[0].content.parts[0].thought
    assert chunks[-1].usage_metadata == usage


async def test_limits_stops_candidates_seed_and_logprobs_are_obeyed(gemini_client):
    async def ask(**config):
        return await gemini_client.aio.models.generate_content(
            model="gemini-2.5-flash", contents="Tell me a story", config=types.GenerateContentConfig(**config)
        )

    limited = await ask(max_output_tokens=4)
    assert limited.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    assert limited.usage_metadata.candidates_token_count == 4
    assert len((await ask(candidate_count=2)).candidates) == 2
    whole = (await ask()).text
    stop = whole.split()[3]
    assert (await ask(stop_sequences=[stop])).text == whole[: whole.find(stop)]
    assert (await ask(seed=3)).text != (await ask(seed=4)).text
    scored = await ask(response_logprobs=True, logprobs=2)
    chosen = scored.candidates[0].logprobs_result.chosen_candidates
    assert "".join(entry.token for entry in chosen) == scored.text
    assert scored.candidates[0].avg_logprobs <= 0


async def test_tokens_and_images_are_counted(gemini_client):
    text = types.Part(text="What is this?")
    image = types.Part(inline_data=types.Blob(mime_type="image/png", data=b"png"))
    plain = await gemini_client.aio.models.count_tokens(model="gemini-2.5-flash", contents=[text])
    both = await gemini_client.aio.models.count_tokens(model="gemini-2.5-flash", contents=[text, image])
    assert both.total_tokens == plain.total_tokens + 258
    answer = await gemini_client.aio.models.generate_content(model="gemini-2.5-flash", contents=[text, image])
    assert answer.usage_metadata.prompt_token_count == both.total_tokens


async def test_a_cached_prompt_is_part_of_the_prompts_count(gemini_client):
    """FAILURES G27"""
    arguments = {"model": "gemini-2.5-flash", "contents": "Be brief. " * 800}
    await gemini_client.aio.models.generate_content(**arguments)
    again = await gemini_client.aio.models.generate_content(**arguments)
    usage = again.usage_metadata
    assert 1024 <= usage.cached_content_token_count <= usage.prompt_token_count


async def test_embeddings_come_one_for_each_text(gemini_client):
    answer = await gemini_client.aio.models.embed_content(
        model="gemini-embedding-001",
        contents=["rivers", "valves"],
        config=types.EmbedContentConfig(output_dimensionality=32),
    )
    assert [len(entry.values) for entry in answer.embeddings] == [32, 32]


async def test_a_single_embedding_is_served_too(sim):
    body = {"content": {"parts": [{"text": "rivers"}]}, "outputDimensionality": 16}
    status, _, answer = await sim.post("/v1beta/models/gemini-embedding-001:embedContent", body)
    assert status == 200
    assert len(json.loads(answer)["embedding"]["values"]) == 16


async def test_models_are_listed(gemini_client):
    names = [model.name async for model in await gemini_client.aio.models.list()]
    assert "models/gemini-2.5-flash" in names
    one = await gemini_client.aio.models.get(model="gemini-2.5-flash")
    assert one.name == "models/gemini-2.5-flash"


async def test_without_alt_sse_a_stream_is_a_json_array(sim):
    body = {"contents": [{"parts": [{"text": "Hi"}]}]}
    path = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
    _, headers, answer = await sim.post(path, body)
    chunks = json.loads(answer)
    assert headers["content-type"].startswith("application/json")
    assert len(chunks) > 2
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "INVALID_ARGUMENT"),
        (404, "NOT_FOUND"),
        (429, "RESOURCE_EXHAUSTED"),
        (503, "UNAVAILABLE"),
        (502, "INTERNAL"),
    ],
)
async def test_ordered_statuses_have_the_vendors_status_name(sim, status, name):
    body = {"contents": [{"parts": [{"text": "Hi"}]}]}
    path = "/v1beta/models/gemini-2.5-flash:generateContent"
    got, _, answer = await sim.post(path, body, x_sim_fault=f"status={status}")
    assert got == status
    assert json.loads(answer)["error"]["status"] == name


async def test_errors_are_raised_by_the_sdk(gemini_client):
    config = types.GenerateContentConfig(http_options=types.HttpOptions(headers={"x-sim-fault": "status=400"}))
    with pytest.raises(errors.ClientError) as raised:
        await gemini_client.aio.models.generate_content(model="gemini-2.5-flash", contents="Hi", config=config)
    assert raised.value.code == 400


@pytest.mark.parametrize("path", ["generateContent", "countTokens", "embedContent", "batchEmbedContents"])
async def test_a_body_that_does_not_fit_is_refused_with_400(sim, path):
    status, _, body = await sim.post(f"/v1beta/models/gemini-2.5-flash:{path}", {"contents": 5, "content": 5})
    assert status == 400
    assert json.loads(body)["error"]["status"] == "INVALID_ARGUMENT"


async def test_no_contents_are_refused_with_400(sim):
    status, _, _ = await sim.post("/v1beta/models/gemini-2.5-flash:generateContent", {"contents": []})
    assert status == 400


@pytest.mark.parametrize(
    ("style", "where"),
    [("none", []), ("on_choices", [-1]), ("x_groq", [-1]), ("own_chunk", [-1]), ("after_finish", [-1])],
)
async def test_usage_stands_where_it_was_ordered(sim, style, where):
    """FAILURES G2"""
    body = {"contents": [{"parts": [{"text": "Hi"}]}]}
    path = "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    _, _, answer = await sim.post(path, body, x_sim_fault=f"usage={style}")
    chunks = [json.loads(line[6:]) for line in answer.decode().split("\r\n\r\n") if line]
    finish = next(n for n, chunk in enumerate(chunks) if chunk.get("candidates", [{}])[0].get("finishReason"))
    with_usage = [n for n, chunk in enumerate(chunks) if "usageMetadata" in chunk]
    assert with_usage == [len(chunks) + n for n in where]
    if style in ("own_chunk", "after_finish"):
        assert with_usage[0] > finish


async def test_a_call_that_the_limit_cuts_is_not_sent(sim):
    body = {
        "contents": [{"parts": [{"text": "The weather?"}]}],
        "tools": [{"functionDeclarations": [{"name": "get_weather", "parameters": SCHEMA}]}],
        "generationConfig": {"maxOutputTokens": 13},
    }
    _, _, answer = await sim.post("/v1beta/models/gemini-2.5-flash:generateContent", body)
    candidate = json.loads(answer)["candidates"][0]
    assert candidate["finishReason"] == "MAX_TOKENS"
    assert "parts" not in candidate["content"]
