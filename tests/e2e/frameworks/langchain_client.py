"""What LangChain gets through a Penstock: run by a Python that has it, prints one JSON object.

python langchain_client.py GATEWAY_URL KEY MODEL EMBEDDING_MODEL
"""

import json
import sys
from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel


class Point(BaseModel):
    """A place on a plane."""

    x: int
    y: int


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Rain in {city}."


def chats(model: Any) -> dict[str, Any]:
    """Everything an application does with a chat model."""
    answer = model.invoke("What is a penstock?")
    chunks = list(model.stream("What is a penstock?"))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    tools = model.bind_tools([get_weather], tool_choice="get_weather")
    asked = HumanMessage("What is the weather in Bern?")
    called = tools.invoke([asked])
    results = [ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]) for call in called.tool_calls]
    point = model.with_structured_output(Point).invoke("A point, please.")
    return {
        "text": answer.text,
        "usage": dict(answer.usage_metadata or {}),
        "pieces": sum(bool(chunk.text) for chunk in chunks),
        "streamed": whole.text,
        "streamed_usage": dict(whole.usage_metadata or {}),
        "tools": [call["name"] for call in called.tool_calls],
        "after_tools": model.invoke([asked, called, *results]).text,
        "structured": type(point).__name__,
    }


def main(url: str, key: str, model: str, embedding: str) -> None:
    openai = ChatOpenAI(model=model, base_url=f"{url}/v1", api_key=key, max_retries=0, stream_usage=True)
    responses = ChatOpenAI(model=model, base_url=f"{url}/v1", api_key=key, max_retries=0, use_responses_api=True)
    anthropic = ChatAnthropic(model_name=model, base_url=url, api_key=key, max_retries=0, max_tokens=200)
    # Token ids of OpenAI's own tokeniser need a download; texts go as they are.
    embeddings = OpenAIEmbeddings(
        model=embedding, base_url=f"{url}/v1", api_key=key, max_retries=0, check_embedding_ctx_length=False
    )
    told = {
        "ChatOpenAI": chats(openai),
        "ChatOpenAI, Responses": chats(responses),
        "ChatAnthropic": chats(anthropic),
        "embeddings": [len(vector) for vector in embeddings.embed_documents(["a dam", "a gate"])],
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
