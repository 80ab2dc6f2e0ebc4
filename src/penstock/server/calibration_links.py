"""What calibrations find in the registry, in annotation queues and in datasets."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from penstock.core.errors import InvalidInput
from penstock.evals.annotation.service import Annotation
from penstock.evals.annotation.types import LabelledItem
from penstock.evals.datasets.service import Datasets
from penstock.evals.datasets.types import DatasetRow
from penstock.evals.evaluators.types import Item, Value
from penstock.evals.experiments.calibration_runs import DatasetLabels, Labelled, QueueLabels
from penstock.evals.experiments.calibration_types import LabelPlace
from penstock.evals.experiments.known_evaluators import RegisteredEvaluator
from penstock.evals.experiments.references import FoundEvaluator
from penstock.evals.judges.prompting import text_of
from penstock.registry.artifacts.service import ArtifactService
from penstock.registry.artifacts.types import Listing, Ref
from penstock.server.experiment_links import evaluator_finder

__all__ = ["EvaluatorsOfRegistry", "Labels"]


class EvaluatorsOfRegistry:
    """The registry's evaluators.

    Args:
        artifacts: The registry.
    """

    def __init__(self, artifacts: ArtifactService) -> None:
        self._artifacts = artifacts
        self._find = evaluator_finder(artifacts)

    def listed(self, project: str, *, after: str, limit: int) -> list[RegisteredEvaluator]:
        """As `EvaluatorRegistry.listed`; those without a version are left out."""
        listing = Listing(cursor=after or None, limit=limit)
        rows, _ = self._artifacts.catalog.listed(project, "evaluator", listing)
        return [
            RegisteredEvaluator(
                name=row.name,
                description=row.description,
                head=row.head,
                labels={label.name: label.version for label in row.labels},
            )
            for row in rows
            if row.head is not None
        ]

    def find(self, project: str, name: str, version: str) -> FoundEvaluator:
        """As `EvaluatorRegistry.find`."""
        return self._find(project, name, version)


class Labels:
    """People's labels of queues and datasets.

    Args:
        annotation: Queues.
        datasets: Rows.
    """

    def __init__(self, annotation: Annotation, datasets: Datasets) -> None:
        self._annotation = annotation
        self._datasets = datasets

    def queue(self, project: str, wanted: QueueLabels) -> Iterator[Labelled]:
        """As `CalibrationLabels.queue`. Golden items are to check people, and are left out."""
        queue = self._annotation.get(project, wanted.queue)
        question = next((one for one in queue.questions if one.name == wanted.question), None)
        if question is None or question.type == "text":
            raise InvalidInput(
                f"The queue {queue.name} has no question {wanted.question[:60]!r} with answers to compare.",
                field="queue.question",
                hint=f"There are: {', '.join(one.name for one in queue.questions if one.type != 'text')}.",
            )
        return (
            Labelled(
                item=Item(
                    output=text_of(one.item.output),
                    input=one.item.input,
                    reference=one.item.reference,
                    context=one.item.context,
                ),
                people=_agreed(one, question.name),
                place=LabelPlace(
                    queue=queue.name,
                    item=one.item.id,
                    trace_id=one.item.source.trace_id,
                    experiment=one.item.source.experiment,
                    variant=one.item.source.variant,
                    row=one.item.source.row,
                    dataset=one.item.source.dataset,
                    version=one.item.source.version,
                ),
            )
            for some in self._annotation.export(project, wanted.queue)
            for one in some
            if one.item.golden is None and one.item.output is not None and not _tied(one, question.name)
        )

    def dataset(self, project: str, wanted: DatasetLabels) -> tuple[int, Iterator[Labelled]]:
        """As `CalibrationLabels.dataset`."""
        ref = Ref(project, "dataset", wanted.dataset)
        for name, path in (("label", wanted.label), ("answer", wanted.answer)):
            if path != "reference" and not path.startswith("metadata."):
                raise InvalidInput(
                    f"Expected reference or a field of the metadata as metadata.{name}, got {path[:60]!r}.",
                    field=f"dataset.{name}",
                )
        version = self._datasets.rows(ref, wanted.version, limit=1).version
        return version, self._rows(ref, version, wanted)

    def _rows(self, ref: Ref, version: int, wanted: DatasetLabels) -> Iterator[Labelled]:
        for rows in self._datasets.stream(ref, str(version)):
            for row in rows:
                answer, label = _at(row, wanted.answer), _at(row, wanted.label)
                if answer is None:
                    raise InvalidInput(f"The row {row.id} has no {wanted.answer}.", field="dataset.answer")
                if label is not None and not isinstance(label, bool | int | float | str):
                    raise InvalidInput(f"The row {row.id} has no value in {wanted.label}.", field="dataset.label")
                yield Labelled(
                    item=Item(
                        output=text_of(answer),
                        input=row.input,
                        reference=None if wanted.label == "reference" else row.reference,
                        context=row.context,
                        metadata=row.metadata,
                        group=row.group,
                    ),
                    people=label,
                    place=LabelPlace(dataset=ref.name, version=version, row=row.id),
                )


def _at(row: DatasetRow, path: str) -> Any:
    return row.reference if path == "reference" else row.metadata.get(path.removeprefix("metadata."))


def _answers(one: LabelledItem, question: str) -> list[tuple[Value, int]]:
    """Values that people gave, the most frequent first."""
    said = [label.answers[question] for label in one.labels if label.skipped is None and question in label.answers]
    return Counter(said).most_common()


def _agreed(one: LabelledItem, question: str) -> Value | None:
    found = _answers(one, question)
    return found[0][0] if found else None


def _tied(one: LabelledItem, question: str) -> bool:
    found = _answers(one, question)
    return len(found) > 1 and found[0][1] == found[1][1]
