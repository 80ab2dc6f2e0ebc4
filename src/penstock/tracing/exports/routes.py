"""Control API of exports.

The app provides the dependencies: `project` (id, from its guard), `asked` and `observability`.
"""

from collections.abc import AsyncGenerator
from typing import Annotated

from anyio import CancelScope, to_thread
from litestar import Controller, get
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter, SkipValidation
from litestar.response import Stream

from penstock.store.spans.queries.export import EXPORTED, ExportFormat
from penstock.store.spans.queries.scores import ScoreFilter
from penstock.tracing.exports.service import MEDIA_TYPES, Export, ExportService
from penstock.tracing.types import Asked

__all__ = ["ExportsController"]

Exports = NamedDependency[ExportService]
ProjectId = NamedDependency[str]
Format = Annotated[ExportFormat, QueryParameter(name="format", description="`jsonl`, `csv` or `parquet`.")]
Name = Annotated[str | None, QueryParameter(name="name", description="Name of the judgement.")]
From = Annotated[int | None, QueryParameter(name="from", description="Microseconds since the epoch, inclusive.")]
To = Annotated[int | None, QueryParameter(name="to", description="Microseconds since the epoch, exclusive.")]
FILE = {
    200: ResponseSpec(
        data_container=bytes,
        media_type="application/x-ndjson",
        description="Lines of JSON, a table of text, or Parquet. A file that breaks off was not made whole.",
        generate_examples=False,
    )
}


class ExportsController(Controller):
    """Files are made while they are sent: as fast as they are taken, and no further when the reader leaves."""

    path = "/exports"
    tags = ("exports",)

    @get("/spans", operation_id="exportSpans", opt={"permission": "traces:read"}, sync_to_thread=True, responses=FILE)
    def export_spans(
        self,
        *,
        exports: Exports,
        project: ProjectId,
        asked: NamedDependency[SkipValidation[Asked]],
        form: Format = "jsonl",
        columns: Annotated[
            str | None,
            QueryParameter(name="columns", description="Of the record, separated by commas; without it, all."),
        ] = None,
    ) -> Stream:
        """All spans that fit, whole, the oldest first."""
        chosen = EXPORTED if columns is None else [name.strip() for name in columns.split(",") if name.strip()]
        return _file(exports.spans(project, asked, form=form, columns=chosen), "spans", form)

    @get(
        "/traces",
        operation_id="exportTraceRows",
        opt={"permission": "traces:read"},
        sync_to_thread=True,
        responses=FILE,
    )
    def export_traces(
        self,
        *,
        exports: Exports,
        project: ProjectId,
        asked: NamedDependency[SkipValidation[Asked]],
        form: Format = "jsonl",
    ) -> Stream:
        """Calls and roots that fit, as `/traces` lists them, one row each with their sums, the newest first."""
        return _file(exports.traces(project, asked, form=form), "traces", form)

    @get("/scores", operation_id="exportScores", opt={"permission": "traces:read"}, sync_to_thread=True, responses=FILE)
    def export_scores(
        self,
        *,
        exports: Exports,
        project: ProjectId,
        form: Format = "jsonl",
        name: Name = None,
        from_: From = None,
        to: To = None,
    ) -> Stream:
        """All scores, the newest first."""
        wanted = ScoreFilter(project=project, name=name, from_=from_, to=to)
        return _file(exports.scores(wanted, form=form), "scores", form)


def _file(export: Export, name: str, form: ExportFormat) -> Stream:
    return Stream(
        _pieces(export),
        media_type=MEDIA_TYPES[form],
        headers={"content-disposition": f'attachment; filename="{name}.{form}"', "cache-control": "no-store"},
        # A reader who leaves stops the sending, not what is sent: that is ended here.
        background=BackgroundTask(to_thread.run_sync, export.close),
    )


async def _pieces(export: Export) -> AsyncGenerator[bytes]:
    """Each piece is made on a thread once the one before was taken: the server's write buffer is the back-pressure."""
    try:
        while (piece := await to_thread.run_sync(next, export, None)) is not None:
            yield piece
    finally:
        # The thread that makes a piece is waited for, also when the reader has left: nothing else may close it.
        with CancelScope(shield=True):
            await to_thread.run_sync(export.close)
