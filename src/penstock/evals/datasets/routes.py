"""Control API of datasets: what the registry's own routes do not give, that is their rows.

The app provides the dependencies: `principal` and `project` (id, from its guard), `datasets`, `uploads`,
`imports`, `checks`. In
an address a name's slashes are written as colons.
"""

from collections.abc import AsyncGenerator, Iterator
from typing import Annotated, Any

import msgspec
from anyio import to_thread
from litestar import Controller, Request, Router, delete, get, patch, post, put
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.response import Stream

from penstock.core.errors import InvalidInput, PermissionDenied
from penstock.evals.datasets.checks.routes import ChecksController
from penstock.evals.datasets.edits import RowEdits
from penstock.evals.datasets.imports import Import, Imports, NewFromTraces, NewImport
from penstock.evals.datasets.mapping import FieldMapping
from penstock.evals.datasets.service import Datasets, SaveTerms
from penstock.evals.datasets.traces import TracePreview, TraceSample
from penstock.evals.datasets.types import DatasetRow, RowDiff, SplitCount, Splits, StoredRow, row_of
from penstock.evals.datasets.uploads import MAX_FILE, Preview, Uploads
from penstock.identity.types import Principal
from penstock.registry.artifacts.types import LATEST, Ref, Saved
from penstock.store.spans.queries.export import ExportFormat
from penstock.tracing.exports.rows import row_file
from penstock.tracing.exports.service import MEDIA_TYPES

__all__ = ["datasets_router"]

MAX_ROWS_BODY = 12 * 1024 * 1024
"""Bytes of a request that holds rows."""

Service = NamedDependency[Datasets]
Files = NamedDependency[Uploads]
Running = NamedDependency[Imports]
Caller = NamedDependency[Principal]
ProjectId = NamedDependency[str]
Which = NamedDependency[Ref]
UploadId = Annotated[str, PathParameter(description="Id of the upload.")]
OfVersion = Annotated[
    str, QueryParameter(name="version", description="A number, `sha256:…`, a label, `latest`, or `branch:…`.")
]
OfSplit = Annotated[str | None, QueryParameter(name="split", description="Only rows of this split.")]
FILE = {
    200: ResponseSpec(
        data_container=bytes,
        description="Lines of JSON, a table of text, or Parquet.",
        media_type="application/x-ndjson",
        generate_examples=False,
    )
}


def provide_dataset(
    project: ProjectId,
    name: Annotated[str, PathParameter(description="Id, or name with colons for its slashes.")],
) -> Ref:
    """Dependency `ref`: which dataset is meant."""
    return Ref(project, "dataset", name)


