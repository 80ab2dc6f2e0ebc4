"""`penstock datasets`: import, export, rows, check, from-traces, split, diff."""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer

from penstock.cli.client import Query, connect, path_of
from penstock.cli.datasets import address, follow, send_file
from penstock.cli.downloads import write_download
from penstock.cli.options import HomeOption, JsonOption, KeyOption, ProjectOption, QuietOption, UrlOption
from penstock.cli.output import Exit, format_count, json_lines, one_line, print_data, print_json, print_table
from penstock.cli.searching import QueryArgument, SinceOption, joined, start_of
from penstock.core.errors import InvalidInput

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

PAGE = 1000
"""Rows that the control API gives at once."""

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name or id of the dataset.", show_default=False)]
VersionOption = Annotated[
    str, typer.Option("--version", metavar="VERSION", help="A number, sha256:…, a label, latest, or branch:NAME.")
]
SplitOption = Annotated[
    str | None, typer.Option("--split", metavar="SPLIT", show_default=False, help="Only rows of this split.")
]
MessageOption = Annotated[
    str, typer.Option("--message", "-m", metavar="TEXT", show_default=False, help="Of the version.")
]
ResplitOption = Annotated[
    bool, typer.Option("--resplit", help="Rows may go from one split to another; earlier results do not compare.")
]
MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="FIELD=COLUMN",
        show_default=False,
        help="A field (input, reference, context, id, group, split, metadata) and its column, or several with commas.",
    ),
]


class _Import(msgspec.Struct):
    rows: int
    version: int
    outcome: str


@app.command("import")
def import_file(
    name: NameArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=".jsonl, .csv or .parquet.", show_default=False)],
    *,
    mapping: MapOption = None,
    form: Annotated[
        Literal["jsonl", "csv", "parquet"] | None,
        typer.Option("--format", show_default=False, help="Kind of file. Default: by its name."),
    ] = None,
    append: Annotated[bool, typer.Option("--append", help="Keep the rows of the head before these.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the first rows, and save nothing.")] = False,
    resplit: ResplitOption = False,
    message: MessageOption = "",
    quiet: QuietOption = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Save the rows of a file as the next version. Columns are mapped by their names, unless --map says how."""
    client = connect(home, url, key, timeout=120.0)
    query: Query = {"project": project}
    preview = send_file(client, file, {**query, "name": file.name, "format": form}, quiet=quiet)
    upload: str = preview["upload"]
    chosen = _mapping(preview["mapping"], mapping or [])
    if mapping:
        body = {"mapping": chosen}
        preview = msgspec.json.decode(client.post(path_of("datasets", "uploads", upload, "preview"), body, query))
    if dry_run:
        client.delete(path_of("datasets", "uploads", upload), query)
        if as_json:
            print_json(preview)
            return
        print_data(f"mapping: {', '.join(f'{field}={_columns(value)}' for field, value in chosen.items())}")
        _show_rows(preview["rows"])
        return
    terms = {"message": message, "resplit": resplit}
    new = {"upload": upload, "mapping": chosen, "mode": "append" if append else "replace", "terms": terms}
    done = follow(client, client.post(address(name, "import"), new, query), "imports", query, quiet=quiet)
    _told(name, done, as_json=as_json)


@app.command("from-traces")
def from_traces(
    name: NameArgument,
    search: QueryArgument = None,
    *,
    sample: Annotated[
        Literal["all", "random", "newest", "stratified"], typer.Option("--sample", help="Which of those that fit.")
    ] = "newest",
    size: Annotated[int, typer.Option("--size", min=1, max=100_000, help="Rows at most.")] = 1000,
    by: Annotated[
        str | None, typer.Option("--by", metavar="COLUMN", show_default=False, help="Of a stratified sample.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed chooses the same calls.")] = 0,
    of: Annotated[Literal["calls", "spans"], typer.Option("--of", help="Calls and roots, or any span.")] = "calls",
    question: Annotated[
        bool, typer.Option("--question", help="Take the text of the last user message, not all messages.")
    ] = False,
    reference: Annotated[
        str, typer.Option("--reference", metavar="WHAT", help="none, output, or score:NAME.")
    ] = "none",
    metadata: Annotated[
        list[str] | None,
        typer.Option("--metadata", metavar="COLUMN", show_default=False, help="Also as metadata; repeatable."),
    ] = None,
    unmasked: Annotated[bool, typer.Option("--unmasked", help="Leave personal data as it is.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Instead of the rows that are there.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show how many fit and some rows, and save nothing.")
    ] = False,
    since: SinceOption = None,
    message: MessageOption = "",
    quiet: QuietOption = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make rows of recorded calls that fit a search, by default those of the last week."""
    client = connect(home, url, key, timeout=120.0)
    query: Query = {"project": project}
    wanted: dict[str, Any] = {
        "q": joined(search) or "",
        "from": start_of(since),
        "of": of,
        "sample": {"how": sample, "size": size, "by": by, "seed": seed},
        "input": "question" if question else "messages",
        "reference": reference,
        "metadata": metadata or [],
        "mask": not unmasked,
    }
    if dry_run:
        data = client.post(path_of("datasets", "from-traces", "preview"), wanted, query)
        if as_json:
            print_json(data)
            return
        preview = msgspec.json.decode(data)
        print_data(f"{format_count(preview['matching'])} fit")
        _show_rows(preview["rows"])
        return
    new = {**wanted, "mode": "replace" if replace else "append", "terms": {"message": message}}
    done = follow(client, client.post(address(name, "from-traces"), new, query), "imports", query, quiet=quiet)
    _told(name, done, as_json=as_json)


