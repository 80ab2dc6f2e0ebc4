"""Evaluators of a project with how their versions stand: which judges may gate, and why others may not."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.catalog import TYPES, define
from penstock.evals.evaluators.definition import convert, type_of
from penstock.evals.experiments import calibration_store
from penstock.evals.experiments.calibration_types import (
    CalibrationRecord,
    JudgeMetric,
    JudgeState,
    JudgeVersion,
    KnownEvaluator,
)
from penstock.evals.experiments.calibrations import why_not
from penstock.evals.experiments.references import FoundEvaluator, is_judge
from penstock.store.metadata import Metadata

__all__ = ["EvaluatorRegistry", "KnownEvaluators", "RegisteredEvaluator"]

MAX_PAGE = 200


class RegisteredEvaluator(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluator as the registry lists it."""

    name: str
    description: str
    head: int
    labels: dict[str, int]
    """Version of each label."""


class EvaluatorRegistry(Protocol):
    """The registry's evaluators. Blocks."""

    def listed(self, project: str, *, after: str, limit: int) -> list[RegisteredEvaluator]:
        """By name, those after one."""
        ...

    def find(self, project: str, name: str, version: str) -> FoundEvaluator:
        """Raises `NotFound`."""
        ...


class KnownEvaluators:
    """Lists evaluators. Methods block.

    Args:
        metadata: The open store, with calibrations.
        registry: With evaluators; None where there is none.
    """

    def __init__(self, metadata: Metadata, registry: EvaluatorRegistry | None) -> None:
        self._metadata = metadata
        self._registry = registry

    def listed(
        self, project: str, *, judges: bool = False, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[KnownEvaluator], str | None]:
        """By name, and the cursor of what follows.

        Args:
            project: Whose.
            judges: Only those whose newest version is one; a page may have fewer then.
            cursor: Of the page before.
            limit: Names looked at for one page.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInput(f"limit: Expected 1 to {MAX_PAGE}, got {limit}.", field="limit")
        after = cursor or ""
        registered: dict[str, RegisteredEvaluator] = {}
        if self._registry is not None:
            registered = {one.name: one for one in self._registry.listed(project, after=after, limit=limit + 1)}
        with self._metadata.read() as connection:
            inline = calibration_store.names(connection, project, after=after, limit=limit + 1)
            names = sorted({*registered, *inline})
            reports = calibration_store.of_names(connection, project, names[:limit])
        made = [
            self._known(project, name, registered.get(name), [one for one in reports if one.name == name])
            for name in names[:limit]
        ]
        last = names[limit - 1] if len(names) > limit else None
        return [one for one in made if one.judge or not judges], last

    def _known(
        self,
        project: str,
        name: str,
        registered: RegisteredEvaluator | None,
        reports: Sequence[CalibrationRecord],
    ) -> KnownEvaluator:
        versions: list[JudgeVersion] = []
        if registered is not None and self._registry is not None:
            shown = {registered.head, *registered.labels.values(), *(one.version for one in reports if one.version)}
            found = [self._registry.find(project, name, str(number)) for number in sorted(shown, reverse=True)]
            versions = [_version(one, registered, reports) for one in found]
        told = {one.evaluator for one in versions}
        versions += _inline(reports, told, first=not versions)
        return KnownEvaluator(
            name=name,
            registered=registered is not None,
            description="" if registered is None else registered.description,
            judge=versions[0].judge if versions else False,
            versions=versions,
        )


def _version(
    found: FoundEvaluator, registered: RegisteredEvaluator, reports: Sequence[CalibrationRecord]
) -> JudgeVersion:
    labels = sorted(label for label, version in registered.labels.items() if version == found.version)
    newest = found.version == registered.head
    try:
        definition, (_, digest) = convert(found.body, TYPES), define(found.body)
        judge = is_judge(found.body)
    except InvalidInput as error:
        return JudgeVersion(
            version=found.version,
            evaluator=None,
            labels=labels,
            newest=newest,
            type=None,
            model=None,
            judge=False,
            metrics=[],
            problem=error.message,
        )
    names = dict.fromkeys(
        [*definition.judgements, *(one.metric for one in reports if one.evaluator == digest)] if judge else []
    )
    return JudgeVersion(
        version=found.version,
        evaluator=digest,
        labels=labels,
        newest=newest,
        type=type_of(definition),
        model=getattr(definition, "model", None),
        judge=judge,
        metrics=[_metric(metric, digest, reports) for metric in names],
    )


def _inline(reports: Iterable[CalibrationRecord], told: set[str | None], *, first: bool) -> list[JudgeVersion]:
    """Judges that are defined in experiments, the last one calibrated first."""
    found: dict[str, list[CalibrationRecord]] = {}
    for one in reports:
        if one.version is None and one.evaluator not in told:
            found.setdefault(one.evaluator, []).append(one)
    return [
        JudgeVersion(
            version=None,
            evaluator=digest,
            labels=[],
            newest=first and place == 0,
            type=None,
            model=None,
            judge=True,
            metrics=[_metric(one.metric, digest, some) for one in some],
        )
        for place, (digest, some) in enumerate(found.items())
    ]


def _metric(metric: str, digest: str, reports: Sequence[CalibrationRecord]) -> JudgeMetric:
    # The store gives the newest first; one definition may stand in the registry and in experiments.
    of_it = next((one for one in reports if one.evaluator == digest and one.metric == metric), None)
    state: JudgeState
    if of_it is not None:
        state = "calibrated" if of_it.report.calibrated else "failed"
    else:
        state = "outdated" if reports else "uncalibrated"
    return JudgeMetric(metric=metric, state=state, reason=why_not(digest, of_it), calibration=of_it)
