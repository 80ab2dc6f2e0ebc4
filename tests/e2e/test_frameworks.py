"""Applications as they are, through a route whose first target fails: vendors' SDKs, LangChain, LlamaIndex.

The frameworks pin other versions of the vendors' SDKs than the newest, which the other tests drive; so they live in an
environment of their own (`make frameworks`), and their part is skipped where there is none.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from pydantic import BaseModel

from e2e_harness import Control, scrubbed_environment
from penstock.testing.server import PenstockServer
from penstock.testing.simulator import SimulatorServer

HERE = Path(__file__).parent
PYTHON = Path(sys.prefix) / "frameworks" / "bin" / "python"
FRAMEWORKS = pytest.mark.skipif(not PYTHON.exists(), reason="no frameworks here: make frameworks")
MODEL, EMBEDDING = "assistant", "vectors"
CONFIG = """\
version: 1
providers:
  sim: {{kind: openai, base_url: "{url}/v1", price_as: openai, models: [gpt-4o-mini, text-embedding-3-small]}}
  broken: {{kind: openai, base_url: "{broken}/v1", models: [gpt-4o-mini, text-embedding-3-small]}}
routes:
  assistant:
    variants: {{first: broken/gpt-4o-mini, second: sim/gpt-4o-mini}}
    strategy: {{fallback: [first, second]}}
  vectors:
    variants: {{first: broken/text-embedding-3-small, second: sim/text-embedding-3-small}}
    strategy: {{fallback: [first, second]}}
