"""Evaluators of the registry in an experiment: named by reference, kept with what the reference meant."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NoReturn

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.catalog import TYPES, define
from penstock.evals.evaluators.definition import Definition, convert
from penstock.evals.experiments.types import ExperimentSpec

__all__ = [
    "FoundEvaluator",
    "compares",
    "definition_of",
    "is_judge",
    "is_pinned",
    "judges_of",
    "pinned",
    "split_reference",
    "without_registry",
]

LATEST: Final = "latest"
REF: Final = "ref"
KEPT: Final = "definition"


class FoundEvaluator(msgspec.Struct, frozen=True, kw_only=True):
    """A version of an evaluator of the registry."""

    name: str
    version: int
    body: dict[str, Any]


def split_reference(reference: str) -> tuple[str, str]:
    """Name and version of `name`, `name@label` or `name@3`."""
    name, _, version = reference.partition("@")
    return name, version or LATEST


def is_pinned(entry: Mapping[str, Any]) -> bool:
    """Whether it is known what an entry of `evaluators` stands for."""
    return REF not in entry or KEPT in entry


def definition_of(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """The definition that an entry of `evaluators` stands for: its own, or that of the version it refers to.

    Raises:
        InvalidInput: it refers to a version that nobody has looked up.
    """
    if REF not in entry:
        return entry
    if KEPT not in entry:
        without_registry(str(entry[REF]))
    return entry[KEPT]


def without_registry(reference: str) -> NoReturn:
    """Refuse a reference. Raises `InvalidInput`."""
    raise InvalidInput(
        f"The evaluator {reference} lies in a registry, and this run has no console.",
        hint="Name a console with --url, or write the definition into the experiment.",
        code="no_registry",
    )


def pinned(spec: ExperimentSpec, find: Callable[[str, str], FoundEvaluator]) -> ExperimentSpec:
    """The experiment with each reference as the number that it means now, and that version's definition beside it.

    Args:
        spec: As it was asked for.
        find: The version of an evaluator, by name and version.

    Raises:
        InvalidInput: a reference has other fields beside it; `field` says which.
        NotFound: there is no such version.
    """
    if not any(REF in entry for entry in spec.evaluators):
        return spec
    made: list[dict[str, Any]] = []
    for index, entry in enumerate(spec.evaluators):
        if REF not in entry:
            made.append(entry)
            continue
        beside = sorted(entry.keys() - {REF, KEPT})
        if beside:
            raise InvalidInput(
                f"An evaluator of the registry is judged by as it is, without {beside[0]!r}.",
                field=f"evaluators[{index}].{beside[0]}",
                hint="Save a version of it that says so.",
                code="invalid_experiment",
            )
        found = find(*split_reference(str(entry[REF])))
        made.append({REF: f"{found.name}@{found.version}", KEPT: found.body})
    return msgspec.structs.replace(spec, evaluators=made)


def judges_of(spec: ExperimentSpec) -> dict[str, str]:
    """Name of the judgements of each evaluator that asks a model for its verdict, to its digest."""
    found: dict[str, str] = {}
    for entry in spec.evaluators:
        if "python" in entry or not is_pinned(entry):
            continue
        body = definition_of(entry)
        if is_judge(body):
            canonical, digest = define(body)
            found[str(canonical["name"])] = digest
    return found


def is_judge(body: Mapping[str, Any]) -> bool:
    """Whether a model says what an evaluator's value is, so that it may err as models do."""
    return any(one.by_model for one in _definitions(body))


def compares(body: Mapping[str, Any]) -> bool:
    """Whether an evaluator holds an answer against the baseline's to the same row."""
    return any(one.compares for one in _definitions(body))


def _definitions(body: Mapping[str, Any]) -> Iterator[Definition]:
    definition = convert(body, TYPES)
    yield definition
    for nested in definition.nested().values():
        yield from _definitions(nested)
