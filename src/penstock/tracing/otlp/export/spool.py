"""Segments that wait for one backend: hard links to those that were stored, so that keeping one copies nothing."""

import logging
import os
from pathlib import Path

__all__ = ["Spool"]

logger = logging.getLogger(__name__)


class Spool:
    """A folder of segments, bounded in bytes; the oldest go first when it is full.

    Ingestion keeps segments from its thread, the sender takes and removes them from another: each step is one system
    call on one name.

    Args:
        folder: Made when it is not there.
        max_bytes: What may wait.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self.dropped = 0
        """Segments that were given up since the start: too much waited, or one could not be kept."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._waiting = sum(size for _, size in self._listed())

    @property
    def waiting_bytes(self) -> int:
        return self._waiting

    def keep(self, segment: Path) -> None:
        """Keep a segment that is about to be removed. Never raises: a backend must not hold up ingestion."""
        kept = self._folder / segment.name
        try:
            os.link(segment, kept)
            self._waiting += kept.stat().st_size
        except FileExistsError:
            return
        except OSError as error:
            self.dropped += 1
            logger.warning("segment %s cannot be kept for export: %s", segment.name, error)
            return
        if self._waiting > self._max_bytes:
            self._make_room()

    def oldest(self) -> Path | None:
        """The segment to send next."""
        names = sorted(entry.name for entry in os.scandir(self._folder))
        return self._folder / names[0] if names else None

    def remove(self, segment: Path) -> None:
        """It was sent, or given up."""
        try:
            size = segment.stat().st_size
            segment.unlink()
        except FileNotFoundError:
            return
        self._waiting = max(0, self._waiting - size)

    def _make_room(self) -> None:
        listed = self._listed()
        self._waiting = sum(size for _, size in listed)
        for path, _ in listed:
            if self._waiting <= self._max_bytes:
                return
            self.remove(path)
            self.dropped += 1
            logger.error("%s was not sent in time and is given up: more waits than may", path)

    def _listed(self) -> list[tuple[Path, int]]:
        """Oldest first, with sizes."""
        found: list[tuple[Path, int]] = []
        for path in sorted(self._folder.iterdir()):
            try:
                found.append((path, path.stat().st_size))
            except FileNotFoundError:
                continue
        return found
