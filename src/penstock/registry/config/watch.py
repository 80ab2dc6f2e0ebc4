"""Noticing that a file changed: edited in place, replaced, renamed over, removed, or a symlink moved."""

import contextlib
import logging
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import NamedTuple

from watchfiles import (
    Change,
    awatch,  # pyright: ignore[reportUnknownVariableType] - its stop event may be trio's, which is not installed
)

__all__ = ["Fingerprint", "fingerprint", "watch_file"]

CHECK_MILLISECONDS = 1000
"""How long at most a change may go unseen where the system reports none (network and container mounts)."""
DEBOUNCE_MILLISECONDS = 100

QUIET_MILLISECONDS = 50
"""How long the folder must be quiet before the file is looked at, so that it is not read while it is written."""


class Fingerprint(NamedTuple):
    """What differs after any change that this module notices."""

    target: str
    inode: int
    size: int
    modified: int


def fingerprint(path: Path) -> Fingerprint | None:
    """Of what lies at a path, symlinks followed; None when nothing does."""
    try:
        status = path.stat()
        return Fingerprint(str(path.resolve()), status.st_ino, status.st_size, status.st_mtime_ns)
    except OSError:
        return None


async def watch_file(path: Path, *, seen: Fingerprint | None) -> AsyncGenerator[bool]:
    """True each time the file changed since `seen` or the last time; False now and then, when not. Never ends.

    The folder is watched, not the file, since editors and configuration tools replace it; so is the folder of a
    symlink's target. Beside that the file is looked at every second, which needs no help of the system. A file that
    is gone or empty counts as changed when it still is half a second later: an editor may be about to write it.
    """
    # It would report every batch of events, at the level of what people should read.
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    gone_since: float | None = None
    while True:
        folders = _folders(path)
        events = awatch(
            *folders,
            watch_filter=_Filter(path),
            recursive=False,
            debounce=DEBOUNCE_MILLISECONDS,
            step=QUIET_MILLISECONDS,
            rust_timeout=CHECK_MILLISECONDS,
            yield_on_timeout=True,
            ignore_permission_denied=True,
        )
        async with contextlib.aclosing(events):
            async for _ in events:
                now = fingerprint(path)
                if now != seen and (now is None or now.size == 0):
                    gone_since = gone_since or time.monotonic()
                    if time.monotonic() - gone_since < CHECK_MILLISECONDS / 2000:
                        continue
                gone_since = None
                yield now != seen
                seen = now
                if _folders(path) != folders:
                    break


def _folders(path: Path) -> tuple[Path, ...]:
    """The folder of the path and of what it leads to; the nearest that exists where they do not."""
    found = (_existing(path.parent), _existing(path.resolve().parent))
    return tuple(dict.fromkeys(found))


def _existing(folder: Path) -> Path:
    return next(candidate for candidate in (folder, *folder.parents) if candidate.is_dir())


class _Filter:
    """Lets through what may concern one file: its own name, its target's, and moved symlinks.

    Beside those anything once a second: a folder that is always busy would otherwise never time out.
    """

    def __init__(self, path: Path) -> None:
        resolved = path.resolve()
        self._names = {path.name, resolved.name, *(folder.name for folder in (*path.parents, *resolved.parents))}
        self._passed = time.monotonic()

    def __call__(self, _change: Change, name: str) -> bool:
        path = Path(name)
        now = time.monotonic()
        concerns = path.name in self._names or path.name.startswith("..") or path.is_symlink()
        if concerns or now - self._passed >= CHECK_MILLISECONDS / 1000:
            self._passed = now
            return True
        return False
