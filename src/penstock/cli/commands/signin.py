"""`penstock signin-link`: a one-time link into the console."""

from enum import StrEnum
from typing import Annotated

import typer

from penstock.cli.client import connect, path_of
from penstock.cli.options import HomeOption, JsonOption, KeyOption, ProjectOption, UrlOption
from penstock.cli.output import format_time, print_data, print_json, say
from penstock.cli.records import SigninLink, decode

__all__ = ["app"]

app = typer.Typer()


class Role(StrEnum):
    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"


@app.command("signin-link")
def signin_link(
    *,
    role: Annotated[Role, typer.Option(help="What the person may do.")] = Role.ADMIN,
    name: Annotated[str | None, typer.Option(metavar="NAME", show_default=False, help="Who the link is for.")] = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a link that signs one person in to the console, once."""
    body = {"role": role.value, "name": name, "project": project}
    data = connect(home, url, key).post(
        path_of("signin-links"), {field: value for field, value in body.items() if value is not None}
    )
    if as_json:
        print_json(data)
        return
    link = decode(data, SigninLink)
    print_data(link.url)
    say(f"Works once, until {format_time(link.expires)}.")
