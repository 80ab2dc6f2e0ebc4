"""Files that were sent, kept until they are imported: looked at first, so that columns can be mapped."""

import re
from collections.abc import AsyncIterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput, NotFound, TooLarge, Unavailable
from penstock.core.ids import Ids
from penstock.evals.datasets.formats import FORMATS, FileFormat, Record, format_of, read_records
from penstock.evals.datasets.mapping import FieldMapping, mapped, suggest
from penstock.evals.datasets.types import DatasetRow

__all__ = ["MAX_FILE", "Preview", "Uploads"]

MAX_FILE: Final = 1024**3
"""Bytes of a file."""
KEPT_SECONDS: Final = 3600
"""An upload that nobody imports is forgotten after this long."""
SAMPLE: Final = 20
"""Records of a preview."""
MAX_SHOWN: Final = 2000
"""Characters of a value in a preview."""
_ID = re.compile(r"[0-9a-f-]{36}", re.ASCII)


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds, and how it would be read."""

    upload: str
    """What an import names it by, for an hour."""
    name: str
    format: FileFormat
    bytes: int
    columns: list[str]
    """Of the first records, in their order."""
    records: list[dict[str, Any]]
    """The first ones; long texts are cut."""
    mapping: FieldMapping
    """A mapping that is likely right."""
    rows: list[DatasetRow]
    """The first rows as that mapping gives them; long texts are cut."""


class _Upload(msgspec.Struct, kw_only=True):
    """What is noted of a file beside it."""

    project: str
    name: str
    format: FileFormat
    bytes: int
    received: int


class Uploads:
    """Files of all projects in one folder, each for the project that sent it.

    Args:
        folder: Made when it is first needed.
        clock: Tells what is too old.
        ids: Names uploads.
    """

    def __init__(self, folder: Path, *, clock: Clock, ids: Ids) -> None:
        self._folder = folder
        self._clock = clock
        self._ids = ids

    async def receive(
        self, project: str, name: str, parts: AsyncIterable[bytes], *, form: str | None = None, most: int = MAX_FILE
    ) -> str:
        """Keep a file; its name as an upload.

        Raises:
            InvalidInput: it is of no format that is known.
            TooLarge: it has more than `most` bytes.
            Unavailable: the disk is full.
        """
        self.forget_old()
        upload = self._ids.uuid7()
        path = self._path(upload)
        size = 0
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.open("wb") as file:
                async for part in parts:
                    size = _within(size + len(part), most)
                    file.write(part)
            with path.open("rb") as file:
                head = file.read(64)
            note = _Upload(
                project=project,
                name=Path(name).name[:200],
                format=_format(form, name, head),
                bytes=size,
                received=self._clock.now(),
            )
            path.with_suffix(".json").write_bytes(msgspec.json.encode(note))
        except OSError as error:
            path.unlink(missing_ok=True)
            raise Unavailable(f"The file cannot be kept: {error.strerror}.", code="home_not_writable") from error
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return upload

    def preview(self, project: str, upload: str, mapping: FieldMapping | None = None) -> Preview:
        """The head of a file, read by a mapping; by one that is likely right when none is given.

        Raises:
            NotFound: `upload_not_found`.
            InvalidInput: the file cannot be read, or the mapping does not fit it.
        """
        note = self._note(project, upload)
        head = list(islice(read_records(self._path(upload), note.format), SAMPLE))
        records = [dict(record) for _, record in head]
        columns = list(dict.fromkeys(name for record in records for name in record))
        chosen = mapping or suggest(columns, records)
        return Preview(
            upload=upload,
            name=note.name,
            format=note.format,
            bytes=note.bytes,
            columns=columns,
            records=[{name: _cut(value) for name, value in record.items()} for record in records],
            mapping=chosen,
            rows=[_cut_row(mapped(record, chosen, place=place)) for place, record in head],
        )

    def records(self, project: str, upload: str) -> Iterator[tuple[str, Record]]:
        """The records of a file. Raises as `preview`."""
        note = self._note(project, upload)
        return read_records(self._path(upload), note.format)

    def drop(self, project: str, upload: str) -> None:
        """Forget a file. Raises `NotFound`."""
        self._note(project, upload)
        self._remove(self._path(upload))

    def forget_old(self) -> None:
        """Drop files that nobody imported within an hour."""
        oldest = self._clock.now() - KEPT_SECONDS * 1_000_000
        for path in self._folder.glob("*.rows"):
            note = self._read(path)
            if note is None or note.received < oldest:
                if note is None and path.stat().st_mtime * 1_000_000 > oldest:
                    continue  # it is being received
                self._remove(path)

    def _path(self, upload: str) -> Path:
        return self._folder / f"{upload}.rows"

    def _note(self, project: str, upload: str) -> _Upload:
        note = self._read(self._path(upload)) if _ID.fullmatch(upload) else None
        if note is None or note.project != project:
            raise NotFound(
                "There is no such upload, or it is older than an hour.",
                hint="Send the file again.",
                code="upload_not_found",
            )
        return note

    @staticmethod
    def _read(path: Path) -> _Upload | None:
        try:
            return msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=_Upload)
        except (OSError, msgspec.MsgspecError):
            return None

    @staticmethod
    def _remove(path: Path) -> None:
        path.unlink(missing_ok=True)
        path.with_suffix(".json").unlink(missing_ok=True)


def _within(size: int, most: int) -> int:
    if size > most:
        raise TooLarge(f"A file of rows has at most {most} bytes.", code="file_too_large")
    return size


def _format(form: str | None, name: str, head: bytes) -> FileFormat:
    if form is None:
        return format_of(name, head)
    known: FileFormat | None = next((one for one in FORMATS if one == form), None)
    if known is None:
        raise InvalidInput(f"Expected a format of {', '.join(FORMATS)}, got {form[:20]!r}.", field="format")
    return known


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= MAX_SHOWN else f"{value[:MAX_SHOWN]}…"
    if isinstance(value, dict | list) and len(data := msgspec.json.encode(value)) > MAX_SHOWN:
        return f"{data[:MAX_SHOWN].decode(errors='replace')}…"
    return cast("Any", value)


def _cut_row(row: DatasetRow) -> DatasetRow:
    return msgspec.structs.replace(
        row, input=_cut(row.input), reference=_cut(row.reference), context=[_cut(one) for one in row.context]
    )
