"""An evaluator of single answers, over all turns of a conversation."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.definition import Definition, Run, Services
from penstock.evals.evaluators.types import Item, Judgement, Verdict

__all__ = ["Conversation", "turns_of"]


class Conversation(Definition, frozen=True, kw_only=True, tag="conversation"):
    """Judges each answer of the assistant by another evaluator, and puts the judgements together.

    True and false count as 1 and 0. Turns that could not be judged do not count; with none left there is no value.
    """

    evaluator: dict[str, Any]
    """Definition of what judges a turn. It sees the user's last words as input and the messages up to the answer."""
    combine: Literal["mean", "worst", "best", "last", "all"] = "mean"
    """`all` gives whether every turn has 1."""
    lower_is_better: bool = False
    """The worst is the highest."""

    def nested(self) -> dict[str, dict[str, Any]]:
        return {"evaluator": self.evaluator}

    def build(self, services: Services) -> Run:
        inner = services.member(self.evaluator, field="evaluator")
        if isinstance(inner.definition, Conversation):
            raise InvalidInput("A conversation's turns are no conversations.", field="evaluator.type")
        name = self.name or "conversation"

        async def run(item: Item) -> list[Judgement]:
            turns = turns_of(item)
            if not turns:
                return [Judgement(name=name, error="The item has no answer of an assistant in its messages.")]
            found = [(await inner.evaluate(turn))[0] for turn in turns]
            return [self._together(name, found)]

        return run

    def _together(self, name: str, found: Sequence[Judgement]) -> Judgement:
        costs = [one.cost for one in found if one.cost is not None]
        cost = sum(costs) if costs else None
        raw = [msgspec.to_builtins(one) for one in found]
        values = [float(one.value) for one in found if one.error is None and isinstance(one.value, bool | int | float)]
        if not values:
            reasons = "; ".join(sorted({one.error or "its value is no number" for one in found}))
            return Judgement(name=name, error=f"No turn could be judged: {reasons}", cost=cost, raw=raw)
        worst = max(values) if self.lower_is_better else min(values)
        best = min(values) if self.lower_is_better else max(values)
        value = {
            "mean": math.fsum(values) / len(values),
            "worst": worst,
            "best": best,
            "last": values[-1],
            "all": all(one == 1 for one in values),
        }[self.combine]
        left_out = len(found) - len(values)
        said = next((one.reason for one in found if one.value is not None and float(one.value == worst)), None)
        reason = f"{left_out} of {len(found)} turns could not be judged." if left_out else said
        return Verdict(value, reason, raw).judgement(name, cost=cost)


def turns_of(item: Item) -> list[Item]:
    """Each answer of the assistant that is a text, as an item of its own."""
    found: list[Item] = []
    question = ""
    for place, message in enumerate(item.messages):
        if message.role == "user":
            question = message.content
        if message.role == "assistant" and message.content:
            found.append(
                msgspec.structs.replace(
                    item,
                    output=message.content,
                    input=question,
                    tool_calls=message.tool_calls,
                    messages=item.messages[: place + 1],
                )
            )
    return found
