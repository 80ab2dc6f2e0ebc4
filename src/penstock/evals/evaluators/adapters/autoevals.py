"""Evaluators of Braintrust's autoevals."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable
from typing import Any, Final

import msgspec

from penstock.core.errors import InvalidInput, PenstockError
from penstock.evals.evaluators.definition import Definition, Run, Services
from penstock.evals.evaluators.ports import AskRequest
from penstock.evals.evaluators.similarity import optional
from penstock.evals.evaluators.types import Item, Judgement, Verdict

__all__ = ["AutoEvals"]

logger = logging.getLogger(__name__)
_NOWHERE: Final = "http://127.0.0.1:9"
"""Whatever the library might ask by itself is not answered."""


class AutoEvals(Definition, frozen=True, kw_only=True, tag="autoevals"):
    """A scorer of autoevals, as `Factuality` or `JSONDiff`. Those that ask a model ask `model`."""

    scorer: str
    """Name of the class."""
    model: str | None = None
    """A route, for scorers that ask one."""
    parameters: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    """Of the class."""

    def build(self, services: Services) -> Run:
        library = optional("autoevals", package="autoevals", name="autoevals")
        cls: Any = getattr(library, self.scorer, None) if self.scorer.isidentifier() else None
        if not inspect.isclass(cls) or not issubclass(cls, library.Scorer) or inspect.isabstract(cls):
            raise InvalidInput(f"autoevals has no scorer {self.scorer[:60]!r}.", field="scorer")
        asks = optional("autoevals.llm", package="autoevals", name="autoevals").OpenAIScorer
        if issubclass(cls, asks) or "client" in inspect.signature(cls.__init__).parameters:
            return self._asking(cls, services)
        try:
            scorer: Any = cls(**self.parameters)
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"{self.scorer}: {error}.", field="parameters") from None
        name = self.name or "autoevals"

        async def run(item: Item) -> list[Judgement]:
            return [await _judged(asyncio.to_thread(scorer.eval, **_arguments(item)), name, self.scorer)]

        return run

    def _asking(self, cls: Any, services: Services) -> Run:
        if self.model is None or services.ask is None:
            raise InvalidInput(
                f"{self.scorer} asks a model, and {'none is given' if self.model is None else 'nothing can be asked'}.",
                field="model",
            )
        name = self.name or "autoevals"

        async def run(item: Item) -> list[Judgement]:
            bridge = _Bridge(services, str(self.model))
            try:
                scorer = cls(model=self.model, client=bridge.client(), **self.parameters)
            except TypeError as error:
                return [Judgement(name=name, error=f"{self.scorer}: {error}")]
            found = await _judged(scorer.eval_async(**_arguments(item)), name, self.scorer)
            return [msgspec.structs.replace(found, cost=bridge.cost)]

        return run


class _Bridge:
    """The library's client, asking by Penstock's ports."""

    def __init__(self, services: Services, model: str) -> None:
        self._services = services
        self._model = model
        self.cost: int | None = 0

    def client(self) -> Any:
        oai = optional("autoevals.oai", package="autoevals", name="autoevals")
        openai = optional("openai", package="openai", name="autoevals")
        client = oai.LLMClient(openai=openai.AsyncOpenAI(api_key="unused", base_url=_NOWHERE), is_async=True)
        # Given to the constructor, these would be replaced by the library's own.
        client.complete = self._complete
        client.embed = self._embed
        client.moderation = self._moderation
        return client

    async def _complete(self, *, messages: list[dict[str, str]], tools: Any = None, **_: Any) -> dict[str, Any]:
        assert self._services.ask is not None  # noqa: S101 - checked when the evaluator was built
        function = tools[0]["function"] if tools else None
        reply = await self._services.ask(
            AskRequest(
                model=self._model,
                messages=messages,
                schema=None if function is None else function["parameters"],
                schema_name="verdict" if function is None else function["name"],
                parameters={"temperature": 0},
            )
        )
        self.cost = None if self.cost is None or reply.cost is None else self.cost + reply.cost
        message: dict[str, Any] = {"role": "assistant", "content": reply.text}
        if function is not None:
            call = {"name": function["name"], "arguments": reply.text}
            message["tool_calls"] = [{"id": "verdict", "type": "function", "function": call}]
        return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}

    async def _embed(self, *, input: Any, model: str | None = None, **_: Any) -> dict[str, Any]:  # noqa: A002 - theirs
        if self._services.embed is None:
            raise InvalidInput("Nothing here makes embeddings.")
        texts = [input] if isinstance(input, str) else list(input)
        vectors = await self._services.embed(texts, model=model or self._model)
        return {"data": [{"index": place, "embedding": list(one)} for place, one in enumerate(vectors)]}

    async def _moderation(self, **_: Any) -> dict[str, Any]:
        raise InvalidInput("A gateway moderates nothing; use another scorer.")


def _arguments(item: Item) -> dict[str, Any]:
    return {
        "output": item.output if item.data is None else item.data,
        "expected": item.reference,
        "input": item.input,
        **({"context": item.context} if item.context else {}),
    }


async def _judged(call: Awaitable[Any], name: str, scorer: str) -> Judgement:
    try:
        found = await call
    except PenstockError as error:
        return Judgement(name=name, error=error.message)
    except Exception as error:
        logger.warning("%s of autoevals failed", scorer, exc_info=True)
        return Judgement(name=name, error=f"{scorer}: {type(error).__name__}: {error}"[:500])
    if found.score is None:
        return Judgement(name=name, error=f"{scorer} gave no score: {found.error or 'no reason given'}.")
    metadata: dict[str, Any] = found.metadata or {}
    return Verdict(float(found.score), metadata.get("rationale"), metadata or None).judgement(name)
