"""Opening the metadata store and running transactions in it."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, select, text, update

from penstock.core.errors import CorruptData, Unavailable
from penstock.store.metadata.engine import WRITES, clear_errors, sqlite_engine
from penstock.store.metadata.schema import HEAD, counters, metadata

__all__ = ["Metadata", "open_metadata"]

REVISION = "revision"


class Metadata:
    """One open metadata store. Its methods block: call them from a thread, never on an event loop."""

    def __init__(self, engine: Engine, *, name: str) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{WRITES: True})
        self._name = name

    @contextmanager
    def read(self) -> Generator[Connection, None, None]:
        """A transaction that sees one state of the store.

        Raises:
            Unavailable: the store cannot be used now.
            CorruptData: its file is damaged.
        """
        with clear_errors(self._name), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Generator[Connection, None, None]:
        """A transaction that is the only writer; committed at the end, rolled back on any exception.

        Raises:
            Unavailable: the store cannot be used now (full, read-only, locked).
            CorruptData: its file is damaged.
        """
        with clear_errors(self._name), self._writer.begin() as connection:
            yield connection

    def revision(self) -> int:
        """How many changes a gateway must learn of were ever made; grows by one with each."""
        with self.read() as connection:
            return connection.execute(select(counters.c.value).where(counters.c.name == REVISION)).scalar_one()

    def close(self) -> None:
        self._engine.dispose()


def bump_revision(connection: Connection) -> None:
    """Count one change, in the transaction that makes it."""
    connection.execute(update(counters).where(counters.c.name == REVISION).values(value=counters.c.value + 1))


def open_metadata(path: Path) -> Metadata:
    """Open the SQLite file at `path`, make it when missing, migrate it when old.

    Raises:
        Unavailable: it cannot be opened, or a newer Penstock wrote it (`schema_newer`).
        CorruptData: it is damaged, or not a database of Penstock's.
    """
    engine = sqlite_engine(path)
    store = Metadata(engine, name=str(path))
    try:
        _bring_up_to_date(store, name=str(path))
    except BaseException:
        store.close()
        raise
    return store


def _bring_up_to_date(store: Metadata, *, name: str) -> None:
    # The common case is one cheap look; Alembic costs a third of a second to import.
    with store.read() as connection:
        if _stored_revision(connection, name=name) == HEAD:
            return
    with store.write() as connection:
        stored = _stored_revision(connection, name=name)
        if stored is None:
            _create(connection)
        elif stored != HEAD:
            from penstock.store.metadata.migrate import upgrade  # noqa: PLC0415 - loads Alembic, needed once a release

            upgrade(connection)


def _stored_revision(connection: Connection, *, name: str) -> str | None:
    """The migration the store stands at; None for an empty one."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    stored = None
    if "alembic_version" in tables:
        stored = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    if stored is None:
        raise CorruptData(
            f"{name} is a database, but not one of Penstock's.",
            hint="Move it away, or choose another home folder.",
            code="metadata_foreign",
        )
    if stored > HEAD:
        raise Unavailable(
            f"{name} has schema {stored}, and this version of Penstock knows schemas up to {HEAD}.",
            hint="Install the version that wrote it, or a newer one.",
            code="schema_newer",
        )
    return stored


def _create(connection: Connection) -> None:
    """All tables at once, stamped as Alembic would; a test holds that migrating step by step gives the same."""
    metadata.create_all(connection)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD})
    connection.execute(counters.insert().values(name=REVISION, value=0))
