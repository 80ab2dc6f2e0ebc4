"""Journal segments into the span table, each exactly once.

The engine reads the lines itself. A segment's name is stored in the transaction of its spans, so a
segment that is met again, because the process died before its file was removed, is passed over.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import duckdb
import msgspec

from penstock.core.clock import Clock
from penstock.core.files import replace_file
from penstock.store.spans.columns import COLUMNS, Column
from penstock.store.spans.duckdb.engine import DuckDbEngine, MalformedLine
from penstock.store.spans.duckdb.salvage import salvage
from penstock.store.spans.expressions import HOUR

__all__ = ["Loaded", "load"]

logger = logging.getLogger(__name__)

MIN_BUFFER_BYTES = 1024 * 1024
"""The engine's read buffer is at least this, and holds the longest line: no line is longer than its file."""


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one segment."""

    path: Path
    spans: int
    """Stored now; 0 when it was stored before."""
    size: int
    """Bytes of its file."""
    quarantined: int = 0
    """Lines set aside, with the reason, in the quarantine folder."""
    repeated: bool = False
    """True when this segment had been stored before."""


def _line_type(column: Column) -> str:
    match column.form:
        case "integer":
            return "BIGINT"
        case "boolean":
            return "BOOLEAN"
        case "json":
            return "JSON"
        case "tags":
            return "MAP(VARCHAR, VARCHAR)"
        case "list":
            return "VARCHAR[]"
        case _:
            return "VARCHAR"


def _value(column: Column) -> str:
    """The column of a line as it is stored."""
    name = f'"{column.name}"'
    if column.form == "choice":
        choices = ", ".join(f"'{choice}'" for choice in column.choices)
        given = name if column.default is None else f"coalesce({name}, '{column.default}')"
        return f"CASE WHEN {given} IN ({choices}) THEN {given} ELSE error('unknown {column.name}') END"
    if column.form in {"trace_id", "digest"}:
        return f"CAST({name} AS UUID)"
    if column.form == "span_id":
        number = f"CAST('0x' || {name} AS UBIGINT)"
        return f"CASE WHEN length({name}) <> 16 THEN error('{column.name} has not 16 digits') ELSE {number} END"
    if column.default is not None:
        default = f"'{column.default}'" if isinstance(column.default, str) else str(column.default).upper()
        return f"coalesce({name}, {default})"
    return name


PREVIEW = 72
"""Characters."""
_PREVIEWS = {
    "input_preview": """
        json_extract_string(input, '$[#-1].parts[*].content')[-1],
        json_extract_string(input, '$[#-1].parts[*].response')[-1]
    """,
    "output_preview": """
        json_extract_string(output, '$[0].parts[*].content')[-1],
        json_extract_string(output, '$[0].parts[*].name')[-1]
    """,
}
"""Of a message, its last text; else what a tool answered, or the name of the tool that is called."""
_LINE = ", ".join([f"'{column.name}': '{_line_type(column)}'" for column in COLUMNS])
_NAMES = ", ".join([*(f'"{column.name}"' for column in COLUMNS), *_PREVIEWS])
_VALUES = ", ".join(
    [*(_value(column) for column in COLUMNS), *(f"left(coalesce({texts}), {PREVIEW})" for texts in _PREVIEWS.values())]
)
_INSERT = f"""
    INSERT INTO spans ({_NAMES})
    SELECT {_VALUES}
    FROM read_json($paths, format = 'newline_delimited', columns = {{'record': 'VARCHAR', {_LINE}}},
                   maximum_object_size = $longest)
    WHERE CASE record WHEN 'span' THEN true WHEN 'open' THEN false ELSE error('unknown record') END
"""  # noqa: S608 - names of columns; values are bound
# Hours that were rolled up and are added to are rolled up anew.
_TOUCHED = "SELECT DISTINCT started // $hour FROM spans WHERE rowid > $mark"
_UNROLL = (
    "DELETE FROM rollup WHERE list_contains($hours, hour)",
    "DELETE FROM rollup_latency WHERE list_contains($hours, hour)",
    "DELETE FROM rollup_providers WHERE list_contains($hours, hour)",
    "INSERT INTO pending_hours SELECT unnest($hours) EXCEPT SELECT hour FROM pending_hours",
)
_REMEMBER = """
    INSERT INTO segments (name, spans, bytes, quarantined, ingested_at)
    SELECT unnest($names), unnest($spans), unnest($bytes), unnest($quarantined), $now
