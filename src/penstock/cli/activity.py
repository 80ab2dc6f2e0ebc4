"""What `penstock sessions` and `penstock users` share: who did what, and when."""

from typing import Annotated, Any, Final, Literal

import msgspec
import typer

from penstock.cli.client import ControlClient, Query, connect, path_of
from penstock.cli.options import HomeOption, JsonOption, KeyOption, ProjectOption, UrlOption
from penstock.cli.output import (
    format_count,
    format_duration,
    format_time,
    one_line,
    print_data,
    print_json,
    print_table,
)
from penstock.cli.records import CallRow, decode
from penstock.cli.searching import QueryArgument, SinceOption, collect, joined, start_of
from penstock.core.money import format_dollars

__all__ = ["Who", "activity_app"]

Who = Literal["session", "user"]
PAGE: Final = 1000
"""Calls of one session or user that the control API gives at once."""
_OTHER: Final[dict[Who, str]] = {"session": "user", "user": "session"}

SortOption = Annotated[
    str | None,
    typer.Option(
        "--sort",
        metavar="FIELD",
        show_default=False,
        help="last, first, calls, errors, tokens or cost; the largest come first. Default: last.",
    ),
]


class Activity(msgspec.Struct):
    id: str
    first: int
    last: int
    calls: int
    other: str | None = None
    errors: int = 0
    spans: int = 0
    tokens: int = 0
    cost: int | None = None


class View(msgspec.Struct):
    of: dict[str, Any]
    rows: list[dict[str, Any]]
    next_cursor: str | None = None


def activity_app(who: Who) -> typer.Typer:
    """The commands `list` and `get` of sessions, or of end users."""
    app = typer.Typer(no_args_is_help=True)
    _add_list(app, who)
    _add_get(app, who)
    return app


def _add_list(app: typer.Typer, who: Who) -> None:
    @app.command("list", help=f"List {who}s with a call that fits a search, by default the one that was last first.")
    def list_all(  # noqa: PLR0913 - a command's options are its arguments
        search: QueryArgument = None,
        *,
        since: SinceOption = None,
        sort: SortOption = None,
        limit: Annotated[int, typer.Option(min=1, max=100_000, help="Rows at most.")] = 50,
        project: ProjectOption = None,
        home: HomeOption = None,
        url: UrlOption = None,
        key: KeyOption = None,
        as_json: JsonOption = False,
    ) -> None:
        client = connect(home, url, key)
        asked: Query = {"project": project, "q": joined(search), "from": start_of(since), "sort": sort}
        rows, cursor = collect(client, f"{who}s", asked, limit)
        if as_json:
            print_json({"items": rows, "next_cursor": cursor})
            return
        columns = ["last", who, "calls", "errors", "tokens", "cost", _OTHER[who]]
        cells = [_cells(msgspec.convert(row, Activity)) for row in rows]
        print_table(columns, cells, right=("calls", "errors", "tokens", "cost"))

    del list_all  # the app has it


def _add_get(app: typer.Typer, who: Who) -> None:
    @app.command("get", help=f"Show one {who} with its newest calls, in order of time.")
    def get(
        name: Annotated[str, typer.Argument(metavar="ID", help=f"Id of the {who}.", show_default=False)],
        *,
        limit: Annotated[int, typer.Option(min=1, max=100_000, help="Calls at most.")] = 100,
        project: ProjectOption = None,
        home: HomeOption = None,
        url: UrlOption = None,
        key: KeyOption = None,
        as_json: JsonOption = False,
    ) -> None:
        view = _viewed(connect(home, url, key), path_of(f"{who}s", name), {"project": project}, limit)
        if as_json:
            print_json(msgspec.to_builtins(view))
            return
        of = msgspec.convert(view.of, Activity)
        print_data(
            f"{one_line(of.id)}: {format_count(of.calls)} calls, {format_count(of.errors)} failed, "
            f"{format_count(of.tokens)} tokens, {format_dollars(of.cost)}, "
            f"{format_time(of.first)} to {format_time(of.last)}"
        )
        columns = ["started", "trace", "status", "model", "duration", "cost", "input"]
        print_table(columns, [_call(msgspec.convert(row, CallRow)) for row in view.rows], right=("duration", "cost"))

    del get  # the app has it


def _viewed(client: ControlClient, path: str, asked: Query, limit: int) -> View:
    """One with up to `limit` of its calls, over as many pages as it takes; each page holds calls before the last."""
    view = decode(client.get(path, {**asked, "limit": min(PAGE, limit)}), View)
    while view.next_cursor is not None and (left := limit - len(view.rows)) > 0:
        page = decode(client.get(path, {**asked, "limit": min(PAGE, left), "cursor": view.next_cursor}), View)
        view = View(of=view.of, rows=[*page.rows, *view.rows], next_cursor=page.next_cursor)
    return view


def _cells(row: Activity) -> list[str]:
    return [
        format_time(row.last),
        one_line(row.id),
        format_count(row.calls),
        format_count(row.errors),
        format_count(row.tokens),
        format_dollars(row.cost),
        one_line(row.other) or "-",
    ]


def _call(row: CallRow) -> list[str]:
    return [
        format_time(row.started),
        row.trace_id,
        row.status if row.error_type is None else f"{row.status} ({row.error_type})",
        one_line(row.served_model or row.requested_model) or "-",
        format_duration(row.duration),
        format_dollars(row.cost),
        one_line(row.input_preview)[:60],
    ]
