"""Tables of what hours and days sum up to: the rows of all attempts, and a view of those that count."""

from collections.abc import Iterable, Iterator, Sequence

from sqlglot import exp, parse

from penstock.store.spans.expressions import MODEL
from penstock.store.spans.queries.activity import ACTIVITIES, schema_activity
from penstock.store.spans.queries.cube import BY_DAY, BY_HOUR, FAMILIES, schema

__all__ = ["BY_NAME", "CELLS", "Replaced", "ordered", "rollups"]


class Replaced(str):
    """A statement about a table that a later version makes anew: a new database does not need it."""

    __slots__ = ()


_TYPES = {"BIGINT": "Int64", "INT": "Int32", "SMALLINT": "Int16", "BOOLEAN": "Bool"}
_MANY = frozenset({"who", "other", "user", "last_error_message"})
"""Text of which there are too many values for a dictionary."""


def _rollup(table: str, columns: Iterable[str], period: str = "hour") -> tuple[str, str]:
    """A rollup: the rows of all attempts, and a view of those that count."""
    rows = f"""
        CREATE TABLE IF NOT EXISTS {table}_rows (attempt Int64 CODEC(Delta, ZSTD), {", ".join(columns)})
        ENGINE = MergeTree
        ORDER BY (project, {period})
    """
    view = f"""
        CREATE OR REPLACE VIEW {table} AS
        SELECT * EXCEPT attempt FROM {table}_rows
        WHERE ({period}, attempt) IN (SELECT {period}, attempt FROM {period}s WHERE rolled >= touched)
    """  # noqa: S608 - constants
    return Replaced(rows), Replaced(view)


def rollups(statements: str, period: str = "hour") -> Iterator[str]:
    """Statements that make rollups, as they are set out for DuckDB, in order of time."""
    for table, columns in _tables(statements):
        yield from _rollup(table, map(_column, columns), period)


def _tables(statements: str) -> Iterator[tuple[str, list[exp.ColumnDef]]]:
    for statement in parse(statements, dialect="duckdb"):
        table = statement.find(exp.Table) if statement is not None else None
        if statement is not None and table is not None:
            yield table.name, list(statement.find_all(exp.ColumnDef))


def _column(column: exp.ColumnDef) -> str:
    text = "String" if column.name in _MANY else "LowCardinality(String)"
    kind = _TYPES.get(column.args["kind"].sql(dialect="duckdb"), text)
    if column.name == "tags":
        return "tags Map(LowCardinality(String), String)"
    if column.find(exp.NotNullColumnConstraint) is None:
        kind = "LowCardinality(Nullable(String))" if kind.startswith("LowCardinality") else f"Nullable({kind})"
    return f"`{column.name}` {kind}"


CELLS = """
CREATE TABLE rollup (
    hour BIGINT NOT NULL, project VARCHAR NOT NULL, dimension VARCHAR NOT NULL, label VARCHAR, calls BIGINT NOT NULL,
    errors BIGINT NOT NULL, input BIGINT NOT NULL, cache_read BIGINT NOT NULL, cache_write BIGINT NOT NULL,
    output BIGINT NOT NULL, reasoning BIGINT NOT NULL, tokens BIGINT NOT NULL, estimated BOOLEAN NOT NULL,
    cost BIGINT NOT NULL, known BIGINT NOT NULL, unknown BIGINT NOT NULL
);
CREATE TABLE rollup_latency (
    hour BIGINT NOT NULL, project VARCHAR NOT NULL, dimension VARCHAR NOT NULL, label VARCHAR,
    measure VARCHAR NOT NULL, bucket SMALLINT NOT NULL, calls BIGINT NOT NULL
);
CREATE TABLE rollup_providers (
    hour BIGINT NOT NULL, project VARCHAR NOT NULL, label VARCHAR NOT NULL, calls BIGINT NOT NULL,
    errors BIGINT NOT NULL, last_success BIGINT, last_error BIGINT, last_error_message VARCHAR
);
"""


BY_NAME = frozenset(family.table for family in FAMILIES if family.brief)
"""Tables of pairs of users and models: each pair lies together, whatever its day."""
_MODEL = "`model` LowCardinality(Nullable(String)) DEFAULT {expression}"
"""Stored beside what it is made of: to make one text of many takes longer than all else about a row."""
_ORDERS = {
    "rollup": "dimension",
    "rollup_latency": "dimension, measure",
    **{family.table: "measure, listed" if family.histogram else "listed" for family in FAMILIES},
}
"""What rows of a project are in order of, before their time."""
_FINE = 1024
"""Rows of the smallest piece that is read of what is looked up by name."""


def ordered(partition: int) -> Iterator[str]:
    """Statements that make all rollups anew, empty, in the order in which they are asked for.

    A question names one measure, and mostly rows of the list; what a session or a user did lies together; and so does
    what a user asked of a model, so that pairs of them are put together as they are read.

    Args:
        partition: Microseconds of a partition of what is not in order of time.
    """
    for period in ("hour", "day"):
        yield _periods(period)
    for statements, period in (
        (CELLS + schema(BY_HOUR), "hour"), (schema_activity() + schema(BY_DAY), "day")
    ):  # fmt: skip
        for table, columns in _tables(statements):
            yield f"DROP TABLE IF EXISTS {table}_rows SYNC"
            yield _rows(table, columns, period, partition)
            yield f"""
                CREATE OR REPLACE VIEW {table} AS
                SELECT * EXCEPT attempt FROM {table}_rows
                WHERE attempt IN (SELECT attempt FROM {period}s WHERE rolled >= touched)
            """  # noqa: S608 - constants


def _rows(table: str, columns: Sequence[exp.ColumnDef], period: str, partition: int) -> str:
    settings, parted = "default_compression_codec = 'ZSTD(1)'", ""
    order = f"project, {_ORDERS[table]}, {period}" if table in _ORDERS else f"project, {period}"
    attempt, moment = "Delta, ZSTD", ""
    if table in BY_NAME or table in ACTIVITIES.values():
        # Times change from row to row here: such a codec unpacks them several times quicker than the others.
        attempt, moment = "LZ4", " CODEC(T64, LZ4)"
        order = f"project, {'user, model' if table in BY_NAME else 'who'}, {period}"
        parted = f"PARTITION BY intDiv({period}, {partition})"
        settings += f", allow_nullable_key = 1, index_granularity = {_FINE}"
    told = [f"{_column(each)}{moment if each.name in {'hour', 'day'} else ''}" for each in columns]
    if table in BY_NAME:
        told.append(_MODEL.format(expression=MODEL))
    return f"""
        CREATE TABLE {table}_rows (attempt Int64 CODEC({attempt}), {", ".join(told)})
        ENGINE = MergeTree {parted} ORDER BY ({order}) SETTINGS {settings}
    """


def _periods(period: str) -> str:
    """When each hour, or day, was touched and summed up: of what replaces one another the last counts anyway."""
    return f"""
        CREATE OR REPLACE VIEW {period}s AS
        SELECT {period}, max(t) AS touched, max(r) AS rolled, argMax(a, (r, a)) AS attempt
        FROM (
            SELECT {period}, version AS t, toInt64(-1) AS r, toInt64(0) AS a FROM touched_{period}s
            UNION ALL
            SELECT {period}, toInt64(-1) AS t, version AS r, attempt AS a FROM rolled_{period}s
        )
        GROUP BY {period}
        SETTINGS final = 0
    """  # noqa: S608 - constants
