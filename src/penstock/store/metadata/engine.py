"""The SQLAlchemy engine, and what is particular to SQLite: its pragmas, locking and error texts."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from penstock.core.errors import CorruptData, PenstockError, Unavailable

__all__ = ["WRITES", "clear_errors", "sqlite_engine"]

WRITES = "penstock_writes"
"""Execution option of a connection that is going to write."""

BUSY_MILLISECONDS = 5_000

# What SQLite says, what we say, under which code. Matched in order on the lower-case text.
_UNAVAILABLE = (
    ("disk is full", "the disk is full", "metadata_full", "Free some space; nothing that was stored is lost."),
    ("disk i/o error", "the disk reports an error", "metadata_io_error", "Check the disk and its free space."),
    ("readonly database", "it is read-only", "metadata_read_only", "Give this user write access to it."),
    ("unable to open", "it cannot be opened", "metadata_not_openable", "Check that folder and file can be written."),
    ("locked", "another process holds it locked", "metadata_locked", "Try again; see which process has it open."),
)
_CORRUPT = ("not a database", "malformed", "file is encrypted")


def sqlite_engine(path: Path) -> Engine:
    """An engine on one SQLite file: WAL, foreign keys on, every commit durable, owner-only.

    Transactions are begun explicitly, those that write with `BEGIN IMMEDIATE`: a reader that turns writer
    half way would otherwise fail at once with "locked", whatever the busy timeout.

    Raises:
        Unavailable: the file cannot be made.
    """
    _make_owner_only(path)
    engine = create_engine(URL.create("sqlite", database=str(path)), pool_timeout=10)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _make_owner_only(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        # A database that exists but cannot be written may still be read: SQLite says so itself.
        if not path.is_file():
            raise Unavailable(
                f"The metadata store {path} cannot be made: {error.strerror}.",
                hint="Check the folder's permissions and the disk's free space.",
                code="metadata_not_openable",
            ) from error


@contextmanager
def clear_errors(name: str) -> Generator[None, None, None]:
    """Say in plain words what the engine means by its errors. Violated constraints pass unchanged.

    Raises:
        Unavailable: full, read-only, locked or unreachable; worth another try.
        CorruptData: the file is not a database, or damaged.
    """
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable(
            f"The metadata store {name} is busy: no connection became free in time.", code="metadata_busy"
        ) from error
    except DBAPIError as error:
        clear = _clear(error, name)
        if clear is None:
            raise
        raise clear from error


def _clear(error: DBAPIError, name: str) -> PenstockError | None:
    text = str(error.orig).lower()
    if any(sign in text for sign in _CORRUPT):
        return CorruptData(
            f"The metadata store {name} cannot be read: {error.orig}.",
            hint="Restore it from a backup, or move it away to begin with an empty one.",
            code="metadata_corrupt",
        )
    for sign, meaning, code, hint in _UNAVAILABLE:
        if sign in text:
            return Unavailable(f"The metadata store {name} cannot be used: {meaning}.", hint=hint, code=code)
    return None
