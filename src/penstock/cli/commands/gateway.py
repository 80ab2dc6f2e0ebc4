"""`penstock gateway`: the data plane alone."""

from typing import Annotated

import typer

from penstock.cli.options import HomeOption, ListenOption, QuietOption, ReadyFileOption, ReplaceOption
from penstock.core.settings import default_home
from penstock.server.options import DEFAULT_GATEWAY_PORT, UpOptions

__all__ = ["app"]

app = typer.Typer()


@app.command()
def gateway(
    *,
    home: HomeOption = None,
    host: ListenOption = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            "--gateway-port",
            min=0,
            max=65535,
            show_default=False,
            metavar="NUMBER",
            help=f"Port of the gateway; 0: a free one. Default: {DEFAULT_GATEWAY_PORT}, or that of the replaced one.",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Gateway processes.")] = 1,
    ready_file: ReadyFileOption = None,
    replace: ReplaceOption = False,
    quiet: QuietOption = False,
) -> None:
    """Start the gateway alone, on the snapshot in the home.

    It serves while the console is down; a console on the same home publishes changes to it.
    """
    from penstock.server.supervisor import run_gateway  # noqa: PLC0415 - the server, only when it runs

    options = UpOptions(
        home=home or default_home(),
        host=host,
        gateway_port=port,
        workers=workers,
        ready_file=ready_file,
        replace=replace,
        quiet=quiet,
    )
    raise typer.Exit(run_gateway(options))
