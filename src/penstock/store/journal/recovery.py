"""Segments whose writer died are completed and sealed, so that every call leaves its record.

Safe to kill at any step and to run again: the sealed file is written aside and renamed, the orphan is
removed last, and a segment sealed twice is stored once, by its name.
"""

import fcntl
import logging
import os
from collections import defaultdict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from penstock.core.clock import Clock
from penstock.core.files import replace_file

__all__ = ["recover"]

logger = logging.getLogger(__name__)

FRESH_SECONDS = 5.0
"""A `.new` file or a reserve younger than this may belong to a writer that has not locked it yet."""
_ENDED = msgspec.json.encode("interrupted")
_ERROR_TYPE = msgspec.json.encode("gateway_crashed")
_ERROR_MESSAGE = msgspec.json.encode(
    "The gateway process ended while it served this call; what the provider had answered by then is not known."
)


Fold = Callable[[str, bytes], None]


class _Header(msgspec.Struct):
    record: str
    span_id: str
    started: int


_header = msgspec.json.Decoder(_Header).decode
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def recover(folder: Path, *, clock: Clock, fold: Fold | None = None) -> list[Path]:
    """Seal the segments in `folder` that no living process holds; returns the sealed paths.

    A segment of a living writer is left alone, whatever its state. What cannot be recovered now
    (no room, no permission) is logged and tried again at the next call.

    Args:
        folder: Of the journal.
        clock: Age of files.
        fold: Given a segment's name and content before it is sealed and may be ingested. It may be given the
            same one again.
    """
    workers: defaultdict[str, list[Path]] = defaultdict(list)
    for path in folder.glob("*.open"):
        parts = path.stem.split("-")
        if len(parts) == 3:
            workers[parts[1]].append(path)
    sealed: list[Path] = []
    for paths in workers.values():
        paths.sort(key=_sequence)
        path = paths[0]
        try:
            for path in paths:
                # In order, and stopping at the first failure: the newest knows the calls in flight.
                done = _recover_one(path, fold)
                if done is not None:
                    sealed.append(done)
        except OSError as error:
            logger.error("journal segment %s cannot be recovered yet: %s", path.name, error)  # noqa: TRY400 - the message is whole
    _remove_unfinished(folder, clock)
    return sealed


def _sequence(path: Path) -> str:
    """The last part of `<started>-<worker>-<sequence>`; the clock may have been set back in between."""
    return path.stem.rpartition("-")[2]


def _is_newest(path: Path) -> bool:
    """Whether its writer started no later segment. Asked when the writer is known to be dead."""
    worker = path.stem.split("-")[1]
    others = (*path.parent.glob(f"*-{worker}-*.open"), *path.parent.glob(f"*-{worker}-*.ndjson"))
    return all(_sequence(other) <= _sequence(path) for other in others)


def _recover_one(path: Path, fold: Fold | None) -> Path | None:
    target = path.with_suffix(".ndjson")
    with _held(path) as held:
        if not held:
            return None
        data = b"" if target.exists() else _completed(path, newest=_is_newest(path))
        if data:
            if fold is not None:
                fold(path.stem, data)
            replace_file(target, data)
        path.unlink(missing_ok=True)
    if not data:
        return None
    logger.warning("journal segment %s was left by a process that died; it is sealed", path.name)
    return target


@contextmanager
def _held(path: Path) -> Generator[bool]:
    """Whether the writer of this file is gone; while the block runs, no other process recovers it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            # The writer may have sealed it, or another process recovered it, before the lock was had.
            yield path.exists() and path.stat().st_ino == os.fstat(fd).st_ino
    finally:
        os.close(fd)


def _completed(path: Path, *, newest: bool) -> bytes:
    """The segment without its torn last line and its `open` lines; calls that died stand as interrupted."""
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    until = path.stat().st_mtime_ns // 1000
    lines: list[bytes] = []
    opened: dict[str, bytes] = {}
    for line in whole.split(b"\n")[:-1]:
        try:
            header = _header(line)
        except (msgspec.MsgspecError, ValueError):
            # Ingestion sets it aside, with the reason.
            lines.append(line + b"\n")
            continue
        if header.record == "open":
            opened[header.span_id] = _interrupted(line, max(0, until - header.started))
        else:
            opened.pop(header.span_id, None)
            lines.append(line + b"\n")
    if newest:
        lines.extend(opened.values())
    return b"".join(lines)


def _interrupted(line: bytes, duration: int) -> bytes:
    """A call in flight as a span: it lasted at least to the journal's last write; its cost is unknown."""
    fields = _fields(line) | {
        "record": msgspec.Raw(b'"span"'),
        "status": msgspec.Raw(_ENDED),
        "error_type": msgspec.Raw(_ERROR_TYPE),
        "error_message": msgspec.Raw(_ERROR_MESSAGE),
        "duration": msgspec.Raw(b"%d" % duration),
        "cost": msgspec.Raw(b"null"),
    }
    return msgspec.json.encode(fields) + b"\n"


def _remove_unfinished(folder: Path, clock: Clock) -> None:
    """Remove what a process that died left: `.new` files, copies of what an `.open` holds, files aside, its reserve."""
    for path in (*folder.glob("*.new"), *folder.glob(".*.ndjson.*"), *folder.glob("reserve-*")):
        try:
            young = clock.now() - path.stat().st_mtime_ns // 1000 < FRESH_SECONDS * 1_000_000
            if young:
                continue
            with _held(path) as held:
                if held:
                    path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("%s, left by a process that died, cannot be removed: %s", path.name, error)
