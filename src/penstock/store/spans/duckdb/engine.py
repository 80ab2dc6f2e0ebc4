"""Everything that is DuckDB's own: opening the file, types, reading journal lines, transactions, errors.

Another engine replaces this file; queries are SQLGlot expressions and do not change.
"""

import logging
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import duckdb
from sqlglot import exp

from penstock.core.errors import Unavailable
from penstock.store.spans.duckdb.migrations import migrate
from penstock.store.spans.engine import Prepared, Read, Rows, prepare

__all__ = ["DuckDbEngine", "MalformedLine", "render"]

logger = logging.getLogger(__name__)

LULL = 0.02
"""Seconds. One question of the console is several to the engine; between them it is not done."""
FETCHED_ROWS = 128
"""At a time."""
DEFAULT_MEMORY_BYTES = 600 * 1024**2
BLOCK_BYTES = "65536"
DIALECT = "duckdb"

_BAD_DATA = (
    duckdb.ConversionException,
    duckdb.ConstraintException,
    duckdb.InvalidInputException,
    duckdb.OutOfRangeException,
    duckdb.TypeMismatchException,
)
_BROKEN = (duckdb.FatalException, duckdb.InternalException)
_DOWN = (
    *_BROKEN,
    duckdb.ConnectionException,
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.SerializationException,
    duckdb.TransactionException,
)


class MalformedLine(Exception):
    """The engine refused a line of a segment. Raised to the loader only, which then looks line by line."""


class _Reader:
    finds_by_time: ClassVar[bool] = False
    beside_sums: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def __call__(self, query: exp.Expr | Prepared, values: Mapping[str, Any]) -> Rows:
        prepared = query if isinstance(query, Prepared) else prepare(query)
        text = prepared.text(DIALECT, render)
        asked = self._cursor.execute(text, {name: values[name] for name in prepared.names})
        # Objects of rows are made under the interpreter's lock, which nobody else is given before the call ends.
        rows = part = asked.fetchmany(FETCHED_ROWS)
        while len(part) == FETCHED_ROWS:
            part = asked.fetchmany(FETCHED_ROWS)
            rows += part
        return rows


def render(query: exp.Expr) -> str:
    """SQL text of an expression; values stay placeholders."""
    return query.sql(dialect="duckdb")


