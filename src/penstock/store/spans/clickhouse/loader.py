"""Segments into their tables, each exactly once, without transactions.

What is stored together is first written down beside the segments, as a plan: the names of the segments, in order, and
the number of the first row. All of it is inserted as one block with a token made of these names, which the server
stores once however often it is sent. What follows from the records (hours to sum up, covered calls, sums of traces) may
be done again without harm, and the names of the segments are stored last. Whoever comes after a crash finds the plan,
and does all of it again.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from penstock.core.clock import Clock
from penstock.core.files import replace_file
from penstock.store.spans.clickhouse.engine import ClickHouseEngine, Refused
from penstock.store.spans.clickhouse.reading import Form, Line, Source, examine
from penstock.store.spans.duckdb.salvage import BadLine
from penstock.store.spans.loaded import Loaded

__all__ = ["PLAN", "Records", "load"]

logger = logging.getLogger(__name__)

PLAN = "loading.json"
"""File of the plan, in the folder of the segments."""
INSERT_SETTINGS: Mapping[str, Any] = {
    "input_format_json_read_arrays_as_strings": 1,
    "input_format_json_read_objects_as_strings": 1,
    "input_format_json_max_depth": 100_000,
    "input_format_null_as_default": 1,
    "input_format_skip_unknown_fields": 1,
    # One block, so that it is stored whole and its token names all of it.
    "max_insert_block_size": 100_000_000,
    "max_insert_threads": 1,
    "min_insert_block_size_rows": 100_000_000,
    "min_insert_block_size_bytes": 4 * 1024**3,
    "input_format_parallel_parsing": 0,
    "max_partitions_per_insert_block": 0,
    "wait_end_of_query": 1,
}
ROWS_PER_MICROSECOND = 1024
"""Row numbers grow with time, so that two consoles that store into one database do not give the same ones."""
# By the index of least and most, this reads some granules; a maximum reads the whole column.
_NEWEST = "SELECT rowid FROM spans ORDER BY rowid DESC LIMIT 1"
_KNOWN = "SELECT name FROM segments WHERE name IN {names:Array(String)}"
_REMEMBER = """
    INSERT INTO segments (name, spans, bytes, quarantined, ingested_at)
    SELECT given.1, given.2, given.3, given.4, {now:Int64}
    FROM (
        SELECT arrayJoin(arrayZip({names:Array(String)}, {spans:Array(Int64)}, {bytes:Array(Int64)},
            {quarantined:Array(Int64)})) AS given
    )
