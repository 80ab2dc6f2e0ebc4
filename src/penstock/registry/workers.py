"""The gateway workers that report into this home, and whether they serve what was published."""

import logging
from collections.abc import Sequence

import msgspec

from penstock.core.home import Home
from penstock.registry.types import WorkerView
from penstock.wire.status import WorkerReport

__all__ = ["is_live", "is_waiting", "workers"]

logger = logging.getLogger(__name__)

STALE_SECONDS = 5
"""A worker reports once a second; one that is silent for this long is gone or stuck."""
FORGOTTEN_SECONDS = 600
"""After this long a silent worker is no longer shown."""
MAX_BYTES = 16 * 1024 * 1024

_decode = msgspec.json.Decoder(WorkerReport).decode


def workers(home: Home, *, version: int, now: int) -> list[WorkerView]:
    """What each worker says of itself, by name, against the published version (FAILURES G21).

    Args:
        home: Where the reports lie.
        version: Of the snapshot that is published.
        now: Microseconds since the epoch.
    """
    found: list[WorkerView] = []
    for path in sorted(home.workers.glob("*.json")):
        try:
            with path.open("rb") as file:
                report = _decode(file.read(MAX_BYTES))
        except (OSError, msgspec.MsgspecError) as error:
            logger.warning("The worker report %s cannot be read: %s", path, error)
            continue
        silent = (now - report.at) / 1_000_000
        if silent <= FORGOTTEN_SECONDS:
            stale = silent > STALE_SECONDS
            newest = report.snapshot >= version
            found.append(WorkerView(**msgspec.structs.asdict(report), stale=stale, newest=newest))
    return found


def is_live(found: Sequence[WorkerView]) -> bool:
    """Whether there are workers that take calls, and each serves the published version."""
    serving = [worker for worker in found if not worker.stale and worker.state == "serving"]
    return bool(serving) and not any(is_waiting(worker) for worker in serving)


def is_waiting(worker: WorkerView) -> bool:
    """Whether a worker takes calls and serves an older version than the published one."""
    return not worker.stale and worker.state == "serving" and not worker.newest
