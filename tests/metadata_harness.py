"""Metadata stores that open quickly, each a file of its own.

Most of what a short test of the control API takes is to make the tables and to compile its statements anew. Here the
tables are copied, and the statements are compiled once, for one engine opens one file after the other.
"""

import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import event

from penstock.store.metadata import Metadata, open_metadata
from penstock.store.metadata.engine import sqlite_engine

__all__ = ["MetadataOpener"]


class MetadataOpener:
    """Opens empty metadata stores, one at a time. What is to be tested about opening uses `open_metadata` itself.

    Args:
        folder: Where the tables that are copied are kept; it outlives the stores.
    """

    def __init__(self, folder: Path) -> None:
        self._made = folder / "metadata.db"
        open_metadata(self._made).close()
        self._opened = self._made
        self._engine = sqlite_engine(self._made)
        event.listen(self._engine, "do_connect", self._connect)

    def open(self, path: Path) -> Metadata:
        """A new store at `path`. The one before has to be closed, for its connections are."""
        shutil.copyfile(self._made, path)
        path.chmod(0o600)
        self._engine.dispose()
        self._opened = path
        return Metadata(self._engine, name=str(path))

    def close(self) -> None:
        self._engine.dispose()

    def _connect(self, dialect: Any, record: Any, arguments: list[Any], options: dict[str, Any]) -> None:
        arguments[0] = str(self._opened)
