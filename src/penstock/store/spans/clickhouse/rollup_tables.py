"""Tables of what hours and days sum up to: the rows of all attempts, and a view of those that count."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Self

from sqlglot import exp, parse

from penstock.store.spans.expressions import MODEL
from penstock.store.spans.queries.activity import ACTIVITIES, schema_activity
from penstock.store.spans.queries.cube import BY_DAY, BY_HOUR, COMMON, FAMILIES, schema

__all__ = ["BY_NAME", "CELLS", "Pieced", "Replaced", "ordered", "packed", "rollups"]


class Replaced(str):
    """A statement about a table that a later version makes anew: a new database does not need it."""

    __slots__ = ()


class Pieced(Replaced):
    """A statement about what is stored, with a placeholder `piece`, run for one piece after the other.

    None takes longer than an answer is waited for. A new database has nothing for it.

    Args:
        text: The statement.
        pieces: The query that tells them.
    """

    __slots__ = ("pieces",)

    def __new__(cls, text: str, pieces: str) -> Self:
        self = super().__new__(cls, text)
        self.pieces = pieces
        return self


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
_FAMILIES = {family.table: family for family in FAMILIES}


def ordered(partition: int) -> Iterator[str]:
    """Statements that make all rollups anew, empty, in the order in which they are asked for.

    A question names one measure, and mostly rows of the list; what a session or a user did lies together; and so does
    what a user asked of a model, so that pairs of them are put together as they are read.

    Args:
        partition: Microseconds of a partition of what is not in order of time.
    """
    for period in ("hour", "day"):
        yield _periods(period)
    for table, columns, period in _every():
        yield f"DROP TABLE IF EXISTS {table}_rows SYNC"
        yield _rows(table, columns, period, partition)
        yield f"""
            CREATE OR REPLACE VIEW {table} AS
            SELECT * EXCEPT attempt FROM {table}_rows
            WHERE attempt IN (SELECT attempt FROM {period}s WHERE rolled >= touched)
        """  # noqa: S608 - constants


def packed(partition: int) -> Iterator[Replaced]:
    """Statements that make all rollups anew, with their rows, as `ordered` makes them now.

    What a crash leaves of the other table holds nothing that the first does not.

    Args:
        partition: As of `ordered`; so much is copied at once.
    """
    for table, columns, period in _every():
        other = f"{table}_other"
        yield Replaced(f"DROP TABLE IF EXISTS {other} SYNC")
        yield Replaced(_rows(table, columns, period, partition, name=other))
        piece = f"intDiv({period}, {partition})"
        yield Pieced(
            f"INSERT INTO {other} SELECT * FROM {table}_rows WHERE {piece} = {{piece:Int64}}",  # noqa: S608 - constants
            f"SELECT DISTINCT {piece} AS piece FROM {table}_rows ORDER BY piece",  # noqa: S608 - constants
        )
        yield Replaced(f"EXCHANGE TABLES {other} AND {table}_rows")
        yield Replaced(f"DROP TABLE {other} SYNC")


def _every() -> Iterator[tuple[str, list[exp.ColumnDef], str]]:
    """All rollups: the table, its columns, and by what it is summed up."""
    for statements, period in ((CELLS + schema(BY_HOUR), "hour"), (schema_activity() + schema(BY_DAY), "day")):
        for table, columns in _tables(statements):
            yield table, columns, period


def _rows(table: str, columns: Sequence[exp.ColumnDef], period: str, partition: int, *, name: str | None = None) -> str:
    by_name = table in BY_NAME or table in ACTIVITIES.values()
    key = f"project, {_ORDERS[table]}, {period}" if table in _ORDERS else f"project, {period}"
    settings, parted = "allow_nullable_key = 1", ""
    if by_name:
        key = f"project, {'user, model' if table in BY_NAME else 'who'}, {period}"
        parted = f"PARTITION BY intDiv({period}, {partition})"
        settings += f", index_granularity = {_FINE}"
    # Numbers cut to the bits that they have are unpacked several times quicker than what is packed most closely.
    told = [f"{each} CODEC(T64, LZ4)" if "Int" in each else each for each in map(_column, columns)]
    if table in BY_NAME:
        told.append(_MODEL.format(expression=MODEL))
    return f"""
        CREATE TABLE {name or f"{table}_rows"}
            (attempt Int64 CODEC({"LZ4" if by_name else "Delta, LZ4"}), {", ".join(told)})
        ENGINE = MergeTree {parted} PRIMARY KEY ({key}) ORDER BY ({", ".join([key, *_alike(table)])})
        SETTINGS {settings}
    """


def _alike(table: str) -> list[str]:
    """What rows of one time are in order of: equal neighbours take little room, and are put together quickly."""
    if table in BY_NAME or table in ACTIVITIES.values():
        return []
    family = _FAMILIES.get(table)
    if family is None:
        return ["label", "bucket"] if table == "rollup_latency" else ["label"]
    names = [f"`{each}`" for each in sorted(family.columns, key=COMMON.__contains__) if each != "tags"]
    return [*names, *(["bucket"] if family.histogram else []), *(["hour"] if family.period == "day" else [])]


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
