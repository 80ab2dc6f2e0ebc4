"""The engine's ledger: over an open metadata store, or over the control API of a console."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar, TypeVarTuple

import msgspec

from penstock.evals.experiments.records import Records
from penstock.evals.experiments.types import CallMark, Cell, CellResult, KnownCell, Output, Row
from penstock.sdk.control import ControlClient, path_of

__all__ = [
    "BeginRequest",
    "Begun",
    "FinishRequest",
    "LookRequest",
    "Looked",
    "RemoteLedger",
    "RemoteRows",
    "StoreLedger",
    "StoreRows",
]

CHUNK: Final = 200
"""Rows that are held at a time."""
MOST_BYTES: Final = 8 * 1024 * 1024
"""Of one request, about."""
Decoded = TypeVar("Decoded")
Sent = TypeVar("Sent")
Given = TypeVar("Given")
Arguments = TypeVarTuple("Arguments")


class LookRequest(msgspec.Struct, frozen=True, kw_only=True):
    cells: list[Cell]
    evaluators: list[str] = []
    """Digests."""
    keys: list[str] = []
    """Of answers that are no cell's."""


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    cells: list[KnownCell]
    outputs: list[Output | None] = []


class BeginRequest(msgspec.Struct, frozen=True, kw_only=True):
    runner: str
    calls: list[tuple[str, bool]]
    """Keys, and whether each is a new attempt."""


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    items: list[CallMark]


class FinishRequest(msgspec.Struct, frozen=True, kw_only=True):
    runner: str
    results: list[CellResult] = []
    outputs: list[tuple[str, Output]] = []
    """Answers that are no cell's, by key."""


class StoreLedger:
    """A `Ledger` over the metadata store, on a thread of its own.

    The store has one writer, so more threads would wait for each other; and what many threads take and give back by
    turns stays with each of them, so that memory would grow with the rows. The thread ends with the ledger.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")

    async def look(self, cells: Sequence[Cell], evaluators: Sequence[str]) -> list[KnownCell]:
        return await self._run(self._records.look, cells, evaluators)

    async def begin(self, calls: Sequence[tuple[str, bool]]) -> list[CallMark]:
        return await self._run(self._records.begin, calls)

    async def finish(self, results: Sequence[CellResult]) -> None:
        await self._run(self._records.finish, results)

    async def keep(self, outputs: Sequence[tuple[str, Output]]) -> None:
        await self._run(self._records.keep, outputs)

    async def kept(self, keys: Sequence[str]) -> list[Output | None]:
        return await self._run(self._records.kept, keys)

    async def _run(self, what: Callable[[*Arguments], Given], *arguments: *Arguments) -> Given:
        return await asyncio.get_running_loop().run_in_executor(self._thread, what, *arguments)


class StoreRows:
    """Rows of an experiment from the metadata store."""

    def __init__(self, records: Records, *, chunk: int = CHUNK) -> None:
        self._records = records
        self._chunk = chunk

    async def chunks(self) -> AsyncIterator[Sequence[Row]]:
        position = 0
        while rows := await asyncio.to_thread(self._records.rows, position, limit=self._chunk):
            yield rows
            position = rows[-1].position + 1


class RemoteLedger:
    """A `Ledger` over the control API.

    Args:
        client: Of the console.
        experiment: Its id.
        runner: Who runs it.
        project: Whose it is; None: the key's own.
    """

    def __init__(self, client: ControlClient, experiment: str, *, runner: str, project: str | None) -> None:
        self._client = client
        self._path = path_of("experiments", experiment)
        self._runner = runner
        self._query = {"project": project}

    async def look(self, cells: Sequence[Cell], evaluators: Sequence[str]) -> list[KnownCell]:
        body = LookRequest(cells=list(cells), evaluators=list(evaluators))
        return (await self._post("look", body, Looked)).cells

    async def begin(self, calls: Sequence[tuple[str, bool]]) -> list[CallMark]:
        return (await self._post("begin", BeginRequest(runner=self._runner, calls=list(calls)), Begun)).items

    async def finish(self, results: Sequence[CellResult]) -> None:
        for some in _split(results):
            await self._post("finish", FinishRequest(runner=self._runner, results=some), dict[str, Any])

    async def keep(self, outputs: Sequence[tuple[str, Output]]) -> None:
        for some in _split(outputs):
            await self._post("finish", FinishRequest(runner=self._runner, outputs=some), dict[str, Any])

    async def kept(self, keys: Sequence[str]) -> list[Output | None]:
        return (await self._post("look", LookRequest(cells=[], keys=list(keys)), Looked)).outputs

    async def _post(self, what: str, body: object, type_: Callable[..., Decoded]) -> Decoded:
        data = await asyncio.to_thread(self._client.post, f"{self._path}/{what}", body, self._query)
        return msgspec.json.decode(data, type=type_)  # pyright: ignore[reportArgumentType] - a class is a type


def _split(values: Sequence[Sent]) -> Iterator[list[Sent]]:
    """In pieces that fit into a request."""
    piece: list[Sent] = []
    size = 0
    for value in values:
        length = len(msgspec.json.encode(value))
        if piece and size + length > MOST_BYTES:
            yield piece
            piece, size = [], 0
        piece.append(value)
        size += length
    if piece:
        yield piece


class RemoteRows:
    """Rows of an experiment from the control API."""

    def __init__(self, client: ControlClient, experiment: str, *, project: str | None, chunk: int = CHUNK) -> None:
        self._client = client
        self._path = path_of("experiments", experiment, "rows")
        self._project = project
        self._chunk = chunk

    async def chunks(self) -> AsyncIterator[Sequence[Row]]:
        position: int | None = 0
        while position is not None:
            query = {"project": self._project, "cursor": str(position), "limit": self._chunk}
            data = await asyncio.to_thread(self._client.get, self._path, query)
            page = msgspec.json.decode(data, type=_RowPage)
            if page.items:
                yield page.items
            position = None if page.next_cursor is None else int(page.next_cursor)


class _RowPage(msgspec.Struct, frozen=True, kw_only=True):
    items: list[Row]
    next_cursor: str | None
