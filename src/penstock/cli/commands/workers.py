"""`penstock workers`: replace."""

import asyncio
from pathlib import Path

import typer

from penstock.cli.options import HomeOption, JsonOption
from penstock.cli.output import print_json, say
from penstock.core.errors import NotFound
from penstock.core.home import Home
from penstock.core.settings import default_home

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def workers() -> None:
    """Gateway processes of a running Penstock."""


@app.command("replace")
def replace(*, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Start each gateway worker anew, one after another, without a call failing.

    A worker that was replaced lets its calls finish first. SIGHUP to a Penstock that runs without a terminal does the
    same.
    """
    folder = Home(home or default_home()).run
    replaced = asyncio.run(_replace(folder))
    if as_json:
        print_json({"replaced": replaced})
    else:
        say(f"Gateway workers replaced: {replaced}.")


async def _replace(folder: Path) -> int:
    from penstock.server.takeover import Question, ask, running  # noqa: PLC0415 - the server, only when it is asked

    found = [path for path, one in await running(folder) if "gateway" in one.planes]
    if not found:
        raise NotFound(
            f"No gateway runs on the home {folder.parent}.", hint="Name its home with --home.", code="not_running"
        )
    answers = [await ask(path, Question(do="replace_workers")) for path in found]
    return sum(answer.replaced for answer in answers)
