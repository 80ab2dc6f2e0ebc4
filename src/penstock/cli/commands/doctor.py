"""`penstock doctor`: what is wrong with an installation, and what to do about it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from penstock.cli.options import HomeOption, JsonOption, KeyOption, UrlOption
from penstock.cli.output import Exit, make_console, print_json
from penstock.core.home import Home
from penstock.core.settings import default_home

__all__ = ["app"]

app = typer.Typer()


@app.command()
def doctor(
    *,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    gateway_url: Annotated[
        str | None, typer.Option(metavar="URL", show_default=False, help="Default: the one running in the home.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default=False, help="Configuration file. Default: penstock.yaml in the home."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check the home folder, disk, configuration, snapshot, journal, gateway and console.

    Exits with 0 when all is well, 1 when something is wrong, 2 when something could not be told.
    """
    from penstock.cli.diagnosis import Target, diagnose  # noqa: PLC0415 - the server's readers, only when it runs

    target = Target(home=Home(home or default_home()), console_url=url, gateway_url=gateway_url, key=key, config=config)
    findings = diagnose(target)
    if as_json:
        print_json({"checks": findings})
    else:
        out = make_console()
        styles: dict[str, Any] = {"ok": "green", "warning": "yellow", "failed": "bold red", "unknown": "yellow"}
        for finding in findings:
            out.print(f"{finding.status:<8}", style=styles[finding.status], end="")
            out.print(f"{finding.check:<10} {finding.message}", soft_wrap=True)
            if finding.hint:
                out.print(f"{'':<19}{finding.hint}", soft_wrap=True)
    states = {finding.status for finding in findings}
    if "failed" in states:
        raise typer.Exit(Exit.NO)
    if "unknown" in states:
        raise typer.Exit(Exit.UNKNOWN)
