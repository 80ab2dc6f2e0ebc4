"""Functions of the user's own as evaluators. They run in the user's process, never in the server."""

import asyncio
import hashlib
import inspect
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any, cast

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.types import Item, Judgement, Unscored
from penstock.wire.scoring import check_name

__all__ = ["FunctionEvaluator"]

logger = logging.getLogger(__name__)


class FunctionEvaluator:
    """A function as an evaluator.

    Its parameters are named for what it wants of an item: `item` is all of it, `output`, `input`, `reference`,
    `context`, `metadata`, … its fields. It returns true or false, a number, a text, a `Judgement`, a list of these, or
    a mapping of names to values; None is unscored. It may be a coroutine function; another runs in a thread. What it
    raises makes the item unscored with that as its reason.

    Args:
        function: See above.
        name: Of its judgements; the function's own unless given.
        version: What its digest is made of; its source code unless given.
    """

    paid = False

    def __init__(self, function: Callable[..., Any], *, name: str | None = None, version: str | None = None) -> None:
        called = name or str(getattr(function, "__name__", type(function).__name__))
        self.name = check_name(called.strip("<>") or "function")
        self._function = function
        self._wanted = _parameters(function)
        self.digest = hashlib.sha256(f"{self.name}\0{version or _source(function)}".encode()).hexdigest()

    async def evaluate(self, item: Item) -> list[Judgement]:
        given = {name: item if name == "item" else getattr(item, name) for name in self._wanted}
        try:
            if inspect.iscoroutinefunction(self._function):
                found = await self._function(**given)
            else:
                found = await asyncio.to_thread(self._function, **given)
        except Unscored as error:
            return [Judgement(name=self.name, error=error.reason)]
        except Exception as error:
            logger.warning("the evaluator %s failed", self.name, exc_info=True)
            return [Judgement(name=self.name, error=f"{type(error).__name__}: {error}"[:500])]
        return self._judgements(found)

    def _judgements(self, found: Any) -> list[Judgement]:
        if isinstance(found, Mapping) and found:
            named = cast("Mapping[str, Any]", found)
            return [_judgement(f"{self.name}.{name}", value) for name, value in named.items()]
        if isinstance(found, list) and found:
            return [_judgement(self.name, value) for value in cast("list[Any]", found)]
        return [_judgement(self.name, found)]  # pyright: ignore[reportUnknownArgumentType] - of any type


def _judgement(name: str, value: object) -> Judgement:
    if isinstance(value, Judgement):
        return value
    if value is None:
        return Judgement(name=name, error="The function returned nothing.")
    if isinstance(value, bool | str):
        return Judgement(name=name, value=value)
    try:
        number = float(cast("Any", value))
    except (TypeError, ValueError):
        return Judgement(name=name, error=f"The function returned a {type(value).__name__}, which is no value.")
    if not math.isfinite(number):
        return Judgement(name=name, error=f"The function returned {number}, not a finite number.")
    return Judgement(name=name, value=number)


def _parameters(function: Callable[..., Any]) -> list[str]:
    known = {"item", *Item.__struct_fields__}
    wanted: list[str] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            continue
        if name in known:
            wanted.append(name)
        elif parameter.default is parameter.empty:
            raise InvalidInput(
                f"The evaluator's parameter {name!r} is no part of an item.",
                field=name,
                hint=f"There are: item, {', '.join(Item.__struct_fields__)}.",
            )
    return wanted


def _source(function: Callable[..., Any]) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        return repr(function) if code is None else f"{code.co_code.hex()}{code.co_consts!r}{code.co_names!r}"
