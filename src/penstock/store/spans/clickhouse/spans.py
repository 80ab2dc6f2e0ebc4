"""Spans out of segments into their table: those of the gateway as they come, those of applications each once."""

from collections.abc import Iterator, Sequence
from typing import Any

from penstock.store.spans.clickhouse.engine import ClickHouseEngine
from penstock.store.spans.clickhouse.kin import refresh
from penstock.store.spans.clickhouse.loader import Insertion, Records
from penstock.store.spans.clickhouse.reading import SPAN, Line
from penstock.store.spans.clickhouse.rollup import touch
from penstock.store.spans.columns import COLUMNS, Column
from penstock.store.spans.expressions import HOUR

__all__ = ["INTAKE", "JOURNAL", "pieces"]

PIECE = 4000
"""Ids of one question at most: a server limits the length of a value."""
PREVIEW = 72
"""Characters."""

_PREVIEWS = {
    "input_preview": ("JSONExtractArrayRaw(ifNull(input, ''), -1, 'parts')", ("content", "response")),
    "output_preview": ("JSONExtractArrayRaw(ifNull(output, ''), 1, 'parts')", ("content", "name")),
}
"""Of a message, its last text; else what a tool answered, or the name of the tool that is called."""
_STORED = """
    SELECT project, trace_id, span_id FROM spans
    WHERE project IN {projects:Array(String)} AND started >= {low:Int64} AND started <= {high:Int64}
        AND span_id IN {spans:Array(UInt64)} AND rowid < {row:Int64}
"""


def _line_type(column: Column) -> str:
    types = {"integer": "Nullable(Int64)", "boolean": "Nullable(Bool)", "tags": "Map(String, String)"}
    if column.form == "list":
        return "Array(String)"
    return types.get(column.form, "Nullable(String)")


def _value(column: Column) -> str:
    """The column of a line as it is stored."""
    name = f"`{column.name}`"
    if column.form in {"trace_id", "digest"}:
        name = f"toUUID({name})"
        return f"assumeNotNull({name})" if column.required else name
    if column.form == "span_id":
        number = f"reinterpretAsUInt64(reverse(unhex(ifNull({name}, ''))))"
        return number if column.required else f"if(isNull({name}), NULL, {number})"
    if column.default is not None and column.form not in {"tags", "list"}:
        default = f"'{column.default}'" if isinstance(column.default, str) else str(column.default).lower()
        return f"ifNull({name}, {default})"
    return f"assumeNotNull({name})" if column.required else name


def _preview(parts: str, names: Sequence[str]) -> str:
    texts = (
        f"arrayFilter(text -> notEmpty(text), arrayMap(part -> JSONExtractString(part, '{name}'), {parts}))[-1]"
        for name in names
    )
    first, second = (f"nullIf({text}, '')" for text in texts)
    return f"substringUTF8(coalesce({first}, {second}), 1, {PREVIEW})"


_NAMES = [column.name for column in COLUMNS]
_TABLE = f"spans ({', '.join(f'`{name}`' for name in (*_NAMES, *_PREVIEWS, 'rowid'))})"
_STRUCTURE = ", ".join(f"`{column.name}` {_line_type(column)}" for column in COLUMNS)
_ROWS = f"""SELECT {", ".join(_value(column) for column in COLUMNS)},
    {", ".join(_preview(*preview) for preview in _PREVIEWS.values())}, {{row:Int64}} + rowNumberInAllBlocks()
    FROM input('{_STRUCTURE}')"""  # noqa: S608 - names of columns; values are bound


def _choose(engine: ClickHouseEngine, lines: Sequence[Line], _row: int) -> Insertion:
    return Insertion(list(lines), lambda: _settle(engine, lines), lambda: _touch(engine, lines))


def _choose_new(engine: ClickHouseEngine, lines: Sequence[Line], row: int) -> Insertion:
    """The first of a name wins, whether it was stored before or stands further up."""
    seen = _stored(engine, lines, before=row)
    kept: list[Line] = []
    for line in lines:
        name = _name(line)
        if name not in seen:
            seen.add(name)
            kept.append(line)
    return Insertion(kept, lambda: _settle(engine, lines), lambda: _touch(engine, kept))


def _name(line: Line) -> tuple[str, str, str]:
    span = line.record
    return span.project, span.trace_id.lower(), span.span_id.lower()


def _stored(engine: ClickHouseEngine, lines: Sequence[Line], *, before: int) -> set[tuple[str, str, str]]:
    """Of the names of these spans, those that are in the store. A span that is sent again started when it did."""
    found: set[tuple[str, str, str]] = set()
    for piece in pieces(lines):
        spans = [line.record for line in piece]
        values = {
            "projects": sorted({span.project for span in spans}),
            "spans": [int(span.span_id, 16) for span in spans],
            "low": min(span.started for span in spans),
            "high": max(span.started for span in spans),
            "row": before,
        }
        found |= {(project, trace.hex, f"{span:016x}") for project, trace, span in engine.ask(_STORED, values)}
    return found


def pieces(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The items in runs of a length that can be asked about at once."""
    return (items[at : at + PIECE] for at in range(0, len(items), PIECE))


def _touch(engine: ClickHouseEngine, lines: Sequence[Line]) -> None:
    touch(engine, {line.record.started // HOUR * HOUR for line in lines})


def _settle(engine: ClickHouseEngine, lines: Sequence[Line]) -> None:
    moved = refresh(engine, [line.record for line in lines])
    touch(
        engine, {started // HOUR * HOUR for started in moved} | {line.record.started // HOUR * HOUR for line in lines}
    )


_PLACED = "SELECT count() FROM spans WHERE rowid >= {first:Int64} AND rowid < {end:Int64}"

JOURNAL = Records(SPAN, _TABLE, _ROWS, _choose, _PLACED)
INTAKE = Records(SPAN, _TABLE, _ROWS, _choose_new, _PLACED)
