"""`penstock dashboards`: list, get, apply, reset, delete."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from penstock.cli.client import ControlClient, connect, path_of
from penstock.cli.definitions import read_tree
from penstock.cli.options import HomeOption, JsonOption, KeyOption, ProjectOption, UrlOption
from penstock.cli.output import format_time, print_json, print_table, say
from penstock.cli.records import Page, decode
from penstock.core.errors import InvalidInput, NotFound

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name or id of the dashboard.", show_default=False)]


class _Row(msgspec.Struct):
    id: str
    name: str
    version: int
    widgets: int = 0
    preset: str | None = None
    updated: int | None = None
    updated_by: str = ""


class _Whole(msgspec.Struct):
    id: str
    version: int
    document: dict[str, Any]


@app.command("list")
def list_dashboards(
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the dashboards of a project."""
    data = connect(home, url, key).get(path_of("dashboards"), {"project": project})
    if as_json:
        print_json(data)
        return
    rows = decode(data, Page[_Row]).items
    cells = [[row.name, str(row.widgets), row.preset or "-", format_time(row.updated), row.updated_by] for row in rows]
    print_table(["name", "widgets", "preset", "changed", "by"], cells, right=("widgets",))


@app.command("get")
def get_dashboard(
    name: NameArgument,
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a dashboard as the document that `apply` takes. With --json, with its id and version around it."""
    client = connect(home, url, key)
    data = client.get(path_of("dashboards", _named(client, name, project).id), {"project": project})
    print_json(data if as_json else decode(data, _Whole).document)


@app.command("apply")
def apply_dashboard(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON or YAML; - is the standard input.")],
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the dashboard that a document describes, or change the one of its name."""
    body = read_tree(file)
    name = body.get("name")
    if not isinstance(name, str):
        raise InvalidInput("The document has no name.", hint="Give it one: name: My dashboard.", field="name")
    client = connect(home, url, key)
    existing = next((row for row in _all(client, project) if row.name == name), None)
    if existing is None:
        data = client.post(path_of("dashboards"), body, {"project": project})
        done = "is made"
    else:
        data = client.put(path_of("dashboards", existing.id), body, {"project": project})
        done = "stays as it is" if decode(data, _Whole).version == existing.version else "is changed"
    if as_json:
        print_json(data)
    else:
        say(f"The dashboard {name} {done}.")


@app.command("reset")
def reset_dashboard(
    name: NameArgument,
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make one of the set that every project begins with what it was at first."""
    client = connect(home, url, key)
    row = _named(client, name, project)
    data = client.post(path_of("dashboards", row.id, "reset"), None, {"project": project})
    if as_json:
        print_json(data)
    else:
        say(f"The dashboard {row.name} is as it was at first.")


@app.command("delete")
def delete_dashboard(
    name: NameArgument,
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a dashboard."""
    client = connect(home, url, key)
    row = _named(client, name, project)
    client.delete(path_of("dashboards", row.id), {"project": project})
    if as_json:
        print_json({"id": row.id, "name": row.name, "deleted": True})
    else:
        say(f"The dashboard {row.name} is deleted.")


def _all(client: ControlClient, project: str | None) -> list[_Row]:
    return decode(client.get(path_of("dashboards"), {"project": project}), Page[_Row]).items


def _named(client: ControlClient, name: str, project: str | None) -> _Row:
    rows = _all(client, project)
    for row in rows:
        if name in {row.id, row.name} or name == row.preset:
            return row
    raise NotFound(
        f"There is no dashboard {name!r}.",
        hint=f"There are {', '.join(row.name for row in rows)}.",
        code="dashboard_not_found",
    )
