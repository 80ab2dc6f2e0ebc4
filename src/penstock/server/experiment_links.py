"""What experiments find in the registry and the records, and what the registry is told of them."""

import logging
from collections.abc import Callable, Iterator
from typing import Final

from penstock.core.errors import InvalidInput, PenstockError
from penstock.evals.evaluators.types import Value
from penstock.evals.experiments.calibration_types import PeopleScores
from penstock.evals.experiments.references import FoundEvaluator, split_reference
from penstock.evals.experiments.service import FILES
from penstock.evals.experiments.types import Experiment
from penstock.identity.types import Principal
from penstock.registry.artifacts.service import ArtifactService
from penstock.registry.artifacts.types import LATEST, Ref, Use
from penstock.store.spans.queries.scores import ScoreFilter, ScorePlace
from penstock.store.spans.types import ScoreRow
from penstock.tracing.scores.ports import ScoreStore
from penstock.wire.prompts import parse_prompt_ref

__all__ = ["ExperimentLineage", "evaluator_finder", "people_scores"]

logger = logging.getLogger(__name__)

PAGE: Final = 1000
MOST_SCORES: Final = 100_000


def evaluator_finder(artifacts: ArtifactService) -> Callable[[str, str, str], FoundEvaluator]:
    """Finds a version of an evaluator by project, name and version."""

    def find(project: str, name: str, version: str) -> FoundEvaluator:
        found = artifacts.versions.get(Ref(project, "evaluator", name), version)
        return FoundEvaluator(name=found.name, version=found.number, body=found.body)

    return find


def people_scores(spans: ScoreStore) -> PeopleScores:
    """Reads what people said of traces; the newest score of a trace counts."""

    def read(project: str, name: str) -> dict[str, Value]:
        found: dict[str, Value] = {}
        after: ScorePlace | None = None
        wanted = ScoreFilter(project=project, name=name, source="person")
        for _ in range(MOST_SCORES // PAGE):
            rows = spans.list_scores(wanted, after=after, limit=PAGE)
            for row in rows:
                value = _value(row)
                if row.trace_id is not None and value is not None:
                    found.setdefault(row.trace_id, value)
            if len(rows) < PAGE:
                return found
            after = ScorePlace(created=rows[-1].created, id=rows[-1].id)
        raise InvalidInput(
            f"More than {MOST_SCORES:,} scores are called {name[:60]!r}.",
            field="scores",
            hint="Give the labels of one queue a name of their own.",
        )

    return read


class ExperimentLineage:
    """Writes down which versions of prompts, datasets and evaluators took part in an experiment.

    Args:
        artifacts: The registry.
    """

    def __init__(self, artifacts: ArtifactService) -> None:
        self._artifacts = artifacts

    def __call__(self, actor: Principal, experiment: Experiment) -> None:
        """Write it. An experiment is made all the same where a version is not there, or not yet."""
        part = Use(relation="evaluated_on", external=f"experiment:{experiment.id}")
        dataset = _dataset(experiment)
        for kind, name, version in _used(experiment):
            uses = [part]
            if kind == "prompt" and dataset is not None:
                uses.append(Use(relation="evaluated_on", kind="dataset", name=dataset[0], version=dataset[1]))
            try:
                self._artifacts.lineage.add(actor, Ref(experiment.project, kind, name), version=version, uses=uses)
            except PenstockError as error:
                logger.info("the lineage of experiment %s lacks the %s %s: %s", experiment.id, kind, name, error)


def _used(experiment: Experiment) -> Iterator[tuple[str, str, str]]:
    """Kind, name and version, each once."""
    found: list[tuple[str, str, str]] = []
    dataset = _dataset(experiment)
    if dataset is not None:
        found.append(("dataset", *dataset))
    references = [str(entry["ref"]) for entry in experiment.spec.evaluators if "ref" in entry]
    found += [("evaluator", *split_reference(reference)) for reference in references]
    for variant in experiment.spec.variants:
        if variant.prompt is not None:
            asked = parse_prompt_ref(variant.prompt)
            if asked.project is None:
                found.append(("prompt", asked.name, asked.selector))
    yield from dict.fromkeys(found)


def _dataset(experiment: Experiment) -> tuple[str, str] | None:
    reference = experiment.spec.dataset
    if reference.lower().endswith(FILES):
        return None
    name, _, version = reference.partition("#")[0].partition("@")
    return name, version or LATEST


def _value(row: ScoreRow) -> Value | None:
    if row.type == "boolean":
        return None if row.number is None else bool(row.number)
    return row.number if row.type == "number" else row.label
