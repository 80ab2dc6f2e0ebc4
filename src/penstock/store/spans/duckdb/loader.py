"""Segments into their tables, each exactly once.

The engine reads the lines itself. A segment's name is stored in the transaction of its records, so a
segment that is met again, because the process died before its file was removed, is passed over.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import msgspec

from penstock.core.clock import Clock
from penstock.core.files import replace_file
from penstock.store.spans.duckdb.engine import DuckDbEngine, MalformedLine
from penstock.store.spans.duckdb.reading import Source, examine, has_large_line
from penstock.store.spans.duckdb.salvage import Clean, clean_score, clean_span, salvage
from penstock.store.spans.duckdb.scores import insert_scores
from penstock.store.spans.duckdb.spans import insert_intake, insert_spans
from penstock.store.spans.loaded import Loaded

__all__ = ["BATCH_BYTES", "INTAKE", "JOURNAL", "SCORES", "Loaded", "Records", "load"]

logger = logging.getLogger(__name__)

BATCH_BYTES = 256 * 1024 * 1024
"""Of segments that are stored at once when so many wait: more than a row group's 122,880 rows. These are compressed and
written to their place at once; fewer are written to the log as they are, and again when the log is folded in, which
takes half as much processor time again."""
STAGED_BYTES = 96 * 1024 * 1024
"""Of segments that are stored at once when they go by way of a table of their own, which lies in memory."""
Insert = Callable[[duckdb.DuckDBPyConnection, Sequence[Source]], dict[str, int]]
"""Stores these files' lines; returns by file how many records of it are new. Raises `MalformedLine` for a line that is
none."""

_REMEMBER = """
    INSERT INTO segments (name, spans, bytes, quarantined, ingested_at)
    SELECT unnest($names), unnest($spans), unnest($bytes), unnest($quarantined), $now
"""


class Records(msgspec.Struct, frozen=True):
    """What the segments of a folder hold."""

    insert: Insert
    clean: Clean
    """Checks one line, when a segment is read line by line."""


JOURNAL = Records(insert_spans, clean_span)
INTAKE = Records(insert_intake, clean_span)
SCORES = Records(insert_scores, clean_score)


def load(
    engine: DuckDbEngine, paths: Sequence[Path], *, records: Records, quarantine: Path, clock: Clock
) -> list[Loaded]:
    """Store sealed segments, all in one transaction when every line is well formed and none is large.

    With a large line among them a transaction takes at most `STAGED_BYTES`.
    With a malformed line among them each is stored by itself: its good lines go to the table, the
    others to `quarantine/<segment>.ndjson` with the reason. The segments' files are left in place.

    Returns:
        One entry for each segment. A file that is gone or cannot be read has none.

    Raises:
        Unavailable: the store is down, or there is no room; nothing more is stored.
        OSError: a quarantine file cannot be written; the segment that needs it is not stored.
    """
    sources = [source for path in paths if (source := _examine(path)) is not None]
    if len(portions := _portions(sources)) > 1:
        return [
            each
            for portion in portions
            for each in load(engine, portion, records=records, quarantine=quarantine, clock=clock)
        ]
    try:
        return _store(engine, sources, records=records, clock=clock)
    except MalformedLine as error:
        if len(sources) > 1:
            return [
                each
                for source in sources
                for each in load(engine, [source.path], records=records, quarantine=quarantine, clock=clock)
            ]
        logger.warning(
            "journal segment %s has a malformed line and is read line by line: %s", sources[0].path.name, error
        )
    return _store_salvaged(engine, sources[0], records=records, quarantine=quarantine, clock=clock)


def _portions(sources: Sequence[Source]) -> list[list[Path]]:
    """What is stored together."""
    portions: list[list[Path]] = [[]]
    room = STAGED_BYTES if any(source.large for source in sources) else BATCH_BYTES
    held = 0
    for source in sources:
        if portions[-1] and held + source.size > room:
            portions.append([])
            held = 0
        portions[-1].append(source.path)
        held += source.size
    return portions


def _examine(path: Path) -> Source | None:
    try:
        return examine(path)
    except OSError as error:
        logger.debug("journal segment %s cannot be read and waits: %s", path, error)
        return None


def _store(engine: DuckDbEngine, sources: Sequence[Source], *, records: Records, clock: Clock) -> list[Loaded]:
    if not sources:
        return []
    new: dict[str, int] = {}
    with engine.write() as cursor:
        names = [source.path.stem for source in sources]
        rows = cursor.execute(
            "SELECT name FROM segments WHERE list_contains($names, name)", {"names": names}
        ).fetchall()
        known = {row[0] for row in rows}
        fresh = [source for source in sources if source.path.stem not in known]
        if fresh:
            filled = [source for source in fresh if source.size]
            new = records.insert(cursor, filled) if filled else {}
            cursor.execute(
                _REMEMBER,
                {
                    "names": [source.path.stem for source in fresh],
                    "spans": [new.get(str(source.read_from), 0) for source in fresh],
                    "bytes": [source.size for source in fresh],
                    "quarantined": [source.quarantined for source in fresh],
                    "now": clock.now(),
                },
            )
    return [_loaded(source, new.get(str(source.read_from), 0), known) for source in sources]


def _loaded(source: Source, new: int, known: set[str]) -> Loaded:
    if source.path.stem in known:
        return Loaded(path=source.path, spans=0, size=source.size, repeated=True)
    return Loaded(
        path=source.path,
        spans=new,
        size=source.size,
        quarantined=source.quarantined,
        duplicates=source.records - new,
    )


def _store_salvaged(
    engine: DuckDbEngine, source: Source, *, records: Records, quarantine: Path, clock: Clock
) -> list[Loaded]:
    name = source.path.stem
    quarantine.mkdir(mode=0o700, exist_ok=True)
    trial = quarantine / f".{name}.salvaged"
    try:
        salvaged = salvage(
            name,
            source.path.read_bytes(),
            clean=records.clean,
            refused=lambda lines: _refusal(engine, records, trial, lines),
        )
        if salvaged.bad:
            lines = b"".join([msgspec.json.encode(line) + b"\n" for line in salvaged.bad])
            replace_file(quarantine / f"{name}.ndjson", lines)
            logger.error(
                "journal segment %s: %d lines are malformed and lie in %s; the first: line %d, %s",
                name,
                len(salvaged.bad),
                quarantine / f"{name}.ndjson",
                salvaged.bad[0].line,
                salvaged.bad[0].reason,
            )
        data = b"".join(salvaged.good)
        trial.write_bytes(data)
        clean = Source(
            path=source.path,
            read_from=trial,
            records=len(salvaged.good),
            size=source.size,
            quarantined=len(salvaged.bad),
            large=has_large_line(data),
        )
        return _store(engine, [clean], records=records, clock=clock)
    finally:
        trial.unlink(missing_ok=True)


def _refusal(engine: DuckDbEngine, records: Records, trial: Path, lines: Sequence[bytes]) -> str | None:
    """Why the engine refuses these lines: they are stored on trial, and rolled back."""
    data = b"".join(lines)
    trial.write_bytes(data)
    try:
        with engine.write(keep=False) as cursor:
            source = Source(path=trial, read_from=trial, records=len(lines), size=len(data), large=has_large_line(data))
            records.insert(cursor, [source])
    except MalformedLine as error:
        return str(error)
    return None
