"""`penstock slos`: objectives, their budgets and burn rates."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from penstock.cli.alerting import apply_file, delete, find, specs
from penstock.cli.client import connect, path_of
from penstock.cli.options import HomeOption, JsonOption, KeyOption, ProjectOption, UrlOption
from penstock.cli.output import Exit, format_count, format_time, print_data, print_json, print_table
from penstock.cli.records import Page, decode

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name or id of the objective.", show_default=False)]


class _Slo(msgspec.Struct):
    id: str
    spec: dict[str, Any]
    state: str


class _Rate(msgspec.Struct):
    threshold: float
    long: int
    short: int
    severity: str
    breached: bool
    long_rate: float | None = None
    short_rate: float | None = None


class _Status(msgspec.Struct):
    good: int
    total: int
    bad: int
    budget: float
    objective: float
    burn_rates: list[_Rate]
    share: float | None = None
    remaining: float | None = None
    exhausted_at: int | None = None


@app.command("list")
def list_slos(
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List objectives with the state of their burn-rate alerts."""
    data = connect(home, url, key).get(path_of("slos"), {"project": project})
    if as_json:
        print_json(data)
        return
    cells = [
        [
            str(row.spec.get("name", "")),
            str(row.spec.get("indicator", {}).get("kind", "")),
            f"{float(row.spec.get('objective', 0)) * 100:g} %",
            str(row.spec.get("period", "")),
            row.state,
        ]
        for row in decode(data, Page[_Slo]).items
    ]
    print_table(["name", "indicator", "objective", "period", "state"], cells, right=["objective"])


@app.command("show")
def show_slo(
    name: Name,
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the error budget and burn rates of an objective; exit with 1 when the budget is spent."""
    client = connect(home, url, key)
    found = find(client, "slos", name, project)
    data = client.get(path_of("slos", found.id, "status"), {"project": project})
    status = decode(data, _Status)
    if as_json:
        print_json(data)
    else:
        part = (
            "no calls" if status.share is None else f"{status.share * 100:.4g} % of {format_count(status.total)} calls"
        )
        left = "-" if status.remaining is None else f"{status.remaining * 100:.1f} %"
        print_data(f"{found.name}: {part} good, objective {status.objective * 100:g} %")
        print_data(f"budget: {status.budget:,.1f} bad calls, {format_count(status.bad)} used, {left} left")
        if status.exhausted_at is not None:
            print_data(f"at the rate of the last day it ends {format_time(status.exhausted_at)}")
        rows = [
            [
                f"{rate.threshold:g}",
                f"{rate.long // 60} min",
                _rate(rate.long_rate),
                f"{rate.short // 60} min",
                _rate(rate.short_rate),
                rate.severity,
                "burning" if rate.breached else "",
            ]
            for rate in status.burn_rates
        ]
        print_table(["limit", "long", "rate", "short", "rate", "severity", ""], rows, right=["limit", "rate"])
    if status.remaining is not None and status.remaining <= 0:
        raise typer.Exit(Exit.NO)


@app.command("apply")
def apply_slos(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="YAML or JSON with a list under slos; - is the standard input.")
    ],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; exit with 1 when something would change.")
    ] = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the objectives of a file, by their names. Those that are not in it are left alone."""
    client = connect(home, url, key)
    changed = apply_file(client, "slos", specs(file, "slos"), project=project, dry_run=dry_run, as_json=as_json)
    if dry_run and changed:
        raise typer.Exit(Exit.NO)


@app.command("delete")
def delete_slo(
    name: Name,
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete an objective."""
    delete(connect(home, url, key), "slos", name, project=project, as_json=as_json)


def _rate(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.2f}"
