"""`penstock traces`: list, show, tail."""

from typing import Annotated, Any

import msgspec
import typer

from penstock.cli.client import ControlClient, Query, connect, path_of
from penstock.cli.options import HomeOption, JsonOption, KeyOption, ProjectOption, UrlOption
from penstock.cli.output import (
    format_count,
    format_duration,
    format_time,
    one_line,
    parse_duration,
    print_data,
    print_json,
    print_table,
)
from penstock.cli.records import CallRow, Page, SpanRow, decode
from penstock.cli.transcript import conversation, summary, tree
from penstock.core.clock import SystemClock
from penstock.core.errors import NotFound, Unavailable
from penstock.core.money import format_dollars

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

PAGE = 200
"""Rows that the control API gives at once."""

FilterOption = Annotated[
    list[str] | None,
    typer.Option("--filter", metavar="COL:OP:VALUE", help="As status:eq:error or cost:gt:1000000; repeat to narrow."),
]
TextOption = Annotated[
    str | None, typer.Option("--query", "-q", metavar="TEXT", show_default=False, help="Text in the input or output.")
]


@app.command("list")
def list_traces(
    *,
    filters: FilterOption = None,
    query: TextOption = None,
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
    """List calls, newest first."""
    client = connect(home, url, key)
    start = None if since is None else SystemClock().now() - parse_duration(since, option="--since")
    search: Query = {"project": project, "filter": filters, "q": query, "from": start}
    rows, cursor = _collect(client, search, limit)
    if as_json:
        print_json({"items": rows, "next_cursor": cursor})
        return
    columns = ["started", "trace", "status", "model", "duration", "tokens", "cost", "key", "input"]
    table = [_cells(msgspec.convert(row, CallRow)) for row in rows]
    print_table(columns, table, right=("duration", "tokens", "cost"))


def _collect(client: ControlClient, search: Query, limit: int) -> tuple[list[Any], str | None]:
    """Up to `limit` rows over as many pages as it takes, and the cursor after them."""
    rows: list[Any] = []
    cursor: str | None = None
    while len(rows) < limit:
        size = min(PAGE, limit - len(rows))
        data = client.get(path_of("traces"), {**search, "limit": size, "cursor": cursor})
        page = decode(data, Page[dict[str, Any]])
        rows.extend(page.items)
        cursor = page.next_cursor
        # A search may send an empty page and go on: only a missing cursor is the end.
        if cursor is None:
            break
    return rows, cursor


@app.command("show")
def show_trace(
    trace_id: Annotated[str, typer.Argument(metavar="ID", help="Trace id, 32 hex digits.", show_default=False)],
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one trace: its spans, and the conversation, tokens and cost of its calls."""
    data = connect(home, url, key).get(path_of("traces", trace_id), {"project": project})
    if as_json:
        print_json(data)
        return
    spans = decode(data, _Trace).spans
    if not spans:
        raise NotFound(f"The trace {trace_id} holds no span.")
    for line in tree(spans):
        print_data(line)
    # A call with several attempts shows its text once, on the call; a trace without a call, on every root.
    chosen = [span for span in spans if span.call] or [span for span in spans if span.parent_id is None] or spans
    for span in chosen:
        print_data("")
        for label, value in summary(span):
            print_data(f"{label:<12}{value}")
        for messages in (span.input, span.output):
            for line in conversation(messages):
                print_data(line)


class _Trace(msgspec.Struct):
    spans: list[SpanRow]


@app.command("tail")
def tail_traces(
    *,
    filters: FilterOption = None,
    query: TextOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print calls as they end, until Ctrl-C. With --json, one object a line."""
    client = connect(home, url, key)
    search: Query = {"project": project, "filter": filters, "q": query}
    try:
        for data in client.events(path_of("traces", "tail"), search):
            if as_json:
                print_json(data, lines=True)
            else:
                print_data("  ".join(_cells(decode(data, CallRow))))
    except KeyboardInterrupt:
        return
    raise Unavailable(f"The console at {client.url} ended the stream.", hint="Start the command again.")


def _cells(row: CallRow) -> list[str]:
    status = row.status if row.error_type is None else f"{row.status} ({row.error_type})"
    tokens = format_count(row.usage.total)
    return [
        format_time(row.started),
        row.trace_id,
        status,
        one_line(row.served_model or row.requested_model) or "-",
        format_duration(row.duration),
        f"~{tokens}" if row.usage.estimated else tokens,
        format_dollars(row.cost),
        one_line(row.key_name) or "-",
        one_line(row.input_preview)[:60],
    ]
