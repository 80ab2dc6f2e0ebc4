"""`penstock annotation`: create, list, show, add, export."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from penstock.cli.client import Query, connect, path_of
from penstock.cli.definitions import read_tree
from penstock.cli.downloads import write_download
from penstock.cli.options import HomeOption, JsonOption, KeyOption, ProjectOption, QuietOption, UrlOption
from penstock.cli.output import format_count, one_line, print_data, print_json, print_table
from penstock.cli.searching import QueryArgument, SinceOption, collect, joined, start_of
from penstock.core.errors import InvalidInput

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

MOST = 5000
QueueArgument = Annotated[str, typer.Argument(metavar="QUEUE", help="Name or id of the queue.", show_default=False)]


class _Queue(msgspec.Struct):
    name: str
    items: int
    done: int
    skipped: int
    doubled: float
    annotators: list[str]


@app.command("create")
def create_queue(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="YAML or JSON: name, questions, annotators … - is the standard input."),
    ],
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a queue with the rubric of a file."""
    data = connect(home, url, key).post(path_of("annotation"), read_tree(file), {"project": project})
    if as_json:
        print_json(data)
    else:
        print_data(msgspec.json.decode(data)["id"])


@app.command("list")
def list_queues(
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Rows at most.")] = 100,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List queues, and how far they are."""
    rows, cursor = collect(connect(home, url, key), "annotation", {"project": project}, limit)
    if as_json:
        print_json({"items": rows, "next_cursor": cursor})
        return
    found = [msgspec.convert(row, _Queue) for row in rows]
    table = [
        [
            one_line(one.name),
            format_count(one.items),
            format_count(one.done),
            format_count(one.skipped),
            f"{one.doubled:.0%}",
            one_line(", ".join(one.annotators)) or "anybody",
        ]
        for one in found
    ]
    print_table(
        ["name", "items", "done", "skipped", "doubled", "annotators"], table, right=("items", "done", "skipped")
    )


@app.command("show")
def show_queue(
    queue: QueueArgument,
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how far a queue is, how far people agree, and how often they are right on golden items."""
    data = connect(home, url, key, timeout=60.0).get(path_of("annotation", queue), {"project": project})
    if as_json:
        print_json(data)
        return
    report = msgspec.json.decode(data)
    found = msgspec.convert(report["queue"], _Queue)
    print_data(f"{one_line(found.name)}: {found.done} of {found.items} done, {found.skipped} skipped")
    labelled = [[one_line(one["annotator"]), str(one["labelled"]), str(one["skipped"])] for one in report["annotators"]]
    print_table(["annotator", "labelled", "skipped"], labelled, right=("labelled", "skipped"))
    agreed = [
        [one["question"], str(one["items"]), "-" if one["same"] is None else f"{one['same']:.0%}", _alpha(one["alpha"])]
        for one in report["agreement"]
    ]
    print_table(["question", "doubled", "same", "alpha"], agreed, right=("doubled", "same"))
    golden = [
        [one_line(one["annotator"]), one["question"], f"{one['right']} of {one['answered']}"]
        for one in report["golden"]
    ]
    print_table(["annotator", "question", "golden right"], golden)


@app.command("add")
def add_items(
    queue: QueueArgument,
    search: QueryArgument = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", metavar="FILE", show_default=False, help="JSONL: an item in each line; golden ones too."
        ),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="NAME", show_default=False, help="Rows of this dataset.")
    ] = None,
    version: Annotated[str, typer.Option("--version", metavar="VERSION", help="Of the dataset.")] = "latest",
    golden: Annotated[
        str | None,
        typer.Option(
            "--golden", metavar="QUESTION", show_default=False, help="The rows' references are its right answers."
        ),
    ] = None,
    experiment: Annotated[
        str | None, typer.Option("--experiment", metavar="ID", show_default=False, help="Answers of this experiment.")
    ] = None,
    variant: Annotated[
        str | None, typer.Option("--variant", metavar="NAME", show_default=False, help="Of the experiment.")
    ] = None,
    size: Annotated[int, typer.Option("--size", min=1, max=MOST, help="Items at most, traces at random.")] = 200,
    since: SinceOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add what is to be judged: recorded calls that fit a search, rows of a dataset, answers of an experiment."""
    wanted: dict[str, Any] = {}
    if file is not None:
        wanted["items"] = _items(file)
    if dataset is not None:
        wanted["rows"] = {"dataset": dataset, "version": version, "limit": size, "golden": golden}
    if experiment is not None:
        wanted["outputs"] = {"experiment": experiment, "variant": variant, "limit": size}
    if search or since or not wanted:
        sample = {"how": "random", "size": size}
        wanted["traces"] = {"q": joined(search) or "", "from": start_of(since), "sample": sample}
    query: Query = {"project": project}
    data = connect(home, url, key, timeout=300.0).post(path_of("annotation", queue, "items"), wanted, query)
    if as_json:
        print_json(data)
    else:
        print_data(f"{format_count(msgspec.json.decode(data)['added'])} added")


@app.command("export")
def export_items(
    queue: QueueArgument,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default=False,
            help="Write here, once it is whole. Default: the standard output.",
        ),
    ] = None,
    quiet: QuietOption = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Write all items with their labels, one in each line."""
    pieces = connect(home, url, key).download(path_of("annotation", queue, "export"), {"project": project})
    write_download(pieces, "jsonl", output, quiet=quiet)


def _alpha(estimate: dict[str, Any] | None) -> str:
    if estimate is None:
        return "-"
    interval = estimate["interval"]
    return f"{estimate['value']:.2f} ({interval['low']:.2f} to {interval['high']:.2f})"


def _items(path: Path) -> list[Any]:
    try:
        return msgspec.json.Decoder().decode_lines(path.read_bytes())
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.", field="--file") from error
    except msgspec.DecodeError as error:
        raise InvalidInput(f"{path}: expected JSON in each line: {error}.", field="--file") from error
