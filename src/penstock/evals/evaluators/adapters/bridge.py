"""What the adapters share: asking by Penstock's ports for a library, and telling its errors."""

import logging
import os
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

import msgspec

from penstock.core.errors import InvalidInput, PenstockError
from penstock.evals.evaluators.definition import Services
from penstock.evals.evaluators.ports import AskRequest
from penstock.evals.evaluators.types import Judgement, Unscored, Verdict
from penstock.evals.judges.asking import Purse, candidates

__all__ = ["Bridge", "closed", "scored", "switch_off"]

logger = logging.getLogger(__name__)
_SHOWN = 200


class Bridge:
    """Asks for a library while it judges one item, and counts what that costs.

    Args:
        services: What is asked.
        model: Route of the judge; None where none is given.
        embedding: Route of the embeddings; the judge's unless given.
    """

    def __init__(self, services: Services, model: str | None, *, embedding: str | None = None) -> None:
        self._services = services
        self._model = model
        self._embedding = embedding or model
        self.purse = Purse()

    async def ask(
        self, messages: list[dict[str, str]], *, schema: dict[str, Any] | None = None, schema_name: str = "verdict"
    ) -> str:
        """The model's text.

        Raises:
            InvalidInput: no model is given, or nothing can be asked.
            PenstockError: there is no answer.
            TimeoutError: none came in time.
        """
        if self._model is None or self._services.ask is None:
            lacking = "none is given" if self._model is None else "nothing can be asked"
            raise InvalidInput(f"It asks a model, and {lacking}.", field="model")
        request = AskRequest(
            model=self._model,
            messages=messages,
            schema=schema,
            schema_name=schema_name,
            parameters={"temperature": 0},
        )
        reply = await self._services.ask(request)
        self.purse.add(reply)
        return reply.text

    async def ask_for(self, prompt: str, cls: Any) -> Any:
        """The model's answer as an instance of a pydantic class: JSON alone, in a fence, or with words around it.

        Raises:
            Unscored: it is none of these.
            PenstockError: there is no answer.
            TimeoutError: none came in time.
        """
        messages = [{"role": "user", "content": prompt}]
        text = await self.ask(messages, schema=closed(cls.model_json_schema()), schema_name=str(cls.__name__))
        reason = "there is no JSON object in it"
        for candidate in candidates(text):
            try:
                value = msgspec.json.decode(candidate)
            except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
                continue
            try:
                return cls.model_validate(value)
            except ValueError as error:  # pydantic's own is one
                reason = " ".join(str(error).split())[:_SHOWN]
        shown = " ".join(text.split())[:_SHOWN]
        raise Unscored(f"The model's answer cannot be read: {reason}. It begins {shown!r}.", raw=text)

    async def embed(self, texts: Sequence[str], *, model: str | None = None) -> list[list[float]]:
        """Vectors of texts, in order.

        Raises:
            InvalidInput: no model is given, or nothing makes embeddings.
            PenstockError: they could not be made.
            TimeoutError: none came in time.
        """
        route = model or self._embedding
        if self._services.embed is None or route is None:
            lacking = "nothing here makes them" if route else "no model is given"
            raise InvalidInput(f"It compares embeddings, and {lacking}.", field="model")
        return [list(one) for one in await self._services.embed(texts, model=route)]


def closed(schema: Any) -> Any:
    """A JSON Schema whose objects require every field they name and allow no other, as models' strict modes want it."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]  # pyright: ignore[reportUnknownVariableType] - JSON
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = {str(name): closed(one) for name, one in schema.items() if name != "default"}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - JSON
    if found.get("type") == "object" and isinstance(found.get("properties"), dict):
        found |= {"required": list(found["properties"]), "additionalProperties": False}
    return found


async def scored(call: Awaitable[Verdict], *, name: str, what: str, purse: Purse) -> Judgement:
    """The judgement of a library's evaluator; whatever it raises makes the item unscored.

    Args:
        call: Its verdict.
        name: Of the judgement.
        what: What is called, for errors.
        purse: What its questions cost.
    """
    try:
        found = await call
    except Unscored as error:
        return Judgement(name=name, error=f"{what}: {error.reason}", raw=error.raw, cost=purse.cost)
    except TimeoutError:
        return Judgement(name=name, error=f"{what}: the model did not answer in time.", cost=purse.cost)
    except PenstockError as error:
        return Judgement(name=name, error=f"{what}: {error.message}", cost=purse.cost)
    except Exception as error:
        logger.warning("%s failed", what, exc_info=True)
        return Judgement(name=name, error=f"{what}: {type(error).__name__}: {error}"[:500], cost=purse.cost)
    return found.judgement(name, cost=purse.cost)


def switch_off(switches: Mapping[str, str]) -> None:
    """Set a library's switches against calls of its own, before it is loaded; what the user has set does not count."""
    os.environ.update(switches)  # noqa: TID251 - a library reads its switches from nowhere else
