"""Imports of uploaded files: they run beside the request that asked for them, and say how far they are."""

import logging
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Final, Literal

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput, NotFound, PenstockError
from penstock.core.ids import Ids
from penstock.evals.datasets.mapping import FieldMapping, mapped_rows
from penstock.evals.datasets.service import Datasets, SaveTerms
from penstock.evals.datasets.types import DatasetRow, row_of
from penstock.evals.datasets.uploads import Uploads
from penstock.identity.types import Principal
from penstock.registry.artifacts.types import Ref

__all__ = ["Import", "Imports", "NewImport"]

logger = logging.getLogger(__name__)

AT_ONCE: Final = 2
REMEMBERED: Final = 200
"""Imports that are told of after they have ended; the oldest are forgotten first."""


class NewImport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be imported, and how."""

    upload: str
    mapping: FieldMapping
    mode: Literal["replace", "append"] = "replace"
    """`replace`: the version has the file's rows; `append`: those of the head before them."""
    terms: SaveTerms = msgspec.field(default_factory=SaveTerms)


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """One import."""

    id: str
    dataset: str
    state: Literal["waiting", "running", "done", "failed"]
    rows: int
    """Read so far."""
    started: int
    """Microseconds since the epoch."""
    finished: int | None = None
    version: int | None = None
    """Number of the version that came of it."""
    outcome: Literal["created", "unchanged"] | None = None
    error: str | None = None
    field: str | None = None
    """Where the error is: `mapping.reference`, `rows[17].id`."""
    hint: str | None = None


class Imports:
    """Imports of this process. What it was in the middle of when it ended was not saved, and is asked for again.

    Args:
        datasets: Where rows go.
        uploads: Where they come from.
        clock: Tells when.
        ids: Names imports.
    """

    def __init__(self, datasets: Datasets, uploads: Uploads, *, clock: Clock, ids: Ids) -> None:
        self._datasets = datasets
        self._uploads = uploads
        self._clock = clock
        self._ids = ids
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="import")
        self._lock = threading.Lock()
        self._known: dict[str, tuple[str, Import]] = {}
        self._closing = False

    def start(self, actor: Principal, ref: Ref, new: NewImport) -> Import:
        """Begin an import.

        Raises:
            NotFound: `upload_not_found`.
            InvalidInput: the head of the file cannot be read by this mapping.
        """
        self._uploads.preview(ref.project, new.upload, new.mapping)
        begun = Import(id=self._ids.uuid7(), dataset=ref.name, state="waiting", rows=0, started=self._clock.now())
        with self._lock:
            while len(self._known) >= REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[begun.id] = (ref.project, begun)
        self._pool.submit(self._run, begun.id, actor, ref, new)
        return begun

    def get(self, project: str, id_: str) -> Import:
        """How far an import is. Raises `NotFound` (`import_not_found`)."""
        with self._lock:
            found = self._known.get(id_)
        if found is None or found[0] != project:
            raise NotFound("There is no such import, or it ended long ago.", code="import_not_found")
        return found[1]

    def close(self) -> None:
        """Give up what is running, and wait for it."""
        self._closing = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, id_: str, actor: Principal, ref: Ref, new: NewImport) -> None:
        self._note(id_, state="running")
        try:
            rows: Iterable[DatasetRow] = mapped_rows(self._uploads.records(ref.project, new.upload), new.mapping)
            if new.mode == "append":
                rows = chain(self._before(ref, new.terms.branch), rows)
            saved = self._datasets.save(
                actor, ref, self._until_closed(rows), new.terms, progress=lambda count: self._note(id_, rows=count)
            )
            self._uploads.drop(ref.project, new.upload)
        except PenstockError as error:
            field = error.field if isinstance(error, InvalidInput) else None
            self._note(
                id_, state="failed", finished=self._clock.now(), error=error.message, field=field, hint=error.hint
            )
        else:
            self._note(id_, state="done", finished=self._clock.now(), version=saved.number, outcome=saved.outcome)

    def _before(self, ref: Ref, branch: str) -> Iterator[DatasetRow]:
        try:
            manifest = self._datasets.manifest(ref, f"branch:{branch}")
        except NotFound:
            return
        own = set(manifest.splits.shares) if manifest.splits is not None else set[str]()
        for rows in self._datasets.stream(ref, f"branch:{branch}"):
            # What the shares decide is decided again, the same; what a row said itself is said again.
            yield from (row_of(row, split=None if row.split in own else row.split) for row in rows)

    def _until_closed(self, rows: Iterable[DatasetRow]) -> Iterator[DatasetRow]:
        for row in rows:
            if self._closing:
                raise InvalidInput("The console was stopped before the import was done.", hint="Import it again.")
            yield row

    def _note(self, id_: str, **fields: object) -> None:
        with self._lock:
            found = self._known.get(id_)
            if found is not None:
                self._known[id_] = (found[0], msgspec.structs.replace(found[1], **fields))
