"""How the engine reads a journal line: its columns, their types, and what of it is stored."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from penstock.store.spans.columns import COLUMNS, Column

__all__ = ["LARGE", "NAMES", "PREVIEWS", "SPAN_LINES", "VALUES", "Source", "examine", "longest_line"]

LARGE = 32 * 1024
"""Bytes of one text beyond which it lies apart from its row."""
MIN_BUFFER_BYTES = 1024 * 1024
"""The engine's read buffer is at least this, and holds the longest line: no line is longer than its file."""
READ_BYTES = 256 * 1024
"""Of a segment at a time, when its lines are counted."""
_OPEN = b'{"record":"open"'
PREVIEW = 72
"""Characters."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A segment about to be stored: its name, and the file its lines are read from."""

    path: Path
    read_from: Path
    records: int
    size: int
    """Bytes of the segment."""
    quarantined: int = 0
    large: bool = False
    """Whether a line is so long that one of its texts may be `LARGE`."""


def examine(path: Path) -> Source | None:
    """What a segment holds; None when it is gone.

    Raises:
        OSError: it cannot be read.
    """
    size = opens = lines = longest = 0
    with path.open("rb", READ_BYTES) as file:
        for line in file:
            lines += 1
            length = len(line)
            size += length
            longest = max(longest, length)
            if line.startswith(_OPEN):
                opens += 1
    return Source(path=path, read_from=path, records=lines - opens, size=size, large=longest > LARGE)


def has_large_line(data: bytes) -> bool:
    """Whether any line is longer than `LARGE`; looks at one line end for each `LARGE` bytes."""
    at = 0
    while len(data) - at > LARGE:
        at = data.rfind(b"\n", at, at + LARGE) + 1
        if not at:
            return True
    return False


def longest_line(sources: Sequence[Source]) -> int:
    """The engine's bound for a line of these files."""
    return max(MIN_BUFFER_BYTES, *(2 * source.size for source in sources))


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


_PREVIEWED = {
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
PREVIEWS = tuple(_PREVIEWED)
NAMES = (*(column.name for column in COLUMNS), *PREVIEWS)
"""Columns of a row that come from its line."""
VALUES = (
    *(_value(column) for column in COLUMNS),
    *(f"left(coalesce({texts}), {PREVIEW})" for texts in _PREVIEWED.values()),
)
"""What each of `NAMES` is, in terms of the line."""
_LINE = ", ".join([f"'{column.name}': '{_line_type(column)}'" for column in COLUMNS])
SPAN_LINES = f"""
    FROM read_json($paths, format = 'newline_delimited', columns = {{'record': 'VARCHAR', {_LINE}}},
                   maximum_object_size = $longest, filename = true)
    WHERE CASE record WHEN 'span' THEN true WHEN 'open' THEN false ELSE error('unknown record') END
"""
"""The lines of `$paths` that are spans, each at most `$longest` bytes; `filename` is its file."""
