"""Datasets, the playground, and what else is measured with, bound to the stores and the gateway."""

from dataclasses import dataclass

from penstock.core.clock import Clock
from penstock.core.home import Home
from penstock.core.ids import Ids
from penstock.evals.datasets.checks.service import Checks
from penstock.evals.datasets.imports import Imports
from penstock.evals.datasets.ports import Spans
from penstock.evals.datasets.service import Datasets
from penstock.evals.datasets.traces import TraceRows
from penstock.evals.datasets.uploads import Uploads
from penstock.evals.playground.service import Gateway, Playground
from penstock.registry.artifacts.service import ArtifactService
from penstock.registry.prompts.service import PromptService
from penstock.store.metadata import Metadata
from penstock.tracing.query.names import QueryReader
from penstock.tracing.service import TracingService

__all__ = ["Evaluation", "evaluation", "playground"]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The services of `penstock.evals` in one console."""

    datasets: Datasets
    uploads: Uploads
    imports: Imports
    checks: Checks

    def close(self) -> None:
        """Stop what runs beside requests."""
        self.imports.close()
        self.checks.close()


def evaluation(
    metadata: Metadata,
    artifacts: ArtifactService,
    *,
    home: Home,
    clock: Clock,
    ids: Ids,
    spans: Spans | None = None,
    reader: QueryReader | None = None,
) -> Evaluation:
    """The services over open stores; the caller closes them first.

    Args:
        metadata: Where rows lie.
        artifacts: The registry.
        home: Where uploads lie.
        clock: Now.
        ids: Names what is new.
        spans: What was recorded; without it no rows are made of traces.
        reader: Reads searches for it.
    """
    traces = None if spans is None or reader is None else TraceRows(spans, reader.where, clock=clock)
    datasets = Datasets(metadata, artifacts.versions)
    uploads = Uploads(home.uploads, clock=clock, ids=ids)
    return Evaluation(
        datasets=datasets,
        uploads=uploads,
        imports=Imports(datasets, uploads, clock=clock, ids=ids, traces=traces),
        checks=Checks(datasets, traces, clock=clock, ids=ids),
    )


def playground(
    prompts: PromptService, gateway: Gateway, tracing: TracingService, *, clock: Clock, ids: Ids
) -> Playground:
    """The playground, which reads what its calls cost from their records."""

    def cost(project: str, trace_id: str) -> int | None:
        costs = [span.cost for span in tracing.trace(project, trace_id).spans]
        return None if None in costs else sum(one for one in costs if one is not None)

    return Playground(prompts, gateway, cost=cost, clock=clock, ids=ids)