class DuckDbEngine:
    """One DuckDB file: one writer at a time, any number of readers, each call on its own cursor.

    Nothing is opened until it is needed, and a file that could not be opened (locked by another
    process, disk full, damaged) is tried again at the next call.

    Args:
        path: The database file.
        readable: Folders that the engine may read segments from; it has no other access to files.
        memory: Bytes the engine may hold; beyond it spills to disk.
    """

    def __init__(self, path: Path, *, readable: Sequence[Path] = (), memory: int = DEFAULT_MEMORY_BYTES) -> None:
        self.path = path
        self._readable = tuple(readable)
        self._memory = memory
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._opening = threading.Lock()
        self._writing = threading.Lock()
        self._asking = threading.Condition()
        self._asked = 0
        self._answered = 0.0

    def close(self) -> None:
        """Checkpoint and release the file. The engine may be used again."""
        with self._opening:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @contextmanager
    def snapshot(self) -> Generator[Read]:
        """Queries that all see the store as it is now.

        Raises:
            Unavailable: `span_store_unavailable`.
        """
        with self._counted(), self._guarded() as connection, connection.cursor() as cursor:
            cursor.begin()
            try:
                yield _Reader(cursor)
            finally:
                _rollback(cursor)

    @contextmanager
    def _counted(self) -> Generator[None]:
        with self._asking:
            self._asked += 1
        try:
            yield
        finally:
            with self._asking:
                self._asked -= 1
                self._answered = time.monotonic()
                self._asking.notify_all()

    def give_way(self, patience: float) -> None:
        """Wait until nobody has asked anything for `LULL` seconds; `patience` seconds at most."""
        end = time.monotonic() + patience
        with self._asking:
            while (now := time.monotonic()) < end:
                lull = end if self._asked else min(end, self._answered + LULL)
                if lull <= now:
                    return
                self._asking.wait(lull - now)

    def read(self, query: exp.Expr, values: Mapping[str, Any] | None = None) -> Rows:
        """One query. Raises `Unavailable` as `snapshot` does."""
        with self.snapshot() as read:
            return read(query, values or {})

    def count(self) -> int:
        """Spans stored; known without a scan."""
        ((spans,),) = self.read(exp.select("count(*)").from_("spans"))
        return spans

    @contextmanager
    def write(self, *, keep: bool = True) -> Generator[duckdb.DuckDBPyConnection]:
        """A transaction: committed at the end of the block, rolled back when it raises or is not to be kept.

        Raises:
            MalformedLine: data that the schema refuses.
            Unavailable: `span_store_unavailable`; nothing of the block is stored.
        """
        with self._writing, self._guarded() as connection, connection.cursor() as cursor:
            cursor.begin()
            try:
                yield cursor
                if keep:
                    cursor.commit()
                else:
                    cursor.rollback()
            except _BAD_DATA as error:
                _rollback(cursor)
                raise MalformedLine(_first_line(error)) from error
            except BaseException:
                _rollback(cursor)
                raise

    def compact(self) -> None:
        """Fold the write-ahead log into the file."""
        with self._writing, self._guarded() as connection, connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")

    def disk_bytes(self) -> int:
        """Bytes of the database file and its log."""
        total = 0
        for path in (self.path, self.path.with_name(self.path.name + ".wal")):
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                continue
        return total

    @contextmanager
    def _guarded(self) -> Generator[duckdb.DuckDBPyConnection]:
        """The open database. What DuckDB says when it is down becomes `Unavailable`."""
        try:
            yield self._opened()
        except _DOWN as error:
            if isinstance(error, _BROKEN):
                self._abandon()
            raise Unavailable(
                f"The span store {self.path} cannot be used: {_first_line(error)}.",
                hint="Spans wait in the journal and are stored when it can.",
                code="span_store_unavailable",
            ) from error

    def _opened(self) -> duckdb.DuckDBPyConnection:
        with self._opening:
            if self._connection is None:
                self._connection = self._open()
            return self._connection

    def _open(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(
            str(self.path),
            config={
                "storage_compatibility_version": "latest",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "allow_community_extensions": "false",
                "memory_limit": f"{self._memory}B",
                # Of files made from now on. Rows of a list lie apart, and each is read out of a block a column: a
                # quarter of the default, they take half the time, hold less of the memory, and the file is as small.
                "default_block_size": BLOCK_BYTES,
                # A checkpoint rewrites the newest row group; at the default of 16 MB that is most of the work.
                "wal_autocheckpoint": "256MB",
                # Lists choose rows by narrow columns, and fetch them by their places: to read the columns late, too, is
                # to look for every row twice.
                "late_materialization_max_rows": "0",
                # DuckDB 2.0.0 packs sums for an ORDER BY by statistics that are those of the summands: 415 comes back
                # as -97.
                "disabled_optimizers": "compressed_materialization",
            },
        )
        try:
            migrate(connection)
            connection.execute("SET allowed_directories = $folders", {"folders": [str(f) for f in self._readable]})
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
        except BaseException:
            connection.close()
            raise
        return connection

    def _abandon(self) -> None:
        """Drop a connection that DuckDB has declared dead; the next call opens the file anew."""
        with self._opening:
            connection, self._connection = self._connection, None
        if connection is not None:
            logger.error("span store %s: the engine gave up on the open database; it is opened anew", self.path)
            try:
                connection.close()
            except duckdb.Error as error:
                logger.warning("span store %s: %s", self.path, _first_line(error))


def _rollback(cursor: duckdb.DuckDBPyConnection) -> None:
    try:
        cursor.rollback()
    except duckdb.Error:
        # The engine has rolled back already, or is dead; the first error is the one to tell.
        logger.debug("rollback after an error was refused", exc_info=True)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(".")
