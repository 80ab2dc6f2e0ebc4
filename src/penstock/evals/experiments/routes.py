"""Control API of experiments.

The app provides the dependencies: `principal` and `project` (id, from its guard), and `experiments`.
"""

from collections.abc import AsyncGenerator
from typing import Annotated, Any, Literal

import msgspec
from anyio import to_thread
from litestar import Controller, Response, Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.response import Stream

from penstock.evals.experiments.differences import Change, DifferenceTerms, RowDifferencePage
from penstock.evals.experiments.ledger import BeginRequest, Begun, FinishRequest, Looked, LookRequest
from penstock.evals.experiments.pdf import as_pdf
from penstock.evals.experiments.progress_routes import ProgressController
from penstock.evals.experiments.report import as_html, as_markdown
from penstock.evals.experiments.results import CellPage, Results, RowComparison
from penstock.evals.experiments.service import Experiments, NewRow
from penstock.evals.experiments.summary import Summary
from penstock.evals.experiments.types import Ending, Experiment, ExperimentSpec, Row, State
from penstock.identity.types import Principal

__all__ = ["experiments_router"]

Service = NamedDependency[Experiments]
Found = NamedDependency[Results]
Caller = NamedDependency[Principal]
ProjectId = NamedDependency[str]
Id = Annotated[str, PathParameter(description="The experiment's id.")]
Cursor = Annotated[str | None, QueryParameter(name="cursor", description="The `next_cursor` of the page before.")]
Limit = Annotated[int, QueryParameter(name="limit", description="Entries on one page, 1 to 1000.")]
MAX_BODY = 32 * 1024 * 1024
READ = {"permission": "experiments:read"}
WRITE = {"permission": "experiments:write"}
FILE = {
    200: ResponseSpec(
        data_container=bytes, media_type="application/octet-stream", description="A file.", generate_examples=False
    )
}


def provide_terms(
    *,
    metric: Annotated[str, QueryParameter(name="metric", description="As the summary names it.")],
    variant: Annotated[
        str | None, QueryParameter(name="variant", description="Against the baseline; else the first other one.")
    ] = None,
    order: Annotated[
        Literal["fall", "rise", "position"],
        QueryParameter(name="order", description="`fall`: rows where it fell the most first."),
    ] = "fall",
    change: Annotated[Change | None, QueryParameter(name="change", description="Only these rows.")] = None,
    cursor: Annotated[int, QueryParameter(name="cursor", description="The `next_cursor` of the page before.")] = 0,
    limit: Annotated[int, QueryParameter(name="limit", description="Rows of a page, 1 to 200.")] = 50,
) -> DifferenceTerms:
    """Dependency `terms`: which rows are asked for."""
    return DifferenceTerms(metric=metric, variant=variant, order=order, change=change, start=cursor, limit=limit)


class ExperimentPage(msgspec.Struct, frozen=True, kw_only=True):
    """Experiments, newest first."""

    items: list[Experiment]
    next_cursor: str | None


class RowPage(msgspec.Struct, frozen=True, kw_only=True):
    """Rows in order."""

    items: list[Row]
    next_cursor: str | None


class NewExperiment(msgspec.Struct, frozen=True, kw_only=True):
    spec: ExperimentSpec
    cache: bool = True
    """False: answers of other experiments are not used."""


class NewRows(msgspec.Struct, frozen=True, kw_only=True):
    rows: list[NewRow]
    at: int | None = None
    """How many rows there are before these, so that a repeated request adds nothing twice."""


class RowCount(msgspec.Struct, frozen=True, kw_only=True):
    rows: int


class Take(msgspec.Struct, frozen=True, kw_only=True):
    runner: str
    """Who runs it: any name that no other runner has."""
    evaluators: dict[str, str] = {}
    """Names by digest."""
    instead_of: str | None = None
    """A runner that is known to be gone; its lease does not count."""


class Renewed(msgspec.Struct, frozen=True, kw_only=True):
    wanted: Literal["pause", "cancel"] | None


class Released(msgspec.Struct, frozen=True, kw_only=True):
    runner: str
    state: State
    reason: str | None = None


