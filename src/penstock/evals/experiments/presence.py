"""Whether the process that ran an experiment on this machine is still there."""

import fcntl
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from penstock.core.errors import Conflict, Unavailable

__all__ = ["presence"]

MAX_NAME = 200


@contextmanager
def presence(experiment: str, runner: str, *, folder: Path | None = None) -> Generator[str | None, None, None]:
    """Hold an experiment for this process; gives the name of the one that held it before and has died.

    A lock that the system takes back with the process says more than a lease: after a `kill -9` nobody has to wait.

    Args:
        experiment: Its id.
        runner: This process's name.
        folder: Where locks lie; None: this user's folder for temporary files.

    Raises:
        Conflict: another process of this machine runs it (`experiment_running`).
        Unavailable: the lock cannot be made.
    """
    place = folder or Path(tempfile.gettempdir()) / f"penstock-eval-{os.getuid()}"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(place / f"{experiment}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise Unavailable(f"{place} cannot be written: {error.strerror}.", code="lock_not_made") from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                "Another process of this machine runs this experiment.",
                hint="Wait until it has ended, or pause it with: penstock eval cancel --pause",
                code="experiment_running",
            ) from None
        former = os.pread(file, MAX_NAME, 0).decode("ascii", "replace") or None
        os.ftruncate(file, 0)
        os.pwrite(file, runner.encode(), 0)
        yield former
    finally:
        os.close(file)
