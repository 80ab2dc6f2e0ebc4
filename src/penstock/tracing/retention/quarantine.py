"""What was set aside as unreadable may hold what is to be deleted, too."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from penstock.core.files import replace_file
from penstock.store.spans.deletion import Selection

__all__ = ["clear_quarantine", "waiting"]

logger = logging.getLogger(__name__)

_RECORD = (b'{"record":"span"', b'{"record":"score"')


class _BadLine(msgspec.Struct):
    text: str = ""


_line = msgspec.json.Decoder(_BadLine).decode
_fields = msgspec.json.Decoder(dict[str, Any]).decode


def clear_quarantine(folder: Path, selection: Selection) -> int:
    """Remove the lines that the selection means from the files in the folder; returns how many.

    A line that is JSON is judged by its fields, any other by whether it holds what was named. A search says nothing
    about a line that could not be read; with nothing else given no line is removed.

    Raises:
        OSError: a file cannot be read or written; what was removed before stays removed.
    """
    removed = 0
    for path in sorted(folder.glob("*.ndjson")):
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if not _meant(line, selection)]
        if len(kept) == len(lines):
            continue
        if kept:
            replace_file(path, b"".join(kept))
        else:
            path.unlink(missing_ok=True)
        removed += len(lines) - len(kept)
    return removed


def waiting(folders: list[Path], before: int) -> list[str]:
    """Names of segments begun before this time (microseconds) that hold records and are not stored yet."""
    found: list[str] = []
    for folder in folders:
        for path in folder.glob("*-*-*"):
            if path.suffix not in {".open", ".ndjson"} or not _begun(path, before):
                continue
            # A segment that only says which calls are in flight is kept open by these, for as long as they take.
            if path.suffix == ".ndjson" or _holds_records(path):
                found.append(path.name)
    return found


def _begun(path: Path, before: int) -> bool:
    try:
        return int(path.stem.partition("-")[0], 16) <= before
    except ValueError:
        return False


def _holds_records(path: Path) -> bool:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        # Sealed meanwhile, under its other name; the next look finds it.
        return True
    return any(data.startswith(record) or b"\n" + record in data for record in _RECORD)


def _meant(line: bytes, selection: Selection) -> bool:
    try:
        text = _line(line).text
    except msgspec.MsgspecError:
        logger.warning("a line of the quarantine is none of ours and is left as it is")
        return False
    try:
        fields = _fields(text.encode())
    except msgspec.MsgspecError:
        return _mentioned(text, selection)
    if fields.get("project") != selection.project:
        return False
    return _all_hold(selection, lambda name, values: fields.get(name) in values, fields.get("started"))


def _mentioned(text: str, selection: Selection) -> bool:
    """Of a line that is no JSON: whether it names the project, and what was asked for."""
    return selection.project in text and _all_hold(
        selection, lambda _, values: any(value in text for value in values), None
    )


def _all_hold(selection: Selection, holds: Callable[[str, tuple[str, ...]], bool], started: object) -> bool:
    named = [("trace_id", selection.traces), ("user", selection.users)]
    named += [
        (name, (value,))
        for name, value in (("session", selection.session), ("key", selection.key))
        if value is not None
    ]
    given = [(name, values) for name, values in named if values]
    unread = selection.where is not None or selection.kinds or selection.other_kinds
    if not given and (unread or selection.before is None):
        return False
    if selection.before is not None and not (isinstance(started, int) and started < selection.before):
        return False
    return all(holds(name, values) for name, values in given)
