"""Experiments, bound to the registry, the records and the gateway."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import SystemRandom
from typing import Any

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput
from penstock.core.ids import Ids
from penstock.core.settings import report_font
from penstock.evals.datasets.service import Datasets
from penstock.evals.evaluators.catalog import load
from penstock.evals.evaluators.definition import Services
from penstock.evals.evaluators.types import Evaluator
from penstock.evals.experiments.calibration_runs import CalibrationLabels, CalibrationRuns
from penstock.evals.experiments.calibrations import Calibrations
from penstock.evals.experiments.jobs import ExperimentJob
from penstock.evals.experiments.known_evaluators import KnownEvaluators
from penstock.evals.experiments.places import check_evaluator
from penstock.evals.experiments.ports import ModelAccess
from penstock.evals.experiments.progress import ProgressFeed
from penstock.evals.experiments.results import Results
from penstock.evals.experiments.runner import Resolve
from penstock.evals.experiments.service import DatasetRows, Experiments, NewRow
from penstock.evals.gates.parser import parse
from penstock.registry.artifacts.service import ArtifactService
from penstock.registry.artifacts.types import LATEST, Ref
from penstock.registry.prompts.service import PromptService
from penstock.server.calibration_links import EvaluatorsOfRegistry
from penstock.server.experiment_links import ExperimentLineage, evaluator_finder, people_scores
from penstock.server.gateway_access import GatewayAccess
from penstock.store.metadata import Metadata
from penstock.tracing.scores.ports import ScoreStore
from penstock.tracing.service import TracingService
from penstock.wire.prompts import CompiledPrompt, parse_prompt_ref

__all__ = ["ConsoleAccess", "ExperimentServices", "dataset_rows", "experiment_job", "experiment_services"]


@dataclass(frozen=True, kw_only=True)
class ExperimentServices:
    """What the routes and the job of experiments work with."""

    experiments: Experiments
    results: Results
    progress: ProgressFeed
    calibrations: Calibrations
    calibration_runs: CalibrationRuns
    known_evaluators: KnownEvaluators

    def close(self) -> None:
        """Stop what runs beside requests."""
        self.calibration_runs.close()


def experiment_services(
    metadata: Metadata,
    *,
    clock: Clock,
    ids: Ids,
    labels: CalibrationLabels,
    models: ModelAccess,
    datasets: DatasetRows | None = None,
    artifacts: ArtifactService | None = None,
    spans: ScoreStore | None = None,
) -> ExperimentServices:
    """The services over an open store; the caller closes them first.

    Args:
        metadata: The open store.
        clock: Where time comes from.
        ids: Where ids come from.
        labels: What people said of answers, for judges to be held against.
        models: The way to the gateway, for judges that are.
        datasets: Gives rows of datasets.
        artifacts: The registry, with evaluators; it is told what an experiment used.
        spans: The records, with people's scores.
    """
    find = None if artifacts is None else evaluator_finder(artifacts)
    experiments = Experiments(
        metadata,
        clock=clock,
        ids=ids,
        evaluator=check_evaluator,
        rule=parse,
        datasets=datasets,
        find=find,
        on_created=None if artifacts is None else ExperimentLineage(artifacts),
    )
    calibrations = Calibrations(
        metadata, clock=clock, ids=ids, find=find, scores=None if spans is None else people_scores(spans)
    )
    return ExperimentServices(
        experiments=experiments,
        results=Results(experiments, standing=calibrations.standing, font=report_font()),
        progress=ProgressFeed(experiments.get, clock=clock),
        calibrations=calibrations,
        calibration_runs=CalibrationRuns(calibrations, labels, models, clock=clock, ids=ids, random=SystemRandom()),
        known_evaluators=KnownEvaluators(metadata, None if artifacts is None else EvaluatorsOfRegistry(artifacts)),
    )


def experiment_job(experiments: Experiments, access: "ConsoleAccess", *, clock: Clock, ids: Ids) -> ExperimentJob:
    """The job that runs what is waiting."""
    return ExperimentJob(experiments, access, clock=clock, ids=ids, random=SystemRandom())


class ConsoleAccess:
    """The console's way to models and records.

    Args:
        gateway: The way to the gateway.
        tracing: Reads traces.
        prompts: Finds versions.
    """

    def __init__(self, gateway: GatewayAccess, tracing: TracingService, prompts: PromptService) -> None:
        self.gateway = gateway
        self._tracing = tracing
        self._prompts = prompts

    def trace(self, project: str, trace_id: str) -> bytes:
        return msgspec.json.encode(self._tracing.trace(project, trace_id))

    def resolve(self, project: str) -> Resolve:
        return _Resolve(project, self._prompts)


class _Resolve:
    """What an experiment that the console runs may refer to: nothing of it is code of a user's."""

    def __init__(self, project: str, prompts: PromptService) -> None:
        self._project = project
        self._prompts = prompts

    def prompt(self, reference: str) -> CompiledPrompt:
        asked = parse_prompt_ref(reference)
        if asked.project is not None:
            raise InvalidInput(
                f"The prompt {reference} lies in another project.", hint="Use one of this project.", code="no_registry"
            )
        return self._prompts.get(self._project, asked.name, asked.selector).compiled

    def function(self, reference: str) -> Callable[..., Any]:
        raise InvalidInput(f"The console does not run the function {reference}.", code="needs_process")

    def evaluator(self, definition: Mapping[str, Any], services: Services, field: str) -> Evaluator:
        return load(definition, services, field=field)


def dataset_rows(datasets: Datasets) -> DatasetRows:
    """Rows of `name`, `name@version` or `name@version#split`."""

    def rows(project: str, reference: str) -> Iterator[list[NewRow]]:
        place, _, split = reference.partition("#")
        name, _, version = place.partition("@")
        for some in datasets.stream(Ref(project, "dataset", name), version or LATEST, split=split or None):
            yield [
                NewRow(
                    input=row.input,
                    id=row.id,
                    reference=row.reference,
                    context=row.context,
                    metadata=row.metadata,
                    group=row.group,
                )
                for row in some
            ]

    return rows
