"""Options that several commands share, with one wording and one environment variable each."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "HomeOption",
    "HostOption",
    "JsonOption",
    "KeyOption",
    "ListenOption",
    "ProjectOption",
    "QuietOption",
    "ReadyFileOption",
    "ReplaceOption",
    "UrlOption",
]

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar="PENSTOCK_HOME",
        metavar="DIR",
        show_default=False,
        help="Folder that holds Penstock's state. Default: ./.penstock",
    ),
]
UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="PENSTOCK_CONSOLE_URL",
        metavar="URL",
        show_default=False,
        help="The console's address. Default: the one running in the home.",
    ),
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key",
        envvar="PENSTOCK_KEY",
        metavar="KEY",
        show_default=False,
        help="Key to use, better given by the variable than on the line. Default: the home's admin key.",
    ),
]
ProjectOption = Annotated[
    str | None,
    typer.Option(
        "--project", metavar="PROJECT", show_default=False, help="Id or name of a project. Default: the key's own."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, for programs.")]
HostOption = Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")]
ListenOption = Annotated[
    str | None,
    typer.Option(
        "--host",
        metavar="ADDRESS",
        show_default=False,
        help="Address to listen on. Default: 127.0.0.1, or that of the one that is replaced.",
    ),
]
ReplaceOption = Annotated[
    bool,
    typer.Option(
        "--replace", help="Take the place of the one that runs on this home, on its ports, without a call failing."
    ),
]
ReadyFileOption = Annotated[
    Path | None,
    typer.Option(
        "--ready-file",
        metavar="PATH",
        show_default=False,
        help="Write the URLs (and the admin key) here, mode 0600, once everything serves.",
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print errors only.")]
