"""Scores out of segments into their table: of each id the last that was given."""

from collections.abc import Sequence
from typing import Any

from penstock.store.spans.clickhouse.engine import ClickHouseEngine
from penstock.store.spans.clickhouse.loader import Insertion, Records
from penstock.store.spans.clickhouse.reading import SCORE, Line
from penstock.store.spans.clickhouse.spans import pieces

__all__ = ["SCORES", "delete_scores"]

_TYPES = {"number": "Nullable(Float64)", "created": "Nullable(Int64)"}
_VALUES = {
    "id": "assumeNotNull(id)",
    "project": "assumeNotNull(project)",
    "name": "assumeNotNull(name)",
    "type": "assumeNotNull(type)",
    "number": "number",
    "label": "label",
    "trace_id": "toUUID(trace_id)",
    "span_id": "if(isNull(span_id), NULL, reinterpretAsUInt64(reverse(unhex(ifNull(span_id, '')))))",
    "session": "session",
    "source": "assumeNotNull(source)",
    "author": "author",
    "comment": "comment",
    "created": "assumeNotNull(created)",
    "metadata": "metadata",
}
_TABLE = f"scores ({', '.join(_VALUES)})"
_STRUCTURE = ", ".join(f"{name} {_TYPES.get(name, 'Nullable(String)')}" for name in _VALUES)
_ROWS = f"SELECT {', '.join(_VALUES.values())} FROM input('{_STRUCTURE}')"  # noqa: S608 - names of columns
_STORED = """
    SELECT project, id, created FROM scores
    WHERE project IN {projects:Array(String)} AND id IN {ids:Array(String)}
"""
_CHOSEN = "project = {project:String} AND id IN {ids:Array(String)}"


def _choose(engine: ClickHouseEngine, lines: Sequence[Line], _row: int) -> Insertion:
    """Of one id the newest, and of those that are equally new the last that came."""
    newest: dict[tuple[str, str], Line] = {}
    for line in lines:
        name = (line.record.project, line.record.id)
        if name not in newest or newest[name].record.created <= line.record.created:
            newest[name] = line
    stored = _stored(engine, list(newest))
    kept = {id(line) for name, line in newest.items() if stored.get(name, line.record.created) <= line.record.created}
    return Insertion([line for line in lines if id(line) in kept], lambda: None, lambda: None)


def _stored(engine: ClickHouseEngine, names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for piece in pieces(names):
        values = {"projects": sorted({project for project, _ in piece}), "ids": [id_ for _, id_ in piece]}
        found |= {(project, id_): created for project, id_, created in engine.ask(_STORED, values)}
    return found


def delete_scores(engine: ClickHouseEngine, project: str, ids: Sequence[str]) -> int:
    """Delete a project's scores by their ids; returns how many there were. Raises `Unavailable`."""
    deleted = 0
    for piece in pieces(ids):
        values: dict[str, Any] = {"project": project, "ids": list(piece)}
        ((there,),) = engine.ask(f"SELECT count() FROM scores WHERE {_CHOSEN}", values)  # noqa: S608 - a constant
        if there:
            engine.change(f"DELETE FROM scores WHERE {_CHOSEN}", values)  # noqa: S608 - as above
        deleted += there
    return deleted


SCORES = Records(SCORE, _TABLE, _ROWS, _choose)
