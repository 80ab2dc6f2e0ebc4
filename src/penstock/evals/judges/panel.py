"""Several judges of one answer."""

import asyncio
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.definition import Definition, Run, Services
from penstock.evals.evaluators.types import Item, Judgement

__all__ = ["Panel"]


class Panel(Definition, frozen=True, kw_only=True, tag="panel"):
    """Several judges judge the same answer; `raw` shows who said what, and how far they disagree.

    Diverse small judges err less together than one large one (Verga et al. 2024). Verdicts that the judges could not
    give do not count; with fewer than `quorum` of them there is none.
    """

    paid = True

    judges: list[dict[str, Any]]
    """Definitions, each of an evaluator with one judgement."""
    combine: Literal["mean", "median", "majority"] = "majority"
    """`majority` of true and false, or of equal values; a tie of values has no majority and is unscored."""
    quorum: int | None = None
    """How many have to judge; more than half unless given."""

    def nested(self) -> dict[str, dict[str, Any]]:
        return {f"judges[{place}]": body for place, body in enumerate(self.judges)}

    def build(self, services: Services) -> Run:
        if len(self.judges) < 2:
            raise InvalidInput("A panel has at least two judges.", field="judges")
        quorum = self.quorum if self.quorum is not None else len(self.judges) // 2 + 1
        if not 1 <= quorum <= len(self.judges):
            raise InvalidInput(f"Expected 1 to {len(self.judges)} judges, got {quorum}.", field="quorum")
        members = [services.member(body, field=place) for place, body in self.nested().items()]
        name = self.name or "panel"

        async def run(item: Item) -> list[Judgement]:
            found = [one[0] for one in await asyncio.gather(*(member.evaluate(item) for member in members))]
            return [self._together(name, found, quorum)]

        return run

    def _together(self, name: str, found: Sequence[Judgement], quorum: int) -> Judgement:
        given = [one for one in found if one.error is None]
        costs = [one.cost for one in found]
        cost = None if any(one is None for one in costs) else sum(one or 0 for one in costs)
        raw = [msgspec.to_builtins(one) for one in found]
        if len(given) < quorum:
            reasons = "; ".join(sorted({one.error for one in found if one.error is not None}))
            return Judgement(
                name=name, error=f"{len(given)} of {len(found)} judges gave a verdict: {reasons}", cost=cost, raw=raw
            )
        values = [one.value for one in given if one.value is not None]
        counts = Counter(values)
        if self.combine == "majority":
            (value, votes), *others = counts.most_common()
            if others and others[0][1] == votes:
                return Judgement(
                    name=name, error=f"The judges are divided: {_spread(counts)}.", cost=cost, raw={"judges": raw}
                )
        else:
            numbers = sorted(float(one) for one in values if not isinstance(one, str))
            if len(numbers) < len(values):
                return Judgement(name=name, error=f"Texts have no {self.combine}.", cost=cost, raw=raw)
            value = math.fsum(numbers) / len(numbers) if self.combine == "mean" else _median(numbers)
        agreeing = max(counts.values()) / len(values)
        return Judgement(
            name=name,
            value=value,
            reason=None if len(counts) == 1 else f"The judges disagree: {_spread(counts)}.",
            cost=cost,
            raw={"judges": raw, "agreement": agreeing, "unscored": len(found) - len(given)},
        )


def _spread(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{value} x {count}" for value, count in counts.items())


def _median(numbers: Sequence[float]) -> float:
    middle = len(numbers) // 2
    return numbers[middle] if len(numbers) % 2 else (numbers[middle - 1] + numbers[middle]) / 2
