"""Where a Penstock installation keeps its state: one folder, owner-only."""

import os
from pathlib import Path

from penstock.core.errors import Unavailable

__all__ = ["Home"]


class Home:
    """The layout of `--home`. Constructing it touches nothing; `create()` makes the folders.

    config          penstock.yaml when it lies in the home (a path may be given instead)
    snapshot        snapshot.json, what the gateway serves
    journal/        segments: *.open (being written), *.ndjson (sealed), quarantine/
    intake/         segments of what applications sent: spans, as in journal/
    scores/         segments of scores
    export/         segments that wait for other backends
    metadata.db     projects, keys, users, sessions, audit (SQLite)
    master.key      the key that stored secrets are sealed under, unless another place is given (0600)
    admin.key       the admin key of the first start, for the CLI and `penstock up` on this machine (0600)
    spans.duckdb    spans (DuckDB)
    spend.log       what budgets have used, so that it survives a restart
    uploads/        files of rows that wait to be imported
    workers/        what each gateway worker reports about itself: <worker>.json
    run/            pid and socket files of running processes
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.config = self.path / "penstock.yaml"
        self.snapshot = self.path / "snapshot.json"
        self.journal = self.path / "journal"
        self.quarantine = self.journal / "quarantine"
        self.intake = self.path / "intake"
        self.scores = self.path / "scores"
        self.metadata = self.path / "metadata.db"
        self.admin_key = self.path / "admin.key"
        self.master_key = self.path / "master.key"
        self.spans = self.path / "spans.duckdb"
        self.spend = self.path / "spend.log"
        self.uploads = self.path / "uploads"
        self.workers = self.path / "workers"
        self.run = self.path / "run"

    def create(self) -> None:
        """Make the folders, mode 0700.

        Raises:
            Unavailable: the folder cannot be made or written (`home_not_writable`).
        """
        try:
            folders = (self.path, self.journal, self.quarantine, self.intake, self.scores, self.workers, self.run)
            for folder in folders:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._not_writable(error) from error
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise self._not_writable(PermissionError(13, "Permission denied"))

    def _not_writable(self, error: OSError) -> Unavailable:
        return Unavailable(
            f"The home folder {self.path} cannot be written: {error.strerror}.",
            hint="Choose another with --home DIR or PENSTOCK_HOME.",
            code="home_not_writable",
        )
