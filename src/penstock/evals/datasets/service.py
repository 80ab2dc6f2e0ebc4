"""Datasets: saving rows as a version, reading them back, comparing versions."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec

from penstock.core.errors import InvalidInput, NotFound
from penstock.evals.datasets import store
from penstock.evals.datasets.edits import RowEdits, edited
from penstock.evals.datasets.leaks import check_leaks
from penstock.evals.datasets.manifest import Chunker, diff_rows
from penstock.evals.datasets.rows import Progress, numbered
from penstock.evals.datasets.search import LOOKED_AT, has_words, words_of
from penstock.evals.datasets.splits import check_splits, split_of
from penstock.evals.datasets.types import (
    Chunk,
    DatasetRow,
    Entry,
    Manifest,
    RowDiff,
    RowPage,
    SplitCount,
    Splits,
    StoredRow,
)
from penstock.identity.types import Principal
from penstock.registry.artifacts.types import LATEST, MAIN, Draft, Ref, Saved, Use
from penstock.registry.artifacts.versions import Versions
from penstock.store.metadata import Metadata

__all__ = ["Datasets", "SaveTerms"]

RESERVED: Final = frozenset({"checks", "from-traces", "imports", "uploads"})
"""Names that addresses of the control API give a meaning of their own."""
BATCH: Final = 200
"""Rows that are read or written in one transaction."""


class SaveTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Where a version goes, and on what condition."""

    branch: str = MAIN
    message: str = ""
    expected: str | None = None
    """Digest that the branch's head must have; an empty text: there is no version yet."""
    uses: list[Use] = []
    splits: Splits | None = None
    """None keeps those of the version before."""
    resplit: bool = False
    """Rows may go from one split into another: what was measured on the splits before is not comparable any more."""


NO_TERMS = SaveTerms()


