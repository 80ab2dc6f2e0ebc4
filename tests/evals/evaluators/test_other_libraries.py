"""Metrics of ragas and deepeval.

The packages live in environments of their own (`make adapters`); their part is skipped where there are none. The other
tests have the libraries' interfaces as far as the adapters use them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from penstock.core.errors import InvalidInput, MissingExtra, Unavailable
from penstock.evals.evaluators.adapters.bridge import Bridge, closed
from penstock.evals.evaluators.catalog import load
from penstock.evals.evaluators.definition import Services
from penstock.evals.evaluators.ports import Reply
from penstock.evals.evaluators.types import Item, Message, ToolCall

ENVIRONMENTS = Path(sys.prefix) / "adapters"
HERE = Path(__file__).parent
CALL = {"name": "search", "arguments": {"q": "x"}}


def with_library(name, folder):
    python = ENVIRONMENTS / name / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no {name} here: make adapters")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(HERE.parents[2] / "src")}
    done = subprocess.run(
        [python, HERE / "judging_by_libraries.py", name],
        cwd=folder,
        env=environment | {"CONFIDENT_API_KEY": "k", "OPENAI_API_KEY": "k"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_metrics_of_ragas_judge_through_penstock_only(tmp_path):
    """FAILURES E1, E4"""
    told = with_library("ragas", tmp_path)
    found = told["found"]
    assert (told["dialled"], told["models"]) == ([], ["judge"])
    assert found["refused"] == ["metric", "metric", "metric", "model", "model", "parameters.colour"]
    values = {name: one.get("value") for name, one in found.items() if name != "refused"}
    assert values == {
        "ExactMatch": 0.0,
        "Faithfulness": 1.0,
        "AnswerRelevancy": 0.0,
        "ContextRecall": 1.0,
        "FactualCorrectness": 1.0,
        "ToolCallAccuracy": 1.0,
        "no context": None,
        "no calls": None,
        "talk": None,
        "silent": None,
    }
    assert found["Faithfulness"]["cost"] == 6
    assert "retrieved_contexts" in found["no context"]["error"]
    assert "I would rather talk" in found["talk"]["error"]
    assert "in time" in found["silent"]["error"]
    assert all(schema["additionalProperties"] is False for schema in told["schemas"])


def test_metrics_of_deepeval_judge_through_penstock_only(tmp_path):
    """FAILURES E1, E4"""
    told = with_library("deepeval", tmp_path)
    found = told["found"]
    assert (told["dialled"], told["models"]) == ([], ["judge"])
    assert found["refused"][:6] == ["metric", "metric", "metric", "model", "model", "parameters"]
    assert found["refused"][6:] == ["parameters.model", "parameters.evaluation_params"]
    values = {name: one.get("value") for name, one in found.items() if name != "refused"}
    assert values == {
        "ExactMatchMetric": 0.0,
        "FaithfulnessMetric": 1.0,
        "AnswerRelevancyMetric": 1.0,
        "GEval": 0.1,
        "ToolCorrectnessMetric": 1.0,
        "no context": None,
        "talk": None,
        "silent": None,
    }
    assert found["GEval"]["reason"] == "It is in Paris."
    assert "retrieval_context" in found["no context"]["error"]
    assert "in time" in found["silent"]["error"]
    assert [one.name for one in tmp_path.iterdir() if "deepeval" in one.name] == []


@pytest.mark.parametrize("kind", ["ragas", "deepeval"])
def test_a_library_that_is_missing_is_an_error_that_names_its_extra(kind):
    with pytest.raises(MissingExtra, match=rf"penstock\[{kind}\]"):
        load({"type": kind, "metric": "Faithfulness"})


class Statement:
    """As a pydantic class."""

    @staticmethod
    def model_json_schema():
        return {"type": "object", "properties": {"text": {"type": "string", "default": ""}}}

    @classmethod
    def model_validate(cls, value):
        if set(value) != {"text"}:
            raise ValueError("text: field required")
        return value["text"]


class Base:
    def __init_subclass__(cls, **_):
        pass


@pytest.fixture
def ragas(monkeypatch):
    class Judged(Base):
        def __init__(self, llm, strict=False):
            if strict == "no":
                raise ValueError("strict is yes or no")
            self.llm = llm

        async def ascore(self, user_input, response, retrieved_contexts, colour="red"):
            said = await self.llm.agenerate(f"{user_input}|{response}|{retrieved_contexts}|{colour}", Statement)
            return SimpleNamespace(value=said if said == "yes" else float(said), reason="so it is")

    class Alike(Base):
        def __init__(self, embeddings):
            self.embeddings = embeddings

        async def ascore(self, reference, response):
            one, other = await self.embeddings.aembed_texts([reference, response])
            (third,) = [await self.embeddings.aembed_text(response)]
            return SimpleNamespace(value=float(one[0] == other[0] == third[0]), reason=None)

    class Impatient(Judged):
        async def ascore(self, response):
            return self.llm.generate(response, Statement)

    class ImpatientAlike(Alike):
        async def ascore(self, response):
            return self.embeddings.embed_text(response)

    class Calls(Base):
        def __init__(self):
            pass

        async def ascore(self, user_input: "list[HumanMessage]", reference_tool_calls):  # noqa: F821 - theirs
            said = [call.name for message in user_input for call in getattr(message, "tool_calls", None) or []]
            return SimpleNamespace(
                value=float(said == [one.name for one in reference_tool_calls]),
                reason=" ".join(type(message).__name__ + message.kind for message in user_input),
            )

    def message(kind):
        return lambda **fields: SimpleNamespace(kind=kind, **fields)

    modules = {
        "ragas.metrics.collections": SimpleNamespace(
            BaseMetric=Base, Judged=Judged, Alike=Alike, Calls=Calls, Impatient=Impatient,
            ImpatientAlike=ImpatientAlike, SemanticSimilarity=Alike,
        ),
        "ragas.llms.base": SimpleNamespace(InstructorBaseRagasLLM=object),
        "ragas.embeddings.base": SimpleNamespace(BaseRagasEmbedding=object),
        "ragas.messages": SimpleNamespace(
            HumanMessage=message("user"), AIMessage=message("ai"), ToolMessage=message("tool"), ToolCall=SimpleNamespace
        ),
    }  # fmt: skip
    put(monkeypatch, modules)


@pytest.fixture
def deepeval(monkeypatch):
    class Model:
        def __init__(self, name):
            self.name = self.load_model().get_model_name() or name

    class Judged(Base):
        score = reason = error = None

        def __init__(self, model, async_mode=False, eval_mode=None, evaluation_params=None, threshold=0.5):
            assert (async_mode, eval_mode) == (True, "llm")
            self.model, self.parts, self.threshold = model, evaluation_params, threshold

        async def a_measure(self, case, _show_indicator=True):
            plain = await self.model.a_generate("plain")
            said = await self.model.a_generate(f"{case.input}|{case.actual_output}", schema=Statement)
            self.score, self.reason = (None if said == "nothing" else said), plain

    class Impatient(Judged):
        async def a_measure(self, case, _show_indicator=True):
            self.model.generate(case.input)

    class Calls(Base):
        reason = None

        async def a_measure(self, case, _show_indicator=True):
            expected = [one.name for one in case.expected_tools or []]
            self.score = float([one.name for one in case.tools_called] == expected)
            self.reason = str([one.input_parameters for one in case.tools_called])

    class Old(Base):
        async def a_measure(self, case): ...

    modules = {
        "deepeval.metrics": SimpleNamespace(BaseMetric=Base, Judged=Judged, Calls=Calls, Old=Old, Impatient=Impatient),
        "deepeval.models": SimpleNamespace(DeepEvalBaseLLM=Model),
        "deepeval.test_case": SimpleNamespace(
            LLMTestCase=SimpleNamespace, ToolCall=SimpleNamespace, SingleTurnParams=Parts
        ),
    }
    put(monkeypatch, modules)


class _Iterable(type):
    def __iter__(cls):
        return iter([SimpleNamespace(value="input")])


class Parts(metaclass=_Iterable):
    def __init__(self, name):
        if name != "input":
            raise ValueError(name)


def put(monkeypatch, modules):
    for name in ("RAGAS_DO_NOT_TRACK", "DEEPEVAL_TELEMETRY_OPT_OUT"):
        monkeypatch.setenv(name, "no")
    monkeypatch.setattr("penstock.evals.evaluators.adapters.bridge.os.environ", dict(os.environ))
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)


def answering(*replies):
    said = iter(replies)

    async def ask(request):
        found = next(said)
        if isinstance(found, Exception):
            raise found
        return Reply(text=found, cost=2)

    async def embed(texts, *, model):
        assert model in {"judge", "small"}
        return [[float(len(text))] for text in texts]

    return Services(ask=ask, embed=embed)


async def judged(body, services, **item):
    (found,) = await load(body, services).evaluate(Item(**item))
    return found


@pytest.mark.usefixtures("ragas")
async def test_a_metric_of_ragas_is_given_what_it_takes_of_an_item():
    body = {"type": "ragas", "metric": "Judged", "model": "judge"}
    item = {"input": "q", "output": "a", "context": ["c"], "metadata": {"colour": "blue"}}
    found = await judged(body, answering('{"text": "0.5"}'), **item)
    assert (found.value, found.reason, found.cost) == (0.5, "so it is", 2)
    assert (await judged(body, answering('{"text": "yes"}'), **item)).value == "yes"
    assert (await judged(body, answering('{"text": "nan"}'), **item)).error is not None
    assert "{" in (await judged(body, answering('{"word": 1}'), **item)).error
    assert "no JSON" in (await judged(body, answering('{"text": '), **item)).error
    assert "retrieved_contexts" in (await judged(body, answering(), input="q")).error
    assert "colder" in (await judged(body, answering(Unavailable("It is colder.")), **item)).error
    alike = {"type": "ragas", "metric": "Alike", "embedding": "small"}
    assert (await judged(alike, answering(), output="ab", reference="cd")).value == 1.0


@pytest.mark.usefixtures("ragas")
async def test_ragas_is_given_conversations_and_calls_of_tools():
    body = {"type": "ragas", "metric": "Calls"}
    call = ToolCall(name="search", arguments={"q": "x"})
    messages = [
        Message(role="system", content="s"),
        Message(role="user", content="u"),
        Message(role="assistant", tool_calls=[call]),
        Message(role="tool", content="t"),
    ]
    found = await judged(body, Services(), reference=[CALL], messages=messages)
    assert (found.value, found.reason.split()[-1][-4:]) == (1.0, "tool")
    assert (await judged(body, Services(), input="u", reference=[CALL], tool_calls=[call])).value == 1.0
    assert "list of tool calls" in (await judged(body, Services(), reference="x")).error


@pytest.mark.usefixtures("ragas", "deepeval")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "ragas", "metric": "a.b"}, "metric"),
        ({"type": "ragas", "metric": "BaseMetric"}, "metric"),
        ({"type": "ragas", "metric": "SemanticSimilarity", "model": "judge"}, "metric"),
        ({"type": "ragas", "metric": "Judged"}, "model"),
        ({"type": "ragas", "metric": "Alike"}, "model"),
        ({"type": "ragas", "metric": "Judged", "model": "judge", "parameters": {"x": 1}}, "parameters.x"),
        ({"type": "ragas", "metric": "Judged", "model": "judge", "parameters": {"strict": "no"}}, "parameters"),
        ({"type": "deepeval", "metric": "Nothing"}, "metric"),
        ({"type": "deepeval", "metric": "Old"}, "metric"),
        ({"type": "deepeval", "metric": "Judged"}, "model"),
        ({"type": "deepeval", "metric": "Judged", "model": "judge", "parameters": {"x": 1}}, "parameters"),
        ({"type": "deepeval", "metric": "Judged", "model": "j", "parameters": {"model": "m"}}, "parameters.model"),
        (
            {"type": "deepeval", "metric": "Judged", "model": "j", "parameters": {"evaluation_params": ["x"]}},
            "parameters.evaluation_params",
        ),
    ],
)
def test_what_a_library_cannot_do_is_refused_when_it_is_loaded(body, field):
    with pytest.raises(InvalidInput) as caught:
        load(body, answering())
    assert caught.value.field == field
    with pytest.raises(InvalidInput):
        load({**body, "model": "judge"} if field == "model" else body, Services())


@pytest.mark.usefixtures("ragas", "deepeval")
async def test_a_metric_that_would_not_wait_is_unscored(caplog):
    """FAILURES E4"""
    for body in (
        {"type": "ragas", "metric": "Impatient", "model": "judge"},
        {"type": "ragas", "metric": "ImpatientAlike", "model": "judge"},
        {"type": "deepeval", "metric": "Impatient", "model": "judge"},
    ):
        assert "does not wait" in (await judged(body, answering(), input="q", output="a")).error
    assert caplog.records == []


@pytest.mark.usefixtures("deepeval")
async def test_a_metric_of_deepeval_is_given_what_it_takes_of_an_item():
    body = {"type": "deepeval", "metric": "Judged", "model": "judge", "parameters": {"evaluation_params": ["input"]}}
    found = await judged(body, answering("because", '{"text": "0.5"}'), input="q", output="a", reference="r")
    assert (found.value, found.reason, found.cost) == (0.5, "because", 4)
    found = await judged(body, answering("because", '{"text": "nothing"}'), output="a")
    assert (found.value, found.cost) == (None, 4)
    assert "no score" in found.error
    assert "in time" in (await judged(body, answering(TimeoutError()))).error
    calls = {"type": "deepeval", "metric": "Calls"}
    messages = [Message(role="assistant", tool_calls=[ToolCall(name="search", arguments="odd")])]
    found = await judged(calls, Services(), messages=messages, reference=[CALL])
    assert (found.value, found.reason) == (1.0, "[{'arguments': 'odd'}]")
    assert (await judged(calls, Services(), messages=messages, reference=["odd"])).value == 0.0


@pytest.mark.usefixtures("ragas")
async def test_what_a_metric_raises_leaves_its_item_unscored(caplog):
    """FAILURES E1"""
    body = {"type": "ragas", "metric": "Judged", "model": "judge"}
    found = await judged(body, answering('{"text": "high"}'), input="q", output="a", context=["c"])
    assert found.value is None
    assert "ValueError" in found.error
    assert len(caplog.records) == 1


def test_a_schema_is_closed_as_strict_modes_want_it():
    given = {
        "type": "object",
        "properties": {"a": {"type": "string", "default": "x"}, "b": {"$ref": "#/$defs/B"}},
        "required": ["a"],
        "$defs": {"B": {"type": "object", "properties": {"c": {"anyOf": [{"type": "null"}]}}}},
        "additionalProperties": True,
    }
    found = closed(given)
    assert (found["required"], found["additionalProperties"]) == (["a", "b"], False)
    assert found["properties"]["a"] == {"type": "string"}
    assert found["$defs"]["B"]["required"] == ["c"]
    assert closed({"type": "object", "additionalProperties": {"type": "string"}})["additionalProperties"]


async def test_a_bridge_without_what_it_needs_says_so():
    with pytest.raises(InvalidInput, match="none is given"):
        await Bridge(answering(), None).ask([])
    with pytest.raises(InvalidInput, match="nothing can be asked"):
        await Bridge(Services(), "judge").ask([])
    with pytest.raises(InvalidInput, match="nothing here makes them"):
        await Bridge(Services(), "judge").embed(["a"])
    with pytest.raises(InvalidInput, match="no model is given"):
        await Bridge(answering(), None).embed(["a"])
