"""`penstock traces`: list, get, tail."""

from typing import Annotated

import msgspec
import typer

from penstock.cli.client import Query, connect, path_of
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
from penstock.cli.records import CallRow, SpanRow, decode
from penstock.cli.searching import QueryArgument, SinceOption, SortOption, collect, joined, start_of
from penstock.cli.transcript import conversation, summary, tree
from penstock.core.errors import NotFound, Unavailable
from penstock.core.money import format_dollars

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

FilterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        metavar="COL:OP:VALUE",
        show_default=False,
        help="The long form, as status:eq:error or cost:gt:1000000; repeat to narrow.",
    ),
]
TextOption = Annotated[
    str | None,
    typer.Option("--query", "-q", metavar="QUERY", show_default=False, help="As the argument; both must hold."),
]


@app.command("list")
def list_traces(
    search: QueryArgument = None,
    *,
    filters: FilterOption = None,
    query: TextOption = None,
    since: SinceOption = None,
    sort: SortOption = None,
    spans: Annotated[bool, typer.Option("--spans", help="List spans of any kind, not calls and roots only.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Rows at most, newest first.")] = 50,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List calls and the roots of what applications sent, by default the newest first.

    The search is in the filter language: status:error model:claude* 'latency>2s' "refund order".
    """
    client = connect(home, url, key)
    asked: Query = {
        "project": project,
        "filter": filters,
        "q": joined(search, query),
        "from": start_of(since),
        "sort": sort,
    }
    rows, cursor = collect(client, "spans" if spans else "traces", asked, limit)
    if as_json:
        print_json({"items": rows, "next_cursor": cursor})
        return
    columns = ["started", "trace", "status", "model", "duration", "tokens", "cost", "key", "input"]
    table = [_cells(msgspec.convert(row, CallRow)) for row in rows]
    print_table(columns, table, right=("duration", "tokens", "cost"))


@app.command("show", hidden=True)
@app.command("get")
def get_trace(
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
    search: QueryArgument = None,
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
    asked: Query = {"project": project, "filter": filters, "q": joined(search, query)}
    try:
        for data in client.events(path_of("traces", "tail"), asked):
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
