"""What takes room on the disk, by what it is."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from penstock.core.clock import Clock
from penstock.core.errors import Unavailable
from penstock.core.home import Home
from penstock.store.spans.deletion import DiskUse
from penstock.tracing.types import DiskState, ProjectSpans

__all__ = ["DiskWatch"]

FRESH_SECONDS: Final = 60.0
"""For which a look into the store holds: it reads the directory of every table."""


class _Store(Protocol):
    def disk_use(self) -> DiskUse: ...

    def disk_bytes(self) -> int: ...


class DiskWatch:
    """Looks at the home folder, and now and then into the store.

    Args:
        spans: The store.
        home: Whose files are counted.
        clock: How old the last look is.
    """

    def __init__(self, spans: _Store, *, home: Home, clock: Clock) -> None:
        self._spans = spans
        self._home = home
        self._clock = clock
        self._use: DiskUse | None = None
        self._seen_at = float("-inf")
        self._looking = threading.Lock()

    def state(self, visible: Callable[[str], bool]) -> DiskState:
        """What there is; parts of the store are None while it is down.

        Args:
            visible: Whether a project, by its id, is there for whoever asks.
        """
        use = self._looked()
        home = self._home
        return DiskState(
            spans_bytes=self._spans.disk_bytes(),
            rows_bytes=None if use is None else use.spans,
            payload_bytes=None if use is None else use.payloads,
            rollup_bytes=None if use is None else use.rollups,
            text_index_bytes=None if use is None else use.text_index,
            score_bytes=None if use is None else use.scores,
            reusable_bytes=None if use is None else use.free,
            growth_bytes=None if use is None else use.growth,
            journal_bytes=_folder_bytes(home.journal),
            intake_bytes=_folder_bytes(home.intake),
            waiting_score_bytes=_folder_bytes(home.scores),
            metadata_bytes=_metadata_bytes(home.metadata),
            free_bytes=shutil.disk_usage(home.path).free,
            projects=[ProjectSpans(id=id_, spans=spans) for id_, spans in use.by_project if visible(id_)]
            if use is not None
            else [],
        )

    def _looked(self) -> DiskUse | None:
        with self._looking:
            now = self._clock.monotonic()
            if now - self._seen_at >= FRESH_SECONDS:
                try:
                    self._use = self._spans.disk_use()
                except Unavailable:
                    return None
                self._seen_at = now
            return self._use


def _folder_bytes(folder: Path) -> int:
    """Bytes of the records in a folder and its folders, without the room that writers set aside."""
    total = 0
    for path in folder.rglob("*"):
        if path.name.startswith("reserve-"):
            continue
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def _metadata_bytes(path: Path) -> int:
    """Bytes of the SQLite file and its log; 0 when the metadata lies on a server."""
    return sum(file.stat().st_size for file in (path, path.with_name(path.name + "-wal")) if file.exists())
