"""Files that the console sends, and how far a command is with them."""

import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from penstock.cli.output import format_count, say
from penstock.core.errors import InvalidInput, Unavailable

__all__ = ["Shown", "Silent", "shown_progress", "write_download"]


def write_download(pieces: Iterable[bytes], form: str, output: Path | None, *, quiet: bool) -> None:
    """Write a file that comes in pieces under its name once it is whole, or to the standard output; say how far it is.

    Raises:
        InvalidInput: it is no text, and would go to a terminal.
        Unavailable: the file cannot be written.
    """
    if output is None and form == "parquet" and sys.stdout.isatty():
        raise InvalidInput("Parquet is no text for a terminal.", hint="Name a file with --output.", field="--output")
    size = rows = 0
    with _opened(output) as file, shown_progress(shown=not quiet and sys.stderr.isatty()) as show:
        for piece in pieces:
            file.write(piece)
            size += len(piece)
            rows += piece.count(b"\n")
            show(_told(size, rows, form))
    if output is not None and not quiet:
        say(f"{output}: {_told(size, rows, form)}")


def _told(size: int, rows: int, form: str) -> str:
    megabytes = f"{size / 1_000_000:,.1f} MB"
    return f"{format_count(rows)} lines, {megabytes}" if form == "jsonl" else megabytes


@contextmanager
def _opened(output: Path | None) -> Generator[BinaryIO]:
    """The file, under its own name once it is whole; or the standard output."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = output.with_name(f"{output.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(output)
    except OSError as error:
        raise Unavailable(f"{output} cannot be written: {error.strerror}.", code="file_not_writable") from error
    finally:
        part.unlink(missing_ok=True)


class Silent:
    """Shows nothing."""

    def __call__(self, text: str) -> None:
        pass


@contextmanager
def shown_progress(*, shown: bool) -> Generator["Silent | Shown"]:
    """Shows how far it is on the terminal's last line."""
    if not shown:
        yield Silent()
        return
    told = Shown()
    try:
        yield told
    finally:
        told.clear()


class Shown:
    """Shows texts on the terminal's last line, one in the place of the other."""

    def __call__(self, text: str) -> None:
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()

    def clear(self) -> None:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
