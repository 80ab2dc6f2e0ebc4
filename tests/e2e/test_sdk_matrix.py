"""The official SDKs against the gateway, over all three upstream dialects: every cell is a test."""

import base64
import json
from typing import Any

import anthropic
import openai
import pytest
from pydantic import BaseModel

from penstock.testing.simulator import SimulatorServer

PIXEL = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc33"
        "0000000049454e44ae426082"
    )
).decode()

WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["C", "F"]}},
    "required": ["city", "unit"],
    "additionalProperties": False,
}
OPENAI_TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {"name": "get_weather", "description": "Weather", "parameters": WEATHER, "strict": True},
    }
]
ANTHROPIC_TOOLS: list[Any] = [{"name": "get_weather", "description": "Weather", "input_schema": WEATHER}]
QUESTION: list[Any] = [{"role": "user", "content": "What is a penstock?"}]


class Point(BaseModel):
    x: int
    y: int


class TestOpenAIChat:
    def test_a_chat_is_answered(self, openai_client: openai.OpenAI, model: str) -> None:
        answer = openai_client.chat.completions.create(
            model=model,
            messages=[{"role": "system", "content": "Be brief."}, *QUESTION],
            max_tokens=200,
            temperature=0.5,
        )
        assert answer.choices[0].message.content
        assert answer.choices[0].finish_reason in ("stop", "length")
        assert answer.usage is not None
        assert answer.usage.prompt_tokens > 0
        assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens

    def test_a_stream_arrives_in_pieces_and_ends_well(self, openai_client: openai.OpenAI, model: str) -> None:
        chunks = list(openai_client.chat.completions.create(model=model, messages=QUESTION, stream=True))
        pieces = [
            chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content
        ]
        assert len(pieces) > 1
        assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] in ("stop", "length")
        assert all(chunk.choices for chunk in chunks), "no usage chunk unless it was asked for (FAILURES G1)"

    def test_usage_of_a_stream_comes_when_it_is_asked_for(self, openai_client: openai.OpenAI, model: str) -> None:
        stream = openai_client.chat.completions.create(
            model=model, messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
        last = list(stream)[-1]
        assert last.choices == []
        assert last.usage is not None
        assert last.usage.completion_tokens > 0

    def test_tools_are_called_and_their_results_taken(self, openai_client: openai.OpenAI, model: str) -> None:
        first = openai_client.chat.completions.create(
            model=model, messages=QUESTION, tools=OPENAI_TOOLS, tool_choice="required"
        )
        calls = first.choices[0].message.tool_calls
        assert first.choices[0].finish_reason == "tool_calls"
        assert calls
        arguments = json.loads(calls[0].function.arguments)  # type: ignore[union-attr]
        assert set(arguments) == {"city", "unit"}
        history: list[Any] = [*QUESTION, first.choices[0].message]
        history += [{"role": "tool", "tool_call_id": call.id, "content": "17 degrees"} for call in calls]
        second = openai_client.chat.completions.create(model=model, messages=history, tools=OPENAI_TOOLS)
        assert second.choices[0].message.content

    def test_streamed_tool_calls_accumulate(self, openai_client: openai.OpenAI, model: str) -> None:
        """FAILURES G20."""
        with openai_client.chat.completions.stream(
            model=model, messages=QUESTION, tools=OPENAI_TOOLS, tool_choice="required"
        ) as stream:
            final = stream.get_final_completion()
        calls = final.choices[0].message.tool_calls
        assert calls
        assert len({call.id for call in calls}) == len(calls)
        for call in calls:
            assert call.function.name == "get_weather"
            assert set(json.loads(call.function.arguments)) == {"city", "unit"}

    def test_structured_output_is_parsed(self, openai_client: openai.OpenAI, model: str) -> None:
        answer = openai_client.chat.completions.parse(model=model, messages=QUESTION, response_format=Point)
        assert isinstance(answer.choices[0].message.parsed, Point)

    def test_images_are_taken(self, openai_client: openai.OpenAI, model: str) -> None:
        content: list[Any] = [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        ]
        answer = openai_client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])
        assert answer.choices[0].message.content

    def test_an_upstream_error_is_the_sdks_own_exception(
        self, openai_client: openai.OpenAI, model: str, penstock_simulator: SimulatorServer
    ) -> None:
        penstock_simulator.set_faults({"status": 429, "retry_after": 7})
        with pytest.raises(openai.RateLimitError) as raised:
            openai_client.chat.completions.create(model=model, messages=QUESTION)
        assert raised.value.response.headers["retry-after"] == "7"
        assert raised.value.request_id

    def test_leaving_a_stream_cancels_the_upstream_call(
        self, openai_client: openai.OpenAI, model: str, penstock_simulator: SimulatorServer
    ) -> None:
        """FAILURES G13."""
        penstock_simulator.set_faults({"slow": 0.05})
        stream = openai_client.chat.completions.create(model=model, messages=QUESTION, stream=True, max_tokens=400)
        next(iter(stream))
        stream.close()
        penstock_simulator.wait(cancelled=1)


