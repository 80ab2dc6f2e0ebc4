"""`penstock doctor`: what is wrong with an installation, and what to do about it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from penstock.cli.options import HomeOption, JsonOption, KeyOption, UrlOption
from penstock.cli.output import Exit, make_console, print_json
from penstock.core.errors import InvalidInput
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
    reconcile: Annotated[
        bool,
        typer.Option("--reconcile", help="Compare what budgets have counted with what is recorded, and nothing else."),
    ] = False,
    fix: Annotated[bool, typer.Option("--fix", help="With --reconcile: put right the counters that differ.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the home folder, disk, configuration, snapshot, journal, gateway and console.

    With --reconcile, print for each budget in its current window what the gateway has counted, what the records say,
    and the difference. The records are those stored and those that wait in the journal.

    Exits with 0 when all is well, 1 when something is wrong, 2 when something could not be told.
    """
    if fix and not reconcile:
        raise InvalidInput("--fix goes with --reconcile.", field="--fix")
    if reconcile:
        _reconcile(home, url, key, fix=fix, as_json=as_json)
        return
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


def _reconcile(home: Path | None, url: str | None, key: str | None, *, fix: bool, as_json: bool) -> None:
    from penstock.cli import reconcile  # noqa: PLC0415 - the server's readers, only when it runs

    data = reconcile.reconcile(home or default_home(), url, key, fix=fix)
    if as_json:
        print_json(data)
    else:
        reconcile.show(data)
    code = reconcile.exit_of(data)
    if code is not Exit.DONE:
        raise typer.Exit(code)
