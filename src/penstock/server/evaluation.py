"""Datasets, the playground, and what else is measured with, bound to the stores and the gateway."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from penstock.core.clock import Clock
from penstock.core.home import Home
from penstock.core.ids import Ids
from penstock.evals.annotation.ports import Outputs
from penstock.evals.annotation.service import Annotation
from penstock.evals.annotation.sources import Sources
from penstock.evals.annotation.types import ItemSource, NewItem, OutputsWanted
from penstock.evals.datasets.checks.service import Checks
from penstock.evals.datasets.imports import Imports
from penstock.evals.datasets.ports import Spans
from penstock.evals.datasets.service import Datasets
from penstock.evals.datasets.traces import TraceRows
from penstock.evals.datasets.uploads import Uploads
from penstock.evals.experiments.results import Results
from penstock.evals.experiments.types import Row
from penstock.evals.playground.service import Gateway, Playground
from penstock.registry.artifacts.service import ArtifactService
from penstock.registry.prompts.service import PromptService
from penstock.store.metadata import Metadata
from penstock.tracing.query.names import QueryReader
from penstock.tracing.service import TracingService

__all__ = ["Evaluation", "evaluation", "experiment_outputs", "playground"]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The services of `penstock.evals` in one console."""

    datasets: Datasets
    uploads: Uploads
    imports: Imports
    checks: Checks
    annotation: Annotation

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
    outputs: Outputs | None = None,
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
        outputs: Answers of experiments, for people to judge.
    """
    traces = None if spans is None or reader is None else TraceRows(spans, reader.where, clock=clock)
    datasets = Datasets(metadata, artifacts.versions)
    uploads = Uploads(home.uploads, clock=clock, ids=ids)
    return Evaluation(
        datasets=datasets,
        uploads=uploads,
        imports=Imports(datasets, uploads, clock=clock, ids=ids, traces=traces),
        checks=Checks(datasets, traces, clock=clock, ids=ids),
        annotation=Annotation(metadata, Sources(datasets, traces, outputs), clock=clock, ids=ids),
    )


def experiment_outputs(results: Callable[[], Results]) -> Outputs:
    """Answers of experiments, as people judge them.

    Args:
        results: Of all experiments, asked for when somebody wants answers: experiments are bound after datasets.
    """

    def outputs(project: str, wanted: OutputsWanted) -> Iterator[NewItem]:
        found = results()
        position = -1
        row: Row | None = None
        cursor: str | None = None
        while True:
            page = found.cells(project, wanted.experiment, variant=wanted.variant, failed=False, cursor=cursor)
            for cell in page.items:
                if row is None or cell.position != position:
                    position, row = cell.position, found.row(project, wanted.experiment, cell.position).row
                if cell.output is not None:
                    yield NewItem(
                        source=ItemSource(
                            trace_id=cell.output.trace_id,
                            experiment=wanted.experiment,
                            variant=cell.variant,
                            row=str(cell.position),
                        ),
                        input=row.input,
                        output=cell.output.text or cell.output.tool_calls or cell.output.data,
                        reference=row.reference,
                        context=row.context,
                    )
            cursor = page.next_cursor
            if cursor is None:
                return

    return outputs


def playground(
    prompts: PromptService, gateway: Gateway, tracing: TracingService, *, clock: Clock, ids: Ids
) -> Playground:
    """The playground, which reads what its calls cost from their records."""

    def cost(project: str, trace_id: str) -> int | None:
        costs = [span.cost for span in tracing.trace(project, trace_id).spans]
        return None if None in costs else sum(one for one in costs if one is not None)

    return Playground(prompts, gateway, cost=cost, clock=clock, ids=ids)