"""


class Insertion(msgspec.Struct, frozen=True):
    """What was made of lines on their way into a table."""

    kept: list[Line]
    """Those that are new, in order."""
    settle: Callable[[], None]
    """Does what follows from the lines, once they are stored; may be called again."""
    announce: Callable[[], None]
    """Does what must be known before they are stored; may be called again."""


class Records(msgspec.Struct, frozen=True):
    """What the segments of a folder hold."""

    form: Form
    table: str
    """Table and columns: what follows `INSERT INTO`."""
    rows: str
    """The query that makes rows of `input(…)`."""
    choose: Callable[[ClickHouseEngine, Sequence[Line], int], Insertion]
    """Which lines are stored; rows from that number on are of the same plan, and do not count as stored before."""
    placed: str | None = None
    """The query for how many rows are stored from one number up to another; None when rows have no numbers."""


def load(
    engine: ClickHouseEngine, paths: Sequence[Path], *, records: Records, quarantine: Path, clock: Clock
) -> list[Loaded]:
    """Store sealed segments of one folder. Malformed lines are set aside in `quarantine/<segment>.ndjson`.

    Returns:
        One entry for each segment. A file that is gone or cannot be read has none.

    Raises:
        Unavailable: the server is down; what was not stored now is stored by a later call with the same segments.
        OSError: the plan or a quarantine file cannot be written.
    """
    if not paths:
        return []
    loading = _Loading(engine, paths[0].parent / PLAN, records=records, quarantine=quarantine, clock=clock)
    begun = loading.resume()
    done = {one.path: one for one in begun}
    done |= {one.path: one for one in loading.store([path for path in paths if path not in done])}
    return [done[path] for path in paths if path in done]


class _Plan(msgspec.Struct):
    names: list[str]
    row: int
    """Number of the first row."""


class _Loading:
    def __init__(
        self, engine: ClickHouseEngine, plan: Path, *, records: Records, quarantine: Path, clock: Clock
    ) -> None:
        self._engine = engine
        self._plan = plan
        self._records = records
        self._quarantine = quarantine
        self._clock = clock

    def resume(self) -> list[Loaded]:
        """Finish what an earlier call began."""
        try:
            plan = msgspec.json.decode(self._plan.read_bytes(), type=_Plan)
        except FileNotFoundError:
            return []
        loaded = self._store_planned([self._plan.with_name(name) for name in plan.names], plan.row, again=True)
        self._plan.unlink()
        return loaded

    def store(self, paths: Sequence[Path]) -> list[Loaded]:
        if not paths:
            return []
        known = self._known(paths)
        fresh = [path for path in paths if path.stem not in known]
        plan = _Plan([path.name for path in fresh], self._next_row() if fresh else 0)
        if fresh:
            replace_file(self._plan, msgspec.json.encode(plan))
        loaded = {one.path: one for one in self._store_planned(fresh, plan.row)}
        self._plan.unlink(missing_ok=True)
        for path in paths:
            if path.stem in known and (size := _size(path)) is not None:
                loaded[path] = Loaded(path=path, spans=0, size=size, repeated=True)
        return list(loaded.values())

    def _next_row(self) -> int:
        stored = [row for (row,) in self._engine.ask(_NEWEST)]
        return max(self._clock.now() * ROWS_PER_MICROSECOND, *stored, -1) + 1

    def _known(self, paths: Sequence[Path]) -> set[str]:
        return {name for (name,) in self._engine.ask(_KNOWN, {"names": [path.stem for path in paths]})}

    def _store_planned(self, paths: Sequence[Path], row: int, *, again: bool = False) -> list[Loaded]:
        sources = [source for path in paths if (source := _examined(path, self._records.form)) is not None]
        if not sources:
            return []
        known = self._known(paths)
        repeated = [
            Loaded(path=source.path, spans=0, size=source.size, repeated=True)
            for source in sources
            if source.path.stem in known
        ]
        fresh = [source for source in sources if source.path.stem not in known]
        if not fresh:
            return repeated
        try:
            return repeated + self._store(fresh, row, token=_token(paths), again=again)
        except Refused as error:
            logger.warning("the server refuses %d segments, which are stored one by one: %s", len(fresh), error)
        return repeated + [one for source in fresh for one in self._store_by_halves(source, row)]

    def _store(self, sources: Sequence[Source], row: int, *, token: str, again: bool = False) -> list[Loaded]:
        for source in sources:
            self._set_aside(source)
        lines = [line for source in sources for line in source.lines]
        insertion = self._records.choose(self._engine, lines, row)
        if insertion.kept and not (again and self._landed(row, len(insertion.kept))):
            insertion.announce()
            self._engine.insert(
                f"INSERT INTO {self._records.table} {self._records.rows} FORMAT JSONEachRow",
                b"".join(line.text for line in insertion.kept),
                {"row": row},
                token=token,
                settings=INSERT_SETTINGS,
            )
        insertion.settle()
        kept = {id(line) for line in insertion.kept}
        new = {source.path: sum(id(line) in kept for line in source.lines) for source in sources}
        self._engine.change(
            _REMEMBER,
            {
                "names": [source.path.stem for source in sources],
                "spans": [new[source.path] for source in sources],
                "bytes": [source.size for source in sources],
                "quarantined": [len(source.bad) for source in sources],
                "now": self._clock.now(),
            },
        )
        return [
            Loaded(
                path=source.path,
                spans=new[source.path],
                size=source.size,
                quarantined=len(source.bad),
                duplicates=len(source.lines) - new[source.path],
            )
            for source in sources
        ]

    def _landed(self, row: int, rows: int) -> bool:
        """Whether what was planned is stored. The server forgets tokens when a table is made anew by an upgrade."""
        if self._records.placed is None:
            return False
        ((stored,),) = self._engine.ask(self._records.placed, {"first": row, "end": row + rows})
        return stored == rows

    def _store_by_halves(self, source: Source, row: int) -> list[Loaded]:
        """A segment without the lines that the server will not take."""
        bad: list[BadLine] = []
        good = self._taken(source, source.lines, bad)
        clean = msgspec.structs.replace(source, lines=good, bad=sorted([*source.bad, *bad], key=lambda one: one.line))
        return self._store([clean], row, token=_token([source.path]))

    def _taken(self, source: Source, lines: list[Line], bad: list[BadLine]) -> list[Line]:
        try:
            self._try(lines)
        except Refused as error:
            if len(lines) > 1:
                middle = len(lines) // 2
                return self._taken(source, lines[:middle], bad) + self._taken(source, lines[middle:], bad)
            text = lines[0].text.decode().rstrip("\n")
            number = 1 + next((at for at, line in enumerate(source.lines) if line is lines[0]), -1)
            bad.append(BadLine(source.path.stem, number, str(error), text))
            return []
        return lines

    def _try(self, lines: Sequence[Line]) -> None:
        """Let the server read lines without storing them. Raises `Refused` when it cannot."""
        self._engine.insert(
            f"INSERT INTO FUNCTION null('taken UInt8') SELECT ignore(*) FROM ({self._records.rows}) FORMAT JSONEachRow",  # noqa: S608 - a constant; values are bound
            b"".join(line.text for line in lines),
            {"row": 0},
            token="",
            settings=INSERT_SETTINGS,
        )

    def _set_aside(self, source: Source) -> None:
        if not source.bad:
            return
        self._quarantine.mkdir(mode=0o700, exist_ok=True)
        file = self._quarantine / f"{source.path.stem}.ndjson"
        replace_file(file, b"".join([msgspec.json.encode(line) + b"\n" for line in source.bad]))
        logger.error(
            "journal segment %s: %d lines are malformed and lie in %s; the first: line %d, %s",
            source.path.stem,
            len(source.bad),
            file,
            source.bad[0].line,
            source.bad[0].reason,
        )


def _token(paths: Sequence[Path]) -> str:
    return hashlib.blake2b("\n".join(path.stem for path in paths).encode(), digest_size=16).hexdigest()


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _examined(path: Path, form: Form) -> Source | None:
    try:
        return examine(path, form)
    except OSError as error:
        logger.debug("journal segment %s cannot be read and waits: %s", path, error)
        return None
