"""Work that runs beside the request that asked for it, and says how far it is."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Generic, Literal, TypeVar

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput, NotFound, PenstockError

__all__ = ["Background", "Progress", "State", "Work"]

REMEMBERED: Final = 200
"""Pieces of work that are told of after they have ended; the oldest are forgotten first."""

State = Literal["waiting", "running", "done", "failed"]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far one piece of work is."""

    id: str
    state: State = "waiting"
    rows: int = 0
    """Read so far."""
    started: int
    """Microseconds since the epoch."""
    finished: int | None = None
    error: str | None = None
    code: str | None = None
    """Of the error."""
    field: str | None = None
    """Where the error is: `mapping.reference`, `rows[17].id`."""
    hint: str | None = None


class Work(Progress, frozen=True, kw_only=True):
    """One piece of work on a dataset."""

    dataset: str
    """Its name or id, as it was asked for."""


Record = TypeVar("Record", bound=Progress)
Note = Callable[..., None]
"""Sets fields of the record: `note(rows=100)`. Raises `InvalidInput` when the console stops."""


class Background(Generic[Record]):
    """Runs a few pieces of work at a time, each on a thread of its own.

    Args:
        name: Of the threads.
        at_once: How many run; others wait.
        clock: Tells when one ended.
        missing: The error's code where there is no such piece of work.
    """

    def __init__(self, name: str, *, at_once: int, clock: Clock, missing: str) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix=name)
        self._clock = clock
        self._missing = missing
        self._lock = threading.Lock()
        self._known: dict[str, tuple[str, Record]] = {}
        self._closing = False

    def begin(self, project: str, record: Record, run: Callable[[Note], dict[str, Any]]) -> Record:
        """Begin a piece of work.

        Args:
            project: Who may see it.
            record: As it is told of until it runs.
            run: Does it; what it returns are fields of the record. What it raises is told of.
        """
        with self._lock:
            while len(self._known) >= REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[record.id] = (project, record)
        self._pool.submit(self._run, record.id, run)
        return record

    def get(self, project: str, id_: str) -> Record:
        """How far it is. Raises `NotFound`."""
        with self._lock:
            found = self._known.get(id_)
        if found is None or found[0] != project:
            raise NotFound("There is no such work, or it ended long ago.", code=self._missing)
        return found[1]

    def close(self) -> None:
        """Give up what is running, and wait for it."""
        self._closing = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, id_: str, run: Callable[[Note], dict[str, Any]]) -> None:
        def note(**fields: Any) -> None:
            if self._closing:
                raise InvalidInput("The console was stopped before the work was done.", hint="Begin it again.")
            self._set(id_, fields)

        self._set(id_, {"state": "running"})
        try:
            made = run(note)
        except PenstockError as error:
            field = error.field if isinstance(error, InvalidInput) else None
            made = {"state": "failed", "error": error.message, "code": error.code, "field": field, "hint": error.hint}
        self._set(id_, {"state": "done", **made, "finished": self._clock.now()})

    def _set(self, id_: str, fields: dict[str, Any]) -> None:
        with self._lock:
            found = self._known.get(id_)
            if found is not None:
                self._known[id_] = (found[0], msgspec.structs.replace(found[1], **fields))
