"""Metrics of ragas."""

import inspect
from typing import Any, ClassVar, Final

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.adapters.bridge import Bridge, scored, switch_off
from penstock.evals.evaluators.definition import Definition, Run, Services
from penstock.evals.evaluators.similarity import optional
from penstock.evals.evaluators.types import Item, Judgement, ToolCall, Unscored, Verdict
from penstock.evals.judges.prompting import text_of

__all__ = ["Ragas"]

_SWITCHES: Final = {"RAGAS_DO_NOT_TRACK": "true"}
_PAST_US: Final = {
    "MultiModalFaithfulness": "it sends images by a client of its own",
    "MultiModalRelevance": "it sends images by a client of its own",
    "SemanticSimilarity": "it does not wait for its embeddings; use the type `embedding`",
}


class Ragas(Definition, frozen=True, kw_only=True, tag="ragas"):
    """A metric of `ragas.metrics.collections`, as `Faithfulness` or `ToolCallAccuracy`."""

    paid: ClassVar[bool] = True

    metric: str
    """Name of the class."""
    model: str | None = None
    """A route, for metrics that ask one."""
    embedding: str | None = None
    """A route, for metrics that compare embeddings; `model` unless given."""
    parameters: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    """Of the class."""

    def build(self, services: Services) -> Run:
        switch_off(_SWITCHES)
        cls = self._metric()
        takes = inspect.signature(cls.__init__).parameters
        asks = takes.keys() & {"llm", "embeddings"}
        # What it does not know it would pass over.
        unknown = sorted(self.parameters.keys() - (takes.keys() - {"self", "llm", "embeddings", "name"}))
        if unknown:
            raise InvalidInput(f"{self.metric} has no parameter {unknown[0][:60]!r}.", field=f"parameters.{unknown[0]}")
        for need, lacking in (("llm", services.ask is None), ("embeddings", services.embed is None)):
            if need in asks and (lacking or not (self.model or (need == "embeddings" and self.embedding))):
                what = "asks a model" if need == "llm" else "compares embeddings"
                raise InvalidInput(
                    f"{self.metric} {what}, and {'nothing can be asked' if lacking else 'none is given'}.",
                    field="model",
                )
        made = self._made(cls, asks, Bridge(services, self.model))
        taken = list(inspect.signature(made.ascore).parameters.values())
        name = self.name or "ragas"

        async def run(item: Item) -> list[Judgement]:
            bridge = Bridge(services, self.model, embedding=self.embedding)
            metric = self._made(cls, asks, bridge)

            async def judged() -> Verdict:
                found = await metric.ascore(**_arguments(taken, item))
                value = found.value if isinstance(found.value, str) else float(found.value)
                return Verdict(value, found.reason)

            return [await scored(judged(), name=name, what=f"{self.metric} of ragas", purse=bridge.purse)]

        return run

    def _metric(self) -> Any:
        library = optional("ragas.metrics.collections", package="ragas", name="ragas")
        cls: Any = getattr(library, self.metric, None) if self.metric.isidentifier() else None
        if not isinstance(cls, type) or not issubclass(cls, library.BaseMetric) or cls is library.BaseMetric:
            raise InvalidInput(f"ragas has no metric {self.metric[:60]!r}.", field="metric")
        if self.metric in _PAST_US:
            raise InvalidInput(f"{self.metric} cannot be used: {_PAST_US[self.metric]}.", field="metric")
        return cls

    def _made(self, cls: Any, asks: set[str], bridge: Bridge) -> Any:
        means = {"llm": _model, "embeddings": _embeddings}
        try:
            return cls(**{need: means[need](bridge) for need in asks}, **self.parameters)
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"{self.metric}: {error}.", field="parameters") from None


def _model(bridge: Bridge) -> Any:
    base: Any = optional("ragas.llms.base", package="ragas", name="ragas").InstructorBaseRagasLLM

    class Model(base):
        def generate(self, *_: Any, **__: Any) -> Any:
            raise InvalidInput("It does not wait for its model, which only works elsewhere.", field="metric")

        async def agenerate(self, prompt: str, response_model: Any) -> Any:
            return await bridge.ask_for(prompt, response_model)

    return Model()


def _embeddings(bridge: Bridge) -> Any:
    base: Any = optional("ragas.embeddings.base", package="ragas", name="ragas").BaseRagasEmbedding

    class Embeddings(base):
        def embed_text(self, *_: Any, **__: Any) -> list[float]:
            raise InvalidInput("It does not wait for its embeddings, which only works elsewhere.", field="metric")

        async def aembed_text(self, text: str, **_: Any) -> list[float]:
            return (await bridge.embed([text]))[0]

        async def aembed_texts(self, texts: list[str], **_: Any) -> list[list[float]]:
            return await bridge.embed(texts)

    return Embeddings()


def _arguments(taken: list[inspect.Parameter], item: Item) -> dict[str, Any]:
    """What a metric takes: parts of the item by ragas's names, and else what its metadata has under the name."""
    given: dict[str, Any] = {"response": item.output}
    if item.input is not None:
        given["user_input"] = text_of(item.input)
    if item.reference is not None:
        given["reference"] = text_of(item.reference)
    if item.context:
        given["retrieved_contexts"] = item.context
    arguments: dict[str, Any] = {}
    for parameter in taken:
        name = parameter.name
        if name == "user_input" and "Message" in str(parameter.annotation):
            arguments[name] = _messages(item)
        elif name == "reference_tool_calls":
            arguments[name] = _reference_calls(item)
        elif name in given:
            arguments[name] = given[name]
        elif name in item.metadata:
            arguments[name] = item.metadata[name]
        elif parameter.default is parameter.empty:
            raise Unscored(f"The item has no {name}.")
    return arguments


def _messages(item: Item) -> list[Any]:
    theirs = optional("ragas.messages", package="ragas", name="ragas")
    found: list[Any] = []
    for message in item.messages:
        match message.role:
            case "user":
                found.append(theirs.HumanMessage(content=message.content))
            case "assistant":
                calls = [_call(theirs, one) for one in message.tool_calls]
                found.append(theirs.AIMessage(content=message.content, tool_calls=calls or None))
            case "tool":
                found.append(theirs.ToolMessage(content=message.content))
            case _:
                pass  # instructions are no part of what is judged
    if not found:
        found = [theirs.HumanMessage(content=text_of(item.input or ""))]
    if item.tool_calls and not any(message.tool_calls for message in item.messages):
        calls = [_call(theirs, one) for one in item.tool_calls]
        found.append(theirs.AIMessage(content=item.output, tool_calls=calls))
    return found


def _reference_calls(item: Item) -> list[Any]:
    theirs = optional("ragas.messages", package="ragas", name="ragas")
    try:
        calls = msgspec.convert(item.reference, list[ToolCall])
    except msgspec.ValidationError as error:
        raise Unscored(f"Expected a list of tool calls as its reference: {error}.") from None
    return [_call(theirs, one) for one in calls]


def _call(theirs: Any, call: ToolCall) -> Any:
    return theirs.ToolCall(name=call.name, args=call.arguments)
