"""`penstock cache`: clear."""

import typer

from penstock.cli.client import connect, path_of
from penstock.cli.options import HomeOption, JsonOption, KeyOption, ProjectOption, UrlOption
from penstock.cli.output import print_json, say

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def cache() -> None:
    """Answers that gateways keep for identical calls."""


@app.command("clear")
def clear_cache(
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget all answers kept for a project, on every gateway, within two seconds."""
    connect(home, url, key).delete(path_of("cache"), {"project": project})
    if as_json:
        print_json({"project": project, "status": "cleared"})
    else:
        say("Kept answers are forgotten; the next calls go to their providers.")
