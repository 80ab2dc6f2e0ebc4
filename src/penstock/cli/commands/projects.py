"""`penstock projects`: create and list."""

from typing import Annotated

import typer

from penstock.cli.client import connect, path_of
from penstock.cli.options import HomeOption, JsonOption, KeyOption, UrlOption
from penstock.cli.output import format_time, print_data, print_json, print_table, say
from penstock.cli.records import Page, ProjectRow, decode

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_projects(
    *, home: HomeOption = None, url: UrlOption = None, key: KeyOption = None, as_json: JsonOption = False
) -> None:
    """List the projects that the key may see."""
    data = connect(home, url, key).get(path_of("projects"))
    if as_json:
        print_json(data)
        return
    page = decode(data, Page[ProjectRow])
    print_table(["id", "name", "created"], [[row.id, row.name, format_time(row.created)] for row in page.items])


@app.command("create")
def create_project(
    name: Annotated[str, typer.Argument(help="A name that no other project has.", show_default=False)],
    *,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a project."""
    data = connect(home, url, key).post(path_of("projects"), {"name": name})
    if as_json:
        print_json(data)
        return
    row = decode(data, ProjectRow)
    print_data(row.id)
    say(f"Project {row.name} created. Give it a key: penstock keys create NAME --project {row.name}")
