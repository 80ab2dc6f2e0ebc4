"""`penstock scores`: list, add."""

from typing import Annotated, Any, Literal

import msgspec
import typer

from penstock.cli.client import ControlClient, Query, connect, path_of
from penstock.cli.options import HomeOption, JsonOption, KeyOption, ProjectOption, UrlOption
from penstock.cli.output import format_time, one_line, parse_duration, print_data, print_json, print_table
from penstock.cli.records import Page, decode
from penstock.core.clock import SystemClock
from penstock.wire.score import ScoreSource
from penstock.wire.scoring import Value

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

PAGE = 200
"""Rows that the control API gives at once."""

NameOption = Annotated[str | None, typer.Option("--name", help="Of the judgement, as helpful.", show_default=False)]
TraceOption = Annotated[
    str | None, typer.Option("--trace", metavar="ID", help="Trace that is judged, 32 hex digits.", show_default=False)
]
SpanOption = Annotated[
    str | None, typer.Option("--span", metavar="ID", help="Span of that trace, 16 hex digits.", show_default=False)
]
SessionOption = Annotated[
    str | None, typer.Option("--session", metavar="ID", help="Session that is judged.", show_default=False)
]


class _Row(msgspec.Struct):
    created: int
    name: str
    type: str
    number: float | None = None
    label: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    session: str | None = None
    source: str = ""
    comment: str | None = None


class _Outcome(msgspec.Struct):
    id: str


@app.command("list")
def list_scores(
    *,
    name: NameOption = None,
    trace: TraceOption = None,
    span: SpanOption = None,
    session: SessionOption = None,
    source: Annotated[ScoreSource | None, typer.Option("--source", help="Who judged.", show_default=False)] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DURATION", show_default=False, help="Not older than, as 15m, 1h, 7d.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Rows at most, newest first.")] = 50,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List scores, newest first."""
    start = None if since is None else SystemClock().now() - parse_duration(since, option="--since")
    wanted: Query = {
        "project": project, "name": name, "trace_id": trace, "span_id": span, "session": session, "source": source,
        "from": start,
    }  # fmt: skip
    rows, cursor = _collect(connect(home, url, key), wanted, limit)
    if as_json:
        print_json({"items": rows, "next_cursor": cursor})
        return
    table = [_cells(msgspec.convert(row, _Row)) for row in rows]
    print_table(["created", "name", "value", "source", "of", "comment"], table, right=("value",))


def _collect(client: ControlClient, wanted: Query, limit: int) -> tuple[list[Any], str | None]:
    rows: list[Any] = []
    cursor: str | None = None
    while len(rows) < limit:
        size = min(PAGE, limit - len(rows))
        page = decode(client.get(path_of("scores"), {**wanted, "limit": size, "cursor": cursor}), Page[dict[str, Any]])
        rows.extend(page.items)
        cursor = page.next_cursor
        if cursor is None:
            break
    return rows, cursor


def _cells(row: _Row) -> list[str]:
    if row.type == "boolean":
        value = "true" if row.number else "false"
    else:
        value = f"{row.number:g}" if row.number is not None else one_line(row.label)
    places = (("trace", row.trace_id), ("span", row.span_id), ("session", row.session))
    of = " ".join(f"{kind} {one_line(place)}" for kind, place in places if place is not None)
    return [format_time(row.created), row.name, value, row.source, of, one_line(row.comment)]


@app.command("add")
def add_score(
    name: Annotated[str, typer.Argument(help="Of the judgement, as helpful.", show_default=False)],
    value: Annotated[str, typer.Argument(help="true, false, a number, or the name of a category.", show_default=False)],
    *,
    trace: TraceOption = None,
    span: SpanOption = None,
    session: SessionOption = None,
    type_: Annotated[
        Literal["number", "boolean", "category", "text"] | None,
        typer.Option("--type", help="What the value is, where it does not say so itself.", show_default=False),
    ] = None,
    source: Annotated[ScoreSource, typer.Option("--source", help="Who judges.")] = "person",
    comment: Annotated[str | None, typer.Option("--comment", help="Why.", show_default=False)] = None,
    id_: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Chosen by you, to replace it later.", show_default=False)
    ] = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge a trace, a span or a session."""
    body = {
        "name": name,
        "value": _value(value, type_),
        "type": type_,
        "trace_id": trace,
        "span_id": span,
        "session": session,
        "source": source,
        "comment": comment,
        "id": id_,
    }
    data = connect(home, url, key).post(
        path_of("scores"), {field: given for field, given in body.items() if given is not None}, {"project": project}
    )
    if as_json:
        print_json(data)
    else:
        print_data(decode(data, Page[_Outcome]).items[0].id)


def _value(text: str, type_: str | None) -> Value:
    """A word as it is meant: `true`, `0.8`, `billing`."""
    if type_ in ("category", "text"):
        return text
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return float(text)
    except ValueError:
        return text
