"""What was booked, on disk: budgets survive a restart and equal the records.

One file for all workers of a home, appended under a lock, one JSON object per line:

    {"segment": "<name>", "values": [[counter, start, amount], …]}   what a worker had booked when it ended
                                                                     this segment of its journal: its own part,
                                                                     whole, of each counter changed since before
    {"segment": "<name>", "added": [[counter, start, amount], …]}    what a dead worker's last segment adds
    {"segment": "", "values": […]}                                   the parts of workers that are gone, summed

A worker's line is on disk before its segment is sealed, and sealing comes before ingestion. So whenever the
process dies, a record is in exactly one of: a segment that a line names, or a segment that is still in the
journal's folder. The sum is therefore the last lines plus the segments that no line names.
"""

import fcntl
import logging
import os
from collections import defaultdict
from collections.abc import Collection, Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from penstock.core.clock import Clock
from penstock.core.files import replace_file
from penstock.core.home import Home
from penstock.store.counters.ledger import Entry, Ledger, is_current
from penstock.store.counters.replay import Spent, spend_of
from penstock.store.counters.windows import bounds, kind_of

__all__ = ["SpendLog", "is_living"]

logger = logging.getLogger(__name__)

COMPACT_BYTES = 4 * 1024 * 1024
GONE = ""
"""Stands for all workers that are gone, in the place of a worker's name."""

Amounts = dict[tuple[str, int], int]


class _Line(msgspec.Struct, omit_defaults=True):
    segment: str
    values: list[Entry] | None = None
    added: list[Entry] | None = None


_decode = msgspec.json.Decoder(_Line).decode
_encode = msgspec.json.Encoder().encode


class _Part:
    """What one worker booked, as the log tells it."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, int], tuple[int, int]] = {}
        """Sequence of the segment that it was written for, and amount."""
        self.added: dict[int, Amounts] = {}
        """By sequence: what segments add that the worker did not live to name."""
        self.named: dict[str, int] = {}
        """Segments that are counted, with their sequence."""

    def take(self, line: _Line, sequence: int) -> None:
        if line.added is not None:
            self.added[sequence] = {(counter, start): amount for counter, start, amount in line.added}
        for counter, start, amount in line.values or ():
            before = self.values.get((counter, start))
            # A write that failed is tried again, after later ones.
            if before is None or sequence >= before[0]:
                self.values[counter, start] = (sequence, amount)
        self.named[line.segment] = sequence

    def amounts(self) -> Amounts:
        total = {place: amount for place, (_, amount) in self.values.items()}
        for sequence, added in self.added.items():
            for place, amount in added.items():
                # Whole amounts written for this segment or a later one hold it already.
                if place not in self.values or self.values[place][0] < sequence:
                    total[place] = total.get(place, 0) + amount
        return total


class SpendLog:
    """The log of one worker, and the sum over all of them.

    `snapshot_changes` belongs to the thread of the ledger, in the same turn in which a segment is ended;
    `write` to the thread that seals it, before the rename. To be made before the worker writes its first
    segment: a segment whose worker does not hold its log counts as left by the dead.

    Args:
        home: Where the log and the journal lie.
        ledger: What this process books.
        worker: The name in this process's segments (`JournalWriter.worker`). While the log is open, this
            process counts as living.
        clock: Tells which windows are over.
    """

    def __init__(self, home: Home, ledger: Ledger, *, worker: str, clock: Clock) -> None:
        self._path = home.spend
        self._journal = home.journal
        self._run = home.run
        self._ledger = ledger
        self._worker = worker
        self._clock = clock
        self._living = home.run / f"spend-{worker}"
        self._fd: int | None = os.open(self._living, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def snapshot_changes(self) -> bytes:
        """What to give to `write` for the segment that ends now; empty while nothing was ever booked."""
        return b"" if self._ledger.empty else _encode(self._ledger.take_changes())

    def write(self, segment: str, changes: bytes) -> None:
        """Append what `snapshot_changes` gave, durably. May be tried again, also after later segments.

        Args:
            segment: Name of the segment, without its suffix.
            changes: From `snapshot_changes` in the turn in which the segment was ended.

        Raises:
            OSError: it is not on disk; the segment must not be sealed yet.
        """
        if not changes:
            return
        with self._locked() as fd:
            _append(fd, b'{"segment":%b,"values":%b}\n' % (_encode(segment), changes))
            if os.fstat(fd).st_size > COMPACT_BYTES:
                self._compact(fd)

    def fold(self, segment: str, data: bytes, spent: Spent) -> None:
        """Count the last segment of a worker that died, before it is sealed and may be ingested.

        Args:
            segment: Its name, without the suffix.
            data: Its content.
            spent: As for `restore`.

        Raises:
            OSError: it is not on disk.
        """
        with self._locked() as fd:
            parts = _parts(fd)
            if segment in parts[_worker(segment)].named:
                return
            amounts = spend_of(data, spent)
            _append(fd, _encode(_Line(segment, added=_entries(amounts))) + b"\n")

    def restore(self, spent: Spent) -> Amounts:
        """What all workers of this home booked in windows that still count: the log, and what it does not name.

        Args:
            spent: Which counters a span adds to, under the limits that hold now (`Limiter.spent`).

        Raises:
            OSError: the log or a segment cannot be read.
        """
        return self._sum(spent, without=())

    def others(self, spent: Spent) -> Amounts:
        """As `restore`, without what this worker booked itself."""
        return self._sum(spent, without={self._worker})

    def others_living(self) -> set[str]:
        """The other workers of this home that live."""
        held = {path.name.removeprefix("spend-") for path in self._run.glob("spend-*") if _is_held(path)}
        return held - {self._worker}

    def gone(self, spent: Spent) -> dict[str, int]:
        """What workers booked that live no more, by counter, in the current windows: for a Redis that lost its data."""
        living = {path.name.removeprefix("spend-") for path in self._run.glob("spend-*") if _is_held(path)}
        now = self._clock.now()
        return {
            counter: amount
            for (counter, start), amount in self._sum(spent, without=living).items()
            if start == bounds(kind_of(counter)[1], now)[0]
        }

    def close(self) -> None:
        """This process is over. What it booked stays."""
        fd, self._fd = self._fd, None
        if fd is not None:
            self._living.unlink(missing_ok=True)
            os.close(fd)

    def _sum(self, spent: Spent, *, without: Collection[str]) -> Amounts:
        with self._locked() as fd:
            parts = _parts(fd)
            # Under the lock no segment that the log does not name can be sealed, so none can be ingested.
            for name, path in sorted(self._segments().items()):
                worker = _worker(name)
                if worker in without or name in parts[worker].named:
                    continue
                amounts = parts[worker].added[_sequence(name)] = spend_of(_read(path), spent)
                if not _is_held(self._run / f"spend-{worker}"):
                    # Its worker will not name it any more, and once it is ingested nobody can.
                    _append(fd, _encode(_Line(name, added=_entries(amounts))) + b"\n")
            if os.fstat(fd).st_size > COMPACT_BYTES:
                self._compact(fd)
        now = self._clock.now()
        total: defaultdict[tuple[str, int], int] = defaultdict(int)
        for worker, part in parts.items():
            if worker in without:
                continue
            for place, amount in part.amounts().items():
                if is_current(place[0], place[1], now):
                    total[place] += amount
        return dict(total)

    def _segments(self) -> dict[str, Path]:
        """Segments in the journal's folder, by name."""
        return {path.stem: path for suffix in ("open", "ndjson") for path in self._journal.glob(f"*-*-*.{suffix}")}

    def _compact(self, fd: int) -> None:
        """Write the log anew: what still counts, and one part for all workers that are gone."""
        now = self._clock.now()
        present = self._segments()
        waiting = {_worker(name) for name in present}
        gone: defaultdict[tuple[str, int], int] = defaultdict(int)
        lines: list[_Line] = []
        for worker, part in _parts(fd).items():
            if worker in waiting or _is_held(self._run / f"spend-{worker}"):
                lines.extend(_kept(part, present, now))
                continue
            (self._run / f"spend-{worker}").unlink(missing_ok=True)
            for place, amount in part.amounts().items():
                if is_current(place[0], place[1], now):
                    gone[place] += amount
        lines.insert(0, _Line(GONE, values=_entries(gone)))
        replace_file(self._path, b"".join(_encode(line) + b"\n" for line in lines))

    @contextmanager
    def _locked(self) -> Generator[int]:
        """The log, open for appending and reading, and nobody else's while the block runs."""
        while True:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                # Another process may have written it anew before the lock was had.
                if self._path.exists() and self._path.stat().st_ino == os.fstat(fd).st_ino:
                    yield fd
                    return
            finally:
                os.close(fd)


