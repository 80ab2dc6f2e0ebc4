"""Metrics of deepeval that judge one answer."""

import inspect
from typing import Any, ClassVar, Final, cast

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.adapters.bridge import Bridge, scored, switch_off
from penstock.evals.evaluators.definition import Definition, Run, Services
from penstock.evals.evaluators.similarity import optional
from penstock.evals.evaluators.types import Item, Judgement, ToolCall, Unscored, Verdict
from penstock.evals.judges.prompting import text_of

__all__ = ["DeepEval"]

_SWITCHES: Final = {
    "CONFIDENT_TRACING_ENABLED": "NO",
    "DEEPEVAL_DISABLE_DOTENV": "1",
    "DEEPEVAL_EVAL_MODE": "llm",
    "DEEPEVAL_FILE_SYSTEM": "READ_ONLY",
    "DEEPEVAL_TELEMETRY_OPT_OUT": "YES",
    "DEEPEVAL_UPDATE_WARNING_OPT_IN": "0",
}
_OURS: Final = frozenset({"async_mode", "eval_mode", "model", "system_one_model"})
"""Arguments of a metric's class that are not the user's."""


class DeepEval(Definition, frozen=True, kw_only=True, tag="deepeval"):
    """A metric of deepeval, as `FaithfulnessMetric` or `GEval`."""

    paid: ClassVar[bool] = True

    metric: str
    """Name of the class."""
    model: str | None = None
    """A route, for metrics that ask one."""
    parameters: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    """Of the class; `evaluation_params` of `GEval` as texts."""

    def build(self, services: Services) -> Run:
        switch_off(_SWITCHES)
        cls = self._metric()
        takes = frozenset(inspect.signature(cls.__init__).parameters)
        if "model" in takes and (self.model is None or services.ask is None):
            lacking = "none is given" if self.model is None else "nothing can be asked"
            raise InvalidInput(f"{self.metric} asks a model, and {lacking}.", field="model")
        ours = sorted(_OURS & self.parameters.keys())
        if ours:
            raise InvalidInput(
                f"{self.metric} is given its {ours[0]} by Penstock.",
                field=f"parameters.{ours[0]}",
                hint="Name a route as `model` of the evaluator.",
            )
        self._made(cls, takes, Bridge(services, self.model))
        name = self.name or "deepeval"

        async def run(item: Item) -> list[Judgement]:
            bridge = Bridge(services, self.model)

            async def judged() -> Verdict:
                metric = self._made(cls, takes, bridge)
                await metric.a_measure(_case(item), _show_indicator=False)
                if metric.score is None:
                    raise Unscored(metric.error or "It gave no score.")
                return Verdict(float(metric.score), metric.reason)

            return [await scored(judged(), name=name, what=f"{self.metric} of deepeval", purse=bridge.purse)]

        return run

    def _metric(self) -> Any:
        library = optional("deepeval.metrics", package="deepeval", name="deepeval")
        cls: Any = getattr(library, self.metric, None) if self.metric.isidentifier() else None
        if not isinstance(cls, type) or not issubclass(cls, library.BaseMetric) or inspect.isabstract(cls):
            raise InvalidInput(f"deepeval has no metric {self.metric[:60]!r} of one answer.", field="metric")
        measure: Any = getattr(cls, "a_measure")  # noqa: B009 - of a class that is not known here
        if "_show_indicator" not in inspect.signature(measure).parameters:
            raise InvalidInput(f"{self.metric} cannot be asked in Penstock's way.", field="metric")
        return cls

    def _made(self, cls: Any, takes: frozenset[str], bridge: Bridge) -> Any:
        given = dict(self.parameters)
        if "evaluation_params" in given:
            given["evaluation_params"] = _parts(given["evaluation_params"])
        if "model" in takes:
            given["model"] = _model(bridge, str(self.model))
        if "async_mode" in takes:
            given["async_mode"] = True
        if "eval_mode" in takes:
            given["eval_mode"] = "llm"
        try:
            return cls(**given)
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"{self.metric}: {error}.", field="parameters") from None


def _model(bridge: Bridge, name: str) -> Any:
    base: Any = optional("deepeval.models", package="deepeval", name="deepeval").DeepEvalBaseLLM

    class Model(base):
        def load_model(self) -> Any:
            return self

        def get_model_name(self) -> str:
            return name

        def generate(self, *_: Any, **__: Any) -> Any:
            raise InvalidInput("It does not wait for its model, which only works elsewhere.", field="metric")

        async def a_generate(self, prompt: str, schema: Any = None) -> Any:
            if schema is None:
                return await bridge.ask([{"role": "user", "content": str(prompt)}])
            return await bridge.ask_for(str(prompt), schema)

    return Model(name)


def _parts(names: Any) -> list[Any]:
    parts = optional("deepeval.test_case", package="deepeval", name="deepeval").SingleTurnParams
    try:
        return [parts(one) for one in names]
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"Expected names of parts of an answer, got {error}.",
            field="parameters.evaluation_params",
            hint=f"There are: {', '.join(one.value for one in parts)}.",
        ) from None


def _case(item: Item) -> Any:
    theirs = optional("deepeval.test_case", package="deepeval", name="deepeval")
    reference: Any = item.reference
    expected: Any = None
    if isinstance(reference, list):
        try:
            expected = [_call(theirs, one) for one in msgspec.convert(reference, list[ToolCall])]
        except msgspec.ValidationError:
            expected = None  # a list of something else
    called = item.tool_calls or [call for message in item.messages for call in message.tool_calls]
    return theirs.LLMTestCase(
        input=text_of(item.input) if item.input is not None else "",
        actual_output=item.output,
        expected_output=None if reference is None else text_of(reference),
        context=item.context or None,
        retrieval_context=item.context or None,
        tools_called=[_call(theirs, one) for one in called],
        expected_tools=expected,
        metadata=item.metadata or None,
    )


def _call(theirs: Any, call: ToolCall) -> Any:
    given: Any = call.arguments
    arguments = cast("dict[str, Any]", given) if isinstance(given, dict) else {"arguments": given}
    return theirs.ToolCall(name=call.name, input_parameters=arguments)