class ExperimentsController(Controller):
    path = "/experiments"
    tags = ("experiments",)

    @get("/", operation_id="listExperiments", opt=READ, sync_to_thread=True)
    def list_experiments(
        self, experiments: Service, project: ProjectId, *, cursor: Cursor = None, limit: Limit = 50
    ) -> ExperimentPage:
        """Experiments of the project, newest first."""
        items, after = experiments.listed(project, cursor=cursor, limit=limit)
        return ExperimentPage(items=items, next_cursor=after)

    @post("/", operation_id="createExperiment", opt=WRITE, sync_to_thread=True)
    def create_experiment(
        self, experiments: Service, principal: Caller, project: ProjectId, data: JSONBody[NewExperiment]
    ) -> Experiment:
        """Make one. It has no rows yet."""
        return experiments.create(principal, project, data.spec, cache=data.cache)

    @get("/{experiment:str}", operation_id="getExperiment", opt=READ, sync_to_thread=True)
    def get_experiment(self, experiments: Service, project: ProjectId, experiment: Id) -> Experiment:
        """One, with how far it is."""
        return experiments.get(project, experiment)

    @get("/{experiment:str}/rows", operation_id="listExperimentRows", opt=READ, sync_to_thread=True)
    def list_rows(
        self, experiments: Service, project: ProjectId, experiment: Id, *, cursor: Cursor = None, limit: Limit = 100
    ) -> RowPage:
        """Its rows, as they were when it was made."""
        rows, after = experiments.rows(project, experiment, cursor=cursor, limit=limit)
        return RowPage(items=rows, next_cursor=after)

    @post(
        "/{experiment:str}/rows",
        operation_id="addExperimentRows",
        opt=WRITE,
        status_code=200,
        sync_to_thread=True,
        request_max_body_size=MAX_BODY,
    )
    def add_rows(self, experiments: Service, project: ProjectId, experiment: Id, data: JSONBody[NewRows]) -> RowCount:
        """Add rows at the end, as long as it was not started."""
        return RowCount(rows=experiments.add_rows(project, experiment, data.rows, at=data.at))

    @post("/{experiment:str}/start", operation_id="startExperiment", opt=WRITE, status_code=200, sync_to_thread=True)
    def start_experiment(
        self, experiments: Service, principal: Caller, project: ProjectId, experiment: Id
    ) -> Experiment:
        """Have the console run it, or go on with it. The caller needs `gateway:call` too."""
        return experiments.start(principal, project, experiment)

    @post("/{experiment:str}/pause", operation_id="pauseExperiment", opt=WRITE, status_code=200, sync_to_thread=True)
    def pause_experiment(
        self, experiments: Service, principal: Caller, project: ProjectId, experiment: Id
    ) -> Experiment:
        """Stop it for now; calls under way are finished."""
        return experiments.want(principal, project, experiment, what="pause")

    @post("/{experiment:str}/cancel", operation_id="cancelExperiment", opt=WRITE, status_code=200, sync_to_thread=True)
    def cancel_experiment(
        self, experiments: Service, principal: Caller, project: ProjectId, experiment: Id
    ) -> Experiment:
        """End it; calls under way are finished."""
        return experiments.want(principal, project, experiment, what="cancel")


class RunnerController(Controller):
    """For processes that run an experiment themselves, as `penstock eval run` does."""

    path = "/experiments/{experiment:str}"
    tags = ("experiments",)
    request_max_body_size = MAX_BODY

    @post("/take", operation_id="takeExperiment", opt=WRITE, status_code=200, sync_to_thread=True)
    def take(
        self, experiments: Service, principal: Caller, project: ProjectId, experiment: Id, data: JSONBody[Take]
    ) -> Experiment:
        """Run it in the caller's process: nobody else does until the lease runs out."""
        return experiments.take(
            principal,
            project,
            experiment,
            runner=data.runner,
            evaluators=data.evaluators,
            instead_of=data.instead_of,
        )

    @post("/renew", operation_id="renewExperiment", opt=WRITE, status_code=200, sync_to_thread=True)
    def renew(self, experiments: Service, project: ProjectId, experiment: Id, data: JSONBody[Take]) -> Renewed:
        """Keep the lease, and learn what somebody wants."""
        wanted: Any = experiments.records(project, experiment, runner=data.runner).renew()
        return Renewed(wanted=wanted)

    @post("/release", operation_id="releaseExperiment", opt=WRITE, status_code=200, sync_to_thread=True)
    def release(self, experiments: Service, project: ProjectId, experiment: Id, data: JSONBody[Released]) -> Experiment:
        """The run is over, in this state."""
        ending = Ending(state=data.state, reason=data.reason)
        return experiments.release(project, experiment, runner=data.runner, ending=ending)

    @post("/look", operation_id="lookAtExperimentCells", opt=WRITE, status_code=200, sync_to_thread=True)
    def look(self, experiments: Service, project: ProjectId, experiment: Id, data: JSONBody[LookRequest]) -> Looked:
        """What is there of each cell, and answers by key."""
        experiments.row_of(project, experiment)
        records = experiments.records(project, experiment, runner=None)
        return Looked(cells=records.look(data.cells, data.evaluators), outputs=records.kept(data.keys))

    @post("/begin", operation_id="beginExperimentCalls", opt=WRITE, status_code=200, sync_to_thread=True)
    def begin(self, experiments: Service, project: ProjectId, experiment: Id, data: JSONBody[BeginRequest]) -> Begun:
        """Mark calls as started, before they are sent."""
        return Begun(items=experiments.records(project, experiment, runner=data.runner).begin(data.calls))

    @post("/finish", operation_id="finishExperimentCells", opt=WRITE, status_code=200, sync_to_thread=True)
    def finish(
        self, experiments: Service, project: ProjectId, experiment: Id, data: JSONBody[FinishRequest]
    ) -> RowCount:
        """Record outcomes."""
        experiments.row_of(project, experiment)
        records = experiments.records(project, experiment, runner=data.runner)
        if data.results:
            records.finish(data.results)
        if data.outputs:
            records.keep(data.outputs)
        return RowCount(rows=len(data.results))


