"""`penstock artifacts`: versions of prompts, models, datasets and evaluators, and their labels."""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer

from penstock.cli.client import connect, path_of
from penstock.cli.definitions import read_tree
from penstock.cli.options import HomeOption, JsonOption, KeyOption, ProjectOption, UrlOption
from penstock.cli.output import format_time, json_lines, one_line, print_data, print_json, print_table, say
from penstock.cli.working_copy import address_of

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

KindArgument = Annotated[
    str, typer.Argument(metavar="KIND", help="prompt, model, dataset or evaluator.", show_default=False)
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name or id of the artifact.", show_default=False)]
VersionOption = Annotated[
    str, typer.Option("--version", metavar="VERSION", help="A number, sha256:…, a label, latest, or branch:NAME.")
]
ReasonOption = Annotated[
    str, typer.Option("--reason", metavar="TEXT", show_default=False, help="Why, for the history.")
]
LimitOption = Annotated[int, typer.Option("--limit", help="Rows at most, 1 to 200.")]


class Label(msgspec.Struct):
    name: str
    version: int
    protected: bool


class Row(msgspec.Struct):
    name: str
    head: int | None
    versions: int
    labels: list[Label]
    tags: list[str]
    updated: int
    updated_by: str


class Rows(msgspec.Struct):
    items: list[Row]
    next_cursor: str | None


class Shown(msgspec.Struct):
    number: int
    digest: str
    branch: str
    message: str
    created: int
    created_by: str
    labels: list[str]
    body: Any = None
    outcome: str = ""


class Versions(msgspec.Struct):
    items: list[Shown]


class Move(msgspec.Struct):
    label: str
    action: str
    before: int | None
    after: int | None
    at: int
    actor: str
    reason: str


class Moves(msgspec.Struct):
    items: list[Move]


@app.command("list")
def list_all(
    kind: KindArgument,
    *,
    folder: Annotated[str | None, typer.Option("--folder", show_default=False, help="Only names below it.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", show_default=False, help="Only those with this tag.")] = None,
    label: Annotated[
        str | None, typer.Option("--label", show_default=False, help="Only those with this label.")
    ] = None,
    archived: Annotated[bool, typer.Option("--archived", help="Those that are archived, instead.")] = False,
    sort: Annotated[
        Literal["name", "updated"], typer.Option("--sort", help="By name, or newest change first.")
    ] = "name",
    limit: LimitOption = 100,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List artifacts of a kind with their labels."""
    query = {"folder": folder, "tag": tag, "label": label, "sort": sort, "limit": limit, "project": project}
    query["archived"] = "true" if archived else None
    _print_rows(connect(home, url, key).get(path_of("artifacts", _kind(kind)), query), as_json=as_json)


@app.command()
def search(
    kind: KindArgument,
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="Words that all occur.", show_default=False)],
    *,
    limit: LimitOption = 100,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find artifacts whose name, description or newest text holds all words."""
    query = {"q": " ".join(words), "limit": limit, "project": project}
    _print_rows(connect(home, url, key).get(path_of("artifacts", _kind(kind)), query), as_json=as_json)


@app.command()
def show(
    kind: KindArgument,
    name: NameArgument,
    *,
    version: VersionOption = "latest",
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one version with its body."""
    path = address_of(_kind(kind), name, "versions", version)
    data = connect(home, url, key).get(path, {"project": project})
    if as_json:
        print_json(data)
        return
    found = msgspec.json.decode(data, type=Shown)
    print_data(json_lines(found.body))
    labels = f"; labels: {', '.join(found.labels)}" if found.labels else ""
    say(f"Version {found.number} on {found.branch}, {format_time(found.created)} by {found.created_by}{labels}.")


@app.command()
def save(
    kind: KindArgument,
    name: NameArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML or JSON; - is the standard input.")],
    *,
    message: Annotated[
        str, typer.Option("--message", "-m", metavar="TEXT", show_default=False, help="What it says.")
    ] = "",
    branch: Annotated[str, typer.Option("--branch", help="Branch that it is saved on.")] = "main",
    expected: Annotated[
        str | None, typer.Option("--expected", metavar="DIGEST", show_default=False, help="What the head must be.")
    ] = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Save a body as the next version; the artifact is made when there is none of this name."""
    body = {"body": read_tree(file), "message": message, "branch": branch, "expected": expected}
    query = {"project": project, "create": "true"}
    data = connect(home, url, key).post(address_of(_kind(kind), name, "versions"), body, query)
    if as_json:
        print_json(data)
        return
    found = msgspec.json.decode(data, type=Shown)
    print_data(str(found.number))
    if found.outcome == "unchanged":
        say(f"Nothing changes: version {found.number} is this already.")


@app.command()
def diff(
    kind: KindArgument,
    name: NameArgument,
    before: Annotated[
        str | None, typer.Argument(metavar="[FROM]", show_default=False, help="A version. Default: where TO came from.")
    ] = None,
    after: Annotated[str, typer.Argument(metavar="[TO]", help="A version.")] = "latest",
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what differs between two versions."""
    query = {"project": project, "from": before, "to": after}
    data = connect(home, url, key).get(address_of(_kind(kind), name, "diff"), query)
    if as_json:
        print_json(data)
        return
    differences: list[dict[str, Any]] = msgspec.json.decode(data)["differences"]
    for one in differences:
        for line in _described(one):
            print_data(line)
    if not differences:
        say("Nothing differs.")


@app.command()
def label(
    kind: KindArgument,
    name: NameArgument,
    label: Annotated[str, typer.Argument(metavar="LABEL", help="Which label.", show_default=False)],
    version: Annotated[str | None, typer.Argument(metavar="[VERSION]", help="Where to.", show_default=False)] = None,
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Take the label away.")] = False,
    reason: ReasonOption = "",
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a label at a version (latest without one), or take it away. Gateways know within two seconds."""
    client = connect(home, url, key)
    path = address_of(_kind(kind), name, "labels", label)
    if remove:
        client.delete(path, {"project": project, "reason": reason or None})
        data = msgspec.json.encode({"name": label, "removed": True})
    else:
        data = client.put(path, {"version": version or "latest", "reason": reason}, {"project": project})
    _print_label(data, as_json=as_json)


@app.command()
def rollback(
    kind: KindArgument,
    name: NameArgument,
    label: Annotated[str, typer.Argument(metavar="[LABEL]", help="Which label.")] = "production",
    *,
    reason: ReasonOption = "",
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a label back where it stood before its last move."""
    path = address_of(_kind(kind), name, "labels", label, "rollback")
    data = connect(home, url, key).post(path, {"reason": reason}, {"project": project})
    _print_label(data, as_json=as_json)


@app.command()
def history(
    kind: KindArgument,
    name: NameArgument,
    *,
    labels: Annotated[bool, typer.Option("--labels", help="What labels did, instead of versions.")] = False,
    limit: LimitOption = 50,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Versions, or moves of labels, newest first."""
    path = address_of(_kind(kind), name, "label-moves" if labels else "versions")
    data = connect(home, url, key).get(path, {"project": project, "limit": limit})
    if as_json:
        print_json(data)
    elif labels:
        moves = msgspec.json.decode(data, type=Moves).items
        print_table(
            ["at", "label", "what", "from", "to", "by", "reason"],
            [
                [format_time(m.at), m.label, m.action, _number(m.before), _number(m.after), m.actor, one_line(m.reason)]
                for m in moves
            ],
        )
    else:
        versions = msgspec.json.decode(data, type=Versions).items
        print_table(
            ["version", "branch", "created", "by", "labels", "message"],
            [
                [str(v.number), v.branch, format_time(v.created), v.created_by, " ".join(v.labels), one_line(v.message)]
                for v in versions
            ],
            right=["version"],
        )


@app.command()
def archive(
    kind: KindArgument,
    name: NameArgument,
    *,
    undo: Annotated[bool, typer.Option("--undo", help="Take it back into use.")] = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an artifact out of use, or back into it. Its versions stay."""
    path = address_of(_kind(kind), name, "unarchive" if undo else "archive")
    data = connect(home, url, key).post(path, None, {"project": project})
    if as_json:
        print_json(data)
    else:
        say(f"The {_kind(kind)} {name} is {'in use again' if undo else 'archived'}.")


def _kind(text: str) -> str:
    """`prompts` means `prompt`."""
    return text.removesuffix("s")


def _print_rows(data: bytes, *, as_json: bool) -> None:
    if as_json:
        print_json(data)
        return
    page = msgspec.json.decode(data, type=Rows)
    cells = [
        [
            row.name,
            _number(row.head),
            " ".join(f"{one.name}@{one.version}" for one in row.labels),
            " ".join(row.tags),
            format_time(row.updated),
            row.updated_by,
        ]
        for row in page.items
    ]
    print_table(["name", "head", "labels", "tags", "updated", "by"], cells, right=["head"])
    if page.next_cursor is not None:
        say("There are more; narrow it down, or raise --limit.")


def _print_label(data: bytes, *, as_json: bool) -> None:
    if as_json:
        print_json(data)
        return
    found: dict[str, Any] = msgspec.json.decode(data)
    where = "is taken away" if found.get("removed") else f"stands at version {found['version']}"
    say(f"The label {found['name']} {where}.")


def _described(one: dict[str, Any]) -> list[str]:
    """A difference as lines of text; its forms are those of `penstock.registry.artifacts.diff`."""
    signs = {"added": "+", "removed": "-", "changed": "~", "same": " "}
    head = f"{signs.get(one.get('change', 'changed'), '~')} {one['path']}"
    if one["type"] == "json":
        sides = [msgspec.json.encode(one[side]).decode() for side in ("before", "after") if side in one]
        return [one_line(f"{head}: {' → '.join(sides)}")]
    if one["type"] == "rows":
        return [f"{head}: {one['added']} added, {one['removed']} removed, {one['changed']} changed"]
    lines = [head]
    for hunk in one.get("hunks", []):
        lines.append(f"@@ -{hunk['before_line']} +{hunk['after_line']} @@")
        lines += [f"{signs[line['op']]}{line['text']}" for line in hunk["lines"]]
    for inner in one.get("differences", []):
        lines += [f"  {line}" for line in _described(inner)]
    return lines


def _number(number: int | None) -> str:
    return "-" if number is None else str(number)