class Datasets:
    """All datasets. Methods block, and read and write rows a bounded number at a time.

    Args:
        metadata: The open store.
        versions: Of the registry.
    """

    def __init__(self, metadata: Metadata, versions: Versions) -> None:
        self._metadata = metadata
        self._versions = versions

    # --- reading ------------------------------------------------------------------------------

    def manifest(self, ref: Ref, version: str = LATEST) -> Manifest:
        """What a version is made of. Raises `NotFound`."""
        return msgspec.convert(self._versions.get(ref, version).body, Manifest)

    def rows(
        self,
        ref: Ref,
        version: str = LATEST,
        *,
        split: str | None = None,
        q: str | None = None,
        start: int = 0,
        limit: int = 100,
    ) -> RowPage:
        """A page of rows. With `q` it may be short, or empty, and still have a successor.

        Args:
            ref: The dataset.
            version: As the registry names versions.
            split: Only those of this split.
            q: Only those that hold all of these words.
            start: Position of the first row that is looked at, from 0.
            limit: Rows of the page, 1 to 1,000.

        Raises:
            NotFound: there is no such version.
            InvalidInput: `start`, `limit` or `q` does not fit.
        """
        words = words_of(q)
        if start < 0 or not 1 <= limit <= 1000:
            raise InvalidInput("Expected start from 0 on, and limit from 1 to 1000.", field="limit")
        found = self._versions.get(ref, version)
        manifest = msgspec.convert(found.body, Manifest)
        placed = self._placed(ref.project, manifest, start=start)
        wanted = ((at, entry) for at, entry in placed if split in {None, split_of(entry, manifest.splits)})
        if words:
            page, after = self._searched(ref.project, manifest, wanted, words, limit=limit)
        else:
            entries = list(islice(wanted, limit + 1))
            rows = self._filled(ref.project, [entry for _, entry in entries[:limit]], manifest.splits)
            page = [(at, row) for (at, _), row in zip(entries, rows, strict=False)]
            after = entries[limit][0] if len(entries) > limit else None
        return RowPage(
            version=found.number,
            rows=manifest.rows,
            items=[row for _, row in page],
            positions=[at for at, _ in page],
            next=after,
        )

    def _searched(
        self,
        project: str,
        manifest: Manifest,
        entries: Iterator[tuple[int, Entry]],
        words: Sequence[str],
        *,
        limit: int,
    ) -> tuple[list[tuple[int, StoredRow]], int | None]:
        """Rows with these words and their positions, and where to go on."""
        found: list[tuple[int, StoredRow]] = []
        looked = 0
        while batch := list(islice(entries, BATCH)):
            rows = self._filled(project, [entry for _, entry in batch], manifest.splits)
            for (at, _), row in zip(batch, rows, strict=True):
                if len(found) == limit:
                    return found, at
                if has_words(row, words):
                    found.append((at, row))
            looked += len(batch)
            if looked >= LOOKED_AT:
                following = next(entries, None)
                return found, None if following is None else following[0]
        return found, None

    def stream(
        self, ref: Ref, version: str = LATEST, *, split: str | None = None, own: bool = False
    ) -> Iterator[list[StoredRow]]:
        """All rows of a version in order, some at a time, each with the split it belongs to.

        Args:
            ref: The dataset.
            version: As the registry names versions.
            split: Only those of this split.
            own: Give the split that a row itself names, and none where the shares decide: saved again, it is the same.

        Raises:
            NotFound: there is no such version.
        """
        manifest = self.manifest(ref, version)
        for chunk in manifest.chunks:
            entries = self._chunk(ref.project, chunk.digest)
            wanted = [entry for entry in entries if split in {None, split_of(entry, manifest.splits)}]
            for begin in range(0, len(wanted), BATCH):
                yield self._filled(ref.project, wanted[begin : begin + BATCH], None if own else manifest.splits)

    def split_counts(self, ref: Ref, version: str = LATEST) -> list[SplitCount]:
        """How many rows each split has; a split of None: rows that belong to none. Raises `NotFound`."""
        manifest = self.manifest(ref, version)
        counts: dict[str | None, int] = dict.fromkeys(manifest.splits.shares if manifest.splits else (), 0)
        for _, entry in self._placed(ref.project, manifest):
            name = split_of(entry, manifest.splits)
            counts[name] = counts.get(name, 0) + 1
        return [SplitCount(split=name, rows=rows) for name, rows in counts.items()]

    def diff(self, ref: Ref, before: str | None, after: str, *, most: int = 1000) -> RowDiff:
        """What differs between two versions, row by row; None: the one that the later was made from.

        Raises:
            NotFound: there is no such version.
        """
        later = self._versions.get(ref, after)
        if before is None and later.parent is not None:
            before = str(later.parent)
        return diff_rows(
            Manifest(rows=0) if before is None else self.manifest(ref, before),
            msgspec.convert(later.body, Manifest),
            lambda digest: self._chunk(ref.project, digest),
            most=most,
        )

    def contents(self, project: str, digests: Sequence[str]) -> dict[str, DatasetRow]:
        """Contents of rows by digest, as a diff names them. Raises `CorruptData` where one is not there."""
        with self._metadata.read() as connection:
            return store.contents(connection, project, digests)

    # --- writing ------------------------------------------------------------------------------

    def save(
        self,
        actor: Principal,
        ref: Ref,
        rows: Iterable[DatasetRow],
        terms: SaveTerms = NO_TERMS,
        *,
        progress: Progress | None = None,
    ) -> Saved:
        """Save rows as the next version; makes the dataset when there is none of this name.

        Contents of rows are written as they come and are nothing yet; the version appears at once at the end.

        Raises:
            InvalidInput: a row does not fit, two rows have the same id, there are too many; `field` is `rows[N].…`.
            Conflict: `split_leak`: a row, or one of its group, would be in another split than before.
            PreconditionFailed: `head_moved`.
        """
        if ref.name in RESERVED:
            raise InvalidInput(f"A dataset cannot be called {ref.name}.", field="name", hint="Take another name.")
        chunks = list(self._chunked(ref.project, self._kept(ref.project, numbered(rows, progress))))
        return self._commit(actor, ref, chunks, terms)

    def edit(self, actor: Principal, ref: Ref, edits: RowEdits, terms: SaveTerms = NO_TERMS) -> Saved:
        """Add, change and delete rows of a branch's head; the others stay where they are. Makes a dataset of new rows.

        Raises:
            NotFound: there is no row of an id that is to be deleted.
            InvalidInput, Conflict, PreconditionFailed: as `save`.
        """
        try:
            head = self._versions.get(ref, f"branch:{terms.branch}")
        except NotFound:
            if edits.delete or terms.branch != MAIN:
                raise
            return self.save(actor, ref, edits.put, terms)
        manifest = msgspec.convert(head.body, Manifest)
        entries = (entry for _, entry in self._placed(ref.project, manifest))
        prepared = edits.prepared()
        with self._metadata.write() as connection:
            store.put_rows(connection, ref.project, {entry.digest: data for entry, data in prepared})
        chunks = list(self._chunked(ref.project, edited(entries, edits, [entry for entry, _ in prepared])))
        expected = msgspec.structs.replace(terms, expected=terms.expected or head.digest)
        return self._commit(actor, ref, chunks, expected)

    def divide(
        self,
        actor: Principal,
        ref: Ref,
        shares: dict[str, float],
        *,
        salt: str | None = None,
        terms: SaveTerms = NO_TERMS,
    ) -> Saved:
        """Divide the rows of a branch's head; its rows stay as they are.

        Args:
            actor: Who does it.
            ref: The dataset.
            shares: By name of the split.
            salt: None keeps the one before, or the dataset's name where there was none.
            terms: `resplit` lets rows go from one split into another.

        Raises:
            NotFound: there is no such dataset.
            InvalidInput, Conflict, PreconditionFailed: as `save`.
        """
        head = self._versions.get(ref, f"branch:{terms.branch}")
        manifest = msgspec.convert(head.body, Manifest)
        before = manifest.splits.salt if manifest.splits is not None else head.name
        splits = Splits(shares=shares, salt=salt or before)
        divided = msgspec.structs.replace(terms, splits=splits, expected=terms.expected or head.digest)
        return self._commit(actor, ref, manifest.chunks, divided)

    def _commit(self, actor: Principal, ref: Ref, chunks: list[Chunk], terms: SaveTerms) -> Saved:
        before = self._head(ref, terms.branch)
        splits = terms.splits or (before.splits if before is not None else None)
        if splits is not None:
            check_splits(splits)
        manifest = Manifest(rows=sum(chunk.rows for chunk in chunks), chunks=chunks, splits=splits)
        check_leaks(before, manifest, lambda digest: self._chunk(ref.project, digest), resplit=terms.resplit)
        draft = Draft(
            body=msgspec.to_builtins(manifest),
            branch=terms.branch,
            message=terms.message,
            expected=terms.expected,
            uses=terms.uses,
        )
        return self._versions.save(actor, ref, draft, create=True)

    # --- parts --------------------------------------------------------------------------------

    def _head(self, ref: Ref, branch: str) -> Manifest | None:
        try:
            return self.manifest(ref, f"branch:{branch}")
        except NotFound:
            return None

    def _kept(self, project: str, rows: Iterable[tuple[Entry, bytes]]) -> Iterator[Entry]:
        source = iter(rows)
        while batch := list(islice(source, BATCH)):
            with self._metadata.write() as connection:
                store.put_rows(connection, project, {entry.digest: data for entry, data in batch})
            yield from (entry for entry, _ in batch)

    def _chunked(self, project: str, entries: Iterable[Entry]) -> Iterator[Chunk]:
        chunker = Chunker()
        for entry in entries:
            done = chunker.add(entry)
            if done is not None:
                yield self._put(project, done)
        rest = chunker.rest()
        if rest:
            yield self._put(project, rest)

    def _put(self, project: str, entries: list[Entry]) -> Chunk:
        with self._metadata.write() as connection:
            return Chunk(digest=store.put_chunk(connection, project, entries), rows=len(entries))

    def _chunk(self, project: str, digest: str) -> list[Entry]:
        with self._metadata.read() as connection:
            return store.chunk(connection, project, digest)

    def _placed(self, project: str, manifest: Manifest, *, start: int = 0) -> Iterator[tuple[int, Entry]]:
        """Rows with their positions, from one on; chunks before it are not read."""
        position = 0
        for chunk in manifest.chunks:
            if position + chunk.rows > start:
                for offset, entry in enumerate(self._chunk(project, chunk.digest)):
                    if position + offset >= start:
                        yield position + offset, entry
            position += chunk.rows

    def _filled(self, project: str, entries: Sequence[Entry], splits: Splits | None) -> list[StoredRow]:
        with self._metadata.read() as connection:
            found = store.contents(connection, project, [entry.digest for entry in entries])
        return [_stored(found[entry.digest], entry, splits) for entry in entries]


def _stored(row: DatasetRow, entry: Entry, splits: Splits | None) -> StoredRow:
    return StoredRow(
        id=entry.id,
        input=row.input,
        reference=row.reference,
        context=row.context,
        metadata=row.metadata,
        group=row.group,
        split=split_of(entry, splits),
        digest=entry.digest,
    )
