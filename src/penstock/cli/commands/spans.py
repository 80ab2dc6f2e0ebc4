"""`penstock spans`: migrate."""

import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from penstock.cli.options import HomeOption, JsonOption
from penstock.cli.output import Exit, format_count, format_time, print_data, print_json, print_table
from penstock.cli.reconcile import console_answers
from penstock.core.clock import SystemClock
from penstock.core.errors import Conflict, InvalidInput, NotFound
from penstock.core.home import Home
from penstock.core.settings import default_home

if TYPE_CHECKING:
    from penstock.store.spans.open import ConfiguredSpanStore
    from penstock.store.spans.transfer import Migration
    from penstock.wire.snapshot import StoreSettings

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

Engine = Literal["duckdb", "clickhouse"]
FOLDER = "migration"
"""In the journal's folder, because DuckDB reads no files from elsewhere."""


@app.callback()
def spans() -> None:
    """The store of spans."""


@app.command("migrate")
def migrate(
    *,
    source: Annotated[Engine, typer.Option("--from", help="The engine that has the spans.")],
    target: Annotated[Engine, typer.Option("--to", help="The engine that gets them.")],
    address: Annotated[
        str | None,
        typer.Option(
            "--clickhouse",
            metavar="URL",
            show_default=False,
            help="As https://USER@HOST:8443/DATABASE. Default: stores.spans of penstock.yaml.",
        ),
    ] = None,
    password: Annotated[
        str | None,
        typer.Option(metavar="REFERENCE", show_default=False, help="Its password, as env:NAME or file:PATH."),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(metavar="PATH", show_default=False, help="File of certificates to trust for it.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="PATH", show_default=False, help="Default: HOME/penstock.yaml.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy all spans and scores from one engine to the other, then compare both.

    Stop Penstock first. A migration that was stopped or killed goes on where it was. The source is left as it is.
    """
    folder = Home(home or default_home())
    if source == target:
        raise InvalidInput(f"Spans are already in {source}: --from and --to are the same.", field="--to")
    if not folder.path.is_dir():
        raise NotFound(f"There is no Penstock in {folder.path}.", hint="Name its home with --home.")
    if console_answers(folder):
        raise Conflict(
            "The console of this home is running, and stores spans meanwhile.",
            hint="Stop it (penstock up) and run the migration again.",
            code="console_running",
        )
    from penstock.store.spans.open import open_configured  # noqa: PLC0415 - the engines, only when they are asked for
    from penstock.store.spans.transfer import Migration  # noqa: PLC0415 - as above
    from penstock.wire.snapshot import StoreSettings  # noqa: PLC0415 - as above

    if address is None:
        stores = _configured(config or folder.config)
    else:
        stores = StoreSettings(spans=address, spans_password=password, spans_ca=str(ca) if ca is not None else None)
    clock = SystemClock()
    with ExitStack() as stack:
        places: dict[Engine, ConfiguredSpanStore] = {
            "duckdb": stack.enter_context(closing(open_configured(StoreSettings(), folder, clock=clock))),
            "clickhouse": stack.enter_context(closing(open_configured(stores, folder, clock=clock))),
        }
        migration = Migration(
            places[source], places[target], folder=folder.journal / FOLDER, name=f"{source}-to-{target}"
        )
        _forget_stored(folder, places[source])
        _run(migration, as_json=as_json)


def _configured(path: Path) -> "StoreSettings":
    from penstock.registry.config import load_config  # noqa: PLC0415 - the parser, only when it is asked for

    stores = load_config(path).stores
    if stores.spans == "duckdb":
        raise InvalidInput(
            f"No ClickHouse is configured in {path}.",
            field="stores.spans",
            hint="Name it there, or with --clickhouse https://USER@HOST:8443/DATABASE --password env:NAME.",
        )
    return stores


def _forget_stored(home: Home, source: "ConfiguredSpanStore") -> None:
    """Remove segments that the source has stored and a killed console has left: the target would store them again."""
    files = [path for folder in (home.journal, home.intake, home.scores) for path in folder.glob("*.ndjson")]
    _, stored = source.recorded([], segments=[path.stem for path in files])
    for path in files:
        if path.stem in stored:
            path.unlink()


def _run(migration: "Migration", *, as_json: bool) -> None:
    with _progress() as show:
        moved = migration.prepare()
        show("copying", moved.records, moved.of)
        migration.run(told=lambda moved: show("copying", moved.records, moved.of))
        moved = migration.moved()
        found = migration.check(told=lambda number: show("comparing", number, moved.chunks))
    if not found:
        migration.finish()
    if as_json:
        print_json({"records": moved.of, "chunks": moved.chunks, "equal": not found, "differences": found})
    elif not found:
        print_data(f"{format_count(moved.of)} records were copied; both stores are the same.")
    else:
        rows = [
            [one.table, format_time(one.low), format_time(one.high), one.what, str(one.source), str(one.target)]
            for one in found
        ]
        print_table(["Table", "From", "To", "What", "Source", "Target"], rows, right=["Source", "Target"])
    if found:
        raise typer.Exit(Exit.NO)


@contextmanager
def _progress() -> Generator[Callable[[str, int, int], None]]:
    """Shows how far it is, on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _of: None
        return
    from rich.console import Console  # noqa: PLC0415 - rich takes 50 ms, and most commands need none of it
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - as above

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,} of {task.total:,}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading", total=1)

        def show(what: str, done: int, of: int) -> None:
            progress.update(task, description=what, completed=done, total=of)

        yield show
