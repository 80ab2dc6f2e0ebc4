"""Scores out of segments into their table: of each id the last that was given."""

from collections.abc import Sequence

import duckdb

from penstock.store.spans.duckdb.engine import DuckDbEngine, MalformedLine
from penstock.store.spans.duckdb.reading import Source, longest_line

__all__ = ["delete_scores", "insert_scores"]

_NAMES = (
    "id", "project", "name", "type", "number", "label", "trace_id", "span_id", "session", "source", "author",
    "comment", "created", "metadata",
)  # fmt: skip
_TYPES = {"number": "DOUBLE", "created": "BIGINT", "metadata": "JSON"}
_LINE = ", ".join(f"'{name}': '{_TYPES.get(name, 'VARCHAR')}'" for name in _NAMES)


def _choice(name: str, *choices: str) -> str:
    options = ", ".join(f"'{choice}'" for choice in choices)
    return f"CASE WHEN {name} IN ({options}) THEN {name} ELSE error('unknown {name}') END"


_VALUES = {
    "type": _choice("type", "number", "boolean", "category", "text"),
    "source": _choice("source", "code", "judge", "guard", "person", "user"),
    "number": "CASE WHEN number IS NULL OR isfinite(number) THEN number ELSE error('number is not finite') END",
    "trace_id": "CASE WHEN trace_id IS NULL AND session IS NULL THEN error('neither trace_id nor session') "
    "ELSE CAST(trace_id AS UUID) END",
    "span_id": "CASE WHEN length(span_id) <> 16 THEN error('span_id has not 16 digits') "
    "ELSE CAST('0x' || span_id AS UBIGINT) END",
}
_STAGE = f"""
    CREATE OR REPLACE TEMP TABLE staged AS
    SELECT filename, {", ".join(f"{_VALUES.get(name, name)} AS {name}" for name in _NAMES)}
    FROM read_json($paths, format = 'newline_delimited', columns = {{'record': 'VARCHAR', {_LINE}}},
                   maximum_object_size = $longest, filename = true)
    WHERE CASE record WHEN 'score' THEN true ELSE error('unknown record') END
"""  # noqa: S608 - names of columns; values are bound
# Of one id the newest, and of those that are equally new the last that came.
_OUTDATED = """
    CREATE OR REPLACE TEMP TABLE outdated AS
    SELECT place FROM (
        SELECT rowid AS place,
            row_number() OVER (PARTITION BY project, id ORDER BY created DESC, filename DESC, rowid DESC) AS nth
        FROM staged
    ) WHERE nth > 1
    UNION
    SELECT staged.rowid AS place
    FROM staged JOIN scores ON scores.id = staged.id AND scores.project = staged.project
    WHERE scores.created > staged.created
"""
_KEEP = "rowid NOT IN (SELECT place FROM outdated)"
_KEPT = f"SELECT filename, count(*), count(*) FILTER ({_KEEP}) FROM staged GROUP BY filename"  # noqa: S608 - a constant
_REPLACE = (
    f"DELETE FROM scores WHERE (project, id) IN (SELECT project, id FROM staged WHERE {_KEEP})",  # noqa: S608 - a constant
    f"INSERT INTO scores ({', '.join(_NAMES)}) SELECT {', '.join(_NAMES)} FROM staged WHERE {_KEEP}",  # noqa: S608 - constants
)


def insert_scores(cursor: duckdb.DuckDBPyConnection, sources: Sequence[Source]) -> dict[str, int]:
    """Store scores; returns how many each file brought that count now.

    Raises:
        MalformedLine: a file holds something else than was counted in it.
    """
    paths = [str(source.read_from) for source in sources]
    cursor.execute(_STAGE, {"paths": paths, "longest": longest_line(sources)})
    cursor.execute(_OUTDATED)
    counts = {file: (records, kept) for file, records, kept in cursor.execute(_KEPT).fetchall()}
    for source in sources:
        if counts.get(str(source.read_from), (0, 0))[0] != source.records:
            raise MalformedLine(f"expected {source.records} scores in {source.path.name}")
    for statement in _REPLACE:
        cursor.execute(statement)
    return {file: kept for file, (_, kept) in counts.items()}


def delete_scores(engine: DuckDbEngine, project: str, ids: Sequence[str]) -> int:
    """Delete a project's scores by their ids; returns how many there were.

    Raises:
        Unavailable: the store is down; none is deleted.
    """
    with engine.write() as cursor:
        deleted = cursor.execute(
            "DELETE FROM scores WHERE project = $project AND list_contains($ids, id)",
            {"project": project, "ids": list(ids)},
        ).fetchone()
    return deleted[0] if deleted is not None else 0
