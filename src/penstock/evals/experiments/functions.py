"""Functions of the user's as evaluators, in the user's process."""

import asyncio
import inspect
import logging
from collections.abc import Callable, Sequence
from typing import Any, cast

from penstock.evals.evaluators.types import Item, Judgement
from penstock.evals.experiments.keys import digest

__all__ = ["FunctionJudge", "source_of"]

logger = logging.getLogger(__name__)


def source_of(function: Callable[..., Any]) -> list[str]:
    """What a function is known by: its name and its source. What it calls is not looked at."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        source = repr(type(function))
    return [str(getattr(function, "__module__", "")), str(getattr(function, "__qualname__", "")), source]


class FunctionJudge:
    """An `Evaluator` that asks a function.

    It is given the `Item`, and returns a boolean, a number or a text, a mapping of names to these, or judgements. One
    that is no coroutine runs in a thread.

    Args:
        name: Of its judgements.
        function: Asked.
    """

    paid = False

    def __init__(self, name: str, function: Callable[[Item], Any]) -> None:
        self.name = name
        self._function = function
        self.digest = digest([name, *source_of(function)])

    async def evaluate(self, item: Item) -> list[Judgement]:
        """As `Evaluator.evaluate`."""
        try:
            if inspect.iscoroutinefunction(self._function):
                value = await self._function(item)
            else:
                value = await asyncio.to_thread(self._function, item)
        except Exception as error:  # boundary: a function of the user's may raise anything
            logger.exception("the evaluator %s raised an error", self.name)
            return [Judgement(name=self.name, error=f"The function raised {type(error).__name__}: {error}")]
        return _judgements(self.name, value)


def _judgements(name: str, value: Any) -> list[Judgement]:
    if isinstance(value, Judgement):
        return [value]
    if isinstance(value, dict):
        return [_judgement(str(part), one) for part, one in cast("dict[Any, Any]", value).items()]
    if isinstance(value, Sequence) and not isinstance(value, str):
        found = list(cast("Sequence[Any]", value))
        if found and all(isinstance(one, Judgement) for one in found):
            return found
    return [_judgement(name, value)]


def _judgement(name: str, value: Any) -> Judgement:
    if isinstance(value, bool | float | str):
        return Judgement(name=name, value=value)
    if isinstance(value, int):
        return Judgement(name=name, value=float(value))
    return Judgement(name=name, error=f"The function returned {type(value).__name__}, not a boolean, number or text.")
