"""`penstock export`: spans, calls and scores as files."""

import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import typer

from penstock.cli.client import Query, connect, path_of
from penstock.cli.options import HomeOption, KeyOption, ProjectOption, QuietOption, UrlOption
from penstock.cli.output import format_count, say
from penstock.cli.searching import QueryArgument, SinceOption, joined, start_of
from penstock.core.errors import InvalidInput, Unavailable

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

FormatOption = Annotated[Literal["jsonl", "csv", "parquet"], typer.Option("--format", help="Kind of file.")]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        show_default=False,
        help="Write here, once it is whole. Default: the standard output.",
    ),
]


@app.command("spans")
def export_spans(
    search: QueryArgument = None,
    *,
    form: FormatOption = "jsonl",
    output: OutputOption = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="NAMES", show_default=False, help="Columns, separated by commas. Default: all."),
    ] = None,
    since: SinceOption = None,
    quiet: QuietOption = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Write all spans that fit a search, the oldest first: lines of JSON, a table for spreadsheets, or Parquet."""
    asked: Query = {
        "project": project,
        "q": joined(search),
        "format": form,
        "columns": columns,
        "from": start_of(since),
    }
    _write(connect(home, url, key).download(path_of("exports", "spans"), asked), form, output, quiet=quiet)


@app.command("traces")
def export_traces(
    search: QueryArgument = None,
    *,
    form: FormatOption = "jsonl",
    output: OutputOption = None,
    since: SinceOption = None,
    quiet: QuietOption = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Write calls and roots as they are listed, one row each with its sums, the newest first."""
    asked: Query = {"project": project, "q": joined(search), "format": form, "from": start_of(since)}
    _write(connect(home, url, key).download(path_of("exports", "traces"), asked), form, output, quiet=quiet)


@app.command("scores")
def export_scores(
    *,
    form: FormatOption = "jsonl",
    output: OutputOption = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", show_default=False, help="Only judgements of this name.")
    ] = None,
    since: SinceOption = None,
    quiet: QuietOption = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Write all scores, the newest first."""
    asked: Query = {"project": project, "name": name, "format": form, "from": start_of(since)}
    _write(connect(home, url, key).download(path_of("exports", "scores"), asked), form, output, quiet=quiet)


def _write(pieces: Iterable[bytes], form: str, output: Path | None, *, quiet: bool) -> None:
    if output is None and form == "parquet" and sys.stdout.isatty():
        raise InvalidInput("Parquet is no text for a terminal.", hint="Name a file with --output.", field="--output")
    size = rows = 0
    with _opened(output) as file, _progress(shown=not quiet and sys.stderr.isatty()) as show:
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


class _Silent:
    def __call__(self, text: str) -> None:
        pass


@contextmanager
def _progress(*, shown: bool) -> Generator["_Silent | _Shown"]:
    """Shows how far it is on the terminal's last line."""
    if not shown:
        yield _Silent()
        return
    told = _Shown()
    try:
        yield told
    finally:
        told.clear()


class _Shown:
    def __call__(self, text: str) -> None:
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()

    def clear(self) -> None:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