class ResultsController(Controller):
    """What an experiment found."""

    path = "/experiments/{experiment:str}"
    tags = ("experiments",)

    @get("/summary", operation_id="getExperimentSummary", opt=READ, sync_to_thread=True)
    def summary(self, results: Found, project: ProjectId, experiment: Id) -> Summary:
        """Each metric with its interval, each variant against the baseline, and the gate's answer."""
        return results.summary(project, experiment)

    @get("/cells", operation_id="listExperimentCells", opt=READ, sync_to_thread=True)
    def cells(
        self,
        results: Found,
        project: ProjectId,
        experiment: Id,
        *,
        variant: Annotated[str | None, QueryParameter(name="variant", description="Only this one's.")] = None,
        failed: Annotated[bool | None, QueryParameter(name="failed", description="Only those that failed.")] = None,
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> CellPage:
        """Answers with their judgements, in the order of rows, variants, repetitions."""
        return results.cells(project, experiment, variant=variant, failed=failed, cursor=cursor, limit=limit)

    @get("/rows/{position:int}", operation_id="compareExperimentRow", opt=READ, sync_to_thread=True)
    def row(
        self,
        results: Found,
        project: ProjectId,
        experiment: Id,
        position: Annotated[int, PathParameter(description="The row's position, from 0.")],
    ) -> RowComparison:
        """One row, and what every variant answered."""
        return results.row(project, experiment, position)

    @get(
        "/differences",
        operation_id="listExperimentDifferences",
        opt=READ,
        dependencies={"terms": Provide(provide_terms, sync_to_thread=False)},
        sync_to_thread=True,
    )
    def differences(
        self,
        results: Found,
        project: ProjectId,
        experiment: Id,
        terms: NamedDependency[DifferenceTerms],
    ) -> RowDifferencePage:
        """Rows in the order of how one metric changed from the baseline: where it got worse first."""
        return results.differences(project, experiment, terms)

    @get("/export", operation_id="exportExperiment", opt=READ, sync_to_thread=True, responses=FILE)
    def export(
        self,
        results: Found,
        project: ProjectId,
        experiment: Id,
        *,
        form: Annotated[Literal["jsonl", "csv"], QueryParameter(name="format", description="Of the file.")] = "jsonl",
    ) -> Stream:
        """All answers with their judgements as a file."""
        pieces = results.export(project, experiment, form=form)

        async def sent() -> AsyncGenerator[bytes]:
            while (piece := await to_thread.run_sync(next, pieces, None)) is not None:
                yield piece

        media = "application/x-ndjson" if form == "jsonl" else "text/csv; charset=utf-8"
        headers = {"content-disposition": f'attachment; filename="experiment.{form}"', "cache-control": "no-store"}
        return Stream(sent(), media_type=media, headers=headers)

    @get("/report", operation_id="getExperimentReport", opt=READ, sync_to_thread=True, responses=FILE)
    def report(
        self,
        results: Found,
        project: ProjectId,
        experiment: Id,
        *,
        form: Annotated[
            Literal["html", "markdown", "pdf"], QueryParameter(name="format", description="Of the report.")
        ] = "html",
    ) -> Response[bytes]:
        """A report that can be passed on. A PDF needs the console's extra `report`."""
        shown, summary, worst = results.reported(project, experiment)
        if form == "pdf":
            headers = {"content-disposition": 'inline; filename="experiment.pdf"'}
            body = as_pdf(shown, summary, worst=worst, font=results.font)
            return Response(body, media_type="application/pdf", headers=headers)
        text = (as_html if form == "html" else as_markdown)(shown, summary, worst=worst)
        media = "text/html; charset=utf-8" if form == "html" else "text/markdown; charset=utf-8"
        # It holds text of models: nothing in it may run, wherever it is opened.
        policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        return Response(text.encode(), media_type=media, headers={"content-security-policy": policy})


def experiments_router() -> Router:
    """All routes of this slice."""
    return Router("/", route_handlers=[ExperimentsController, RunnerController, ResultsController, ProgressController])
