"""Evaluators of Braintrust's autoevals."""

import asyncio
import inspect
from collections.abc import Awaitable
from typing import Any, ClassVar, Final

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.adapters.bridge import Bridge, scored
from penstock.evals.evaluators.definition import Definition, Run, Services
from penstock.evals.evaluators.similarity import optional
from penstock.evals.evaluators.types import Item, Judgement, Unscored, Verdict
from penstock.evals.judges.asking import Purse

__all__ = ["AutoEvals"]

_NOWHERE: Final = "http://127.0.0.1:9"
"""Whatever the library might ask by itself is not answered."""


class AutoEvals(Definition, frozen=True, kw_only=True, tag="autoevals"):
    """A scorer of autoevals, as `Factuality` or `JSONDiff`. Those that ask a model ask `model`."""

    paid: ClassVar[bool] = True

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
            call = asyncio.to_thread(scorer.eval, **_arguments(item))
            return [await scored(_verdict(call), name=name, what=self.scorer, purse=Purse())]

        return run

    def _asking(self, cls: Any, services: Services) -> Run:
        if self.model is None or services.ask is None:
            raise InvalidInput(
                f"{self.scorer} asks a model, and {'none is given' if self.model is None else 'nothing can be asked'}.",
                field="model",
            )
        name = self.name or "autoevals"

        async def run(item: Item) -> list[Judgement]:
            bridge = Bridge(services, self.model)
            try:
                scorer = cls(model=self.model, client=_client(bridge), **self.parameters)
            except TypeError as error:
                return [Judgement(name=name, error=f"{self.scorer}: {error}")]
            call = scorer.eval_async(**_arguments(item))
            return [await scored(_verdict(call), name=name, what=self.scorer, purse=bridge.purse)]

        return run


def _client(bridge: Bridge) -> Any:
    """The library's client, asking by Penstock's ports."""
    oai = optional("autoevals.oai", package="autoevals", name="autoevals")
    openai = optional("openai", package="openai", name="autoevals")
    client = oai.LLMClient(openai=openai.AsyncOpenAI(api_key="unused", base_url=_NOWHERE), is_async=True)

    async def complete(*, messages: list[dict[str, str]], tools: Any = None, **_: Any) -> dict[str, Any]:
        if not tools:
            message: dict[str, Any] = {"role": "assistant", "content": await bridge.ask(messages)}
        else:
            function = tools[0]["function"]
            text = await bridge.ask(messages, schema=function["parameters"], schema_name=function["name"])
            call = {"name": function["name"], "arguments": text}
            calls = [{"id": "verdict", "type": "function", "function": call}]
            message = {"role": "assistant", "content": text, "tool_calls": calls}
        return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}

    async def embed(*, input: Any, model: str | None = None, **_: Any) -> dict[str, Any]:  # noqa: A002 - theirs
        vectors = await bridge.embed([input] if isinstance(input, str) else list(input), model=model)
        return {"data": [{"index": place, "embedding": one} for place, one in enumerate(vectors)]}

    async def moderation(**_: Any) -> dict[str, Any]:
        raise InvalidInput("A gateway moderates nothing; use another scorer.")

    # Given to the constructor, these would be replaced by the library's own.
    client.complete, client.embed, client.moderation = complete, embed, moderation
    return client


def _arguments(item: Item) -> dict[str, Any]:
    return {
        "output": item.output if item.data is None else item.data,
        "expected": item.reference,
        "input": item.input,
        **({"context": item.context} if item.context else {}),
    }


async def _verdict(call: Awaitable[Any]) -> Verdict:
    found = await call
    if found.score is None:
        raise Unscored(f"It gave no score: {found.error or 'no reason given'}.")
    metadata: dict[str, Any] = found.metadata or {}
    return Verdict(float(found.score), metadata.get("rationale"), metadata or None)