@app.command("export")
def export_rows(
    name: NameArgument,
    *,
    form: Annotated[Literal["jsonl", "csv", "parquet"], typer.Option("--format", help="Kind of file.")] = "jsonl",
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
    version: VersionOption = "latest",
    split: SplitOption = None,
    quiet: QuietOption = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Write all rows of a version as a file that `import` reads."""
    asked: Query = {"project": project, "format": form, "version": version, "split": split}
    write_download(connect(home, url, key).download(address(name, "export"), asked), form, output, quiet=quiet)


@app.command("rows")
def list_rows(
    name: NameArgument,
    *,
    version: VersionOption = "latest",
    split: SplitOption = None,
    q: Annotated[
        str | None, typer.Option("--q", metavar="WORDS", show_default=False, help="Only rows that hold all of these.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="Rows at most.")] = 20,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List rows of a version, in its order."""
    client = connect(home, url, key)
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    while len(rows) < limit:
        asked: Query = {
            "project": project, "version": version, "split": split, "q": q, "cursor": cursor,
            "limit": min(PAGE, limit - len(rows)),
        }  # fmt: skip
        page = msgspec.json.decode(client.get(address(name, "rows"), asked))
        rows += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    if as_json:
        print_json({"items": rows, "next_cursor": cursor})
        return
    _show_rows(rows)


@app.command("split")
def split_rows(
    name: NameArgument,
    shares: Annotated[
        list[str] | None,
        typer.Argument(metavar="SPLIT=SHARE", show_default=False, help="As train=80 test=20. None: how it is divided."),
    ] = None,
    *,
    resplit: ResplitOption = False,
    salt: Annotated[
        str | None, typer.Option("--salt", metavar="TEXT", show_default=False, help="Divide anew, with --resplit.")
    ] = None,
    message: MessageOption = "",
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Divide rows into splits; a row, and its group, stays where it is in all later versions."""
    client = connect(home, url, key, timeout=120.0)
    query: Query = {"project": project}
    if shares:
        body = {
            "shares": dict(_share(one) for one in shares),
            "salt": salt,
            "terms": {"message": message, "resplit": resplit},
        }
        client.put(address(name, "splits"), body, query)
    data = client.get(address(name, "splits"), query)
    if as_json:
        print_json(data)
        return
    found = msgspec.json.decode(data)
    table = [[one["split"] or "-", format_count(one["rows"])] for one in found["items"]]
    print_table(["split", "rows"], table, right=("rows",))


@app.command("diff")
def diff_versions(
    name: NameArgument,
    before: Annotated[
        str | None, typer.Argument(metavar="FROM", show_default=False, help="Default: what the later was made from.")
    ] = None,
    after: Annotated[str, typer.Argument(metavar="TO", help="A version.")] = "latest",
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Changes listed at most.")] = 50,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which rows were added, removed or changed between two versions."""
    asked: Query = {"project": project, "from": before, "to": after, "limit": limit}
    data = connect(home, url, key, timeout=60.0).get(address(name, "diff"), asked)
    if as_json:
        print_json(data)
        return
    found = msgspec.json.decode(data)
    print_data(f"{found['added']} added, {found['removed']} removed, {found['changed']} changed")
    marks = {"added": "+", "removed": "-", "changed": "~"}
    for change in found["changes"]:
        print_data(f"{marks[change['change']]} {one_line(change['id'])}")
    if found["splits_changed"]:
        print_data("rows are divided anew")


@app.command("check")
def check_rows(
    name: NameArgument,
    search: QueryArgument = None,
    *,
    version: VersionOption = "latest",
    similar: Annotated[
        float, typer.Option("--similar", min=0.5, max=1.0, help="From which rows are near-duplicates.")
    ] = 0.8,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Compare with recorded calls that fit the search, by default all.")
    ] = False,
    since: SinceOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail the check too.")] = False,
    quiet: QuietOption = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for duplicates, gaps, rare labels and leaks between splits. Exit code 1: there are problems."""
    client = connect(home, url, key, timeout=120.0)
    query: Query = {"project": project}
    compared = {"q": joined(search) or "", "from": start_of(since)} if coverage or search else None
    new = {"version": version, "similar": similar, "coverage": compared}
    data = follow(client, client.post(address(name, "checks"), new, query), "checks", query, quiet=quiet)
    report = msgspec.json.decode(data)["report"]
    if as_json:
        print_json(report)
    else:
        _show_report(report)
    levels = {one["level"] for one in report["findings"]}
    if "problem" in levels or (strict and "warning" in levels):
        raise typer.Exit(Exit.NO)


def _show_report(report: dict[str, Any]) -> None:
    lengths = report["characters"]
    print_data(
        f"version {report['version']}: {format_count(report['rows'])} rows, inputs of {lengths['p50']} characters "
        f"(p95 {lengths['p95']}, longest {lengths['max']})"
    )
    for one in report["findings"]:
        print_data(f"{one['level']:<8} {one_line(one['message'])}")
        if one["examples"]:
            print_data(f"         {', '.join(one_line(id_) for id_ in one['examples'][:5])}")
    coverage = report["coverage"]
    if coverage is not None:
        print_data(f"{coverage['covered']:.0%} of {coverage['compared']} recorded questions have a row like them")
        table = [
            [
                f"{one['share']:.0%}",
                f"{one['covered']:.0%}",
                format_count(one["rows"]),
                one_line(", ".join(one["terms"])),
            ]
            for one in coverage["clusters"]
        ]
        print_table(["traffic", "covered", "rows", "about"], table, right=("traffic", "covered", "rows"))


def _show_rows(rows: list[dict[str, Any]]) -> None:
    table = [
        [
            one_line(row.get("id") or "-"),
            row.get("split") or "-",
            _shown(row.get("reference"), 40),
            _shown(row["input"], 160),
        ]
        for row in rows
    ]
    print_table(["id", "split", "reference", "input"], table)


def _shown(value: Any, most: int) -> str:
    if value is None:
        return "-"
    text = one_line(value if isinstance(value, str) else json_lines(value))
    return text if len(text) <= most else f"{text[:most]}…"


def _mapping(suggested: dict[str, Any], given: list[str]) -> dict[str, Any]:
    """The suggested mapping, but for what is said: an empty column takes a field away."""
    chosen = dict(suggested)
    for one in given:
        field, sign, columns = one.partition("=")
        if not sign:
            raise InvalidInput(f"--map expects FIELD=COLUMN, got {one!r}.", field="--map")
        names = [name.strip() for name in columns.split(",") if name.strip()]
        if field == "json":
            chosen[field] = names
        elif names:
            chosen[field] = names[0] if len(names) == 1 else names
        else:
            chosen.pop(field, None)
    return chosen


def _columns(value: Any) -> str:
    return one_line(value if isinstance(value, str) else ",".join(value))


def _share(text: str) -> tuple[str, float]:
    name, sign, share = text.partition("=")
    try:
        if sign:
            return name, float(share)
    except ValueError:
        pass
    raise InvalidInput(f"Expected SPLIT=SHARE, as train=80, got {text!r}.", field="SPLIT=SHARE")


def _told(name: str, data: bytes, *, as_json: bool) -> None:
    if as_json:
        print_json(data)
        return
    done = msgspec.json.decode(data, type=_Import)
    word = "unchanged, still" if done.outcome == "unchanged" else "is"
    print_data(f"{name} {word} version {done.version}, {format_count(done.rows)} rows")