class TestOpenAIResponses:
    def test_a_response_is_given(self, openai_client: openai.OpenAI, model: str) -> None:
        answer = openai_client.responses.create(model=model, input="What is a penstock?", instructions="Be brief.")
        assert answer.output_text
        assert answer.status in ("completed", "incomplete")
        assert answer.usage is not None
        assert answer.usage.output_tokens > 0

    def test_a_stream_of_events_ends_with_the_whole(self, openai_client: openai.OpenAI, model: str) -> None:
        events = list(openai_client.responses.create(model=model, input="What is a penstock?", stream=True))
        kinds = [event.type for event in events]
        assert kinds[0] == "response.created"
        assert kinds[-1] in ("response.completed", "response.incomplete")
        text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        assert text == events[-1].response.output_text  # type: ignore[union-attr]
        numbers = [event.sequence_number for event in events]
        assert numbers == sorted(set(numbers))

    def test_tools_are_called(self, openai_client: openai.OpenAI, model: str) -> None:
        tools: list[Any] = [{"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": True}]
        answer = openai_client.responses.create(model=model, input="Weather?", tools=tools, tool_choice="required")
        calls = [item for item in answer.output if item.type == "function_call"]
        assert calls
        assert set(json.loads(calls[0].arguments)) == {"city", "unit"}

    def test_structured_output_is_parsed(self, openai_client: openai.OpenAI, model: str) -> None:
        answer = openai_client.responses.parse(model=model, input="A point, please.", text_format=Point)
        assert isinstance(answer.output_parsed, Point)

    def test_images_are_taken(self, openai_client: openai.OpenAI, model: str) -> None:
        content: list[Any] = [
            {"type": "input_text", "text": "What is this?"},
            {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"},
        ]
        answer = openai_client.responses.create(model=model, input=[{"role": "user", "content": content}])
        assert answer.output_text

    def test_an_upstream_error_is_the_sdks_own_exception(
        self, openai_client: openai.OpenAI, model: str, penstock_simulator: SimulatorServer
    ) -> None:
        penstock_simulator.set_faults({"status": 400})
        with pytest.raises(openai.BadRequestError):
            openai_client.responses.create(model=model, input="x")

    def test_leaving_a_stream_cancels_the_upstream_call(
        self, openai_client: openai.OpenAI, model: str, penstock_simulator: SimulatorServer
    ) -> None:
        """FAILURES G13."""
        penstock_simulator.set_faults({"slow": 0.05})
        stream = openai_client.responses.create(model=model, input="x", stream=True)
        for event in stream:
            if event.type == "response.output_text.delta":
                break
        stream.close()
        penstock_simulator.wait(cancelled=1)


class TestAnthropicMessages:
    def test_a_message_is_answered(self, anthropic_client: anthropic.Anthropic, model: str) -> None:
        answer = anthropic_client.messages.create(model=model, max_tokens=200, system="Be brief.", messages=QUESTION)
        assert answer.content[0].type == "text"
        assert answer.content[0].text
        assert answer.stop_reason in ("end_turn", "max_tokens")
        assert answer.usage.input_tokens > 0
        assert answer.usage.output_tokens > 0

    def test_a_stream_has_the_vendors_event_order(self, anthropic_client: anthropic.Anthropic, model: str) -> None:
        """FAILURES G19."""
        raw = anthropic_client.messages.create(model=model, max_tokens=200, messages=QUESTION, stream=True)
        kinds = [event.type for event in raw if event.type != "ping"]  # type: ignore[comparison-overlap]
        assert kinds[:3] == ["message_start", "content_block_start", "content_block_delta"]
        assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
        assert kinds.count("message_start") == kinds.count("message_stop") == 1

    def test_the_sdks_own_accumulator_builds_the_message(
        self, anthropic_client: anthropic.Anthropic, model: str
    ) -> None:
        """FAILURES G19."""
        with anthropic_client.messages.stream(model=model, max_tokens=200, messages=QUESTION) as stream:
            text = "".join(stream.text_stream)
            final = stream.get_final_message()
        assert text == final.content[0].text  # type: ignore[union-attr]
        assert final.usage.output_tokens > 0

    def test_tools_are_called_and_their_results_taken(self, anthropic_client: anthropic.Anthropic, model: str) -> None:
        first = anthropic_client.messages.create(
            model=model, max_tokens=300, messages=QUESTION, tools=ANTHROPIC_TOOLS, tool_choice={"type": "any"}
        )
        uses = [block for block in first.content if block.type == "tool_use"]
        assert first.stop_reason == "tool_use"
        assert uses
        assert set(uses[0].input) == {"city", "unit"}  # type: ignore[arg-type]
        results = [{"type": "tool_result", "tool_use_id": use.id, "content": "17 degrees"} for use in uses]
        history: list[Any] = [
            *QUESTION,
            {"role": "assistant", "content": first.content},
            {"role": "user", "content": results},
        ]
        second = anthropic_client.messages.create(model=model, max_tokens=300, messages=history, tools=ANTHROPIC_TOOLS)
        assert any(block.type == "text" and block.text for block in second.content)

    def test_streamed_tool_calls_accumulate(self, anthropic_client: anthropic.Anthropic, model: str) -> None:
        """FAILURES G20."""
        with anthropic_client.messages.stream(
            model=model, max_tokens=300, messages=QUESTION, tools=ANTHROPIC_TOOLS, tool_choice={"type": "any"}
        ) as stream:
            final = stream.get_final_message()
        uses = [block for block in final.content if block.type == "tool_use"]
        assert uses
        for use in uses:
            assert set(use.input) == {"city", "unit"}  # type: ignore[arg-type]

    def test_structured_output_is_parsed(self, anthropic_client: anthropic.Anthropic, model: str) -> None:
        answer = anthropic_client.messages.parse(model=model, max_tokens=300, messages=QUESTION, output_format=Point)
        assert isinstance(answer.parsed_output, Point)

    def test_images_are_taken(self, anthropic_client: anthropic.Anthropic, model: str) -> None:
        content: list[Any] = [
            {"type": "text", "text": "What is this?"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
        ]
        answer = anthropic_client.messages.create(
            model=model, max_tokens=100, messages=[{"role": "user", "content": content}]
        )
        assert answer.content

    def test_tokens_are_counted(self, anthropic_client: anthropic.Anthropic, model: str) -> None:
        assert anthropic_client.messages.count_tokens(model=model, messages=QUESTION).input_tokens > 0

    def test_an_upstream_error_is_the_sdks_own_exception(
        self, anthropic_client: anthropic.Anthropic, model: str, penstock_simulator: SimulatorServer
    ) -> None:
        penstock_simulator.set_faults({"status": 429, "retry_after": 7})
        with pytest.raises(anthropic.RateLimitError) as raised:
            anthropic_client.messages.create(model=model, max_tokens=100, messages=QUESTION)
        assert raised.value.response.headers["retry-after"] == "7"
        assert raised.value.request_id

    def test_leaving_a_stream_cancels_the_upstream_call(
        self, anthropic_client: anthropic.Anthropic, model: str, penstock_simulator: SimulatorServer
    ) -> None:
        """FAILURES G13."""
        penstock_simulator.set_faults({"slow": 0.05})
        with anthropic_client.messages.stream(model=model, max_tokens=400, messages=QUESTION) as stream:
            next(iter(stream.text_stream))
        penstock_simulator.wait(cancelled=1)


class TestEmbeddings:
    @pytest.mark.parametrize("model", ["sim/text-embedding-3-small", "sim-gemini/gemini-embedding-001"])
    def test_texts_are_embedded(self, openai_client: openai.OpenAI, model: str) -> None:
        answer = openai_client.embeddings.create(model=model, input=["water", "turbine"])
        assert [entry.index for entry in answer.data] == [0, 1]
        assert len(answer.data[0].embedding) == len(answer.data[1].embedding) > 0

    def test_a_provider_without_embeddings_says_so(self, openai_client: openai.OpenAI) -> None:
        with pytest.raises(openai.BadRequestError, match="embeddings"):
            openai_client.embeddings.create(model="sim-anthropic/claude-sonnet-4-5", input="water")


class TestModels:
    def test_the_openai_sdk_lists_models_and_aliases(self, openai_client: openai.OpenAI) -> None:
        names = [entry.id for entry in openai_client.models.list()]
        assert {"fast", "careful", "sim/gpt-4o-mini", "sim-gemini/gemini-2.5-flash"} <= set(names)
        assert openai_client.models.retrieve("fast").id == "fast"

    def test_the_anthropic_sdk_lists_them_too(self, anthropic_client: anthropic.Anthropic) -> None:
        assert "fast" in [entry.id for entry in anthropic_client.models.list()]
