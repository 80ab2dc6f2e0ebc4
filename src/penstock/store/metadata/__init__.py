"""The metadata store: who may do what. SQLite by default; nothing here is particular to it but `engine.py`."""

from penstock.store.metadata.database import Metadata, open_metadata

__all__ = ["Metadata", "open_metadata"]
