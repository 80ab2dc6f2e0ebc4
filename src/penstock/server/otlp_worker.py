"""The process that maps large requests of spans. It prices and hides by the snapshot, as gateways do."""

import argparse
import logging
import signal
import socket
from pathlib import Path

from penstock.core.errors import CorruptData
from penstock.core.home import Home
from penstock.server.process import relax_collector, set_up_logging
from penstock.server.reported_pricing import ReportedPricing
from penstock.server.user_hash import user_hash
from penstock.tracing.otlp.worker.serve import serve_requests
from penstock.wire.snapshot import Snapshot, decode_snapshot

__all__ = ["main"]

logger = logging.getLogger(__name__)


class Published:
    """What is published now, as far as it can be read.

    Args:
        path: The snapshot.

    Raises:
        OSError, CorruptData: there is none that can be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._signature = _signature(path)
        self.snapshot: Snapshot = decode_snapshot(path.read_bytes())

    def refresh(self) -> None:
        """Take up another one, if there is; keep the one before while it cannot be read."""
        try:
            signature = _signature(self._path)
            if signature != self._signature:
                self.snapshot, self._signature = decode_snapshot(self._path.read_bytes()), signature
        except (OSError, CorruptData) as error:
            logger.warning("prices stay as they were: %s", error)


def _signature(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def main(arguments: list[str] | None = None) -> None:
    """Entry of `python -m penstock.server.otlp_worker`; the console starts it."""
    parser = argparse.ArgumentParser(prog="penstock.server.otlp_worker", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--lanes", required=True, help="sockets, inherited, by their numbers: 5,7")
    options = parser.parse_args(arguments)
    # It ends when its lanes are closed, with what it has in hand done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_up_logging()
    published = Published(Home(options.home).snapshot)
    relax_collector()
    serve_requests(
        [socket.socket(fileno=int(number)) for number in options.lanes.split(",")],
        pricing=ReportedPricing(lambda: published.snapshot),
        hide=lambda user: user_hash(published.snapshot, user),
        before=published.refresh,
    )


if __name__ == "__main__":
    main()
