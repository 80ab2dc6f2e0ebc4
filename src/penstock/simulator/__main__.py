"""`python -m penstock.simulator`: what `penstock sim` does, with a process to start it for."""

import sys

from penstock.core.errors import PenstockError
from penstock.simulator.arguments import build_config, make_parser
from penstock.simulator.server import serve

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop. Returns the exit code: 2 when it could not start."""
    options = make_parser().parse_args(arguments)
    try:
        config = build_config(vars(options))
        serve(
            config,
            options.host,
            options.port,
            ready=options.ready_file,
            ready_fd=options.ready_fd,
            parent_fd=options.parent_fd,
            listen_fd=options.listen_fd,
        )
    except PenstockError as error:
        sys.stderr.write(f"penstock sim: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
