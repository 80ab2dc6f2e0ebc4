"""Run by an environment that has ragas or deepeval: judges with their real metrics, and prints what came as JSON.

python judging_by_libraries.py ragas|deepeval
"""

import asyncio
import json
import socket
import sys

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.catalog import load
from penstock.evals.evaluators.definition import Services
from penstock.evals.evaluators.ports import Reply
from penstock.evals.evaluators.types import Item, Message, ToolCall

asked: list[dict[str, object]] = []
dialled: list[str] = []
CALL = {"name": "search", "arguments": {"q": "x"}}
ITEM = Item(
    input="Where is the Louvre?",
    output="In Paris. It opened in 1793.",
    reference="Paris",
    context=["The Louvre is in Paris."],
)
TOOLS = Item(
    input="Search x",
    output="found",
    reference=[CALL],
    messages=[
        Message(role="user", content="Search x"),
        Message(role="assistant", tool_calls=[ToolCall(name="search", arguments={"q": "x"})]),
        Message(role="tool", content="found"),
    ],
)


def made_up(schema: dict[str, object], root: dict[str, object], name: str = "") -> object:
    """The least value that fits a schema; a judge that always agrees."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    schema = schema["anyOf"][0] if "anyOf" in schema else schema
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {one: made_up(part, root, one) for one, part in schema.get("properties", {}).items()}
        case "array":
            return [made_up(schema["items"], root, name)] * 2
        case other:
            text = "yes" if name == "verdict" else "It is in Paris."
            return {"integer": 1, "number": 1, "boolean": True}.get(other, text)


async def ask(request):
    asked.append(msgspec.to_builtins(request))
    if request.schema is None:
        return Reply(text="{}", cost=3)
    value = made_up(request.schema, request.schema)
    return Reply(text=f"Here it is:\n```json\n{json.dumps(value)}\n```", cost=3)


async def talk(request):
    return Reply(text="I would rather talk about the weather.", cost=3)


async def silent(request):
    raise TimeoutError


async def embed(texts, *, model):
    return [[float(len(text)), 1.0] for text in texts]


def refused(body, services=None):
    try:
        load(body, services or Services(ask=ask, embed=embed))
    except InvalidInput as error:
        return error.field
    return None


async def judged(body, item, services=None):
    (found,) = await load(body, services or Services(ask=ask, embed=embed)).evaluate(item)
    return msgspec.to_builtins(found)


def with_ragas():
    faithful = {"type": "ragas", "metric": "Faithfulness", "model": "judge"}
    return {
        "refused": [
            refused({"type": "ragas", "metric": "Nothing"}),
            refused({"type": "ragas", "metric": "BaseMetric"}),
            refused({"type": "ragas", "metric": "SemanticSimilarity", "model": "m"}),
            refused({"type": "ragas", "metric": "Faithfulness"}),
            refused(faithful, Services()),
            refused({**faithful, "parameters": {"colour": 1}}),
        ],
        "ExactMatch": asyncio.run(judged({"type": "ragas", "metric": "ExactMatch"}, ITEM)),
        "Faithfulness": asyncio.run(judged(faithful, ITEM)),
        "AnswerRelevancy": asyncio.run(judged({**faithful, "metric": "AnswerRelevancy", "embedding": "small"}, ITEM)),
        "ContextRecall": asyncio.run(judged({**faithful, "metric": "ContextRecall"}, ITEM)),
        "FactualCorrectness": asyncio.run(judged({**faithful, "metric": "FactualCorrectness"}, ITEM)),
        "ToolCallAccuracy": asyncio.run(judged({"type": "ragas", "metric": "ToolCallAccuracy"}, TOOLS)),
        "no context": asyncio.run(judged(faithful, msgspec.structs.replace(ITEM, context=[]))),
        "no calls": asyncio.run(judged({"type": "ragas", "metric": "ToolCallAccuracy"}, ITEM)),
        "talk": asyncio.run(judged(faithful, ITEM, Services(ask=talk))),
        "silent": asyncio.run(judged(faithful, ITEM, Services(ask=silent))),
    }


def with_deepeval():
    faithful = {"type": "deepeval", "metric": "FaithfulnessMetric", "model": "judge"}
    own = {"name": "Politeness", "criteria": "Is it polite?", "evaluation_params": ["input", "actual_output"]}
    return {
        "refused": [
            refused({"type": "deepeval", "metric": "Nothing"}),
            refused({"type": "deepeval", "metric": "BaseMetric"}),
            refused({"type": "deepeval", "metric": "ConversationCompletenessMetric", "model": "m"}),
            refused({"type": "deepeval", "metric": "FaithfulnessMetric"}),
            refused(faithful, Services()),
            refused({**faithful, "parameters": {"colour": 1}}),
            refused({**faithful, "parameters": {"model": "gpt-4o"}}),
            refused({**faithful, "metric": "GEval", "parameters": {**own, "evaluation_params": ["colour"]}}),
        ],
        "ExactMatchMetric": asyncio.run(judged({"type": "deepeval", "metric": "ExactMatchMetric"}, ITEM)),
        "FaithfulnessMetric": asyncio.run(judged(faithful, ITEM)),
        "AnswerRelevancyMetric": asyncio.run(judged({**faithful, "metric": "AnswerRelevancyMetric"}, ITEM)),
        "GEval": asyncio.run(judged({**faithful, "metric": "GEval", "parameters": own}, ITEM)),
        "ToolCorrectnessMetric": asyncio.run(judged({**faithful, "metric": "ToolCorrectnessMetric"}, TOOLS)),
        "no context": asyncio.run(judged(faithful, msgspec.structs.replace(ITEM, context=[]))),
        "talk": asyncio.run(judged(faithful, ITEM, Services(ask=talk))),
        "silent": asyncio.run(judged(faithful, ITEM, Services(ask=silent))),
    }


def main() -> None:
    def refuse(_self, address, *_):
        dialled.append(str(address))
        raise OSError("no network here")

    socket.socket.connect = refuse
    socket.socket.connect_ex = refuse

    def look_up(host, *_, **__):
        dialled.append(str(host))
        raise OSError("no network here")

    socket.getaddrinfo = look_up
    found = {"ragas": with_ragas, "deepeval": with_deepeval}[sys.argv[1]]()
    models = sorted({str(one["model"]) for one in asked})
    schemas = [one["schema"] for one in asked if one["schema"] is not None]
    sys.stdout.write(json.dumps({"found": found, "models": models, "schemas": schemas, "dialled": dialled}))


if __name__ == "__main__":
    main()
