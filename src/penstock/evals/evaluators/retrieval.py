"""Evaluators of what was retrieved, by the measures of information retrieval."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.definition import CodeDefinition, Found
from penstock.evals.evaluators.similarity import optional
from penstock.evals.evaluators.types import Item, Unscored, Verdict

__all__ = ["Retrieval"]

_KNOWN: Final = re.compile(r"(?:nDCG|P|R|RR|AP|Success|Judged|RBP)(?:\((?:rel|p)=[\d.]{1,5}\))?(?:@\d{1,5})?\Z")


class Retrieval(CodeDefinition, frozen=True, kw_only=True, tag="retrieval"):
    """How good a ranking is, by measures as `ir-measures` writes them: `nDCG@10`, `RR@10`, `R@5`, `P@5`, `AP`.

    One measure gives one judgement; several give one each, `retrieval.nDCG-10`.
    """

    measures: list[str]
    retrieved: str = "retrieved"
    """Field of the item's metadata: ids, best first."""
    relevant: str | None = None
    """Field of the item's metadata; the reference unless given. Ids, or an object of ids and grades (0 irrelevant)."""

    def compile(self) -> Callable[[Item], Found]:
        library = optional("ir_measures", package="ir-measures")
        if not self.measures:
            raise InvalidInput("Expected at least one measure, as nDCG@10.", field="measures")
        measures = [_measure(library, name, place) for place, name in enumerate(self.measures)]

        def judge(item: Item) -> Found:
            grades = _grades(item.reference if self.relevant is None else item.metadata.get(self.relevant))
            ranking = item.metadata.get(self.retrieved)
            if not isinstance(ranking, list):
                raise Unscored(f"The item's metadata has no list {self.retrieved!r} of ids.")
            ids = [str(one) for one in cast("list[Any]", ranking)]
            # Equal scores would be reordered by id, so each place has its own. Of an id's places the first counts.
            run = {one: float(len(ids) - place) for place, one in reversed(list(enumerate(ids)))}
            found = library.calc_aggregate(measures, {"q": grades}, {"q": run})
            if len(measures) == 1:
                return Verdict(float(found[measures[0]]))
            return [
                Verdict(float(found[measure]), part=re.sub(r"[^A-Za-z0-9_.-]", "-", name))
                for measure, name in zip(measures, self.measures, strict=True)
            ]

        return judge


def _measure(library: Any, name: str, place: int) -> Any:
    field = f"measures[{place}]"
    # `parse_measure` evaluates what stands in parentheses, so nothing but known shapes reaches it.
    if _KNOWN.match(name) is None:
        raise InvalidInput(
            f"Expected a measure as nDCG@10, RR, R@5, P@5, AP, Success@1 or RBP, got {name[:40]!r}.", field=field
        )
    try:
        return library.parse_measure(name)
    except (NameError, ValueError, SyntaxError, TypeError) as error:
        raise InvalidInput(f"Expected a measure, got {name[:40]!r}: {error}.", field=field) from None


def _grades(given: object) -> dict[str, int]:
    if isinstance(given, Mapping):
        grades = cast("Mapping[str, Any]", given)
        if all(isinstance(grade, int) for grade in grades.values()):
            return {str(one): int(grade) for one, grade in grades.items()}
    elif isinstance(given, list):
        return {str(one): 1 for one in cast("list[Any]", given)}
    raise Unscored("The item does not say which ids are relevant.")
