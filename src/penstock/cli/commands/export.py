"""`penstock export`: spans, calls and scores as files."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from penstock.cli.client import Query, connect, path_of
from penstock.cli.downloads import write_download
from penstock.cli.options import HomeOption, KeyOption, ProjectOption, QuietOption, UrlOption
from penstock.cli.searching import QueryArgument, SinceOption, joined, start_of

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
    write_download(connect(home, url, key).download(path_of("exports", "spans"), asked), form, output, quiet=quiet)


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
    write_download(connect(home, url, key).download(path_of("exports", "traces"), asked), form, output, quiet=quiet)


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
    write_download(connect(home, url, key).download(path_of("exports", "scores"), asked), form, output, quiet=quiet)
