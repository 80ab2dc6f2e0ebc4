"""What the commands of datasets share: files that are sent, work that is followed, findings that are shown."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import msgspec

from penstock.cli.client import ControlClient, Query, path_of
from penstock.cli.downloads import shown_progress
from penstock.cli.output import format_count
from penstock.core.errors import Conflict, InvalidInput, Unavailable

__all__ = ["address", "follow", "send_file"]

POLL_SECONDS: Final = 0.3
CONFLICTS: Final = frozenset({"head_moved", "split_leak"})


class Progress(msgspec.Struct):
    """What the command line looks at of work that runs in the console."""

    id: str
    state: str
    rows: int = 0
    looked: int | None = None
    error: str | None = None
    code: str | None = None
    field: str | None = None
    hint: str | None = None


class Sent:
    """A file that tells how much of it was read."""

    def __init__(self, file: BinaryIO, size: int, show: Callable[[str], None]) -> None:
        self._file = file
        self._size = size
        self._show = show
        self._read = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._read += len(data)
        self._show(f"sending, {self._read / 1_000_000:,.1f} of {self._size / 1_000_000:,.1f} MB")
        return data


def address(name: str, *rest: str) -> str:
    """Path of a dataset, or of something of it, in the control API."""
    return path_of("datasets", name.replace("/", ":"), *rest)


def send_file(client: ControlClient, path: Path, query: Query, *, quiet: bool) -> Any:
    """Send a file of rows; the console's preview of it.

    Raises:
        InvalidInput: there is no such file, or it is none of rows.
        PenstockError: the console said no.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file, shown_progress(shown=not quiet and sys.stderr.isatty()) as show:
            sent = cast("BinaryIO", Sent(file, size, show))
            return msgspec.json.decode(client.upload(path_of("datasets", "uploads"), sent, size, query))
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.", field="FILE") from error


def follow(client: ControlClient, data: bytes, kind: str, query: Query, *, quiet: bool) -> bytes:
    """Wait until work is done, and say how far it is; the work as it ended.

    Args:
        client: Of the console.
        data: The work as it began.
        kind: `imports` or `checks`.
        query: Names the project.
        quiet: Nothing is shown.

    Raises:
        InvalidInput, Conflict: it failed; in the console's words.
        Unavailable: the console forgot it.
    """
    with shown_progress(shown=not quiet and sys.stderr.isatty()) as show:
        while True:
            work = msgspec.json.decode(data, type=Progress)
            if work.state == "done":
                return data
            if work.state == "failed":
                field = f" ({work.field})" if work.field else ""
                kind_of = Conflict if work.code in CONFLICTS else InvalidInput
                raise kind_of(f"{work.error or 'It failed.'}{field}", hint=work.hint, code=work.code)
            looked = "" if work.looked is None else f", {format_count(work.looked)} spans looked at"
            show(f"{work.state}: {format_count(work.rows)} rows{looked}")
            time.sleep(POLL_SECONDS)
            data = client.get(path_of("datasets", kind, work.id), query)
            if not data:
                raise Unavailable("The console knows nothing of this work any longer.")
