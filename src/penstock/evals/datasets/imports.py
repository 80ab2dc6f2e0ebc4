"""What becomes a version beside the request that asked for it: files that were uploaded, and recorded traces."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final, Literal

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput, NotFound
from penstock.core.ids import Ids
from penstock.evals.datasets.background import Background, Note, Work
from penstock.evals.datasets.mapping import FieldMapping, mapped_rows
from penstock.evals.datasets.rows import prepared
from penstock.evals.datasets.service import Datasets, SaveTerms
from penstock.evals.datasets.traces import TraceRows, TraceSample
from penstock.evals.datasets.types import DatasetRow, row_of
from penstock.evals.datasets.uploads import Uploads
from penstock.identity.types import Principal
from penstock.registry.artifacts.types import Ref

__all__ = ["Import", "Imports", "NewFromTraces", "NewImport"]

AT_ONCE: Final = 2
Mode = Literal["replace", "append"]


class NewImport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be imported, and how."""

    upload: str
    mapping: FieldMapping
    mode: Mode = "replace"
    """`replace`: the version has the file's rows; `append`: those of the head before them."""
    terms: SaveTerms = msgspec.field(default_factory=SaveTerms)


class NewFromTraces(TraceSample, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which traces become rows, and where the version goes."""

    mode: Mode = "append"
    """`append`: to the rows of the head, but for those that ask what a row there asks; `replace`: instead of them."""
    terms: SaveTerms = msgspec.field(default_factory=SaveTerms)


class Import(Work, frozen=True, kw_only=True):
    """One import."""

    looked: int | None = None
    """Spans that fit the search and were looked at so far, of an import from traces."""
    version: int | None = None
    """Number of the version that came of it."""
    outcome: Literal["created", "unchanged"] | None = None


class Imports:
    """Imports of all projects. `start` and `start_from_traces` return at once.

    Args:
        datasets: Where rows go.
        uploads: Where files are.
        traces: Gives rows of recorded traces; None where there are none.
        clock: When.
        ids: Names imports.
    """

    def __init__(
        self, datasets: Datasets, uploads: Uploads, *, clock: Clock, ids: Ids, traces: TraceRows | None = None
    ) -> None:
        self._datasets = datasets
        self._uploads = uploads
        self._traces = traces
        self._clock = clock
        self._ids = ids
        self._work: Background[Import] = Background("import", at_once=AT_ONCE, clock=clock, missing="import_not_found")

    def start(self, actor: Principal, ref: Ref, new: NewImport) -> Import:
        """Begin an import.

        Raises:
            NotFound: `upload_not_found`.
            InvalidInput: the head of the file cannot be read by this mapping.
        """
        self._uploads.preview(ref.project, new.upload, new.mapping)

        def run(note: Note) -> dict[str, Any]:
            rows: Iterable[DatasetRow] = mapped_rows(self._uploads.records(ref.project, new.upload), new.mapping)
            if new.mode == "append":
                rows = _joined(self._before(ref, new.terms.branch), rows)
            made = self._saved(actor, ref, rows, new.terms, note)
            self._uploads.drop(ref.project, new.upload)
            return made

        return self._begin(ref, run)

    def start_from_traces(self, actor: Principal, ref: Ref, new: NewFromTraces) -> Import:
        """Begin to make rows of recorded traces.

        Raises:
            NotFound: nothing is recorded here (`no_traces`).
            InvalidInput: the search or the sample is wrong.
        """
        traces = self.traces
        traces.check(ref.project, new)

        def run(note: Note) -> dict[str, Any]:
            found = traces.rows(ref.project, new, looked=lambda count: note(looked=count))
            rows: Iterable[DatasetRow] = _some(found)
            if new.mode == "append":
                rows = _joined(self._before(ref, new.terms.branch), rows, once=True)
            return self._saved(actor, ref, rows, new.terms, note)

        return self._begin(ref, run)

    @property
    def traces(self) -> TraceRows:
        """Rows of recorded traces. Raises `NotFound` (`no_traces`)."""
        if self._traces is None:
            raise NotFound("Nothing is recorded here that rows could be made of.", code="no_traces")
        return self._traces

    def get(self, project: str, id_: str) -> Import:
        """How far an import is. Raises `NotFound` (`import_not_found`)."""
        return self._work.get(project, id_)

    def close(self) -> None:
        """Give up what is running, and wait for it."""
        self._work.close()

    def _begin(self, ref: Ref, run: Any) -> Import:
        begun = Import(id=self._ids.uuid7(), dataset=ref.name, started=self._clock.now())
        return self._work.begin(ref.project, begun, run)

    def _saved(
        self, actor: Principal, ref: Ref, rows: Iterable[DatasetRow], terms: SaveTerms, note: Note
    ) -> dict[str, Any]:
        saved = self._datasets.save(actor, ref, rows, terms, progress=lambda count: note(rows=count))
        return {"version": saved.number, "outcome": saved.outcome}

    def _before(self, ref: Ref, branch: str) -> Iterator[DatasetRow]:
        try:
            self._datasets.manifest(ref, f"branch:{branch}")
        except NotFound:
            return
        # What the shares decide is decided again, the same; what a row said itself is said again.
        for rows in self._datasets.stream(ref, f"branch:{branch}", own=True):
            yield from (row_of(row, split=row.split) for row in rows)


def _some(rows: Iterator[DatasetRow]) -> Iterator[DatasetRow]:
    """The same rows. Raises `InvalidInput` at once where there are none."""
    first = next(rows, None)
    if first is None:
        raise InvalidInput(
            "No recorded input fits.", field="q", hint="Search for more, or in a longer time.", code="nothing_fits"
        )
    return chain([first], rows)


def _joined(before: Iterable[DatasetRow], rows: Iterable[DatasetRow], *, once: bool = False) -> Iterator[DatasetRow]:
    """Rows after others; `once`: but for those that ask what one of the others asks."""
    inputs: set[str] = set()
    for row in before:
        if once:
            inputs.add(_input_id(row))
        yield row
    for row in rows:
        if not once or _input_id(row) not in inputs:
            yield row


def _input_id(row: DatasetRow) -> str:
    return prepared(DatasetRow(input=row.input), field="rows")[0].id
