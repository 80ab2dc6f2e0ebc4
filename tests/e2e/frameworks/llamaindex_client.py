"""What LlamaIndex gets through a Penstock: run by a Python that has it, prints one JSON object.

python llamaindex_client.py GATEWAY_URL KEY MODEL EMBEDDING_MODEL
"""

import json
import sys

from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel


class Point(BaseModel):
    """A place on a plane."""

    x: int
    y: int


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Rain in {city}."


def main(url: str, key: str, model: str, embedding: str) -> None:
    llm = OpenAILike(
        model=model,
        api_base=f"{url}/v1",
        api_key=key,
        is_chat_model=True,
        is_function_calling_model=True,
        max_retries=0,
        context_window=32_000,
    )
    question = [ChatMessage(role="user", content="What is a penstock?")]
    pieces = [chunk.delta or "" for chunk in llm.stream_chat(question)]
    weather = FunctionTool.from_defaults(get_weather)
    called = llm.chat_with_tools([weather], user_msg="What is the weather in Bern?", tool_required=True)
    calls = llm.get_tool_calls_from_response(called)
    point = llm.as_structured_llm(Point).complete("A point, please.").raw
    embeddings = OpenAIEmbedding(model_name=embedding, api_base=f"{url}/v1", api_key=key, max_retries=0)
    told = {
        "OpenAILike": {
            "text": llm.chat(question).message.content,
            "pieces": sum(bool(piece) for piece in pieces),
            "streamed": "".join(pieces),
            "tools": [call.tool_name for call in calls],
            "structured": type(point).__name__,
        },
        "embeddings": [len(vector) for vector in embeddings.get_text_embedding_batch(["a dam", "a gate"])],
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
