"""A child process that says in a file when it serves."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from penstock.core.clock import Clock, SystemClock
from penstock.core.errors import Unavailable

__all__ = ["ReadyProcess"]

POLL = 0.02
"""Seconds between two looks at the ready file."""


class ReadyProcess:
    """Runs `python -m <module> … --ready-file PATH` and waits for that file.

    A context manager: entering starts it, leaving stops it. The constructor only stores.

    Args:
        arguments: What follows `python -m`.
        folder: Where the ready file and the log go.
        environment: Variables of the process, all of them; None inherits this process's.
        patience: Seconds to start, and again to stop.
    """

    def __init__(
        self,
        arguments: list[str],
        *,
        folder: Path,
        environment: dict[str, str] | None = None,
        patience: float = 30.0,
        clock: Clock | None = None,
    ) -> None:
        self.ready_file = folder / "ready.json"
        self.log = folder / "output.log"
        self._command = [sys.executable, "-m", *arguments, "--ready-file", str(self.ready_file)]
        self._environment = environment
        self._patience = patience
        self._clock = clock or SystemClock()
        self._process: subprocess.Popen[bytes] | None = None
        self.ready: dict[str, Any] = {}
        """What the ready file holds."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Id of the running process.

        Raises:
            Unavailable: it is not running.
        """
        if self._process is None:
            raise Unavailable("The process is not running.", hint="Start it first.")
        return self._process.pid

    def start(self) -> None:
        """Start, and return when it serves.

        Raises:
            Unavailable: it ended or did not serve in time; the message holds the end of its output.
        """
        self.ready_file.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=self._environment
            )
        deadline = self._clock.monotonic() + self._patience
        while not self.ready_file.exists():
            try:
                code = self._process.wait(timeout=POLL)
            except subprocess.TimeoutExpired:
                if self._clock.monotonic() < deadline:
                    continue
                self.kill()
                raise self._failed(f"did not serve within {self._patience:g} s") from None
            self._process = None
            raise self._failed(f"ended with exit code {code} before it served")
        self.ready = json.loads(self.ready_file.read_bytes())

    def stop(self) -> int | None:
        """Ask it to stop, and return its exit code; None when it was not running.

        Raises:
            Unavailable: it did not stop in time; it is killed then.
        """
        if self._process is None:
            return None
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(timeout=self._patience)
        except subprocess.TimeoutExpired:
            self.kill()
            raise self._failed(f"did not stop within {self._patience:g} s") from None
        self._process = None
        return code

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _failed(self, what: str) -> Unavailable:
        output = self.log.read_bytes()[-4000:].decode(errors="replace").strip()
        return Unavailable(f"`{' '.join(self._command[1:])}` {what}. Its output ends with:\n{output}")