def _worker(segment: str) -> str:
    return segment.split("-")[1] if segment else GONE


def _sequence(segment: str) -> int:
    return int(segment.rpartition("-")[2], 16) if segment else 0


def _entries(amounts: Amounts) -> list[Entry]:
    return [(counter, start, amount) for (counter, start), amount in amounts.items()]


def _parts(fd: int) -> defaultdict[str, _Part]:
    parts: defaultdict[str, _Part] = defaultdict(_Part)
    for raw in _content(fd).split(b"\n"):
        if not raw:
            continue
        try:
            line = _decode(raw)
            worker, sequence = _worker(line.segment), _sequence(line.segment)
        except (msgspec.MsgspecError, ValueError, IndexError) as error:
            # A line that was torn by a crash; its segment was not sealed, so it is read instead.
            logger.warning("a line of the spend log is not readable, its segment is counted instead: %s", error)
            continue
        parts[worker].take(line, sequence)
    return parts


def _kept(part: _Part, present: Collection[str], now: int) -> list[_Line]:
    """The part in as few lines as say the same."""
    values: defaultdict[int, list[Entry]] = defaultdict(list)
    for (counter, start), (sequence, amount) in part.values.items():
        if is_current(counter, start, now):
            values[sequence].append((counter, start, amount))
    lines: list[_Line] = []
    for name, sequence in part.named.items():
        entries, added = values.pop(sequence, []), part.added.get(sequence)
        if added is not None:
            lines.append(_Line(name, values=entries, added=_entries(added)))
        elif entries or name in present:
            lines.append(_Line(name, values=entries))
    return lines


def _append(fd: int, line: bytes) -> None:
    size = os.fstat(fd).st_size
    # A torn line of a process that died must not swallow this one.
    torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
    data = b"\n" + line if torn else line
    try:
        written = os.write(fd, data)
        while written < len(data):
            written += os.write(fd, data[written:])
        os.fsync(fd)
    except OSError:
        os.ftruncate(fd, size)
        raise


def _content(fd: int) -> bytes:
    size, data = os.fstat(fd).st_size, b""
    while len(data) < size:
        data += os.pread(fd, size - len(data), len(data))
    return data


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        # Sealed a moment ago.
        return path.with_suffix(".ndjson").read_bytes()


def is_living(home: Home, worker: str) -> bool:
    """Whether the process that holds this worker's log lives."""
    return _is_held(home.run / f"spend-{worker}")


def _is_held(path: Path) -> bool:
    """Whether a living process holds the file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
