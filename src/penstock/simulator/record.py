"""What the simulator saw: the last requests, and counts of what became of them."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, urlencode

import msgspec

__all__ = ["Outcome", "Recorder", "Sighting"]

Outcome = Literal["finished", "cancelled", "broken"]
"""Answered in full; left by its caller; broken off on order (a fault)."""
SECRET_HEADERS: Final = frozenset({b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key", b"cookie"})
SECRET_PARAMETERS: Final = frozenset({"key"})
MAX_BODY: Final = 64 * 1024
"""Bytes of a body that are remembered."""


class Sighting(msgspec.Struct, kw_only=True):
    """One request as it came, and what became of it."""

    method: str
    path: str
    route: str
    """The path with its variable parts named, as `/v1beta/models/{model}:generateContent`."""
    query: bytes
    headers: list[tuple[bytes, bytes]]
    received: int
    """Microseconds since the epoch."""
    body: bytes = b""
    """At most 64 KiB of it."""
    body_bytes: int = 0
    status: int | None = None
    outcome: Outcome | None = None
    generation: int = 0
    """How many resets came before it."""

    def render(self) -> dict[str, Any]:
        """For a person or a test: secrets as the head of their SHA-256, the body as JSON where it is."""
        parameters = [
            (name, _digest(value.encode()) if name in SECRET_PARAMETERS else value)
            for name, value in parse_qsl(self.query.decode("latin-1"), keep_blank_values=True)
        ]
        return {
            "method": self.method,
            "path": self.path,
            "query": urlencode(parameters, safe=":"),
            "headers": {
                name.decode("latin-1"): _digest(value) if name in SECRET_HEADERS else value.decode("latin-1")
                for name, value in self.headers
            },
            "body": _readable(self.body),
            "body_bytes": self.body_bytes,
            "received": self.received,
            "status": self.status,
            "outcome": self.outcome,
        }


def _digest(value: bytes) -> str:
    """`sha256:` and 12 hex digits of a secret, without its scheme (`Bearer`)."""
    return f"sha256:{sha256(value.rpartition(b' ')[2]).hexdigest()[:12]}"


def _readable(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body.decode("utf-8", "replace") if body else None


class _Counts(msgspec.Struct):
    started: int = 0
    finished: int = 0
    cancelled: int = 0
    broken: int = 0
    statuses: Counter[int] = msgspec.field(default_factory=Counter[int])

    def render(self) -> dict[str, Any]:
        return {
            "started": self.started,
            "active": self.started - self.finished - self.cancelled - self.broken,
            "finished": self.finished,
            "cancelled": self.cancelled,
            "broken": self.broken,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
        }


class Recorder:
    """Keeps the last `history` requests and counts all of them.

    Memory is bounded: of a body, 64 KiB are remembered.
    """

    def __init__(self, history: int) -> None:
        self._last: deque[Sighting] = deque(maxlen=history)
        self._counts: dict[str, _Counts] = {}
        self._waiting: set[asyncio.Event] = set()
        self._generation = 0

    def start(self, sighting: Sighting) -> None:
        sighting.generation = self._generation
        self._last.append(sighting)
        counts = self._counts.get(sighting.route)
        if counts is None:
            counts = self._counts[sighting.route] = _Counts()
        counts.started += 1
        self._tell()

    def received(self, sighting: Sighting, body: bytes) -> None:
        """The body of a request that was announced by `start`."""
        sighting.body = body if len(body) <= MAX_BODY else body[:MAX_BODY]
        sighting.body_bytes = len(body)

    def end(self, sighting: Sighting, outcome: Outcome) -> None:
        """What became of a request; a request from before a reset no longer counts."""
        sighting.outcome = outcome
        if sighting.generation != self._generation:
            return
        counts = self._counts[sighting.route]
        if outcome == "finished":
            counts.finished += 1
        elif outcome == "cancelled":
            counts.cancelled += 1
        else:
            counts.broken += 1
        if sighting.status is not None:
            counts.statuses[sighting.status] += 1
        self._tell()

    def requests(self) -> Iterable[Sighting]:
        """The last requests, oldest first."""
        return tuple(self._last)

    def stats(self) -> dict[str, Any]:
        """Counts per path and in total."""
        total = _Counts()
        for counts in self._counts.values():
            total.started += counts.started
            total.finished += counts.finished
            total.cancelled += counts.cancelled
            total.broken += counts.broken
            total.statuses.update(counts.statuses)
        return {"total": total.render(), "paths": {path: counts.render() for path, counts in self._counts.items()}}

    def reset(self) -> None:
        """Forget everything."""
        self._last.clear()
        self._counts.clear()
        self._generation += 1
        self._tell()

    async def until(self, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The counts as soon as they are as wanted."""
        while not reached(stats := self.stats()):
            changed = asyncio.Event()
            self._waiting.add(changed)
            try:
                await changed.wait()
            finally:
                self._waiting.discard(changed)
        return stats

    def _tell(self) -> None:
        for changed in self._waiting:
            changed.set()
