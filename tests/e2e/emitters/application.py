"""Applications as people write them, each watched by an instrumentation of its own: run by a Python that has both.

python application.py EMITTER URL CONSOLE_URL KEY MODEL EMBEDDING CLAUDE

URL is a gateway's, or a provider's own. Spans go to the console as any exporter sends them. Prints the id of the trace that everything belongs to.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

MODEL, EMBEDDING, CLAUDE = sys.argv[5:8]
QUESTION: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is a penstock?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def openai_calls(url: str, key: str) -> None:
    """A chat, a stream, a call of a tool, an embedding."""
    import openai

    client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
    client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0.5, max_tokens=50)
    options: Any = {"include_usage": True}
    for _ in client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True, stream_options=options):
        pass
    tools: Any = [WEATHER]
    client.chat.completions.create(model=MODEL, messages=QUESTION, tools=tools, tool_choice="required")
    client.embeddings.create(model=EMBEDDING, input="a dam")


def openai_v2(url: str, key: str) -> None:
    from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()
    openai_calls(url, key)


def openai_openinference(url: str, key: str) -> None:
    from openinference.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()
    openai_calls(url, key)


def openai_traceloop(url: str, key: str) -> None:
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()
    openai_calls(url, key)


def anthropic_calls(url: str, key: str) -> None:
    """A message, a stream, a call of a tool."""
    import anthropic

    client = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)
    asked: Any = [{"role": "user", "content": "What is a penstock?"}]
    client.messages.create(model=CLAUDE, max_tokens=50, system="Be brief.", messages=asked)
    with client.messages.stream(model=CLAUDE, max_tokens=50, messages=asked) as stream:
        stream.get_final_message()
    tool: Any = {"name": "get_weather", "input_schema": WEATHER["function"]["parameters"]}
    client.messages.create(model=CLAUDE, max_tokens=50, messages=asked, tools=[tool], tool_choice={"type": "any"})


def anthropic_traceloop(url: str, key: str) -> None:
    from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor

    AnthropicInstrumentor().instrument()
    anthropic_calls(url, key)


def anthropic_openinference(url: str, key: str) -> None:
    from openinference.instrumentation.anthropic import AnthropicInstrumentor

    AnthropicInstrumentor().instrument()
    anthropic_calls(url, key)


def langchain(url: str, key: str) -> None:
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

    model = ChatOpenAI(model=MODEL, base_url=f"{url}/v1", api_key=key, max_retries=0)
    prompt = ChatPromptTemplate.from_messages([("system", "Be brief."), ("user", "{question}")])
    config: Any = {"metadata": {"session_id": "session-7"}}
    (prompt | model | StrOutputParser()).invoke({"question": "What is a penstock?"}, config)
    get_weather.invoke({"city": "Bern"})


def llamaindex(url: str, key: str) -> None:
    """A question that is answered from documents: embeddings, retriever, model."""
    from llama_index.core import Document, VectorStoreIndex
    from llama_index.embeddings.openai import OpenAIEmbedding
    from llama_index.llms.openai_like import OpenAILike
    from openinference.instrumentation.llama_index import LlamaIndexInstrumentor

    LlamaIndexInstrumentor().instrument()
    model = OpenAILike(model=MODEL, api_base=f"{url}/v1", api_key=key, is_chat_model=True, max_retries=0)
    embeddings = OpenAIEmbedding(model_name=EMBEDDING, api_base=f"{url}/v1", api_key=key, max_retries=0)
    documents = [Document(text="A penstock is a gated pipe."), Document(text="A turbine turns.")]
    index = VectorStoreIndex.from_documents(documents, embed_model=embeddings)
    index.as_query_engine(llm=model, similarity_top_k=2).query("What is a penstock?")


def openai_agents(url: str, key: str) -> None:
    """An agent that calls a tool, and then answers."""
    import agents
    import openai
    from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

    OpenAIAgentsInstrumentor().instrument(exclusive_processor=True)

    @agents.function_tool
    def get_weather(city: str) -> str:
        """The weather in a city."""
        return f"Rain in {city}."

    client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
    agent = agents.Agent(
        name="forecaster",
        instructions="Be brief.",
        tools=[get_weather],
        model=agents.OpenAIResponsesModel(MODEL, client),
        model_settings=agents.ModelSettings(tool_choice="required"),
    )
    agents.Runner.run_sync(agent, "What is the weather in Bern?")


def pydantic_ai(url: str, key: str) -> None:
    """An agent that calls a tool, and then answers."""
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    Agent.instrument_all()
    model = OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=f"{url}/v1", api_key=key))
    agent = Agent(model, name="forecaster", instructions="Be brief.")

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather in a city."""
        return f"Rain in {city}."

    asyncio.run(agent.run("Use get_weather for Bern."))


EMITTERS: dict[str, Callable[[str, str], None]] = {
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


def main(emitter: str, url: str, console: str, key: str, *_models: str) -> None:
    os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "span_only"
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental"
    provider = TracerProvider(resource=Resource.create({"service.name": "shop", "deployment.environment.name": "prod"}))
    # The endpoint is found as an application would: from its environment.
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"{console}/otlp"
    os.environ["OTEL_EXPORTER_OTLP_HEADERS"] = f"Authorization=Bearer%20{key}"
    os.environ["OTEL_EXPORTER_OTLP_COMPRESSION"] = "gzip"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    # It sends `traceparent`, so that the gateway's record joins the trace.
    HTTPXClientInstrumentor().instrument()
    with trace.get_tracer("shop").start_as_current_span("request") as root:
        root.set_attribute("session.id", "session-7")
        root.set_attribute("user.id", "robin@example.com")
        EMITTERS[emitter](url, key)
        trace_id = f"{root.get_span_context().trace_id:032x}"
    provider.shutdown()
    sys.stdout.write(json.dumps({"trace_id": trace_id}))


if __name__ == "__main__":
    main(*sys.argv[1:])
