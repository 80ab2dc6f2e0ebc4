"""`penstock up`: both planes under one supervisor."""

from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.options import HomeOption, ListenOption, QuietOption, ReadyFileOption, ReplaceOption
from penstock.core.settings import default_home
from penstock.server.options import DEFAULT_CONSOLE_PORT, DEFAULT_GATEWAY_PORT, UpOptions

__all__ = ["app"]

app = typer.Typer()


@app.command()
def up(
    *,
    home: HomeOption = None,
    host: ListenOption = None,
    gateway_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            show_default=False,
            metavar="NUMBER",
            help=f"Port of the gateway; 0: a free one. Default: {DEFAULT_GATEWAY_PORT}, or that of the replaced one.",
        ),
    ] = None,
    console_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            show_default=False,
            metavar="NUMBER",
            help=f"Port of the console; 0: a free one. Default: {DEFAULT_CONSOLE_PORT}, or that of the replaced one.",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Gateway processes.")] = 1,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default=False, help="Configuration file. Default: penstock.yaml in the home."
        ),
    ] = None,
    public_url: Annotated[
        str | None,
        typer.Option(metavar="URL", show_default=False, help="The console's address as browsers see it."),
    ] = None,
    ready_file: ReadyFileOption = None,
    simulator: Annotated[
        bool, typer.Option("--sim/--no-sim", help="Use the simulator when no provider is configured.")
    ] = True,
    replace: ReplaceOption = False,
    quiet: QuietOption = False,
) -> None:
    """Start the gateway and the console, and print how to use them.

    Stops on Ctrl-C or SIGTERM after the calls in flight have ended.
    """
    from penstock.server.supervisor import run_up  # noqa: PLC0415 - the server, only when it runs

    options = UpOptions(
        home=home or default_home(),
        host=host,
        gateway_port=gateway_port,
        console_port=console_port,
        workers=workers,
        config=config,
        public_url=public_url,
        ready_file=ready_file,
        simulator=simulator,
        replace=replace,
        quiet=quiet,
    )
    raise typer.Exit(run_up(options))
