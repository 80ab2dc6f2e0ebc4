"""`penstock console`: the control plane alone."""

from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.options import HomeOption, ListenOption, QuietOption, ReadyFileOption, ReplaceOption
from penstock.core.settings import default_home
from penstock.server.options import DEFAULT_CONSOLE_PORT, UpOptions

__all__ = ["app"]

app = typer.Typer()


@app.command()
def console(
    *,
    home: HomeOption = None,
    host: ListenOption = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            "--console-port",
            min=0,
            max=65535,
            show_default=False,
            metavar="NUMBER",
            help=f"Port of the console; 0: a free one. Default: {DEFAULT_CONSOLE_PORT}, or that of the replaced one.",
        ),
    ] = None,
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
    gateway_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="PENSTOCK_GATEWAY_URL",
            show_default=False,
            help="Where the console reaches the gateway for experiments and the playground, and what it shows people.",
        ),
    ] = None,
    ready_file: ReadyFileOption = None,
    replace: ReplaceOption = False,
    quiet: QuietOption = False,
) -> None:
    """Start the console alone: control API, web UI, ingestion of the journal in the home."""
    from penstock.server.supervisor import run_console  # noqa: PLC0415 - the server, only when it runs

    options = UpOptions(
        home=home or default_home(),
        host=host,
        console_port=port,
        config=config,
        public_url=public_url,
        gateway_url=gateway_url,
        ready_file=ready_file,
        replace=replace,
        quiet=quiet,
    )
    raise typer.Exit(run_console(options))
