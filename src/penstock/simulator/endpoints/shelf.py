"""Files that were uploaded and batches that were made, in memory and bounded."""

from typing import Any, Final

import msgspec

from penstock.core.errors import NotFound

__all__ = ["MAX_BYTES", "Shelf", "StoredFile"]

MAX_BYTES: Final = 256 * 1024 * 1024
"""Of all files; the oldest make room."""
MAX_OBJECTS: Final = 1000


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    filename: str
    purpose: str
    created: int
    """Seconds since the epoch."""
    data: bytes

    def render(self) -> dict[str, Any]:
        """OpenAI's file object."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.data),
            "created_at": self.created,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
        }


class Shelf:
    """What requests leave behind for later ones."""

    def __init__(self) -> None:
        self._files: dict[str, StoredFile] = {}
        self._bytes = 0
        self._batches: dict[str, dict[str, Any]] = {}

    def put(self, file: StoredFile) -> None:
        self._files[file.id] = file
        self._bytes += len(file.data)
        while self._bytes > MAX_BYTES or len(self._files) > MAX_OBJECTS:
            self.remove(next(iter(self._files)))

    def file(self, file_id: str) -> StoredFile:
        """Raises `NotFound`."""
        try:
            return self._files[file_id]
        except KeyError:
            raise NotFound(f"No such File object: {file_id}") from None

    def files(self) -> list[StoredFile]:
        """The newest first, as OpenAI lists them."""
        return list(reversed(self._files.values()))

    def remove(self, file_id: str) -> None:
        """Raises `NotFound`."""
        self._bytes -= len(self.file(file_id).data)
        del self._files[file_id]

    def put_batch(self, batch: dict[str, Any]) -> None:
        self._batches[batch["id"]] = batch
        while len(self._batches) > MAX_OBJECTS:
            del self._batches[next(iter(self._batches))]

    def batch(self, batch_id: str) -> dict[str, Any]:
        """Raises `NotFound`."""
        try:
            return self._batches[batch_id]
        except KeyError:
            raise NotFound(f"No batch found with id '{batch_id}'.") from None

    def batches(self) -> list[dict[str, Any]]:
        return list(reversed(self._batches.values()))
