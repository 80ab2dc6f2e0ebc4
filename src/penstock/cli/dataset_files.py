"""Datasets as files of a working copy: rows as JSONL, and beside them how they are divided.

A file is told apart from a version by the digest that the version would have, which is computed of the rows here:
nothing is sent to find out that nothing changed.
"""

from pathlib import Path
from typing import Any, Final

import msgspec

from penstock.cli.client import ControlClient, Query
from penstock.cli.datasets import address, follow, send_file
from penstock.core.errors import InvalidInput, Unavailable
from penstock.core.files import replace_file
from penstock.evals.datasets.formats import read_records
from penstock.evals.datasets.manifest import Chunker, chunk_digest, encode_chunk
from penstock.evals.datasets.mapping import FieldMapping, mapped
from penstock.evals.datasets.rows import numbered
from penstock.evals.datasets.splits import check_splits
from penstock.evals.datasets.types import Chunk, Entry, Manifest, Splits

__all__ = ["SPLITS", "read_dataset", "save_dataset", "summary_of", "write_dataset"]

SPLITS: Final = ".splits.json"
"""Of the file beside the rows, where they are divided by shares."""
MAPPING: Final = FieldMapping(
    input="input",
    reference="reference",
    context="context",
    id="id",
    group="group",
    split="split",
    metadata="metadata",
)


def read_dataset(path: Path) -> dict[str, Any]:
    """The body that a version of these rows has.

    Raises:
        InvalidInput: a row does not fit; says which.
    """
    chunker = Chunker()
    chunks: list[Chunk] = []

    def put(entries: list[Entry] | None) -> None:
        if entries:
            chunks.append(Chunk(digest=chunk_digest(encode_chunk(entries)), rows=len(entries)))

    for entry, _ in numbered((mapped(record, MAPPING, place=place) for place, record in read_records(path, "jsonl"))):
        put(chunker.add(entry))
    put(chunker.rest())
    manifest = Manifest(rows=sum(one.rows for one in chunks), chunks=chunks, splits=_splits(path))
    return msgspec.to_builtins(manifest)


def summary_of(body: Any) -> str:
    """What can be said of a version without its rows, line by line; `penstock datasets diff` tells which differ."""
    manifest = msgspec.convert(body, Manifest)
    content = chunk_digest(msgspec.json.encode(manifest.chunks))
    shares = manifest.splits.shares if manifest.splits is not None else {}
    lines = [f"rows: {manifest.rows}", f"content: {content[:16]}"]
    return "\n".join([*lines, *(f"split {name}: {share:g}" for name, share in shares.items())]) + "\n"


def write_dataset(client: ControlClient, name: str, version: int, body: Any, path: Path, *, query: Query) -> None:
    """Put the rows of a version into a file.

    Raises:
        Unavailable: it cannot be written, or the console stopped answering; what was there before is left then.
    """
    asked: Query = {**query, "version": str(version), "own_splits": "true"}
    part = path.with_name(f"{path.name}.part")
    splits = msgspec.convert(body, Manifest).splits
    try:
        with part.open("wb") as file:
            for piece in client.download(address(name, "export"), asked):
                file.write(piece)
        part.replace(path)
        if splits is None:
            _splits_path(path).unlink(missing_ok=True)
        else:
            data = msgspec.json.format(msgspec.json.encode(splits), indent=2) + b"\n"
            replace_file(_splits_path(path), data, mode=0o644)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}.", code="file_not_writable") from error
    finally:
        part.unlink(missing_ok=True)


def save_dataset(client: ControlClient, name: str, path: Path, *, expected: str, message: str, query: Query) -> int:
    """Save the rows of a file as the next version; its number.

    Raises:
        Conflict: `head_moved`: the server's head is not the one expected.
        InvalidInput: the console refuses a row, or the splits.
    """
    preview = send_file(client, path, {**query, "name": path.name, "format": "jsonl"}, quiet=True)
    # A column that no row has would be taken for a mistake.
    present = {column for _, record in read_records(path, "jsonl") for column in record}
    fields = msgspec.to_builtins(MAPPING)
    mapping = {field: column for field, column in fields.items() if column in present}
    terms = {"message": message, "expected": expected, "splits": _splits(path)}
    new = {"upload": preview["upload"], "mapping": mapping, "mode": "replace", "terms": terms}
    begun = client.post(address(name, "import"), new, query)
    return msgspec.json.decode(follow(client, begun, "imports", query, quiet=True))["version"]


def _splits_path(path: Path) -> Path:
    return path.with_name(f"{path.name.removesuffix('.jsonl')}{SPLITS}")


def _splits(path: Path) -> Splits | None:
    file = _splits_path(path)
    try:
        return check_splits(msgspec.json.decode(file.read_bytes(), type=Splits))
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}.") from error