"""


class _Source(msgspec.Struct, frozen=True, kw_only=True):
    """A segment about to be stored: its name, and the file its lines are read from."""

    path: Path
    read_from: Path
    spans: int
    size: int
    """Bytes of the segment."""
    quarantined: int = 0


def load(engine: DuckDbEngine, paths: Sequence[Path], *, quarantine: Path, clock: Clock) -> list[Loaded]:
    """Store sealed segments, all in one transaction when every line is well formed.

    With a malformed line among them each is stored by itself: its good lines go to the table, the
    others to `quarantine/<segment>.ndjson` with the reason. The segments' files are left in place.

    Returns:
        One entry for each segment. A file that is gone or cannot be read has none.

    Raises:
        Unavailable: the store is down, or there is no room; nothing more is stored.
        OSError: a quarantine file cannot be written; the segment that needs it is not stored.
    """
    sources = [source for path in paths if (source := _examine(path)) is not None]
    try:
        return _store(engine, sources, clock=clock)
    except MalformedLine as error:
        if len(sources) > 1:
            return [
                each for source in sources for each in load(engine, [source.path], quarantine=quarantine, clock=clock)
            ]
        logger.warning(
            "journal segment %s has a malformed line and is read line by line: %s", sources[0].path.name, error
        )
    return _store_salvaged(engine, sources[0], quarantine=quarantine, clock=clock)


def _examine(path: Path) -> _Source | None:
    try:
        data = path.read_bytes()
    except OSError as error:
        logger.debug("journal segment %s cannot be read and waits: %s", path, error)
        return None
    lines = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    opens = data.count(b'\n{"record":"open"') + data.startswith(b'{"record":"open"')
    return _Source(path=path, read_from=path, spans=lines - opens, size=len(data))


def _store(engine: DuckDbEngine, sources: Sequence[_Source], *, clock: Clock) -> list[Loaded]:
    if not sources:
        return []
    with engine.write() as cursor:
        names = [source.path.stem for source in sources]
        rows = cursor.execute(
            "SELECT name FROM segments WHERE list_contains($names, name)", {"names": names}
        ).fetchall()
        known = {row[0] for row in rows}
        fresh = [source for source in sources if source.path.stem not in known]
        if fresh:
            stored = _insert(cursor, fresh)
            if stored != sum(source.spans for source in fresh):
                # Blank lines, or fields in another order: counted by line and found exactly.
                raise MalformedLine(f"expected {sum(source.spans for source in fresh)} spans, the engine read {stored}")
            cursor.execute(
                _REMEMBER,
                {
                    "names": [source.path.stem for source in fresh],
                    "spans": [source.spans for source in fresh],
                    "bytes": [source.size for source in fresh],
                    "quarantined": [source.quarantined for source in fresh],
                    "now": clock.now(),
                },
            )
    return [
        Loaded(path=source.path, spans=0, size=source.size, repeated=True)
        if source.path.stem in known
        else Loaded(path=source.path, spans=source.spans, size=source.size, quarantined=source.quarantined)
        for source in sources
    ]


def _insert(cursor: duckdb.DuckDBPyConnection, sources: Sequence[_Source]) -> int:
    filled = [source for source in sources if source.size]
    if not filled:
        return 0
    mark = cursor.execute("SELECT coalesce(max(rowid), -1) FROM spans").fetchall()[0][0]
    row = cursor.execute(
        _INSERT,
        {
            "paths": [str(source.read_from) for source in filled],
            "longest": max(MIN_BUFFER_BYTES, *(2 * source.size for source in filled)),
        },
    ).fetchone()
    touched = cursor.execute(_TOUCHED, {"hour": HOUR, "mark": mark}).fetchall()
    hours = [hour * HOUR for (hour,) in touched]
    for statement in _UNROLL:
        cursor.execute(statement, {"hours": hours})
    return row[0] if row is not None else 0


def _store_salvaged(engine: DuckDbEngine, source: _Source, *, quarantine: Path, clock: Clock) -> list[Loaded]:
    name = source.path.stem
    quarantine.mkdir(mode=0o700, exist_ok=True)
    trial = quarantine / f".{name}.salvaged"
    try:
        salvaged = salvage(name, source.path.read_bytes(), refused=lambda lines: _refusal(engine, trial, lines))
        if salvaged.bad:
            lines = b"".join([msgspec.json.encode(line) + b"\n" for line in salvaged.bad])
            replace_file(quarantine / f"{name}.ndjson", lines)
            logger.error(
                "journal segment %s: %d lines are no spans and lie in %s; the first: line %d, %s",
                name,
                len(salvaged.bad),
                quarantine / f"{name}.ndjson",
                salvaged.bad[0].line,
                salvaged.bad[0].reason,
            )
        data = b"".join(salvaged.good)
        trial.write_bytes(data)
        clean = _Source(
            path=source.path,
            read_from=trial,
            spans=len(salvaged.good),
            size=source.size,
            quarantined=len(salvaged.bad),
        )
        return _store(engine, [clean], clock=clock)
    finally:
        trial.unlink(missing_ok=True)


def _refusal(engine: DuckDbEngine, trial: Path, lines: Sequence[bytes]) -> str | None:
    """Why the engine refuses these lines: they are stored on trial, and rolled back."""
    data = b"".join(lines)
    trial.write_bytes(data)
    try:
        with engine.write(keep=False) as cursor:
            _insert(cursor, [_Source(path=trial, read_from=trial, spans=len(lines), size=len(data))])
    except MalformedLine as error:
        return str(error)
    return None
