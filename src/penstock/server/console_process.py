"""The console's process: publishes the first snapshot as early as it can, then loads the rest and serves."""

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path

import uvloop

from penstock.core.errors import PenstockError
from penstock.server.foundation import Foundation, lay_foundation
from penstock.server.process import hold_collector, set_up_logging

__all__ = ["main"]

EXIT_COULD_NOT = 2
NICENESS = 5


def main(arguments: list[str] | None = None) -> None:
    """Entry of `python -m penstock.server.console_process`; the supervisor starts it."""
    parser = argparse.ArgumentParser(prog="penstock.server.console_process", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--console-url", required=True, help="where the listening socket is reached")
    parser.add_argument("--public-url", help="where people's browsers reach the console")
    parser.add_argument("--gateway-url", help="where the gateway is reached")
    parser.add_argument("--simulator-url", help="the provider to use when none is configured")
    parser.add_argument("--listen-fd", type=int, required=True, help="listening socket, inherited")
    parser.add_argument("--ready-fd", type=int, help="pipe on which to say that the console serves")
    parser.add_argument("--parent-fd", type=int, help="pipe whose end means that the parent is gone")
    parser.add_argument("--log-level", default="INFO")
    options = parser.parse_args(arguments)
    hold_collector()
    set_up_logging(options.log_level)
    with suppress(KeyboardInterrupt):
        try:
            with lay_foundation(options.home, config=options.config, simulator_url=options.simulator_url) as foundation:
                _serve(foundation, options)
        except PenstockError as error:
            sys.stderr.write(f"penstock: {error}\n")
            raise SystemExit(EXIT_COULD_NOT) from None


def _serve(foundation: Foundation, options: argparse.Namespace) -> None:
    # Most of the console's start is the loading of this; gateways serve meanwhile.
    from penstock.server.console import ConsoleSettings, Ends, serve  # noqa: PLC0415

    # Where both planes share a machine, calls come before what is known of them; but somebody waits for the start.
    # Now, because each thread of the span store takes over the niceness of the one that opens it.
    os.nice(NICENESS)
    settings = ConsoleSettings(
        console_url=options.console_url, public_url=options.public_url, gateway_url=options.gateway_url
    )
    ends = Ends(listen_fd=options.listen_fd, ready_fd=options.ready_fd, parent_fd=options.parent_fd)
    uvloop.run(serve(foundation, settings=settings, simulated=options.simulator_url is not None, ends=ends))


if __name__ == "__main__":
    main()