class DatasetRowPage(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a version, in its order."""

    version: int
    rows: int
    """Of the version in all."""
    items: list[StoredRow]
    positions: list[int]
    """Where each of them stands, from 0."""
    next_cursor: str | None


class SplitPage(msgspec.Struct, frozen=True, kw_only=True):
    items: list[SplitCount]
    splits: Splits | None
    """How rows are divided; null: not at all."""
    next_cursor: str | None = None


class EditRows(RowEdits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Edits, and where the version goes that they make."""

    terms: SaveTerms = msgspec.field(default_factory=SaveTerms)


class SetSplits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    shares: dict[str, float]
    salt: str | None = None
    """Null keeps it, so that rows stay where they are as far as the shares allow."""
    terms: SaveTerms = msgspec.field(default_factory=SaveTerms)


class MapUpload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    mapping: FieldMapping


class RowContents(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of rows by digest."""

    rows: dict[str, DatasetRow]


class UploadsController(Controller):
    path = "/datasets/uploads"
    tags = ("datasets",)

    @post("/", operation_id="uploadRows", opt={"permission": "datasets:write"}, request_max_body_size=MAX_FILE + 1024)
    async def upload(
        self,
        request: Request[Any, Any, Any],
        uploads: Files,
        project: ProjectId,
        *,
        name: Annotated[str, QueryParameter(name="name", description="Name of the file.")],
        form: Annotated[
            str | None, QueryParameter(name="format", description="`jsonl`, `csv` or `parquet`; else by the name.")
        ] = None,
    ) -> Preview:
        """Send a file of rows as the body, up to 1 GiB. It is kept for an hour, to be mapped and imported."""
        upload = await uploads.receive(project, name, request.stream(), form=form)
        try:
            return await to_thread.run_sync(uploads.preview, project, upload)
        except InvalidInput:
            await to_thread.run_sync(uploads.drop, project, upload)
            raise

    @post(
        "/{upload:str}/preview",
        operation_id="previewUpload",
        opt={"permission": "datasets:write"},
        status_code=200,
        sync_to_thread=True,
    )
    def preview(self, uploads: Files, project: ProjectId, upload: UploadId, data: JSONBody[MapUpload]) -> Preview:
        """The first rows as a mapping gives them."""
        return uploads.preview(project, upload, data.mapping)

    @delete("/{upload:str}", operation_id="dropUpload", opt={"permission": "datasets:write"}, sync_to_thread=True)
    def drop(self, uploads: Files, project: ProjectId, upload: UploadId) -> None:
        """Forget a file before its hour is over."""
        uploads.drop(project, upload)


class ImportsController(Controller):
    path = "/datasets"
    tags = ("datasets",)

    @post(
        "/{name:str}/import",
        operation_id="importRows",
        opt={"permission": "datasets:write"},
        dependencies={"ref": Provide(provide_dataset, sync_to_thread=False)},
        status_code=202,
        sync_to_thread=True,
    )
    def start(self, imports: Running, principal: Caller, ref: Which, data: JSONBody[NewImport]) -> Import:
        """Begin to import an upload as the next version. The version appears when all its rows are stored."""
        return imports.start(principal, ref, data)

    @post(
        "/from-traces/preview",
        operation_id="previewTraceRows",
        opt={"permission": "traces:read"},
        status_code=200,
        sync_to_thread=True,
    )
    def preview_traces(self, imports: Running, project: ProjectId, data: JSONBody[TraceSample]) -> TracePreview:
        """How many spans fit a search, and the newest of them as the rows that they would become."""
        return imports.traces.preview(project, data)

    @post(
        "/{name:str}/from-traces",
        operation_id="importTraces",
        opt={"permission": "datasets:write"},
        dependencies={"ref": Provide(provide_dataset, sync_to_thread=False)},
        status_code=202,
        sync_to_thread=True,
    )
    def start_from_traces(
        self, imports: Running, principal: Caller, ref: Which, data: JSONBody[NewFromTraces]
    ) -> Import:
        """Begin to make rows of recorded traces: the next version. Needs `traces:read` too."""
        if not principal.may("traces:read", ref.project):
            raise PermissionDenied("This needs the permission traces:read.", hint="Rows hold what was recorded.")
        return imports.start_from_traces(principal, ref, data)

    @get("/imports/{id:str}", operation_id="getImport", opt={"permission": "datasets:read"}, sync_to_thread=False)
    def progress(
        self,
        imports: Running,
        project: ProjectId,
        id_: Annotated[str, PathParameter(name="id", description="Id of the import.")],
    ) -> Import:
        """How far an import is, and what came of it."""
        return imports.get(project, id_)


class DatasetsController(Controller):
    path = "/datasets/{name:str}"
    tags = ("datasets",)
    dependencies = {"ref": Provide(provide_dataset, sync_to_thread=False)}  # noqa: RUF012 - the framework's own way

    @get("/rows", operation_id="listDatasetRows", opt={"permission": "datasets:read"}, sync_to_thread=True)
    def list_rows(
        self,
        datasets: Service,
        ref: Which,
        *,
        version: OfVersion = LATEST,
        split: OfSplit = None,
        q: Annotated[
            str | None, QueryParameter(name="q", description="Only rows that hold all of these words, in any field.")
        ] = None,
        cursor: Annotated[
            int, QueryParameter(name="cursor", description="The `next_cursor` of the page before, or a position.")
        ] = 0,
        limit: Annotated[int, QueryParameter(name="limit", description="Rows of a page, 1 to 1000.")] = 100,
    ) -> DatasetRowPage:
        """Rows of a version, in its order.

        A search looks at 5,000 rows for a page, which may be short or empty and still have a successor.
        """
        page = datasets.rows(ref, version, split=split, q=q, start=cursor, limit=limit)
        return DatasetRowPage(
            version=page.version,
            rows=page.rows,
            items=page.items,
            positions=page.positions,
            next_cursor=None if page.next is None else str(page.next),
        )

    @patch(
        "/rows",
        operation_id="editDatasetRows",
        opt={"permission": "datasets:write"},
        request_max_body_size=MAX_ROWS_BODY,
        sync_to_thread=True,
    )
    def edit_rows(self, datasets: Service, principal: Caller, ref: Which, data: JSONBody[EditRows]) -> Saved:
        """Add, change and delete rows: the next version. Makes the dataset when there is none of this name."""
        return datasets.edit(principal, ref, data, data.terms)

    @get("/splits", operation_id="getDatasetSplits", opt={"permission": "datasets:read"}, sync_to_thread=True)
    def get_splits(self, datasets: Service, ref: Which, *, version: OfVersion = LATEST) -> SplitPage:
        """How rows are divided, and how many each split has."""
        return SplitPage(items=datasets.split_counts(ref, version), splits=datasets.manifest(ref, version).splits)

    @put("/splits", operation_id="setDatasetSplits", opt={"permission": "datasets:write"}, sync_to_thread=True)
    def set_splits(self, datasets: Service, principal: Caller, ref: Which, data: JSONBody[SetSplits]) -> Saved:
        """Divide the rows of the head: the next version. Rows that would change their split need `terms.resplit`."""
        return datasets.divide(principal, ref, data.shares, salt=data.salt, terms=data.terms)

    @get("/diff", operation_id="diffDatasetRows", opt={"permission": "datasets:read"}, sync_to_thread=True)
    def diff_rows(
        self,
        datasets: Service,
        ref: Which,
        *,
        from_: Annotated[
            str | None,
            QueryParameter(
                name="from",
                description="A number, `sha256:…`, a label, `latest`, or `branch:…`; else the one `to` was made from.",
            ),
        ] = None,
        to: Annotated[str, QueryParameter(name="to", description="As `from`.")] = LATEST,
        most: Annotated[int, QueryParameter(name="limit", description="Changes listed, 1 to 10000.")] = 1000,
    ) -> RowDiff:
        """What differs between two versions, row by row."""
        return datasets.diff(ref, from_, to, most=max(1, min(most, 10_000)))

    @post(
        "/contents",
        operation_id="readDatasetContents",
        opt={"permission": "datasets:read"},
        status_code=200,
        sync_to_thread=True,
    )
    def contents(self, datasets: Service, ref: Which, data: JSONBody[list[str]]) -> RowContents:
        """Contents of up to 200 rows that a diff of this dataset names by digest."""
        if len(data) > 200:
            raise InvalidInput(f"Expected at most 200 digests, got {len(data)}.")
        datasets.manifest(ref)
        return RowContents(rows=datasets.contents(ref.project, data))

    @get(
        "/export",
        operation_id="exportDatasetRows",
        opt={"permission": "datasets:read"},
        responses=FILE,
        sync_to_thread=True,
    )
    def export(
        self,
        datasets: Service,
        ref: Which,
        *,
        version: OfVersion = LATEST,
        split: OfSplit = None,
        form: Annotated[
            ExportFormat, QueryParameter(name="format", description="`jsonl`, `csv` or `parquet`.")
        ] = "jsonl",
        own: Annotated[
            bool,
            QueryParameter(
                name="own_splits", description="Only splits that rows name themselves, none that shares decide."
            ),
        ] = False,
    ) -> Stream:
        """All rows as a file that an import reads. In a table, what is no text is JSON."""
        datasets.manifest(ref, version)  # what is not there is told before anything is sent
        pages = datasets.stream(ref, version, split=split, own=own)
        rows = ([row_of(row, split=row.split) for row in page] for page in pages)
        name = ref.name.rpartition(":")[2]
        return Stream(
            _pieces(row_file(DatasetRow, rows, form)),
            media_type=MEDIA_TYPES[form],
            headers={"content-disposition": f'attachment; filename="{name}.{form}"', "cache-control": "no-store"},
        )


async def _pieces(pieces: Iterator[bytes]) -> AsyncGenerator[bytes]:
    while (piece := await to_thread.run_sync(next, pieces, None)) is not None:
        yield piece


def datasets_router() -> Router:
    """All routes of this slice, below the API's prefix."""
    return Router("/", route_handlers=[UploadsController, ImportsController, ChecksController, DatasetsController])