"""
QUESTION: list[Any] = [{"role": "user", "content": "What is a penstock?"}]
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


class Point(BaseModel):
    x: int
    y: int


@pytest.fixture(scope="module")
def server(
    penstock_simulator_process: SimulatorServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PenstockServer]:
    """Its routes begin with a provider that refuses everything, every second call once its content would begin."""
    folder = tmp_path_factory.mktemp("frameworks")
    (folder / "broken").mkdir()
    faults = ("--fault", "cut=0", "--fault", "status=503;rate=0.5")
    with SimulatorServer(folder / "broken", options=faults) as broken:
        config = folder / "penstock.yaml"
        config.write_text(CONFIG.format(url=penstock_simulator_process.url, broken=broken.url))
        with PenstockServer(folder, config=config) as server:
            yield server


class TestOpenAI:
    @pytest.fixture
    def client(self, server: PenstockServer) -> Iterator[openai.OpenAI]:
        with openai.OpenAI(base_url=f"{server.gateway_url}/v1", api_key=server.admin_key, max_retries=0) as client:
            yield client

    def test_a_chat_is_answered_by_the_second_target_and_both_attempts_are_recorded(
        self, client: openai.OpenAI, server: PenstockServer
    ) -> None:
        answer = client.chat.completions.with_raw_response.create(model=MODEL, messages=QUESTION)
        assert answer.parse().choices[0].message.content
        trace = Control(server.console_url, server.admin_key).trace(answer.headers["x-penstock-trace-id"])
        variants = {span["variant"] for span in trace["spans"] if span["kind"] == "llm"}
        assert "second" in variants

    def test_a_stream_arrives_whole(self, client: openai.OpenAI) -> None:
        chunks = list(client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True))
        assert sum(bool(chunk.choices and chunk.choices[0].delta.content) for chunk in chunks) > 1
        assert chunks[-1].choices[0].finish_reason in ("stop", "length")

    def test_tools_are_called(self, client: openai.OpenAI) -> None:
        tool: Any = {"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}
        answer = client.chat.completions.create(model=MODEL, messages=QUESTION, tools=[tool], tool_choice="required")
        calls = answer.choices[0].message.tool_calls
        assert calls
        assert "city" in json.loads(calls[0].function.arguments)  # type: ignore[union-attr]

    def test_structured_output_is_parsed(self, client: openai.OpenAI) -> None:
        answer = client.chat.completions.parse(model=MODEL, messages=QUESTION, response_format=Point)
        assert isinstance(answer.choices[0].message.parsed, Point)

    def test_responses_are_answered(self, client: openai.OpenAI) -> None:
        assert client.responses.create(model=MODEL, input="What is a penstock?").output_text

    def test_embeddings_are_vectors(self, client: openai.OpenAI) -> None:
        answer = client.embeddings.create(model=EMBEDDING, input=["a dam", "a gate"])
        assert len(answer.data) == 2
        assert len(answer.data[0].embedding) == len(answer.data[1].embedding) > 100


class TestAnthropic:
    @pytest.fixture
    def client(self, server: PenstockServer) -> Iterator[anthropic.Anthropic]:
        with anthropic.Anthropic(base_url=server.gateway_url, api_key=server.admin_key, max_retries=0) as client:
            yield client

    def test_a_message_is_answered(self, client: anthropic.Anthropic) -> None:
        answer = client.messages.create(model=MODEL, max_tokens=200, messages=QUESTION)
        assert answer.content[0].type == "text"
        assert answer.usage.output_tokens > 0

    def test_a_stream_arrives_whole(self, client: anthropic.Anthropic) -> None:
        with client.messages.stream(model=MODEL, max_tokens=200, messages=QUESTION) as stream:
            pieces = list(stream.text_stream)
            final = stream.get_final_message()
        assert len(pieces) > 1
        assert final.stop_reason in ("end_turn", "max_tokens")

    def test_tools_are_called(self, client: anthropic.Anthropic) -> None:
        answer = client.messages.create(
            model=MODEL,
            max_tokens=200,
            messages=QUESTION,
            tools=[{"name": "get_weather", "input_schema": SCHEMA}],
            tool_choice={"type": "any"},
        )
        (call,) = [part for part in answer.content if part.type == "tool_use"]
        assert set(call.input) == {"city"}  # type: ignore[call-overload]


def told_by(script: str, server: PenstockServer) -> dict[str, Any]:
    """What a framework got, in its own environment."""
    # Both ask home how they are doing, and are told not to.
    quiet = {"LANGSMITH_TRACING": "false", "ANONYMIZED_TELEMETRY": "false"}
    process = subprocess.run(
        [str(PYTHON), str(HERE / "frameworks" / script), server.gateway_url, server.admin_key, MODEL, EMBEDDING],
        env=scrubbed_environment(**quiet),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    return json.loads(process.stdout)


@pytest.fixture(scope="module")
def langchain(server: PenstockServer) -> dict[str, Any]:
    return told_by("langchain_client.py", server)


@FRAMEWORKS
class TestLangChain:
    @pytest.mark.parametrize("model", ["ChatOpenAI", "ChatOpenAI, Responses", "ChatAnthropic"])
    def test_it_chats_streams_calls_tools_and_gives_structures(self, langchain: dict[str, Any], model: str) -> None:
        seen = langchain[model]
        assert seen["text"]
        assert seen["usage"]["total_tokens"] == seen["usage"]["input_tokens"] + seen["usage"]["output_tokens"] > 0
        assert seen["pieces"] > 1
        assert seen["streamed"]
        assert seen["streamed_usage"]["output_tokens"] > 0
        assert seen["tools"] == ["get_weather"]
        assert seen["after_tools"]
        assert seen["structured"] == "Point"

    def test_it_embeds(self, langchain: dict[str, Any]) -> None:
        one, other = langchain["embeddings"]
        assert one == other > 100


@pytest.fixture(scope="module")
def llamaindex(server: PenstockServer) -> dict[str, Any]:
    return told_by("llamaindex_client.py", server)


@FRAMEWORKS
class TestLlamaIndex:
    def test_it_chats_streams_calls_tools_and_gives_structures(self, llamaindex: dict[str, Any]) -> None:
        seen = llamaindex["OpenAILike"]
        assert seen["text"]
        assert seen["pieces"] > 1
        assert seen["streamed"]
        assert seen["tools"] == ["get_weather"]
        assert seen["structured"] == "Point"

    def test_it_embeds(self, llamaindex: dict[str, Any]) -> None:
        one, other = llamaindex["embeddings"]
        assert one == other > 100
