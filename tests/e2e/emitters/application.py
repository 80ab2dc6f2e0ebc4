"""Applications as people write them, each watched by an instrumentation of its own: run by a Python that has both.

python application.py EMITTER GATEWAY_URL PROVIDER_URL CONSOLE_URL KEY

The same is done twice: through the gateway, and with the provider itself. Spans go to the console as any exporter
sends them. Prints the ids of both traces.
"""

# ruff: noqa: PLC0415 - each application imports only what it is made of
import asyncio
import json
import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


class Target(NamedTuple):
    """Where calls go, and what models are called there."""

    url: str
    key: str
    chat: str
    embedding: str
    claude: str


QUESTION: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is a penstock?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def openai_calls(at: Target) -> None:
    """A chat, a stream, a call of a tool, an embedding."""
    import openai

    client = openai.OpenAI(base_url=f"{at.url}/v1", api_key=at.key, max_retries=0)
    client.chat.completions.create(model=at.chat, messages=QUESTION, temperature=0.5, max_tokens=50)
    options: Any = {"include_usage": True}
    for _ in client.chat.completions.create(model=at.chat, messages=QUESTION, stream=True, stream_options=options):
        pass
    tools: Any = [WEATHER]
    client.chat.completions.create(model=at.chat, messages=QUESTION, tools=tools, tool_choice="required")
    client.embeddings.create(model=at.embedding, input="a dam")


def openai_v2(at: Target) -> None:
    from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()
    openai_calls(at)


def openai_openinference(at: Target) -> None:
    from openinference.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()
    openai_calls(at)


def openai_traceloop(at: Target) -> None:
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()
    openai_calls(at)


def anthropic_calls(at: Target) -> None:
    """A message, a stream, a call of a tool."""
    import anthropic

    client = anthropic.Anthropic(base_url=at.url, api_key=at.key, max_retries=0)
    asked: Any = [{"role": "user", "content": "What is a penstock?"}]
    client.messages.create(model=at.claude, max_tokens=50, system="Be brief.", messages=asked)
    with client.messages.stream(model=at.claude, max_tokens=50, messages=asked) as stream:
        stream.get_final_message()
    tool: Any = {"name": "get_weather", "input_schema": WEATHER["function"]["parameters"]}
    client.messages.create(model=at.claude, max_tokens=50, messages=asked, tools=[tool], tool_choice={"type": "any"})


def anthropic_traceloop(at: Target) -> None:
    from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor

    AnthropicInstrumentor().instrument()
    anthropic_calls(at)


def anthropic_openinference(at: Target) -> None:
    from openinference.instrumentation.anthropic import AnthropicInstrumentor

    AnthropicInstrumentor().instrument()
    anthropic_calls(at)


def langchain(at: Target) -> None:
    """A chain of a prompt, a model and a parser; and a tool."""
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI
    from openinference.instrumentation.langchain import LangChainInstrumentor

    LangChainInstrumentor().instrument()

    @tool
    def get_weather(city: str) -> str:
        """The weather in a city."""
        return f"Rain in {city}."

    model = ChatOpenAI(model=at.chat, base_url=f"{at.url}/v1", api_key=at.key, max_retries=0)
    prompt = ChatPromptTemplate.from_messages([("system", "Be brief."), ("user", "{question}")])
    config: Any = {"metadata": {"session_id": "session-7"}}
    (prompt | model | StrOutputParser()).invoke({"question": "What is a penstock?"}, config)
    get_weather.invoke({"city": "Bern"})


def llamaindex(at: Target) -> None:
    """A question that is answered from documents: embeddings, retriever, model."""
    from llama_index.core import Document, VectorStoreIndex
    from llama_index.embeddings.openai import OpenAIEmbedding
    from llama_index.llms.openai_like import OpenAILike
    from openinference.instrumentation.llama_index import LlamaIndexInstrumentor

    LlamaIndexInstrumentor().instrument()
    model = OpenAILike(model=at.chat, api_base=f"{at.url}/v1", api_key=at.key, is_chat_model=True, max_retries=0)
    embeddings = OpenAIEmbedding(model_name=at.embedding, api_base=f"{at.url}/v1", api_key=at.key, max_retries=0)
    documents = [Document(text="A penstock is a gated pipe."), Document(text="A turbine turns.")]
    index = VectorStoreIndex.from_documents(documents, embed_model=embeddings)
    index.as_query_engine(llm=model, similarity_top_k=2).query("What is a penstock?")


def openai_agents(at: Target) -> None:
    """An agent that calls a tool, and then answers."""
    import agents
    import openai
    from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

    OpenAIAgentsInstrumentor().instrument(exclusive_processor=True)

    @agents.function_tool
    def get_weather(city: str) -> str:
        """The weather in a city."""
        return f"Rain in {city}."

    client = openai.AsyncOpenAI(base_url=f"{at.url}/v1", api_key=at.key, max_retries=0)
    agent = agents.Agent(
        name="forecaster",
        instructions="Be brief.",
        tools=[get_weather],
        model=agents.OpenAIResponsesModel(at.chat, client),
        model_settings=agents.ModelSettings(tool_choice="required"),
    )
    agents.Runner.run_sync(agent, "What is the weather in Bern?")


def pydantic_ai(at: Target) -> None:
    """An agent that calls a tool, and then answers."""
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    Agent.instrument_all()
    model = OpenAIChatModel(at.chat, provider=OpenAIProvider(base_url=f"{at.url}/v1", api_key=at.key))
    agent = Agent(model, name="forecaster", instructions="Be brief.")

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather in a city."""
        return f"Rain in {city}."

    asyncio.run(agent.run("Use get_weather for Bern."))


EMITTERS: dict[str, Callable[[Target], None]] = {
    "openai, OpenTelemetry": openai_v2,
    "openai, OpenInference": openai_openinference,
    "openai, OpenLLMetry": openai_traceloop,
    "anthropic, OpenLLMetry": anthropic_traceloop,
    "anthropic, OpenInference": anthropic_openinference,
    "LangChain": langchain,
    "LlamaIndex": llamaindex,
    "OpenAI Agents": openai_agents,
    "Pydantic AI": pydantic_ai,
}


def main(emitter: str, gateway: str, provider: str, console: str, key: str) -> None:
    os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "span_only"
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental"
    # The endpoint is found as an application would: from its environment.
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"{console}/otlp"
    os.environ["OTEL_EXPORTER_OTLP_HEADERS"] = f"Authorization=Bearer%20{key}"
    os.environ["OTEL_EXPORTER_OTLP_COMPRESSION"] = "gzip"
    tracing = TracerProvider(resource=Resource.create({"service.name": "shop", "deployment.environment.name": "prod"}))
    tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(tracing)
    # It sends `traceparent`, so that the gateway's record joins the trace.
    HTTPXClientInstrumentor().instrument()
    targets = {
        "gateway": Target(
            gateway, key, "sim/gpt-4o-mini", "sim/text-embedding-3-small", "sim-anthropic/claude-sonnet-4-5"
        ),
        "provider": Target(provider, "sk-none", "gpt-4o-mini", "text-embedding-3-small", "claude-sonnet-4-5"),
    }
    traces: dict[str, str] = {}
    for name, target in targets.items():
        with trace.get_tracer("shop").start_as_current_span("request") as root:
            root.set_attribute("session.id", "session-7")
            root.set_attribute("user.id", "robin@example.com")
            EMITTERS[emitter](target)
            traces[name] = f"{root.get_span_context().trace_id:032x}"
    tracing.shutdown()
    sys.stdout.write(json.dumps(traces))


if __name__ == "__main__":
    main(*sys.argv[1:])
