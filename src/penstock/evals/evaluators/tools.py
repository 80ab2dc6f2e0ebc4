"""Evaluators of tool calls, and of the path that an agent took."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, cast

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.definition import CodeDefinition, Found
from penstock.evals.evaluators.types import Item, ToolCall, Unscored, Verdict

__all__ = ["ToolCalls", "Trajectory", "calls_of"]

Match = Literal["exact", "unordered", "superset", "subset"]
Arguments = Literal["exact", "subset", "ignore"]
_SHOWN: Final = 5


def calls_of(item: Item) -> list[ToolCall]:
    """The answer's calls; those of all messages where the answer has none by itself."""
    return item.tool_calls or [call for message in item.messages for call in message.tool_calls]


class ToolCalls(CodeDefinition, frozen=True, kw_only=True, tag="tool_calls"):
    """Whether the calls are the expected ones."""

    expected: list[ToolCall] | None = None
    """The reference unless given: a list of calls, or an object with `tool_calls`."""
    match: Match = "exact"
    """`exact` in this order, `unordered` in any, `superset` at least these in any order, `subset` no others."""
    arguments: Arguments = "exact"
    """`subset`: the expected arguments have to be there; others may be."""
    give: Literal["all", "f1"] = "all"
    """Whether all is right, or how much of it: the F1 of calls found, whatever their order."""

    def compile(self) -> Callable[[Item], Found]:
        def judge(item: Item) -> Verdict:
            expected = _expected(item) if self.expected is None else self.expected
            calls = calls_of(item)
            paired = _paired(calls, expected, self.arguments)
            if self.give == "f1":
                total = len(calls) + len(expected)
                return Verdict(2 * paired / total if total else 1.0)
            right = {
                "exact": len(calls) == len(expected)
                and all(_fits(one, wanted, self.arguments) for one, wanted in zip(calls, expected, strict=False)),
                "unordered": paired == len(calls) == len(expected),
                "superset": paired == len(expected),
                "subset": paired == len(calls),
            }[self.match]
            return Verdict(right, None if right else f"Called {_shown(calls)}, expected {_shown(expected)}.")

        return judge


class Trajectory(CodeDefinition, frozen=True, kw_only=True, tag="trajectory"):
    """Whether the path to the answer keeps to rules; with a reason for each that is broken."""

    most_steps: int | None = None
    """Messages of the assistant."""
    most_calls: int | None = None
    required: tuple[str, ...] = ()
    """Tools that have to be called, in this order, others between them or not."""
    forbidden: tuple[str, ...] = ()
    repeats: int | None = None
    """How often the same call with the same arguments may be made."""
    answered: bool = False
    """Every call has an answer."""

    def compile(self) -> Callable[[Item], Found]:
        if not any((self.most_steps, self.most_calls, self.required, self.forbidden, self.repeats, self.answered)):
            raise InvalidInput("Expected at least one rule for the path.", field="required")

        def judge(item: Item) -> Verdict:
            if not item.messages and not item.tool_calls:
                raise Unscored("The item has no messages and no tool calls.")
            broken = [*self._counts(item), *self._names(calls_of(item)), *self._answers(item)]
            return Verdict(not broken, " ".join(broken) or None)

        return judge

    def _counts(self, item: Item) -> list[str]:
        found: list[str] = []
        steps = sum(message.role == "assistant" for message in item.messages)
        calls = calls_of(item)
        if self.most_steps is not None and steps > self.most_steps:
            found.append(f"{steps} steps, at most {self.most_steps}.")
        if self.most_calls is not None and len(calls) > self.most_calls:
            found.append(f"{len(calls)} calls, at most {self.most_calls}.")
        if self.repeats is not None:
            for call in calls:
                same = sum(_fits(other, call, "exact") for other in calls)
                if same > self.repeats:
                    found.append(f"{call.name} is called {same} times with the same arguments.")
                    break
        return found

    def _names(self, calls: Sequence[ToolCall]) -> list[str]:
        names = [call.name for call in calls]
        found = [f"{name} is called." for name in self.forbidden if name in names]
        rest = iter(names)
        missing = [name for name in self.required if name not in rest]
        if missing:
            found.append(f"Not called, or not in this order: {', '.join(missing)}.")
        return found

    def _answers(self, item: Item) -> list[str]:
        if not self.answered:
            return []
        given = {message.tool_call_id for message in item.messages if message.role == "tool"}
        open_ = [call.name for message in item.messages for call in message.tool_calls if call.id not in given]
        return [f"Without an answer: {', '.join(open_)}."] if open_ else []


def _expected(item: Item) -> list[ToolCall]:
    given: Any = item.reference
    if isinstance(given, dict):
        given = cast("dict[str, Any]", given).get("tool_calls")
    if not isinstance(given, list):
        raise Unscored("The item has no reference that is a list of tool calls.")
    try:
        return msgspec.convert(given, list[ToolCall])
    except msgspec.ValidationError as error:
        raise Unscored(f"The item's reference is no list of tool calls: {error}.") from None


def _fits(call: ToolCall, expected: ToolCall, arguments: Arguments) -> bool:
    if call.name != expected.name:
        return False
    if arguments == "ignore":
        return True
    given: Any = call.arguments
    needed: Any = expected.arguments
    if arguments == "exact" or not isinstance(given, dict) or not isinstance(needed, dict):
        return bool(given == needed)
    found, wanted = cast("dict[str, Any]", given), cast("dict[str, Any]", needed)
    return all(name in found and found[name] == value for name, value in wanted.items())


def _paired(calls: Sequence[ToolCall], expected: Sequence[ToolCall], arguments: Arguments) -> int:
    """The most calls that can be matched with an expected one each (augmenting paths; Kuhn 1955)."""
    taken: dict[int, int] = {}

    def place(want: int, seen: set[int]) -> bool:
        for have, call in enumerate(calls):
            if have in seen or not _fits(call, expected[want], arguments):
                continue
            seen.add(have)
            if have not in taken or place(taken[have], seen):
                taken[have] = want
                return True
        return False

    return sum(place(want, set()) for want in range(len(expected)))


def _shown(calls: Sequence[ToolCall]) -> str:
    names = [call.name for call in calls[:_SHOWN]]
    more = len(calls) - len(names)
    return f"{', '.join(names) or 'nothing'}{f' and {more} more' if more > 0 else ''}"
